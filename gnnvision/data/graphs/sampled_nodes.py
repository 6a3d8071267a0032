"""Batches of nodes with some of their neighbors, made while the batch before is worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gnnvision.data.ahead import made_ahead
from gnnvision.data.arrays import UNLABELED
from gnnvision.data.batching import split_into_batches
from gnnvision.domains import Domain, Frontier, Graph, StoredGraph
from gnnvision.domains.device import send
from gnnvision.layers.missing import check_not_nan, mark_complete

__all__ = ["BATCH", "Held", "Loader", "cluster_batches", "loaded_batches", "sampled_batches"]

BATCH = 1024  # nodes whose output is wanted, by default
Batch = tuple[Tensor, Domain, Tensor]
# Nodes in their order, fanouts, batch size and seed -> mini-batches as `Frontier.from_pyg` takes.
Loader = Callable[[Tensor, Sequence[int], int, int], Iterable[Any]]


class Held(NamedTuple):
    """Features and targets of all nodes.

    Args:
        rows: the features of some nodes, on the device of the targets. Shape (n,) -> (n, C).
        y: the targets. Shape (N, *).
        device: of the network.
    """

    rows: Callable[[Tensor], Tensor]
    y: Tensor
    device: torch.device

    def of(self, frontier: Frontier) -> tuple[Tensor, Tensor]:
        """The features of its nodes and the targets of those that are wanted."""
        return self.rows(frontier.nodes), self.y[frontier.wanted.to(self.y.device)]


def sampled_batches(
    graph: Graph | StoredGraph,
    held: Held,
    batches: Iterable[Tensor],
    fanouts: Sequence[int],
    key: int,
) -> Iterator[Batch]:
    """Batches of nodes with some of their neighbors.

    Args:
        graph: the graph.
        held: the features and targets of its nodes.
        batches: the nodes whose output is wanted, of each batch. Shape (n,).
        fanouts: how many neighbors a node gets in each hop.
        key: determines the neighbors of each node.

    Shapes:
        Yields: the features (n, C), a `Frontier` of n nodes, and the targets of those that are
        wanted, which are its first ones.
    """
    stored = graph if isinstance(graph, StoredGraph) else graph.by_target
    return _batches(
        lambda wanted: stored.frontier(wanted, fanouts=fanouts, key=key), batches, held
    )


def _batches(make: Callable[[Any], Frontier], items: Iterable[Any], held: Held) -> Iterator[Batch]:
    """A batch for each item; what the CPU does for it is done ahead, in a thread."""
    on_host = held.y.device.type == "cpu"

    def prepare(item: Any) -> tuple[Frontier, tuple[Tensor, Tensor] | None]:  # noqa: ANN401
        here = make(item)
        found = held.of(here) if on_host else None
        if found is not None and held.device.type != "cpu":
            check_not_nan(found[0])  # as a GPU would be waited for
        return here, found

    for here, found in made_ahead(prepare, items):
        there = here.to(held.device)
        if held.device.type == "cpu" or not on_host:
            x, y = found or held.of(there)
            yield x, there, y
        else:
            assert found is not None
            x, y = (send(tensor, held.device) for tensor in found)
            yield mark_complete(x), there, y


def loaded_batches(
    graph: Graph | StoredGraph,
    held: Held,
    mini_batches: Iterable[Any],
) -> Iterator[Batch]:
    """The mini-batches of a loader of another library, in their order.

    Args:
        graph: the graph.
        held: the features and targets of its nodes.
        mini_batches: what `Frontier.from_pyg` takes.

    Shapes:
        Yields: as `sampled_batches`.
    """
    return _batches(lambda found: Frontier.from_pyg(found, graph), mini_batches, held)


def cluster_batches(
    graph: Graph | StoredGraph,
    held: Held,
    count: int,
    in_batch: int,
    generator: torch.Generator | None,
) -> Iterator[Batch]:
    """Batches of some clusters each: all their nodes, and the edges between them.

    Args:
        graph: the graph.
        held: the features of its nodes, and the targets, missing where they are not part of the
            loss.
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
    y = held.y
    missing = (y == UNLABELED) if y.dtype is torch.int64 else y.isnan().flatten(1).all(1)
    has_known = torch.zeros(count, dtype=torch.bool)
    has_known[cluster[~missing.cpu()]] = True

    def make(some: Tensor) -> Frontier:
        spans = [by_cluster[ends[c - 1] if c else 0 : ends[c]] for c in some.tolist()]
        return stored.within(torch.cat(spans).sort().values)

    if generator is None:
        order = torch.arange(count)
    else:
        order = torch.randperm(count, generator=generator)
    batches = (some for some in split_into_batches(order, in_batch) if has_known[some].any())
    return _batches(make, batches, held)
