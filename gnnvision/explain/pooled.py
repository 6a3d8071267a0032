"""Layers that leave fewer nodes: which node of the graph before is where in the one after."""

from __future__ import annotations

from functools import singledispatch

import torch
from torch import Tensor

from gnnvision.domains import Graph
from gnnvision.layers import GraphPool
from gnnvision.operators.cluster import coarsen

__all__ = ["clusters", "through"]


@singledispatch
def clusters(layer: object, graph: Graph) -> Tensor | None:
    """The node of the coarser graph that each node goes into; -1 for one that is left out.

    A layer of your own is made known with `clusters.register`; `GraphPool` is.

    Args:
        layer: that pools.
        graph: before it.

    Returns:
        Shape (N,), int64; None if it is not known of such a layer.

    Example:
        >>> path = Graph.from_edges([(0, 1), (1, 2), (2, 3)], num_nodes=4, undirected=True)
        >>> clusters(GraphPool(2, cluster=[0, 0, 1, 1]), path)
        tensor([0, 0, 1, 1])
    """
    return None


@clusters.register
def _(layer: GraphPool, graph: Graph) -> Tensor:
    given: Tensor | None = layer.cluster  # type: ignore[assignment]
    found = coarsen(graph, layer.kernel_size, given)
    sizes = found.starts.diff()
    inside = torch.empty_like(found.order)
    inside[found.order] = torch.arange(len(sizes), device=sizes.device).repeat_interleave(sizes)
    return inside


def through(first: Tensor | None, then: Tensor) -> Tensor:
    """Where nodes are after two poolings: what the first left out stays out.

    Args:
        first: the node that each node is in after the first; None for itself.
        then: the same of those after the second.
    """
    if first is None:
        return then
    return torch.where(first < 0, first, then[first.clamp(min=0)])
