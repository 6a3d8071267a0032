"""Matrices as lists of entries, and the formulas of graphs: degrees, Laplacians, normalization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from gnnvision.errors import invalid, one_of

__all__ = ["Entries"]


@dataclass(frozen=True)
class Entries:
    """A square matrix A as its entries: values at (source, target), of which duplicates add up.

    Args:
        num_nodes: the number of rows and of columns N.
        source: the row of each entry, int64. Shape (E,).
        target: the column of each entry, int64. Shape (E,).
        value: the entries. Shape (E,).
    """

    num_nodes: int
    source: Tensor
    target: Tensor
    value: Tensor

    @property
    def num_targets(self) -> int:
        """The number of columns whose entries are known: all."""
        return self.num_nodes

    def to_sparse(self) -> Tensor:
        """The coalesced sparse matrix. Shape (N, N)."""
        n = self.num_nodes
        unique, inverse = (self.source * n + self.target).unique(return_inverse=True)
        value = self.value.new_zeros(unique.shape[0]).index_add(0, inverse, self.value)
        index = torch.stack([unique // max(n, 1), unique % max(n, 1)])
        return torch.sparse_coo_tensor(
            index, value, (n, n), is_coalesced=True, check_invariants=False
        )

    def degree(self, direction: Literal["out", "in"]) -> Tensor:
        """The diagonal of D: row sums ("out") or column sums ("in") of A. Shape (N,)."""
        one_of("direction", direction, ("out", "in"))
        index = self.source if direction == "out" else self.target
        return self.value.new_zeros(self.num_nodes).scatter_add(0, index, self.value)

    def laplacian(self, normalization: Literal["sym", "rw"] | None = None) -> Entries:
        """D - A, I - D^(-1/2) A D^(-1/2) or I - D^(-1) A, without loops; D has the row sums."""
        a = self._without_self_loops()
        d = a.degree("out")
        diagonal = d if normalization is None else torch.ones_like(d)
        match normalization:
            case None:
                off = -a.value
            case "sym":
                root = _power(d, -0.5)
                off = -root[a.source] * a.value * root[a.target]
            case "rw":
                off = -_power(d, -1.0)[a.source] * a.value
            case _:
                condition, advice = "be one of None, 'sym', 'rw'", "Choose one of them."
                raise invalid("normalization", condition, repr(normalization), advice)
        return a._with_values(off)._with_diagonal(diagonal)

    def normalized(self, add_self_loops: bool = True, self_loop_weight: float = 1.0) -> Entries:
        """D^(-1/2) (A + I) D^(-1/2); D has the column sums."""
        a = self._with_self_loops(self_loop_weight) if add_self_loops else self
        root = _power(a.degree("in"), -0.5)
        return a._with_values(root[a.source] * a.value * root[a.target])

    def mean(self) -> Entries:
        """A D^(-1), with D the number of entries of each column, also of those that are 0."""
        arrivals = self._with_values(torch.ones_like(self.value)).degree("in")
        return self._with_values(_power(arrivals, -1.0)[self.target] * self.value)

    def _with_values(self, value: Tensor) -> Entries:
        return Entries(self.num_nodes, self.source, self.target, value)

    def _with_diagonal(self, diagonal: Tensor) -> Entries:
        nodes = torch.arange(self.num_nodes, device=self.source.device)
        pairs = ((self.source, nodes), (self.target, nodes), (self.value, diagonal))
        return Entries(self.num_nodes, *map(torch.cat, pairs))

    def _without_self_loops(self) -> Entries:
        if torch.compiler.is_compiling():  # which must not ask how many are left
            return self._with_values(self.value * (self.source != self.target))
        keep = (self.source != self.target).nonzero().squeeze(1)
        columns = (self.source, self.target, self.value)
        return Entries(self.num_nodes, *(column.index_select(0, keep) for column in columns))

    def _with_self_loops(self, weight: float) -> Entries:
        """One loop for each node: the last it has, or else a new one of the given weight."""
        # Entry 0 is the new one: no size decides anything, so that exported models have any size.
        value = torch.cat([self.value.new_full((1,), weight), self.value])
        edges = torch.arange(1, value.shape[0], device=value.device)
        loops = torch.where(self.source == self.target, edges, 0)
        last = self.source.new_zeros(self.num_nodes).scatter_reduce(0, self.source, loops, "amax")
        return self._without_self_loops()._with_diagonal(value[last])


def _power(d: Tensor, exponent: float) -> Tensor:
    """d^exponent, 0 where d is not positive (and so are the gradients there)."""
    positive = d > 0
    return torch.where(positive, torch.where(positive, d, 1).pow(exponent), 0)
