"""The operators Sₖ of a convolution, and their algebra.

`+`, `-`, scalar `*`, `@`, `**` and `.T` of operators are operators again: nothing is computed
until they multiply a signal. `apply_each` multiplies one signal by several operators and computes
what they have in common once, so that a list of powers or of Chebyshev polynomials costs one
sparse product for each.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property, reduce
from numbers import Real
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gnnvision.domains.device import sum_at
from gnnvision.errors import integer, invalid, wrong_dtype, wrong_type
from gnnvision.operators.pattern import Pattern

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Identity", "Operator", "Product", "Shift", "Sum", "apply_each"]

_Memo = list[tuple[tuple["Operator", ...], Tensor]]


class Operator(ABC):
    """A linear map Sₖ from the signals on N sites to the signals on M sites.

    An operator is applied with `@` along the first axis of a signal with any further axes. A new
    kind defines its transpose, its pattern and `apply`.

    Args:
        shape: (M, N), the numbers of output sites and input sites.
        dtype: of the entries; a product has the dtype of the signal.
        device: of the operator.

    Example:
        >>> from gnnvision import Graph
        >>> from gnnvision.operators import normalized_adjacency
        >>> A = normalized_adjacency(Graph.from_edges([(0, 1), (1, 2)], 3, undirected=True))
        >>> S = 0.1 * Identity(3) + 0.9 * A @ A
        >>> S
        Sum(shape=(3, 3), terms=2)
        >>> (S @ torch.ones(3, 1)).shape
        torch.Size([3, 1])
    """

    def __init__(
        self, shape: tuple[int, int], dtype: torch.dtype, device: torch.device | str
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.device = torch.device(device)

    @property
    @abstractmethod
    def T(self) -> Operator:
        """The transpose, from M sites to N."""

    @property
    @abstractmethod
    def pattern(self) -> Pattern:
        """The entries that may be nonzero: the sites that each output site depends on."""

    @abstractmethod
    def apply(self, x: Tensor) -> Tensor:
        """S x, with the layout and dtype of x: (N, C) -> (M, C)."""

    def times(self, x: Tensor) -> Tensor:
        """S x: (N, *) -> (M, *). Layers call this because the compiler does not support `@`.

        Raises:
            ValueError: if `x` does not have N sites.
        """
        if x.shape[0] != self.shape[1]:
            condition = f"have {self.shape[1]} sites along its first axis"
            advice = "Put the sites first, or use the domain of the signal."
            raise invalid("x", condition, tuple(x.shape), advice)
        if x.ndim == 2:
            return self.apply(x)
        flat = x.reshape(x.shape[0], x.shape[1:].numel())
        return self.apply(flat).reshape(self.shape[0], *x.shape[1:])

    def rows(self, sites: Tensor) -> Operator:
        """The same operator onto some of the output sites.

        Args:
            sites: int64, from 0 to M - 1, in any order. Shape (m,).
        """
        return Product((Shift(sites.to(self.device), self.shape[0], self.dtype), self))

    def to_dense(self, dtype: torch.dtype | None = None) -> Tensor:
        """The operator as a dense matrix, by default in its dtype. Shape (M, N)."""
        return self.apply(torch.eye(self.shape[1], dtype=dtype or self.dtype, device=self.device))

    # --- algebra --------------------------------------------------------------------------------

    def __matmul__(self, other: Any) -> Any:  # noqa: ANN401 - a tensor gives a tensor
        """S x for a signal x: (N, *) -> (M, *); S R for an operator R."""
        if isinstance(other, Operator):
            return Product((self, other))
        if not isinstance(other, Tensor):
            advice = "Convert the signal with torch.as_tensor."
            raise wrong_type("x", "be a torch.Tensor or an operator", other, advice)
        return self.times(other)

    __array_ufunc__ = None  # numpy's numbers leave `*` to the operator

    def __rmatmul__(self, other: object) -> Operator:
        """Refused: signals have their sites first."""
        got = f"a {type(other).__name__} to the left of an operator"
        raise wrong_dtype("x", "be to the right of an operator", got, "Use S @ x, or S.T @ x.")

    def __add__(self, other: Operator) -> Operator:
        """S + R."""
        return Sum(((1, self), (1, other)))

    def __radd__(self, other: object) -> Operator:
        """0 + S is S, so that `sum` adds operators.

        Raises:
            TypeError: if `other` is not 0.
        """
        if isinstance(other, int) and other == 0:
            return self
        advice = "Only operators can be added to an operator."
        raise wrong_type("operator", "be an Operator", other, advice)

    def __sub__(self, other: Operator) -> Operator:
        """S - R."""
        return Sum(((1, self), (-1, other)))

    def __mul__(self, scale: float | Tensor) -> Operator:
        """S multiplied by a number, which may be a tensor of one element with a gradient."""
        return Sum(((scale, self),))

    __rmul__ = __mul__

    def __truediv__(self, scale: float) -> Operator:
        """S divided by a number."""
        return Sum(((1 / scale, self),))

    def __neg__(self) -> Operator:
        """-S."""
        return Sum(((-1, self),))

    def __pow__(self, exponent: int) -> Operator:
        """S multiplied by itself; S ** 0 is the identity.

        Raises:
            TypeError: if `exponent` is not an integer.
            ValueError: if it is negative, or S does not map its sites to themselves.
        """
        integer("exponent", exponent, 0, "Powers of operators are products.")
        if self.shape[0] != self.shape[1]:
            advice = "Only an operator from N sites to the same sites has powers."
            raise invalid("operator", "have shape (N, N)", self.shape, advice)
        if exponent == 0:
            return Identity(self.shape[0], self.device, self.dtype)
        return self if exponent == 1 else Product((self,) * exponent)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape})"


class Sum(Operator):
    """Σᵢ cᵢ Sᵢ.

    Args:
        terms: the pairs (cᵢ, Sᵢ), with a number or a tensor of one element, and an operator.

    Raises:
        TypeError: if a cᵢ is not a number or an Sᵢ not an operator.
        ValueError: if the operators have different shapes.
    """

    def __init__(self, terms: Iterable[tuple[float | Tensor, Operator]]) -> None:
        self.terms = tuple(terms)
        first = self.terms[0][1]
        for scale, operator in self.terms:
            if not isinstance(operator, Operator):
                advice = "Only operators can be added to an operator."
                raise wrong_type("operator", "be an Operator", operator, advice)
            if operator.shape != first.shape:
                condition = f"have shape {first.shape}, as the first term"
                raise invalid("operator", condition, operator.shape, "Use the same domain.")
            one = isinstance(scale, Tensor) and scale.numel() == 1
            if isinstance(scale, bool) or not (one or isinstance(scale, Real)):
                condition = "be a number, or a tensor of one element"
                raise wrong_type("scale", condition, scale, "Use @ for signals and operators.")
        super().__init__(first.shape, _widest(S for _, S in self.terms), first.device)

    @property
    def T(self) -> Sum:
        """Σᵢ cᵢ Sᵢᵀ."""
        return Sum((scale, operator.T) for scale, operator in self.terms)

    @cached_property
    def pattern(self) -> Pattern:
        """The union of the patterns of the terms."""
        return _found(reduce(lambda a, b: a + b, (_places(S) for _, S in self.terms)), self)

    def apply(self, x: Tensor) -> Tensor:
        """The sum of the products."""
        return apply_each([self], x)[0]

    def rows(self, sites: Tensor) -> Sum:
        """Σᵢ cᵢ Sᵢ onto some of the output sites."""
        return Sum((scale, operator.rows(sites)) for scale, operator in self.terms)

    def __repr__(self) -> str:
        return f"Sum(shape={self.shape}, terms={len(self.terms)})"


class Product(Operator):
    """S₁ S₂ ⋯, applied from the right.

    Args:
        factors: the operators, from the left.

    Raises:
        ValueError: if the output sites of a factor are not the input sites of the one before.
    """

    def __init__(self, factors: Iterable[Operator]) -> None:
        flat: list[Operator] = []
        for factor in factors:
            flat += factor.factors if isinstance(factor, Product) else [factor]
        for left, right in itertools.pairwise(flat):
            if left.shape[1] != right.shape[0]:
                condition = f"have {left.shape[1]} output sites, the input sites of the left one"
                raise invalid("operator", condition, right.shape, "Use operators that fit.")
        self.factors: tuple[Operator, ...] = tuple(flat)
        shape = (flat[0].shape[0], flat[-1].shape[1])
        super().__init__(shape, _widest(flat), flat[0].device)

    @property
    def T(self) -> Product:
        """The transposes in the opposite order."""
        return Product(factor.T for factor in reversed(self.factors))

    @cached_property
    def pattern(self) -> Pattern:
        """The pairs of sites that are connected through all factors."""
        return _found(reduce(lambda a, b: a @ b, map(_places, self.factors)), self)

    def apply(self, x: Tensor) -> Tensor:
        """The factors, one after another."""
        return apply_each([self], x)[0]

    def rows(self, sites: Tensor) -> Product:
        """The product onto some of the output sites, which only restricts the first factor."""
        return Product((self.factors[0].rows(sites), *self.factors[1:]))

    def __repr__(self) -> str:
        return f"Product(shape={self.shape}, factors={len(self.factors)})"


def apply_each(operators: Sequence[Operator], x: Tensor) -> list[Tensor]:
    """S₁ x, S₂ x, …; equal subexpressions are computed once.

    Args:
        operators: from N sites.
        x: the signal. Shape (N, C).

    Returns:
        A tensor for each operator. Shapes (M, C).
    """
    memo: _Memo = []
    return [_value(operator, x, memo) for operator in operators]


def _value(operator: Operator, x: Tensor, memo: _Memo) -> Tensor:
    """S x, looked up in `memo` by the identity of the factors of S."""
    factors = operator.factors if isinstance(operator, Product) else (operator,)
    for known, value in memo:
        if len(known) == len(factors) and all(a is b for a, b in zip(known, factors, strict=True)):
            return value
    if isinstance(operator, Product):
        rest = factors[1:]
        y = factors[0].times(_value(rest[0] if len(rest) == 1 else Product(rest), x, memo))
    elif isinstance(operator, Sum):
        terms = [(scale, _value(term, x, memo)) for scale, term in operator.terms]
        (scale, y), *more = terms
        y = y if isinstance(scale, int) and scale == 1 else scale * y
        for scale, term in more:
            if isinstance(scale, Tensor):
                y = y + scale * term
            else:
                y = torch.add(y, term, alpha=scale)
        y = y.to(x.dtype)
    else:
        y = operator.times(x)
    memo.append((factors, y))
    return y


class Identity(Operator):
    """The identity operator S = I.

    Args:
        num_sites: N.
        device: of the signals.
        dtype: of the entries; by default torch's.
    """

    def __init__(
        self,
        num_sites: int,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__((num_sites, num_sites), dtype or torch.get_default_dtype(), device)

    @property
    def T(self) -> Identity:
        """The identity itself."""
        return self

    @property
    def pattern(self) -> Pattern:
        """The diagonal."""
        sites = torch.arange(self.shape[0] + 1, device=self.device)
        return Pattern(sites, sites[:-1], self.shape[0])

    def apply(self, x: Tensor) -> Tensor:
        """The signal, unchanged."""
        return x

    def rows(self, sites: Tensor) -> Shift:
        """The values of some sites."""
        return Shift(sites.to(self.device), self.shape[0], self.dtype)


class Shift(Operator):
    """Output site m gets the value of input site `source[m]`, or 0 if that is -1.

    With stride, dilation and padding, these are the input sites at one offset of a convolution
    kernel. On a torus (circular padding, stride 1) it is a permutation: the translation.

    Args:
        source: int64. Shape (M,).
        num_sites: N.
        dtype: of the entries; by default torch's.
        transposed: whether this is the transpose, which adds what is shifted to one site.
    """

    def __init__(
        self,
        source: Tensor,
        num_sites: int,
        dtype: torch.dtype | None = None,
        transposed: bool = False,
    ) -> None:
        shape = (source.numel(), num_sites)
        dtype = dtype or torch.get_default_dtype()
        super().__init__(shape[::-1] if transposed else shape, dtype, source.device)
        self.source = source
        self.num_sites = num_sites
        self.transposed = transposed

    @property
    def T(self) -> Shift:
        """The transpose, which may sum several values at one site."""
        return Shift(self.source, self.num_sites, self.dtype, not self.transposed)

    @property
    def pattern(self) -> Pattern:
        """One entry for each site with a source."""
        sites = (self.source >= 0).nonzero().squeeze(1)
        places = (sites, self.source[sites])
        row, col = places[::-1] if self.transposed else places
        return Pattern.from_places(row, col, self.shape)[0]

    def apply(self, x: Tensor) -> Tensor:
        """The values of the source sites: (N, C) -> (M, C)."""
        inside = (self.source >= 0).unsqueeze(1)
        taken = x if self.transposed else x[self.source.clamp(min=0)]
        taken = torch.where(inside, taken, torch.zeros_like(taken))
        if not self.transposed:
            return taken
        return sum_at(self.source.clamp(min=0), taken, self.num_sites)


def _widest(operators: Iterable[Operator]) -> torch.dtype:
    return reduce(torch.promote_types, (operator.dtype for operator in operators))


def _places(operator: Operator) -> csr_array:
    """The pattern as a boolean scipy matrix, whose sums and products are those of sets."""
    from scipy.sparse import csr_array

    pattern = operator.pattern
    col, rowptr = pattern.col.cpu().numpy(), pattern.rowptr.cpu().numpy()
    return csr_array((torch.ones(len(col), dtype=torch.bool).numpy(), col, rowptr), pattern.shape)


def _found(places: csr_array, operator: Operator) -> Pattern:
    rowptr, col = (
        torch.from_numpy(a).long().to(operator.device) for a in (places.indptr, places.indices)
    )
    return Pattern(rowptr, col, places.shape[1])
