"""Clusters of nodes and the coarser graph that they form."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gnnvision.domains import Graph
from gnnvision.domains.matrix import Entries
from gnnvision.errors import invalid

__all__ = ["Coarsening", "coarsen", "is_coarsened"]


@dataclass(frozen=True)
class Coarsening:
    """Clusters of the nodes of a graph.

    Args:
        graph: the coarser graph, one node for each cluster.
        order: the nodes, sorted by cluster. Shape (N,).
        starts: the first entry of each cluster in `order`, then N. Shape (clusters + 1,).
    """

    graph: Graph
    order: Tensor
    starts: Tensor


def coarsen(graph: Graph, size: int, cluster: Tensor | None = None) -> Coarsening:
    """Coarsen a graph by pairing nodes up to clusters of `size`, or by the given clusters.

    Raises:
        ValueError: if `cluster` does not number the clusters from 0 without gaps, or a cluster
            has nodes of two graphs of a batch.
    """
    if graph.device.type != "cpu":
        # Rounds of choices, each of which the host would wait for, and in float64.
        return _from_host(graph, size, cluster)
    if cluster is not None:
        cluster = cluster.to(graph.device)
        _check_cluster(graph, cluster)
        return _onto(graph, cluster)

    def build() -> Coarsening:
        chosen = torch.arange(graph.num_nodes, device=graph.device)
        coarse = graph
        for _ in range(size.bit_length() - 1):
            pairs = _pairs(coarse)
            chosen = pairs[chosen]
            coarse = _onto(coarse, pairs).graph
        return _onto(graph, chosen)

    return graph.derived(("coarsen", size), build)


def is_coarsened(graph: Graph, size: int, cluster: Tensor | None = None) -> bool:
    """Whether the result of `coarsen` is cached on the graph."""
    return cluster is None and ("coarsen", size) in vars(graph).get("_derived", ())


def _from_host(graph: Graph, size: int, cluster: Tensor | None) -> Coarsening:
    """What the CPU finds, on the graph's own device."""

    def build() -> Coarsening:
        found = coarsen(graph.to("cpu"), size, cluster)
        there = graph.device
        return Coarsening(found.graph.to(there), found.order.to(there), found.starts.to(there))

    return build() if cluster is not None else graph.derived(("coarsen", size), build)


def _pairs(graph: Graph) -> Tensor:
    """The cluster of each node after one round of pairing. Shape (N,)."""
    a = graph.entries(torch.float64)
    degree = a.degree("in") + a.degree("out")
    keep = (a.source != a.target) & (a.value > 0)
    source, target, weight = a.source[keep], a.target[keep], a.value[keep].detach()
    ends = torch.stack([torch.minimum(source, target), torch.maximum(source, target)])
    heavy = weight * (1 / degree[ends[0]] + 1 / degree[ends[1]])
    rank = _ranks(graph, ends, heavy)
    partner = torch.arange(graph.num_nodes, device=graph.device)
    free = torch.ones(graph.num_nodes, dtype=torch.bool, device=graph.device)
    while True:
        live = free[ends].all(0)
        if not bool(live.any()):
            break
        here, score = ends[:, live], rank[live]
        best = score.new_full((graph.num_nodes,), -1)
        for end in here:
            best = best.scatter_reduce(0, end, score, "amax")
        # An edge that is the best of both its ends joins them; the heaviest always is.
        chosen = here[:, (best[here[0]] == score) & (best[here[1]] == score)]
        partner[chosen[1]] = chosen[0]
        free[chosen.flatten()] = False
    cluster: Tensor = partner.unique(return_inverse=True)[1]
    return cluster


def _ranks(graph: Graph, ends: Tensor, heavy: Tensor) -> Tensor:
    """A rank for each edge, one for both its directions: by weight, ties mixed up for good.

    Ties look only at places within the member of the batch, so that a batch is clustered as its
    members are.
    """
    start = graph.offsets[:-1][graph.graph_index]
    i, j = ends - start[ends]
    mixed = (i * 2_654_435_761 + j * 40_503 + i * j) % 1_000_003
    member = graph.graph_index[ends[0]]
    key = torch.stack([heavy, mixed.double(), i.double(), j.double(), member.double()], 1)
    rank: Tensor = key.unique(dim=0, return_inverse=True)[1]
    return rank


def _onto(graph: Graph, cluster: Tensor) -> Coarsening:
    """The graph on the clusters: edges between two clusters add up, those within one go."""
    number = int(cluster.max()) + 1 if cluster.numel() else 0
    a = graph.entries()
    source, target = cluster[a.source], cluster[a.target]
    between = source != target
    matrix = Entries(number, source[between], target[between], a.value[between])
    joined = matrix.to_sparse()
    sizes = torch.bincount(cluster, minlength=number)
    starts = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    first = torch.zeros(number, dtype=torch.int64, device=graph.device)
    first = first.scatter(0, cluster, graph.graph_index)
    members = torch.bincount(first, minlength=graph.num_graphs)
    coarse = Graph(
        joined.indices(),
        number,
        edge_weight=joined.values(),
        offsets=torch.cat([members.new_zeros(1), members.cumsum(0)]),
    )
    counts = graph.edge_weight is None or graph.weights_are_counts
    object.__setattr__(coarse, "weights_are_counts", counts)
    return Coarsening(coarse, cluster.argsort(stable=True), starts)


def _check_cluster(graph: Graph, cluster: Tensor) -> None:
    number = cluster.unique().numel()
    dense = cluster.numel() == 0 or (int(cluster.min()) == 0 and int(cluster.max()) == number - 1)
    if cluster.shape != (graph.num_nodes,) or not dense:
        condition = f"give each of the {graph.num_nodes} nodes a cluster, numbered without gaps"
        got = f"shape {tuple(cluster.shape)} with {number} clusters"
        raise invalid("cluster", condition, got, "Renumber the clusters from 0.")
    cluster = cluster.to(graph.device)
    order = cluster.argsort(stable=True)
    step, member = cluster[order].diff(), graph.graph_index[order]
    if bool((member.diff() < 0).any()) or bool(member.diff()[step == 0].any()):
        condition = "number the clusters in the order of the graphs of the batch"
        got = "clusters that span two graphs or are in another order"
        raise invalid("cluster", condition, got, "Renumber the clusters.")
