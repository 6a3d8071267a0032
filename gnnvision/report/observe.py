"""The input features, last hidden activations and outputs of a trained model for each item."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

import numpy as np
import torch
from torch import Tensor, nn

from gnnvision.data import ImageTask, NodeTask, Task
from gnnvision.domains import StoredGraph
from gnnvision.explain import last_weighted, trace
from gnnvision.report.images import activations, pixel_vectors, subsample
from gnnvision.training.by_layer import hops_of_layers

__all__ = ["MOST_ITEMS", "Observed", "observe"]

MOST_ITEMS = 3500
MOST_IMAGES = 2000
MOST_NODES = 2000  # of a graph on disk
MOST_EDGES = 2_000_000  # about as many are read for them


@dataclass(frozen=True)
class Observed:
    """The features, activations and outputs of a model for n items.

    Args:
        inputs: the features of each item, dense or sparse; None if the items are not vectors.
            Shape (n, C).
        hidden: the input of the last layer with weights. Shape (n, C').
        layer: the name of that layer.
        output: the output of the model. Shape (n, num_outputs).
        target: the true class, -100 where it is unknown. Shape (n,).
        train: indices of the training items.
        test: indices of the test items.
        given: a description of the features; empty for the features of the task.
        of: how many items these are a sample of; None if they are all.
    """

    inputs: Tensor | None
    hidden: Tensor
    layer: str
    output: Tensor
    target: Tensor
    train: Tensor
    test: Tensor
    given: str = ""
    of: int | None = None

    @property
    def prediction(self) -> Tensor:
        """The class with the highest output. Shape (n,)."""
        return self.output.argmax(1)


@singledispatch
def observe(task: Task, model: nn.Module) -> Observed | None:
    """The features, activations and outputs of a model for a sample of the test items.

    Args:
        task: the data.
        model: with its kept weights.

    Returns:
        None if a layer's signal is not one vector for each item.
    """
    inputs, hidden, outputs, targets, layer, count = [], [], [], [], "", 0
    for x, domain, y in task.batches("test"):
        output, calls = trace(model, x, domain)
        head = last_weighted(calls)
        if head is None or head.signal.shape[0] != len(y) or len(output) != len(y):
            return None
        layer = head.name
        if x.shape[0] == len(y):
            inputs.append(x.flatten(1).cpu())
        hidden.append(head.signal.flatten(1).cpu())
        outputs.append(output.float().cpu())
        targets.append(y.cpu())
        count += len(y)
        if count >= MOST_ITEMS:
            break
    if not count:
        return None
    return Observed(
        inputs=torch.cat(inputs) if len(inputs) == len(hidden) else None,
        hidden=torch.cat(hidden),
        layer=layer,
        output=torch.cat(outputs),
        target=torch.cat(targets),
        train=torch.empty(0, dtype=torch.int64),
        test=torch.arange(count),
    )


@observe.register
def _(task: NodeTask, model: nn.Module) -> Observed | None:
    if isinstance(task.graph, StoredGraph):
        return _observe_some(task, task.graph, model)
    output, calls = trace(model, task.x, task.graph)
    head = last_weighted(calls)
    if head is None or head.signal.shape[0] != len(task.y) or len(output) != len(task.y):
        return None
    return Observed(
        inputs=task.x.cpu(),
        hidden=head.signal.cpu(),
        layer=head.name,
        output=output.float().cpu(),
        target=task.y.cpu(),
        train=torch.from_numpy(np.array(task.split.train)),
        test=torch.from_numpy(np.array(task.split.test)),
    )


def _observe_some(task: NodeTask, graph: StoredGraph, model: nn.Module) -> Observed | None:
    """A random sample of the test nodes of a graph on disk, with some neighbors of each."""
    test = task.known("test")
    nodes = test[torch.from_numpy(np.sort(subsample(np.arange(len(test)), MOST_NODES)))]
    if not len(nodes):
        return None
    hops = sum(hops_of_layers(model, task.rows, graph))
    fanout = int((MOST_EDGES / len(nodes)) ** (1 / max(hops, 1)))
    frontier = graph.frontier(nodes, fanouts=(max(fanout, 1),) * hops, key=0)
    there = next((p.device for p in model.parameters()), torch.device("cpu"))
    rows = task.rows(frontier.nodes)
    output, calls = trace(model, rows.to(there), frontier.to(there))
    head, count = last_weighted(calls), len(nodes)
    # The wanted nodes are the first ones of every signal.
    if head is None or head.signal.shape[0] < count or len(output) < count:
        return None
    return Observed(
        inputs=rows[:count].cpu(),
        hidden=head.signal[:count].cpu(),
        layer=head.name,
        output=output[:count].float().cpu(),
        target=task.y[nodes],
        train=torch.empty(0, dtype=torch.int64),
        test=torch.arange(count),
        of=len(test) if len(test) > count else None,
    )


@observe.register
def _(task: ImageTask, model: nn.Module) -> Observed | None:
    """A random sample: the files of a test split are often sorted by class."""
    test = np.array(task.split.test)
    items = torch.from_numpy(subsample(test, MOST_IMAGES))
    if not len(items):
        return None
    seen = activations(task, model, items)
    if seen is None:
        return None
    inputs, given = pixel_vectors(task, items)
    return Observed(
        inputs=inputs,
        hidden=seen.hidden,
        layer=seen.layer,
        output=seen.output,
        target=task.y[items.to(task.y.device)].cpu(),
        train=torch.empty(0, dtype=torch.int64),
        test=torch.arange(len(items)),
        given=given,
        of=len(test) if len(test) > len(items) else None,
    )
