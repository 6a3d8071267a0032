"""Pooling layers on graphs: the node of the pooled graph that each node is pooled into."""

from __future__ import annotations

from functools import singledispatch

import torch
from torch import Tensor

from gnnvision.domains import Graph
from gnnvision.layers import GraphPool
from gnnvision.operators.cluster import coarsen

__all__ = ["clusters", "compose"]


@singledispatch
def clusters(layer: object, graph: Graph) -> Tensor | None:
    """The node of the pooled graph that each node is pooled into; -1 for a dropped node.

    Register your own pooling layers with `clusters.register`; `GraphPool` is registered.

    Args:
        layer: a pooling layer.
        graph: its input graph.

    Returns:
        Shape (N,), int64; None for a layer that is not registered.

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
    cluster = torch.empty_like(found.order)
    cluster[found.order] = torch.arange(len(sizes), device=sizes.device).repeat_interleave(sizes)
    return cluster


def compose(first: Tensor | None, then: Tensor) -> Tensor:
    """The clusters after two poolings in a row; nodes that the first dropped stay dropped.

    Args:
        first: the cluster of each node in the first pooling; None if there was none.
        then: the cluster of each node of the first pooled graph in the second pooling.
    """
    if first is None:
        return then
    return torch.where(first < 0, first, then[first.clamp(min=0)])
