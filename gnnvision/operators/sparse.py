"""Sparse operators: the matrices of a graph that families are made of."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from gnnvision.domains import Domain, Frontier, Graph, StoredGraph
from gnnvision.domains.device import sum_at
from gnnvision.domains.matrix import Entries
from gnnvision.domains.modes import is_batched, is_live, made_plainly
from gnnvision.domains.step_entries import StepEntries
from gnnvision.errors import invalid, wrong_type
from gnnvision.operators.base import Operator, Product
from gnnvision.operators.deferred import Deferred
from gnnvision.operators.pattern import Pattern, Range
from gnnvision.operators.product import sparse_product

__all__ = [
    "Sparse",
    "adjacency",
    "arriving",
    "laplacian",
    "leaving",
    "line_adjacency",
    "mean_adjacency",
    "normalized_adjacency",
    "received",
    "scaled_laplacian",
    "stacked_relations",
    "with_lambda_max",
]


class Sparse(Operator):
    """An operator that stores only its nonzero entries.

    Args:
        pattern: the positions of the E entries.
        value: the entries; they may require gradients. Shape (E,).
    """

    pattern: Pattern = None  # type: ignore[assignment]  # quicker than a property

    def __init__(self, pattern: Pattern, value: Tensor) -> None:
        super().__init__(pattern.shape, value.dtype, value.device)
        self.pattern = pattern
        self.value = value
        self._transpose: Sparse | None = None
        self._beside_self: Sparse | None = None
        self._and_self: tuple[Sparse, Sparse] | None = None
        self._section_of: tuple[Sparse, Range, Range] | None = None
        self._as: dict[torch.dtype, Sparse] = {value.dtype: self}

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

    @property
    def beside_self(self) -> Sparse:
        """This operator and I with interleaved rows: row 2 n is that of node n, then itself.

        Shape (2 M, N), for M = N.
        """
        if self._beside_self is None:
            if self._section_of is not None:
                whole, (start, stop), cols = self._section_of
                stack = whole.beside_self.section((2 * start, 2 * stop), cols)
            else:
                stack = made_plainly(lambda: self._with_self(2)[0], self.value)
            self._beside_self = stack
        return self._beside_self

    def and_self(self, scale: Tensor) -> Sparse:
        """S + c I, with the same pattern for any c.

        Args:
            scale: c. Shape (1,).
        """
        first, second = self._with_and_without_self()
        total = Sparse(first.pattern, torch.addcmul(first.value, second.value, scale))
        turned = Sparse(first.T.pattern, torch.addcmul(first.T.value, second.T.value, scale))
        total._transpose = turned
        return total

    def _with_and_without_self(self) -> tuple[Sparse, Sparse]:
        """S and I, each with the entries of both."""
        if self._and_self is None:
            if self._section_of is None:
                self._and_self = made_plainly(lambda: self._with_self(1), self.value)
            else:
                whole, rows, cols = self._section_of
                of_all, there = whole._with_and_without_self()
                here = of_all.section(rows, cols)
                # The second has the same pattern, of which nothing is cut out again.
                start, turned = of_all.pattern.starts(rows[0]), of_all.T.pattern.starts(cols[0])
                size = here.value.shape[0]
                second = Sparse(here.pattern, there.value[start : start + size])
                values = there.T.value[turned : turned + size]
                second._transpose = Sparse(here.T.pattern, values)
                self._and_self = here, second
        return self._and_self

    def _with_self(self, count: int) -> tuple[Sparse, Sparse]:
        """S and I in rows 2 n and 2 n + 1 or, of count 1, in one row; the second without S."""
        nodes = torch.arange(self.shape[1], device=self.device)
        row = torch.cat([self.pattern.row.long() * count, nodes * count + count - 1])
        col = torch.cat([self.pattern.col.long(), nodes])
        shape = (self.shape[0] * count, self.shape[1])
        pattern, order = Pattern.from_places(row, col, shape)
        one = self.value.new_ones(self.shape[1])
        here = torch.cat([self.value, one if count == 2 else 0 * one])[order]
        there = torch.cat([0 * self.value, one])[order]
        return Sparse(pattern, here), Sparse(pattern, there)

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
        back = None
        # A batched signal does not tell whether it requires gradients outside of the transform.
        wanted = x.requires_grad or is_batched(x)
        if wanted and torch.is_grad_enabled() and not is_live(operator.value):
            # The compiler differentiates by itself, without the transpose.
            if not torch.compiler.is_compiling():
                back = (operator._transpose or operator.T).value
        return sparse_product(operator.pattern, operator.value, x, back)

    def times(self, x: Tensor) -> Tensor:
        """S x: (N, *) -> (M, *)."""
        if x.ndim == 2 and x.shape[0] == self.pattern.shape[1]:
            return self.apply(x)
        return super().times(x)

    def rows(self, sites: Tensor) -> Sparse:
        """The rows of some output sites, without the other entries."""
        rowptr, entries = self.pattern.entries_of(sites.to(self.device))
        return Sparse(
            Pattern(rowptr, self.pattern.col[entries], self.shape[1]), self.value[entries]
        )

    def __repr__(self) -> str:
        return f"Sparse(shape={self.shape}, entries={self.value.numel()})"


def received(entries: Entries) -> Sparse:
    """The operator of these entries with targets in the rows: targets receive from sources."""
    shape = (entries.num_targets, entries.num_nodes)
    if isinstance(entries, StepEntries):
        rowptr, order = entries.by_target()
        return Sparse(Pattern(rowptr, entries.source[order], shape[1]), entries.value[order])
    pattern, order = Pattern.from_places(entries.target, entries.source, shape)
    return Sparse(pattern, entries.value[order])


def _built(
    graph: Graph | StoredGraph,
    key: Hashable,
    formula: Callable[[Graph | Frontier], Entries],
    dtype: torch.dtype | None,
) -> Sparse:
    """The operator of a formula; that of a section is cut out of the whole graph's.

    Of a stored graph, it is made on each frontier.
    """
    if isinstance(graph, StoredGraph):
        return Deferred(graph, dtype, lambda frontier: received(formula(frontier)))  # type: ignore[return-value]
    _check_graph(graph)
    place = graph.section_of
    if place is None or torch.compiler.is_compiling():
        return received(formula(graph))
    whole = place.whole.derived(key, lambda: _built(place.whole, key, formula, dtype))
    return whole.section(place.nodes, place.nodes)


def _check_graph(domain: Domain) -> None:
    if not isinstance(domain, Graph):
        advice = "Use domain.to_graph() of a Grid, or operators of that domain."
        raise wrong_type("domain", "be a Graph, as these operators need edges", domain, advice)


def adjacency(graph: Graph, dtype: torch.dtype | None = None, *, weighted: bool = True) -> Sparse:
    """Aᵀ: a node receives the weighted sum over its incoming edges.

    Args:
        graph: the graph.
        dtype: of the entries; by default that of the edge weights, or torch's default.
        weighted: whether the edge weights of the graph are used.
    """
    key = ("operator", "adjacency", dtype, weighted)
    return graph.derived(
        key, lambda: _built(graph, key, lambda g: g.entries(dtype, weighted=weighted), dtype)
    )


def mean_adjacency(
    graph: Graph, dtype: torch.dtype | None = None, *, weighted: bool = False
) -> Sparse:
    """(A D⁻¹)ᵀ: a node receives the mean over its incoming edges, 0 without edges.

    D has the numbers of incoming edges, with or without weights in A.

    Args:
        graph: the graph.
        dtype: of the entries; by default that of the edge weights, or torch's default.
        weighted: whether A has the edge weights of the graph.
    """
    key = ("operator", "mean_adjacency", dtype, weighted)
    return graph.derived(
        key,
        lambda: _built(graph, key, lambda g: g.entries(dtype, weighted=weighted).mean(), dtype),
    )


def normalized_adjacency(
    graph: Graph,
    add_self_loops: bool = True,
    self_loop_weight: float = 1.0,
    dtype: torch.dtype | None = None,
) -> Sparse:
    """(D^(-1/2) (A + I) D^(-1/2))ᵀ; see `Graph.normalized_adjacency`.

    Args:
        graph: the graph.
        add_self_loops: whether to add I.
        self_loop_weight: the weight of the added self loops.
        dtype: of the entries; by default that of the edge weights, or torch's default.
    """
    loops = (add_self_loops, self_loop_weight)
    key = ("operator", "normalized_adjacency", *loops, dtype)
    return graph.derived(
        key, lambda: _built(graph, key, lambda g: g.entries(dtype).normalized(*loops), dtype)
    )


def laplacian(
    graph: Graph,
    normalization: Literal["sym", "rw"] | None = None,
    dtype: torch.dtype | None = None,
) -> Sparse:
    """Lᵀ; see `Graph.laplacian`.

    Args:
        graph: the graph.
        normalization: "sym", "rw" or None, as in `Graph.laplacian`.
        dtype: of the entries; by default that of the edge weights, or torch's default.
    """
    key = ("operator", "laplacian", normalization, dtype)
    return graph.derived(
        key, lambda: _built(graph, key, lambda g: g.entries(dtype).laplacian(normalization), dtype)
    )


def arriving(graph: Graph, dtype: torch.dtype | None = None) -> Sparse:
    """From edges to nodes, (N, E): a node receives the sum over its incoming edges.

    Args:
        graph: the graph.
        dtype: of the entries; by default that of the edge weights, or torch's default.
    """
    return _incidence(graph, 1, dtype)


def leaving(graph: Graph, dtype: torch.dtype | None = None) -> Sparse:
    """From edges to nodes, (N, E): a node receives the sum over its outgoing edges.

    Its transpose gives each edge the value of its source.

    Args:
        graph: the graph.
        dtype: of the entries; by default that of the edge weights, or torch's default.
    """
    return _incidence(graph, 0, dtype)


def _incidence(graph: Graph, end: int, dtype: torch.dtype | None) -> Sparse:
    def build() -> Sparse:
        _check_graph(graph)
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


def line_adjacency(graph: Graph, dtype: torch.dtype | None = None) -> Operator:
    """From edges to edges, (E, E): an edge receives the sum over those that lead to its source.

    Its reverse is not among them: this is the transposed adjacency of `Graph.line_graph`. Under
    the compiler, for which the number of its entries must not depend on values, it is the sum
    over all edges that lead to the source minus the reverse ones.
    """
    if not torch.compiler.is_compiling():
        return adjacency(graph.line_graph, dtype)
    onward = Product((leaving(graph, dtype).T, arriving(graph, dtype)))
    return onward - _reverse(graph, dtype)


def _reverse(graph: Graph, dtype: torch.dtype | None) -> Operator:
    """From edges to edges, (E, E): an edge receives the sum over its reverses."""
    source, target = graph.edge_index
    # Each ordered pair of nodes gets a number, by its place among all pairs that are sorted.
    pairs = torch.cat([source * graph.num_nodes + target, target * graph.num_nodes + source])
    ranked, order = pairs.sort()
    first = torch.cat([torch.zeros_like(ranked[:1]), (ranked.diff() != 0).long().cumsum(0)])
    number = torch.zeros_like(order).scatter(0, order, first)
    edges = torch.arange(graph.num_edges, device=graph.device)
    one = torch.ones(graph.num_edges, dtype=dtype, device=graph.device)
    shape = (pairs.shape[0], graph.num_edges)
    there, back = number[: graph.num_edges], number[graph.num_edges :]
    onto = Sparse(Pattern.from_places(there, edges, shape)[0], one)
    return Product((Sparse(Pattern.from_places(edges, back, shape[::-1])[0], one), onto))


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
            arrivals = sum_at(pattern.row, value, shape[0])
            value = value / arrivals[pattern.row]
        return Sparse(pattern, value)

    return graph.derived(("operator", "stacked", num_relations, mean, dtype), build)


def with_lambda_max(graph: Graph, lambda_max: float | Tensor) -> Graph:
    """The same graph with the largest eigenvalue of its Laplacian, or a bound on it.

    Args:
        graph: N nodes; G graphs of a batch.
        lambda_max: one number, or one for each graph of a batch, shape (G,).
    """
    return graph._unchecked(lambda_max=lambda_max)


def scaled_laplacian(
    graph: Graph,
    normalization: Literal["sym", "rw"] | None = "sym",
    lambda_max: float | Tensor | None = None,
    dtype: torch.dtype | None = None,
) -> Sparse:
    """L̂ = 2 L / λ_max - I, transposed so that target nodes receive.

    Args:
        graph: N nodes; G graphs of a batch.
        normalization: of the Laplacian, as in `Graph.laplacian`.
        lambda_max: the largest eigenvalue, or a bound on it: one number, or one for each graph of
            a batch, shape (G,). If not given, that of `with_lambda_max`; else twice the largest
            entry of the Laplacian of each graph, which is 2 for the normalized forms.
        dtype: of the entries.

    Raises:
        ValueError: if `lambda_max` has neither one entry nor one for each graph.
    """
    if isinstance(graph, StoredGraph):
        return _scaled_on_frontiers(graph, normalization, lambda_max, dtype)
    _check_graph(graph)
    if lambda_max is None:
        lambda_max = graph.lambda_max
    if isinstance(lambda_max, Tensor) and lambda_max.numel() not in (1, graph.num_graphs):
        condition = f"be one number or one for each of the {graph.num_graphs} graphs of the batch"
        got, advice = f"shape {tuple(lambda_max.shape)}", "Use one of the two."
        raise invalid("lambda_max", condition, got, advice)

    def build() -> Sparse:
        laplacian = graph.entries(dtype).laplacian(normalization)
        if lambda_max is None:
            member = graph.graph_index[laplacian.source]
            largest = laplacian.value.new_zeros(graph.num_graphs)
            bound = 2 * largest.scatter_reduce(0, member, laplacian.value, "amax")
        else:
            bound = torch.as_tensor(lambda_max).to(laplacian.value).expand(graph.num_graphs)
        scale = torch.where(bound > 0, 2 / torch.where(bound > 0, bound, 1), 0)
        return _scaled(laplacian, scale[graph.graph_index[laplacian.source]])

    if isinstance(lambda_max, Tensor):
        return build()
    return graph.derived(("operator", "chebyshev", normalization, lambda_max, dtype), build)


def _scaled(laplacian: Entries, scale: Tensor | float) -> Sparse:
    """The operator c L - I, with the diagonal of L as the last entries."""
    value = laplacian.value * scale
    # Of the loops only those of the Laplacian's own diagonal.
    others = value.new_zeros(value.numel() - laplacian.num_targets)
    identity = torch.cat([others, value.new_ones(laplacian.num_targets)])
    return received(replace(laplacian, value=value - identity))


def _scaled_on_frontiers(
    graph: StoredGraph,
    normalization: Literal["sym", "rw"] | None,
    lambda_max: float | Tensor | None,
    dtype: torch.dtype | None,
) -> Sparse:
    """L̂ of a stored graph, whose largest diagonal entry is 1 in the normalized forms."""

    def formula(frontier: Frontier) -> Sparse:
        bound: float | Tensor = 2.0 if lambda_max is None else lambda_max
        if lambda_max is None and normalization is None:
            bound = 2 * graph.degree("out", loops=False).amax().item()
        scale = 2 / bound if bound > 0 else 0.0
        return _scaled(frontier.entries(dtype).laplacian(normalization), scale)

    key = ("operator", "chebyshev", normalization, lambda_max, dtype)
    made = graph.derived(key, lambda: Deferred(graph, dtype, formula))
    return made  # type: ignore[return-value]
