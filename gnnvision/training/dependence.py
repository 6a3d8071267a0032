"""Which nodes a network's outputs depend on, found by running it on frontiers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from gnnvision.data import NodeTask
from gnnvision.domains import Frontier, Graph
from gnnvision.domains.device import widest
from gnnvision.domains.frontier import TooFewHops
from gnnvision.layers.calling import call
from gnnvision.training.seeds import rng_state, set_rng_state

__all__ = ["hops_of", "hops_of_model"]

MOST_HOPS = 16
SOME_NODES = 5  # enough to tell whether an output depends on other nodes
_DROPOUTS = {
    nn.functional.dropout,
    nn.functional.dropout1d,
    nn.functional.dropout2d,
    nn.functional.alpha_dropout,
    nn.functional.feature_alpha_dropout,
}


def hops_of_model(model: nn.Module, task: NodeTask) -> int | None:
    """The number of hops that the outputs of a model in training depend on.

    Args:
        model: the model, in any mode; it is not changed.
        task: the task.

    Returns:
        As `hops_of`.
    """
    return hops_of(model, task.in_memory, task.rows, np.array(task.split.train), training=True)


def hops_of(
    model: nn.Module,
    graph: Graph,
    rows: Callable[[Tensor], Tensor],
    nodes: Sequence[int] | NDArray[np.int64] | Tensor,
    training: bool = False,
) -> int | None:
    """The number of hops that the outputs of a model depend on; None for the whole graph.

    It is the least number whose frontiers give the same outputs as larger ones, without dropout.
    A model whose outputs depend on all nodes, such as one with batch normalization in training,
    needs the whole graph.

    Args:
        model: the model, in any mode; it is not changed.
        graph: the graph.
        rows: the features of some nodes. Shape (n,) -> (n, C).
        nodes: distinct nodes whose outputs are compared: some of them.
        training: whether the model trains.
    """
    before = rng_state()
    device = graph.device if widest(graph.device) is torch.float64 else torch.device("cpu")
    some = torch.as_tensor(nodes[:SOME_NODES], dtype=torch.int64)
    try:
        probe = copy.deepcopy(model).to(device).double().train(training)
    except Exception:  # that cannot be copied
        return None
    for module in probe.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.training = False
    try:
        return _hops(probe, graph.to(device), lambda some: rows(some).to(device), some.to(device))
    finally:
        set_rng_state(before)


def _hops(
    model: nn.Module, graph: Graph, rows: Callable[[Tensor], Tensor], nodes: Tensor
) -> int | None:
    count = len(nodes)
    for hops in range(MOST_HOPS):
        frontier = graph.frontier(nodes, hops)
        larger = graph.frontier(nodes, hops + 1)
        closed = larger.num_nodes == frontier.num_nodes
        try:
            found = _output(model, rows(frontier.nodes), frontier)[:count]
            if closed:
                every = torch.arange(graph.num_nodes, device=graph.device)
                expected = _output(model, rows(every), graph)[nodes]
            else:
                expected = _output(model, rows(larger.nodes), larger)[:count]
        except TooFewHops:
            continue
        except Exception:  # of a model that needs the whole graph
            return None
        same = found.shape == expected.shape and torch.allclose(found, expected, 1e-8, 1e-8)
        return hops if same else None
    return None


def _output(model: nn.Module, x: Tensor, domain: Frontier | Graph) -> Tensor:
    """The output in double precision, without dropout."""
    with torch.no_grad(), _WithoutDropout():
        return call(model, x.double(), domain)


class _WithoutDropout(TorchFunctionMode):
    """A mode in which torch's functions for dropout return their input."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        named = kwargs or {}
        if func in _DROPOUTS:
            return args[0] if args else named["input"]
        return func(*args, **named)
