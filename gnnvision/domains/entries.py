"""The matrices of a graph as lists of entries (source, target, value).

Each function is one formula. The entries are neither summed nor sorted: `Graph` makes sparse
matrices of them, and the operators multiply with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from gnnvision.errors import invalid, one_of

if TYPE_CHECKING:
    from gnnvision.domains.graph import Graph

__all__ = ["Entries", "adjacency", "degree", "laplacian", "mean_adjacency", "normalized_adjacency"]


@dataclass(frozen=True)
class Entries:
    """The entries of a matrix: values at (source, target); duplicates are summed. Shape (E,)."""

    source: Tensor
    target: Tensor
    value: Tensor

    def to_sparse(self, num_nodes: int) -> Tensor:
        """The coalesced sparse matrix, sources in the rows. Shape (N, N)."""
        place = self.source * num_nodes + self.target
        unique, inverse = place.unique(return_inverse=True)
        value = self.value.new_zeros(unique.shape[0]).index_add(0, inverse, self.value)
        index = torch.stack([unique // max(num_nodes, 1), unique % max(num_nodes, 1)])
        return torch.sparse_coo_tensor(
            index, value, (num_nodes, num_nodes), is_coalesced=True, check_invariants=False
        )


def adjacency(graph: Graph, dtype: torch.dtype | None = None, weighted: bool = True) -> Entries:
    """A: the weight of each edge, or 1 without weights or if not `weighted`."""
    source, target = graph.edge_index
    if weighted and graph.edge_weight is not None:
        weight = graph.edge_weight.to(dtype or graph.edge_weight.dtype)
    else:
        weight = torch.ones(
            graph.num_edges, dtype=dtype or torch.get_default_dtype(), device=graph.device
        )
    return Entries(source, target, weight)


def degree(
    graph: Graph, direction: Literal["out", "in"] = "out", dtype: torch.dtype | None = None
) -> Tensor:
    """The diagonal of D: row sums ("out") or column sums ("in") of A. Shape (N,)."""
    one_of("direction", direction, ("out", "in"))
    a = adjacency(graph, dtype)
    return _sums(a.source if direction == "out" else a.target, a.value, graph.num_nodes)


def laplacian(
    graph: Graph,
    normalization: Literal["sym", "rw"] | None = None,
    dtype: torch.dtype | None = None,
) -> Entries:
    """D - A, I - D^(-1/2) A D^(-1/2) or I - D^(-1) A, without self loops; D has the row sums."""
    a = _without_self_loops(adjacency(graph, dtype))
    d = _sums(a.source, a.value, graph.num_nodes)
    one = torch.ones_like(d)
    match normalization:
        case None:
            diagonal, off = d, -a.value
        case "sym":
            root = _power(d, -0.5)
            diagonal, off = one, -root[a.source] * a.value * root[a.target]
        case "rw":
            diagonal, off = one, -_power(d, -1.0)[a.source] * a.value
        case _:
            condition = "be one of None, 'sym', 'rw'"
            raise invalid("normalization", condition, repr(normalization), "Choose one of them.")
    nodes = torch.arange(graph.num_nodes, device=graph.device)
    return Entries(
        torch.cat([a.source, nodes]), torch.cat([a.target, nodes]), torch.cat([off, diagonal])
    )


def normalized_adjacency(
    graph: Graph,
    add_self_loops: bool = True,
    self_loop_weight: float = 1.0,
    dtype: torch.dtype | None = None,
) -> Entries:
    """D^(-1/2) (A + I) D^(-1/2); D has the column sums."""
    a = adjacency(graph, dtype)
    if add_self_loops:
        a = _with_self_loops(a, graph.num_nodes, self_loop_weight)
    root = _power(_sums(a.target, a.value, graph.num_nodes), -0.5)
    return Entries(a.source, a.target, root[a.source] * a.value * root[a.target])


def mean_adjacency(
    graph: Graph, dtype: torch.dtype | None = None, weighted: bool = False
) -> Entries:
    """A D^(-1), with D the numbers of incoming edges: a column is a mean over those of a node."""
    a = adjacency(graph, dtype, weighted)
    arrivals = _sums(a.target, torch.ones_like(a.value), graph.num_nodes)
    return Entries(a.source, a.target, _power(arrivals, -1.0)[a.target] * a.value)


def _sums(index: Tensor, value: Tensor, num_nodes: int) -> Tensor:
    return value.new_zeros(num_nodes).index_add(0, index, value)


def _power(d: Tensor, exponent: float) -> Tensor:
    """d^exponent, 0 where d is not positive (and so are the gradients there)."""
    positive = d > 0
    return torch.where(positive, torch.where(positive, d, 1).pow(exponent), 0)


def _without_self_loops(a: Entries) -> Entries:
    if torch.compiler.is_compiling():  # which must not ask how many are left
        return Entries(a.source, a.target, a.value * (a.source != a.target))
    keep = (a.source != a.target).nonzero().squeeze(1)
    return Entries(*(column.index_select(0, keep) for column in (a.source, a.target, a.value)))


def _with_self_loops(a: Entries, num_nodes: int, weight: float) -> Entries:
    """One loop for each node: the last it has, or else a new one of the given weight."""
    edges = torch.arange(a.source.numel(), device=a.source.device)
    loops = torch.where(a.source == a.target, edges, -1)
    last = a.source.new_full((num_nodes,), -1)
    last = last.scatter_reduce(0, a.source, loops, "amax")
    value = a.value.new_full((num_nodes,), weight)
    if edges.numel():
        value = torch.where(last >= 0, a.value[last.clamp(min=0)], value)
    nodes = torch.arange(num_nodes, device=a.source.device)
    a = _without_self_loops(a)
    return Entries(
        torch.cat([a.source, nodes]), torch.cat([a.target, nodes]), torch.cat([a.value, value])
    )
