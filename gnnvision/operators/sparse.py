"""Sparse operators: adjacency, mean and attention matrices."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Literal

import torch
from torch import Tensor

from gnnvision.domains import Graph
from gnnvision.domains import entries as formulas
from gnnvision.domains.entries import Entries
from gnnvision.domains.modes import made_plainly
from gnnvision.operators.base import Operator
from gnnvision.operators.product import Pattern, Range, constant_product, sparse_product

__all__ = [
    "Sparse",
    "adjacency",
    "arriving",
    "laplacian",
    "leaving",
    "mean_adjacency",
    "normalized_adjacency",
    "received",
    "relations",
    "stacked_relations",
]


class Sparse(Operator):
    """An operator that stores only its nonzero entries.

    Args:
        pattern: the positions of the E entries.
        value: the entries; they may require gradients. Shape (E,).
    """

    def __init__(self, pattern: Pattern, value: Tensor) -> None:
        self.pattern = pattern
        self.value = value
        self._transpose: Sparse | None = None
        self._section_of: tuple[Sparse, Range, Range] | None = None
        self._as: dict[torch.dtype, Sparse] = {value.dtype: self}

    @property
    def shape(self) -> tuple[int, int]:
        """(M, N)."""
        return self.pattern.shape

    @property
    def device(self) -> torch.device:
        """The device of the entries."""
        return self.value.device

    @property
    def T(self) -> Sparse:
        """The transpose, computed on first use and cached."""
        if self._transpose is None and self._section_of is not None:
            whole, rows, cols = self._section_of
            start = whole.T.pattern.starts(cols[0])
            value = whole.T.value[start : start + self.value.numel()]
            self._transpose = Sparse(self.pattern.turned, value)
            self._transpose._section_of = (whole.T, cols, rows)
        elif self._transpose is None:
            pattern, order = self.pattern.transposed
            turned = made_plainly(lambda: self.value.index_select(0, order), self.value)
            if torch.compiler.is_compiling():
                return Sparse(pattern, turned)
            self._transpose = Sparse(pattern, turned)
        return self._transpose

    def section(self, rows: Range, cols: Range) -> Sparse:
        """A diagonal block, given by ranges of rows and columns, without entries next to it."""
        pattern, entries = self.pattern.section(rows, cols)
        part = Sparse(pattern, self.value[entries])
        part._section_of = (self, rows, cols)
        return part

    def to(self, dtype: torch.dtype) -> Sparse:
        """The same operator with entries of `dtype`, cached for the next call."""
        if dtype not in self._as:
            value = made_plainly(lambda: self.value.to(dtype), self.value)
            if torch.compiler.is_compiling():
                return Sparse(self.pattern, value)
            self._as[dtype] = Sparse(self.pattern, value)
        return self._as[dtype]

    def apply(self, x: Tensor) -> Tensor:
        """The sparse product, in the dtype of `x`."""
        operator = self if self.value.dtype is x.dtype else self.to(x.dtype)
        differentiate = torch.is_grad_enabled() and x.requires_grad
        if torch.compiler.is_compiling():
            differentiate = False  # by the compiler, without the transpose
        if operator.value.requires_grad or not differentiate:
            return sparse_product(operator.pattern, operator.value, x)
        return constant_product(operator.pattern, operator.value, x, operator.T.value)

    def to_dense(self, dtype: torch.dtype | None = None) -> Tensor:
        """The operator as a dense matrix, by default in the dtype of the entries."""
        return super().to_dense(dtype or self.value.dtype)

    def __repr__(self) -> str:
        return f"Sparse(shape={self.shape}, entries={self.value.numel()})"


def received(entries: Entries, num_nodes: int) -> Sparse:
    """The operator of these entries with targets in the rows: targets receive from sources."""
    shape = (num_nodes, num_nodes)
    pattern, order = Pattern.from_places(entries.target, entries.source, shape)
    return Sparse(pattern, entries.value[order])


def _once(graph: Graph, key: Hashable, formula: Callable[[Graph], Entries]) -> Sparse:
    """The operator of a formula, kept on the graph; of a section, cut out of the whole's."""
    place = graph.section_of
    if place is None or torch.compiler.is_compiling():
        return graph.derived(key, lambda: received(formula(graph), graph.num_nodes))
    return graph.derived(
        key, lambda: _once(place.whole, key, formula).section(place.nodes, place.nodes)
    )


