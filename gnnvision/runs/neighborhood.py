"""The part of a graph that the outputs for some nodes depend on, exactly."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.domains import Graph
from gnnvision.inspect import summary
from gnnvision.layers import ChebConv, GraphConvolution

__all__ = ["needed_nodes", "num_hops"]


def num_hops(network: nn.Module, graph: Graph, channels: int) -> float:
    """The number of hops that the outputs of a network reach; `inf` for the entire graph.

    It is `inf` as well for a network whose reach is unknown: one that cannot be traced by shapes,
    has operators of the user's own, or a Laplacian scaled by the largest degree of the graph.

    Args:
        network: takes node features and a graph, and has an output for each node.
        graph: decides which columns (weights, types, attributes) a graph has.
        channels: the number of node features.
    """
    for module in network.modules():
        if type(module) is GraphConvolution:
            return math.inf
        if isinstance(module, ChebConv) and module.normalization is None:
            return math.inf
    try:
        reach = summary(network, _path(graph), channels).network.reach
    except (TypeError, ValueError, RuntimeError, LookupError, AttributeError):
        return math.inf
    if reach is None:
        return math.inf
    hops = math.inf if reach.hops is None else reach.hops
    return math.inf if math.isnan(hops) else hops


def _path(like: Graph) -> Graph:
    """A path of three nodes with the columns of a graph: weights, types, attributes."""
    pairs = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    columns: dict[str, Any] = {}
    if like.edge_weight is not None:
        columns["edge_weight"] = like.edge_weight.new_ones(4).cpu()
    if like.edge_attr is not None:
        columns["edge_attr"] = like.edge_attr.new_ones(4, like.edge_attr.shape[1]).cpu()
    if like.edge_type is not None:
        columns["edge_type"] = torch.zeros(4, dtype=torch.int64)
    return Graph(pairs, 3, num_relations=like.num_relations, **columns)


def needed_nodes(graph: Graph, nodes: Tensor, hops: float) -> Tensor:
    """The nodes that the outputs for some nodes depend on, in ascending order.

    These are the nodes with a path of at most `hops` edges to them, and the neighbors of those in
    either direction, so that their degrees in the induced subgraph are those in the whole graph.

    Args:
        graph: the whole graph.
        nodes: indices from 0.
        hops: as returned by `num_hops`.
    """
    if math.isinf(hops):
        return torch.arange(graph.num_nodes)
    source, target = graph.edge_index.cpu()
    found = torch.zeros(graph.num_nodes, dtype=torch.bool)
    found[nodes] = True
    for _ in range(math.ceil(hops)):
        before = int(found.sum())
        found[source[found[target]]] = True
        if int(found.sum()) == before:
            break
    ring = found.clone()
    ring[source[found[target]]] = True
    ring[target[found[source]]] = True
    return ring.nonzero().squeeze(1)
