"""Operators of one family that are applied together: relations, and the heads of attention.

They are sequences of operators like any other, which `Convolution.reference` multiplies one by
one; `combine` computes Σₖ Sₖ X Wₖ in fewer and larger products.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, overload

import torch
import torch.nn.functional as F
from torch import Tensor

from gnnvision.operators.base import Identity, Operator
from gnnvision.operators.product import Pattern, sampled_product
from gnnvision.operators.signals import dense, is_sparse, signal_operator
from gnnvision.operators.sparse import Sparse

__all__ = ["Heads", "Messages", "Stacked", "Together", "sampled_heads"]


class Together(Sequence[Operator]):
    """K operators that are applied together."""

    @abstractmethod
    def combine(self, x: Tensor, matrices: Callable[[], Sequence[Any]]) -> Tensor:
        """Σₖ Sₖ X Wₖ: (N, C_in) -> (M, C_out).

        Args:
            x: X.
            matrices: gives the Wₖ.
        """

    @abstractmethod
    def _make(self) -> list[Operator]:
        """The operators, one by one."""

    @overload
    def __getitem__(self, index: int) -> Operator: ...
    @overload
    def __getitem__(self, index: slice) -> list[Operator]: ...
    def __getitem__(self, index: int | slice) -> Operator | list[Operator]:
        if not hasattr(self, "_each"):
            self._each = self._make()
        return self._each[index]


class Stacked(Together):
    """Sparse operators whose rows are interleaved in one sparse matrix, and others after them.

    A site receives K rows from one sparse product, which are multiplied by the stacked Wₖ in one
    matrix product. For images this is known as "im2col".

    Args:
        stack: row m K + k is row m of operator k. Shape (M K, N).
        num_stacked: K.
        others: further operators, of which there are K + 1, K + 2, ...
    """

    def __init__(self, stack: Sparse, num_stacked: int, others: Sequence[Operator] = ()) -> None:
        self.stack = stack
        self.num_stacked = num_stacked
        self.others = others

    def __len__(self) -> int:
        return self.num_stacked + len(self.others)

    def combine(self, x: Tensor, matrices: Callable[[], Sequence[Any]]) -> Tensor:
        """Σₖ Sₖ X Wₖ, by one sparse product and one matrix product."""
        if is_sparse(x):  # as node indices are: without a row for each operator
            pairs = zip(self, matrices(), strict=True)
            return reduce(torch.add, (S.times(signal_operator(x).times(W)) for S, W in pairs))
        signal = dense(x)
        received = self.stack.times(signal)  # (M K, C_in)
        weights = list(matrices())
        rows = torch.cat(weights[: self.num_stacked])  # (K C_in, C_out)
        y = received.view(-1, rows.shape[0]) @ rows
        return _add(y, self.others, signal, weights[self.num_stacked :])

    def _make(self) -> list[Operator]:
        pattern, value = self.stack.pattern, self.stack.value
        row, col = pattern.row.long(), pattern.col.long()
        shape = (self.stack.shape[0] // self.num_stacked, self.stack.shape[1])
        out: list[Operator] = []
        for k in range(self.num_stacked):
            here = (row % self.num_stacked == k).nonzero().squeeze(1)
            part, order = Pattern.from_places(row[here] // self.num_stacked, col[here], shape)
            out.append(Sparse(part, value[here[order]]))
        return out + list(self.others)


class Messages(Together):
    """An operator that adds what the edges carry, and other operators on the signal.

    Args:
        onto: from edges to nodes. Shape (M, E).
        carried: its values, a function of the signal; None if only the operators are wanted.
            Shape (E, C).
        others: further operators, on the signal.
    """

    def __init__(
        self, onto: Operator, carried: Tensor | None, others: Sequence[Operator] = ()
    ) -> None:
        self.onto = onto
        self.carried = carried
        self.others = others

    def __len__(self) -> int:
        return 1 + len(self.others)

    def combine(self, x: Tensor, matrices: Callable[[], Sequence[Any]]) -> Tensor:
        """The sum of what the edges carry, and the other terms."""
        assert self.carried is not None
        return _add(self.onto.times(self.carried), self.others, dense(x), matrices()[1:])

    def _make(self) -> list[Operator]:
        return [self.onto, *self.others]


class Heads(Together):
    """The attention Sₕ of H heads, and the values that they were computed from.

    Y = Σₕ Sₕ (X Wₕ + cₕ), plus X W₀ and Σₕ S'ₕ E Uₕ if they are given, where S'ₕ (M x E) has the
    weights of Sₕ and adds what the edges carry.

    Args:
        pattern: the entries of all heads. Shape (M, N).
        weight: the attention. Shape (E, H).
        values: X Wₕ + cₕ. Shape (N, H, C).
        concat: whether the outputs of the heads are concatenated; if not, they are averaged.
        root: W₀. Shape (C_in, H C), or (C_in, C) without `concat`.
        attributes: E, in the order of `pattern`. Shape (E, D).
        matrix: the Uₕ, side by side. Shape (D, H C).
    """

    def __init__(
        self,
        pattern: Pattern,
        weight: Tensor,
        values: Tensor,
        concat: bool,
        root: Tensor | None = None,
        attributes: Tensor | None = None,
        matrix: Tensor | None = None,
    ) -> None:
        self.pattern = pattern
        self.weight = weight
        self.values = values
        self.concat = concat
        self.root = root
        self.attributes = attributes
        self.matrix = matrix

    def __len__(self) -> int:
        heads = self.weight.shape[1]
        return heads * (1 if self.attributes is None else 2) + (self.root is not None)

    def combine(self, x: Tensor, matrices: Callable[[], Sequence[Any]]) -> Tensor:
        """The attention of all heads times their values, in one sparse product."""
        num_heads, width = self.values.shape[1:]
        pattern, order = self.pattern.interleaved(num_heads, True)
        weight = self.weight.reshape(-1).index_select(0, order)
        y = Sparse(pattern, weight).times(self.values.reshape(-1, width))  # (M H, C)
        y = y.view(-1, num_heads, width)
        if self.attributes is not None and self.matrix is not None:
            pattern, order = self.pattern.runs.interleaved(num_heads, False)
            received = Sparse(pattern, weight).times(self.attributes)  # (M H, D)
            received = received.view(-1, num_heads, received.shape[1]).transpose(0, 1)
            U = self.matrix.to(y.dtype).view(-1, num_heads, width).transpose(0, 1)
            y = y + (received @ U).transpose(0, 1)  # (M, H, C)
        y = y.flatten(1) if self.concat else y.mean(1)
        if self.root is None:
            return y
        itself = signal_operator(x).times(self.root) if is_sparse(x) else x @ self.root
        return F.pad(y, (0, itself.shape[1] - y.shape[1])) + itself

    def _make(self) -> list[Operator]:
        weights = self.weight.unbind(1)
        out: list[Operator] = [Sparse(self.pattern, w) for w in weights]
        if self.root is not None:
            out.append(Identity(self.pattern.shape[0], self.weight.device, self.weight.dtype))
        if self.attributes is not None:
            onto = self.pattern.runs
            out += [Sparse(onto, w) for w in weights]
        return out


def sampled_heads(pattern: Pattern, a: Tensor, b: Tensor) -> Tensor:
    """The products aᵢ · bⱼ of each head at the places of a pattern: (M, H, C) -> (E, H)."""
    num_heads, width = a.shape[1:]
    blocks, order = pattern.interleaved(num_heads, True)
    found = sampled_product(blocks, a.reshape(-1, width), b.reshape(-1, width))
    score = torch.zeros_like(found).scatter(0, order.long(), found)
    return score.view(-1, num_heads)


def _add(
    y: Tensor, operators: Sequence[Operator], x: Tensor, weights: Sequence[Tensor | None]
) -> Tensor:
    """Y + Σₖ Sₖ X Wₖ."""
    for S, W in zip(operators, weights, strict=True):
        sent = x if isinstance(S, Identity) else S.times(x)
        if W is None or W.ndim < 2:
            y = y + (sent if W is None else sent * W)
        else:
            y = torch.addmm(y, sent, W)
    return y
