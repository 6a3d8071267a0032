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

from gnnvision.operators.attend import Scores, attend, attention_weights
from gnnvision.operators.base import Identity, Operator
from gnnvision.operators.dense import dense_product
from gnnvision.operators.pattern import Pattern
from gnnvision.operators.signals import dense, is_sparse, signal_operator
from gnnvision.operators.sparse import Sparse

__all__ = ["Heads", "Messages", "Stacked", "Together"]


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
        y = dense_product(received.reshape(-1, rows.shape[0]), rows)
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
    """The attention Sₕ of H heads, and the values that it weights.

    Y = Σₕ Sₕ (X Wₕ + cₕ), plus X W₀ and Σₕ S'ₕ E Uₕ if they are part of the sum, where S'ₕ (M x E)
    has the weights of Sₕ and adds what the edges carry.

    Args:
        pattern: the entries of all heads. Shape (M, N).
        scores: of the entries, whose softmax is the attention.
        values: X Wₕ + cₕ. Shape (N, H, C).
        concat: whether the outputs of the heads are concatenated; if not, they are averaged.
        keep: a factor of each weight, as of dropout. Shape (E, H).
        left_out: a mask of entries without weight. Shape (E,).
        root: W₀. Shape (C_in, H C), or (C_in, C) without `concat`.
        carried: whether the E Uₕ of the scores are part of the sum.
    """

    def __init__(
        self,
        pattern: Pattern,
        scores: Scores,
        values: Tensor,
        concat: bool,
        keep: Tensor | None = None,
        left_out: Tensor | None = None,
        root: Tensor | None = None,
        carried: bool = False,
    ) -> None:
        self.pattern = pattern
        self.scores = scores
        self.values = values
        self.concat = concat
        self.keep = keep
        self.left_out = left_out
        self.root = root
        self.carried = carried
        self._weight: Tensor | None = None

    @property
    def weight(self) -> Tensor:
        """The attention. Shape (E, H)."""
        if self._weight is None:
            given = (self.pattern, self.scores, self.keep, self.left_out)
            self._weight = attention_weights(*given)
        return self._weight

    def __len__(self) -> int:
        return self.values.shape[1] * (2 if self.carried else 1) + (self.root is not None)

    def combine(self, x: Tensor, matrices: Callable[[], Sequence[Any]]) -> Tensor:
        """The attention of all heads times their values, in one pass over the entries."""
        given = (self.pattern, self.scores, self.values, self.keep, self.left_out)
        y, self._weight = attend(*given, self.carried)
        y = y if self.concat else y.view(-1, *self.values.shape[1:]).mean(1)
        if self.root is None:
            return y
        itself = (
            signal_operator(x).times(self.root) if is_sparse(x) else dense_product(x, self.root)
        )
        return F.pad(y, (0, itself.shape[1] - y.shape[1])) + itself

    def _make(self) -> list[Operator]:
        weights = self.weight.unbind(1)
        out: list[Operator] = [Sparse(self.pattern, w) for w in weights]
        if self.root is not None:
            out.append(Identity(self.pattern.shape[0], weights[0].device, weights[0].dtype))
        if self.carried:
            onto = self.pattern.runs
            out += [Sparse(onto, w) for w in weights]
        return out


def _add(
    y: Tensor, operators: Sequence[Operator], x: Tensor, weights: Sequence[Tensor | None]
) -> Tensor:
    """Y + Σₖ Sₖ X Wₖ."""
    for S, W in zip(operators, weights, strict=True):
        sent = x if isinstance(S, Identity) else S.times(x)
        if W is None or W.ndim < 2:
            y = y + (sent if W is None else sent * W)
        else:
            y = y + dense_product(sent, W)
    return y
