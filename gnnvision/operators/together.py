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
from torch import Tensor

from gnnvision.operators.base import Identity, Operator
from gnnvision.operators.product import Pattern
from gnnvision.operators.signals import dense, is_sparse, signal_operator
from gnnvision.operators.sparse import Sparse

__all__ = ["Heads", "Stacked", "Together"]


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
        for S, W in zip(self.others, weights[self.num_stacked :], strict=True):
            sent = signal if isinstance(S, Identity) else S.times(signal)
            y = torch.addmm(y, sent, W)
        return y

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


class Heads(Together):
    """The attention of H heads, and the values that they were computed from.

    Args:
        pattern: the entries of all heads. Shape (M, N).
        weight: the attention. Shape (E, H).
        values: X Wₕ + cₕ. Shape (N, H, C).
        concat: whether the outputs of the heads are concatenated; if not, they are averaged.
        arriving: values of the entries themselves, which are added to those of the source site,
            in the order of `pattern`. Shape (E, H, C).
    """

    def __init__(
        self,
        pattern: Pattern,
        weight: Tensor,
        values: Tensor,
        concat: bool,
        arriving: Tensor | None = None,
    ) -> None:
        self.pattern = pattern
        self.weight = weight
        self.values = values
        self.concat = concat
        self.arriving = arriving

    def __len__(self) -> int:
        return self.weight.shape[1] * (1 if self.arriving is None else 2)

    def combine(self, x: Tensor, matrices: Callable[[], Sequence[Any]]) -> Tensor:
        """The attention of each head times its values."""
        received = [Sparse(self.pattern, w).times(self.values[:, h]) for h, w in self._weights()]
        if self.arriving is not None:
            onto = self._onto_rows()
            received = [
                y + Sparse(onto, w).times(self.arriving[:, h])
                for y, (h, w) in zip(received, self._weights(), strict=True)
            ]
        return torch.cat(received, 1) if self.concat else torch.stack(received).mean(0)

    def _weights(self) -> list[tuple[int, Tensor]]:
        return list(enumerate(self.weight.unbind(1)))

    def _onto_rows(self) -> Pattern:
        entries = torch.arange(self.weight.shape[0], device=self.weight.device)
        pattern = Pattern(self.pattern.rowptr, entries, len(entries))
        pattern.of_runs = True
        pattern._row = self.pattern._row
        return pattern

    def _make(self) -> list[Operator]:
        out: list[Operator] = [Sparse(self.pattern, w) for _, w in self._weights()]
        if self.arriving is not None:
            out += [Sparse(self._onto_rows(), w) for _, w in self._weights()]
        return out
