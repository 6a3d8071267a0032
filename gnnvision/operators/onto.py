"""Operators of a graph, restricted to what the wanted nodes of a frontier depend on."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from gnnvision.domains.frontier import Frontier
from gnnvision.domains.modes import made_plainly
from gnnvision.errors import invalid
from gnnvision.operators.base import Identity, Operator, Product, Shift, Sum
from gnnvision.operators.deferred import Deferred
from gnnvision.operators.pattern import Pattern
from gnnvision.operators.sparse import Sparse

__all__ = ["First", "hops_of", "onto"]


class First(Operator):
    """The values of the first M of N sites.

    Args:
        num_rows: M.
        num_sites: N.
        dtype: of the entries.
        device: of the signals.
    """

    def __init__(
        self, num_rows: int, num_sites: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        super().__init__((num_rows, num_sites), dtype, device)

    @property
    def T(self) -> Shift:
        """The transpose, which gives the other sites 0."""
        return Shift(self._source(), self.shape[1], self.dtype, transposed=True)

    @property
    def pattern(self) -> Pattern:
        """The diagonal."""
        sites = torch.arange(self.shape[0] + 1, device=self.device)
        return Pattern(sites, sites[:-1], self.shape[1])

    def apply(self, x: Tensor) -> Tensor:
        """The first rows."""
        return x[: self.shape[0]]

    def rows(self, sites: Tensor) -> Shift:
        """The values of some sites."""
        return Shift(sites.to(self.device), self.shape[1], self.dtype)

    def _source(self) -> Tensor:
        return torch.arange(self.shape[0], device=self.device)


def hops_of(operators: Sequence[Operator]) -> int:
    """How many hops the operators of a layer reach: 2 for A @ A, the most of a sum."""
    return max(map(_hops, operators), default=0)


def _hops(operator: Operator) -> int:
    if isinstance(operator, Sum):
        return max(_hops(term) for _, term in operator.terms)
    if isinstance(operator, Product):
        return sum(map(_hops, operator.factors))
    return 0 if isinstance(operator, Identity) else 1


def onto(operators: Sequence[Operator], frontier: Frontier) -> list[Operator]:
    """The operators of the whole graph, from a frontier to the one that all of them reach.

    A product moves one hop in with each factor, counted from the signal, so that equal
    subexpressions stay equal, and are computed once.

    Args:
        operators: on the whole graph.
        frontier: of the signal.

    Raises:
        ValueError: if an operator reaches further than the frontier, or other nodes than
            incoming edges do.
    """
    there = frontier.inward(hops_of(operators))
    return [_narrowed(*_restricted(operator, frontier), there) for operator in operators]


def _restricted(operator: Operator, here: Frontier) -> tuple[Operator, Frontier]:
    """The operator from a frontier, and the frontier that it leads to."""
    if isinstance(operator, Identity):
        return _itself(here, operator.dtype), here
    if isinstance(operator, Product):
        factors: list[Operator] = []
        for factor in reversed(operator.factors):
            part, here = _restricted(factor, here)
            factors.insert(0, part)
        return Product(factors), here
    if isinstance(operator, Sum):
        parts = [_restricted(term, here) for _, term in operator.terms]
        there = min((end for _, end in parts), key=lambda end: end.hops)
        scales = (scale for scale, _ in operator.terms)
        terms = (_narrowed(part, end, there) for part, end in parts)
        return Sum(zip(scales, terms, strict=True)), there
    there = here.inward()
    if isinstance(operator, Deferred):
        return operator.on(here), there
    blocks: WeakKeyDictionary[Operator, Sparse] = here.derived("blocks", WeakKeyDictionary)
    known = blocks.get(operator)
    if known is None:
        known = _block(operator, here, there)
        if not (known.value.requires_grad or torch.compiler.is_compiling()):
            blocks[operator] = known
    return known, there


def _itself(here: Frontier, dtype: torch.dtype) -> Operator:
    key = ("identity", dtype)
    return here.derived(key, lambda: Identity(here.num_sites, here.device, dtype))


def _narrowed(operator: Operator, end: Frontier, there: Frontier) -> Operator:
    """The operator onto the sites that a smaller frontier has left."""
    if end is there:
        return operator
    rows, sites = there.num_sites, end.num_sites
    key = ("first", rows, operator.dtype)
    first = end.derived(key, lambda: First(rows, sites, operator.dtype, end.device))
    return first if isinstance(operator, Identity) else Product((first, operator))


def _block(operator: Operator, here: Frontier, there: Frontier) -> Sparse:
    """The rows of the smaller frontier and the columns of the larger one."""
    if not isinstance(operator, Sparse) or here.steps is not None:
        advice = "Use the whole graph, or operators made of those in gnnvision.operators."
        got = f"{type(operator).__name__}" + (" of all edges" if here.steps is not None else "")
        raise invalid("operators", "be sparse matrices on a frontier", got, advice)
    whole = operator.pattern
    # Operators of other values, as with dropped edges in each step, share the pattern.
    places: WeakKeyDictionary[Pattern, tuple[Pattern, Tensor]]
    places = here.derived("places", WeakKeyDictionary)
    if whole not in places:
        places[whole] = made_plainly(lambda: _places(whole, here, there), whole.col)
    pattern, entries = places[whole]
    return Sparse(pattern, made_plainly(lambda: operator.value[entries], operator.value))


def _places(whole: Pattern, here: Frontier, there: Frontier) -> tuple[Pattern, Tensor]:
    """The pattern of a block, and its entries among those of the whole."""
    rowptr, entries = whole.entries_of(there.nodes)
    col = here.place[whole.col[entries].long()]
    if col.numel() and not 0 <= int(col.min()) <= int(col.max()) < here.num_sites:
        condition = "reach the nodes of incoming edges alone on a frontier"
        got = "one that reads other nodes"
        raise invalid("operators", condition, got, "Use the whole graph.")
    return Pattern(rowptr, col, here.num_sites), entries
