"""Batches of nodes with some of their neighbors, made while the batch before is worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from gnnvision.data.ahead import made_ahead
from gnnvision.data.arrays import UNLABELED
from gnnvision.data.batching import split_into_batches
from gnnvision.domains import Domain, Frontier, Graph, StoredGraph

__all__ = ["BATCH", "Loader", "cluster_batches", "loaded_batches", "sampled_batches"]

BATCH = 1024  # nodes whose output is wanted, by default
Batch = tuple[Tensor, Domain, Tensor]
# Nodes in their order, fanouts, batch size and seed -> mini-batches as `Frontier.from_pyg` takes.
Loader = Callable[[Tensor, Sequence[int], int, int], Iterable[Any]]


def sampled_batches(
    graph: Graph | StoredGraph,
    rows: Callable[[Tensor], Tensor],
    y: Tensor,
    batches: Iterable[Tensor],
    fanouts: Sequence[int],
    key: int,
) -> Iterator[Batch]:
    """Batches of nodes with some of their neighbors.

    Args:
        graph: the graph.
        rows: the features of some nodes, on the device of the network. Shape (n,) -> (n, C).
        y: the targets of all nodes. Shape (N, *).
        batches: the nodes whose output is wanted, of each batch. Shape (n,).
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

    return made_ahead(make, batches)


def loaded_batches(
    graph: Graph | StoredGraph,
    rows: Callable[[Tensor], Tensor],
    y: Tensor,
    mini_batches: Iterable[Any],
) -> Iterator[Batch]:
    """The mini-batches of a loader of another library, in their order.

    Args:
        graph: the graph.
        rows: as in `sampled_batches`.
        y: the targets of all nodes. Shape (N, *).
        mini_batches: what `Frontier.from_pyg` takes.

    Shapes:
        Yields: as `sampled_batches`.
    """

    def make(mini_batch: Any) -> Batch:  # noqa: ANN401
        frontier = Frontier.from_pyg(mini_batch, graph)
        x = rows(frontier.nodes)
        return x, frontier.to(x.device), y[frontier.wanted.to(y.device)].to(x.device)

    return made_ahead(make, mini_batches)


def cluster_batches(
    graph: Graph | StoredGraph,
    rows: Callable[[Tensor], Tensor],
    y: Tensor,
    count: int,
    in_batch: int,
    generator: torch.Generator | None,
) -> Iterator[Batch]:
    """Batches of some clusters each: all their nodes, and the edges between them.

    Args:
        graph: the graph.
        rows: as in `sampled_batches`.
        y: the targets of all nodes, missing where they are not part of the loss. Shape (N, *).
        count: the number of clusters.
        in_batch: how many of them are in a batch.
        generator: shuffles the clusters; None keeps their order.

    Shapes:
        Yields: the features (n, C), an enclosed `Frontier` of n nodes, and their targets.

    References:
        Chiang et al., "Cluster-GCN: an efficient algorithm for training deep and large graph
        convolutional networks", 2019, https://doi.org/10.1145/3292500.3330925, algorithm 1.
        Differs from the paper: entries are normalized by the whole graph's degrees.
    """
    stored = graph if isinstance(graph, StoredGraph) else graph.by_target
    cluster = stored.derived(("clusters", count), lambda: stored.clusters(count))
    by_cluster = stored.derived(("by cluster", count), lambda: cluster.argsort(stable=True))
    ends = torch.bincount(cluster, minlength=count).cumsum(0).tolist()
    missing = (y == UNLABELED) if y.dtype is torch.int64 else y.isnan().flatten(1).all(1)
    has_known = torch.zeros(count, dtype=torch.bool)
    has_known[cluster[~missing.cpu()]] = True

    def make(some: Tensor) -> Batch:
        spans = [by_cluster[ends[c - 1] if c else 0 : ends[c]] for c in some.tolist()]
        nodes = torch.cat(spans).sort().values
        x = rows(nodes)
        return x, stored.within(nodes).to(x.device), y[nodes.to(y.device)].to(x.device)

    if generator is None:
        order = torch.arange(count)
    else:
        order = torch.randperm(count, generator=generator)
    batches = (some for some in split_into_batches(order, in_batch) if has_known[some].any())
    return made_ahead(make, batches)