def adjacency(graph: Graph, dtype: torch.dtype | None = None, *, weighted: bool = True) -> Sparse:
    """Aᵀ: a node receives the weighted sum over its incoming edges."""
    return _once(
        graph,
        ("operator", "adjacency", dtype, weighted),
        lambda whole: formulas.adjacency(whole, dtype, weighted),
    )


def mean_adjacency(graph: Graph, dtype: torch.dtype | None = None) -> Sparse:
    """(A D⁻¹)ᵀ: a node receives the unweighted mean over its incoming edges, 0 without edges."""
    return _once(
        graph,
        ("operator", "mean_adjacency", dtype),
        lambda whole: formulas.mean_adjacency(whole, dtype),
    )


def normalized_adjacency(
    graph: Graph,
    add_self_loops: bool = True,
    self_loop_weight: float = 1.0,
    dtype: torch.dtype | None = None,
) -> Sparse:
    """(D^(-1/2) (A + I) D^(-1/2))ᵀ; see `Graph.normalized_adjacency`."""
    arguments = (add_self_loops, self_loop_weight, dtype)
    return _once(
        graph,
        ("operator", "normalized_adjacency", *arguments),
        lambda whole: formulas.normalized_adjacency(whole, *arguments),
    )


def laplacian(
    graph: Graph,
    normalization: Literal["sym", "rw"] | None = None,
    dtype: torch.dtype | None = None,
) -> Sparse:
    """Lᵀ; see `Graph.laplacian`."""
    return _once(
        graph,
        ("operator", "laplacian", normalization, dtype),
        lambda whole: formulas.laplacian(whole, normalization, dtype),
    )


def arriving(graph: Graph, dtype: torch.dtype | None = None) -> Sparse:
    """From edges to nodes, (N, E): a node receives the sum over its incoming edges."""
    return _incidence(graph, 1, dtype)


def leaving(graph: Graph, dtype: torch.dtype | None = None) -> Sparse:
    """From edges to nodes, (N, E): a node receives the sum over its outgoing edges.

    Its transpose gives each edge the value of its source.
    """
    return _incidence(graph, 0, dtype)


def _incidence(graph: Graph, end: int, dtype: torch.dtype | None) -> Sparse:
    def build() -> Sparse:
        if (place := graph.section_of) is not None and not torch.compiler.is_compiling():
            return _incidence(place.whole, end, dtype).section(place.nodes, place.edges)
        edges = torch.arange(graph.num_edges, device=graph.device)
        shape = (graph.num_nodes, graph.num_edges)
        pattern, _ = Pattern.from_places(graph.edge_index[end], edges, shape)
        one = torch.ones(
            graph.num_edges, dtype=dtype or torch.get_default_dtype(), device=graph.device
        )
        return Sparse(pattern, one)

    return graph.derived(("operator", "incidence", end, dtype), build)


def relations(
    graph: Graph, num_relations: int, mean: bool, dtype: torch.dtype | None = None
) -> list[Sparse]:
    """For each relation, the sum or unweighted mean over incoming edges of that relation."""

    def build() -> list[Sparse]:
        together = stacked_relations(graph, num_relations, mean, dtype)
        row, col = together.pattern.row.long(), together.pattern.col.long()
        out = []
        for relation in range(num_relations):
            here = (row % num_relations == relation).nonzero().squeeze(1)
            shape = (graph.num_nodes, graph.num_nodes)
            pattern, order = Pattern.from_places(row[here] // num_relations, col[here], shape)
            out.append(Sparse(pattern, together.value[here[order]]))
        return out

    return graph.derived(("operator", "relations", num_relations, mean, dtype), build)


def stacked_relations(
    graph: Graph, num_relations: int, mean: bool, dtype: torch.dtype | None = None
) -> Sparse:
    """The operators of all relations with interleaved rows: row n R + r is node n, relation r."""
    assert graph.edge_type is not None

    def build() -> Sparse:
        source, target = graph.edge_index
        row = target * num_relations + graph.edge_type
        shape = (graph.num_nodes * num_relations, graph.num_nodes)
        pattern, _ = Pattern.from_places(row, source, shape)
        value = torch.ones(
            graph.num_edges, dtype=dtype or torch.get_default_dtype(), device=graph.device
        )
        if mean:
            arrivals = value.new_zeros(shape[0]).index_add(0, pattern.row, value)
            value = value / arrivals[pattern.row]
        return Sparse(pattern, value)

    return graph.derived(("operator", "stacked", num_relations, mean, dtype), build)
