"""Batches of nodes with some of their neighbors, drawn while the batch before is worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from gnnvision.data.ahead import made_ahead
from gnnvision.data.batching import split_into_batches
from gnnvision.domains import Domain, Graph, StoredGraph

__all__ = ["BATCH", "sampled_batches"]

BATCH = 1024  # nodes whose output is wanted, by default
Batch = tuple[Tensor, Domain, Tensor]


def sampled_batches(
    graph: Graph | StoredGraph,
    rows: Callable[[Tensor], Tensor],
    y: Tensor,
    nodes: Tensor,
    size: int,
    fanouts: Sequence[int],
    key: int,
) -> Iterator[Batch]:
    """Batches of some nodes, in their order.

    Args:
        graph: the graph.
        rows: the features of some nodes, on the device of the network. Shape (n,) -> (n, C).
        y: the targets of all nodes. Shape (N, *).
        nodes: the nodes whose output is wanted. Shape (n,).
        size: how many of them are in a batch.
        fanouts: how many neighbors a node gets in each hop.
        key: determines the neighbors of each node.

    Shapes:
        Yields: the features (n, C), a `Frontier` of n nodes, and the targets of those that are
        wanted, which are its first ones.
    """

    def make(wanted: Tensor) -> Batch:
        frontier = graph.frontier(wanted, fanouts=fanouts, key=key)
        x = rows(frontier.nodes)
        return x, frontier.to(x.device), y[wanted.to(y.device)].to(x.device)

    return made_ahead(make, split_into_batches(nodes, size))
