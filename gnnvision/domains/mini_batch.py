"""Mini-batches of torch-geometric's loaders, and of those that follow them, as steps."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from gnnvision.domains.batches import OF_EDGES
from gnnvision.domains.sampling import Step
from gnnvision.errors import invalid

__all__ = ["of_batch"]

Graph = Any  # a Graph or a StoredGraph, whose frontiers import this file


def of_batch(batch: Any, graph: Graph) -> tuple[Tensor, list[int], list[Step]]:  # noqa: ANN401
    """The nodes of a mini-batch, how many are within each number of hops, and the steps.

    Args:
        batch: see `Frontier.from_pyg`.
        graph: the graph.
    """
    nodes, edge_index = _given(batch, "n_id"), _given(batch, "edge_index")
    n = nodes.numel()
    if n and not 0 <= int(nodes.min()) <= int(nodes.max()) < graph.num_nodes:
        got, advice = f"one of {int(nodes.max())}", "Pass the graph that the loader is of."
        raise invalid("batch.n_id", f"be nodes from 0 to {graph.num_nodes - 1}", got, advice)
    edge = _places(batch, graph, edge_index)
    if getattr(batch, "num_sampled_nodes", None) is None:
        return nodes, [n], [_step(nodes, edge_index, edge, n, graph)]
    new_nodes = [int(number) for number in batch.num_sampled_nodes]
    new_edges = [int(number) for number in batch.num_sampled_edges]
    # A loader may count wanted nodes without edges to those of the next hop.
    wanted = max(new_nodes[0], int(getattr(batch, "batch_size", 0) or 0))
    sizes = [min(max(size, wanted), n) for size in accumulate(new_nodes)]
    if len(new_edges) != len(sizes) - 1 or sum(new_edges) > edge_index.shape[1]:
        got = f"{new_nodes} nodes and {new_edges} edges of {edge_index.shape[1]}"
        raise invalid("batch", "have the numbers of nodes and edges of each hop", got)
    steps = [
        _step(nodes, edge_index[:, :stop], edge[:stop], size, graph)
        for stop, size in zip(accumulate(new_edges), sizes[:-1], strict=True)
    ]
    return nodes, sizes, steps


def _given(batch: Any, name: str) -> Tensor:  # noqa: ANN401
    value = getattr(batch, name, None)
    if not isinstance(value, Tensor):
        advice = "Use a loader that gives it, such as NodeLoader with gnnvision's sampler."
        raise invalid("batch", f"have {name}", "none", advice)
    return value.long()


def _places(batch: Any, graph: Graph, edge_index: Tensor) -> Tensor:  # noqa: ANN401
    """The place of each edge among those of the graph by target; -1 if nothing depends on it."""
    if all(getattr(graph, name) is None for name in OF_EDGES):
        return edge_index.new_full(edge_index.shape[1:], -1)
    ids = _given(batch, "e_id")
    if not hasattr(graph, "by_target"):
        return ids
    order: Tensor = graph.derived("places of edges", lambda: incoming_order(graph))
    return order[ids.to(order.device)].to(ids.device)


def incoming_order(graph: Graph) -> Tensor:
    """The place of each edge of a Graph among its edges by target. Shape (E,)."""
    order = graph.edge_index[1].argsort(stable=True)
    return torch.empty_like(order).scatter_(0, order, torch.arange(len(order)).to(order))


def _step(nodes: Tensor, edge_index: Tensor, edge: Tensor, targets: int, graph: Graph) -> Step:
    source, target = edge_index
    if target.numel() and int(target.max()) >= targets:
        got = f"an edge to node {int(target.max())} of the batch"
        condition = f"lead to the first {targets} nodes in this hop"
        raise invalid("batch.edge_index", condition, got, "Keep the order of the loader.")
    order = target.argsort(stable=True)
    taken = torch.bincount(target, minlength=targets)
    rowptr = torch.cat([taken.new_zeros(1), taken.cumsum(0)])
    stored: Graph = getattr(graph, "by_target", graph)
    these = nodes[:targets].to(stored.rowptr.device)
    degrees = (stored.rowptr[these + 1] - stored.rowptr[these]).to(taken.device)
    scale = None if torch.equal(degrees, taken) else degrees.double() / taken.clamp(min=1)
    return Step(rowptr, source[order], edge[order], scale)
