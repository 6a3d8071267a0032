"""Which nodes a network's outputs depend on, found by running it on frontiers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from gnnvision.data import NodeTask
from gnnvision.domains import Frontier, Graph
from gnnvision.domains.device import widest
from gnnvision.domains.frontier import TooFewHops
from gnnvision.layers.calling import call
from gnnvision.training.seeds import rng_state, set_rng_state

__all__ = ["hops_of_model"]

MOST_HOPS = 16
SOME_NODES = 20  # enough to tell whether an output depends on other nodes
_DROPOUTS = {
    nn.functional.dropout,
    nn.functional.dropout1d,
    nn.functional.dropout2d,
    nn.functional.alpha_dropout,
    nn.functional.feature_alpha_dropout,
}


def hops_of_model(model: nn.Module, task: NodeTask) -> int | None:
    """The number of hops that the outputs of a model depend on; None for the whole graph.

    It is the least number whose frontiers give the same outputs as larger ones, in training mode
    without dropout. A model whose outputs depend on all nodes, such as one with batch
    normalization, needs the whole graph.

    Args:
        model: the model, in any mode; it is not changed.
        task: the task.
    """
    before = rng_state()
    try:
        return _hops(model, task)
    finally:
        set_rng_state(before)


def _hops(model: nn.Module, task: NodeTask) -> int | None:
    if widest(task.graph.device) is not torch.float64:
        task = task.to("cpu")
    nodes = torch.from_numpy(np.array(task.split.train[:SOME_NODES])).to(task.graph.device)
    try:
        probe = copy.deepcopy(model).to(task.graph.device).double().train()
    except Exception:  # that cannot be copied
        return None
    for module in probe.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.training = False
    for hops in range(MOST_HOPS):
        frontier = task.graph.frontier(nodes, hops)
        larger: Frontier | Graph = task.graph.frontier(nodes, hops + 1)
        if larger.num_nodes == frontier.num_nodes:
            larger = task.graph
        try:
            found, expected = (_output(probe, task, domain) for domain in (frontier, larger))
        except TooFewHops:
            continue
        except Exception:  # of a model that needs the whole graph
            return None
        rows = nodes if larger is task.graph else slice(len(nodes))
        found, expected = found[: len(nodes)], expected[rows]
        same = found.shape == expected.shape and torch.allclose(found, expected, 1e-8, 1e-8)
        return hops if same else None
    return None


def _output(model: nn.Module, task: NodeTask, domain: Frontier | Graph) -> Tensor:
    """The output in double precision, in training mode, but without dropout."""
    x = task.x if isinstance(domain, Graph) else task.x.index_select(0, domain.nodes)
    x = x.coalesce() if x.layout is torch.sparse_coo else x
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
