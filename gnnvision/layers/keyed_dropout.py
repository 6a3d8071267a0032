"""Dropout whose masks are a function of a key and of which item a row is, not of the process.

Where processes share a batch, each draws the masks of the rows it has, and they are those that one
process draws for the whole batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gnnvision.layers import dropout

__all__ = ["KeyedDropout", "mixed"]

_INCREMENT, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_SHIFTS = (30, 27, 31)
# The functions that set whole channels to 0, with the dimensions of an item after its channels.
_OF_CHANNELS = {F.dropout1d: 1, F.dropout2d: 2, F.dropout3d: 3}


def mixed(*numbers: int) -> int:
    """An integer from -2^63 to 2^63 - 1 that depends on all of these, as a random one would."""
    state = 0
    for number in numbers:
        state = (state + number) * _INCREMENT + 1
        for shift, factor in zip(_SHIFTS, (_FIRST, _SECOND, 1), strict=True):
            state %= 2**64
            state = (state ^ state >> shift) * factor
    return _signed(state)


def _signed(number: int) -> int:
    return (number + 2**63) % 2**64 - 2**63


def _mix(words: Tensor) -> Tensor:
    """The same for each integer of a tensor of 64-bit ones, in place."""
    for shift, factor in zip(_SHIFTS, (_FIRST, _SECOND, 1), strict=True):
        words ^= (words >> shift) & (2 ** (64 - shift) - 1)
        if factor != 1:
            words *= _signed(factor)
    return words


class KeyedDropout(TorchFunctionMode):
    """A context in which dropout takes its masks from a hash in place of random numbers.

    The bits for an element are a hash of the key, of how many times dropout was called in the
    context before, of the number of its row and of its place in the row. Rows without numbers,
    and other kinds of dropout (of attention weights, of recurrent layers, alpha dropout), draw
    ordinary random numbers.

    Args:
        key: what masks depend on otherwise: a seed and a step.
        rows: the numbers of the rows of a signal with this many rows, int64 (n,); None if it is
            not known which items they are.
        missed: called with the number of rows where it is not known.

    References:
        Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014,
        https://doi.org/10.1145/2660193.2660195, for the hash.

    Example:
        >>> x = torch.ones(4, 3)
        >>> with KeyedDropout(7, torch.arange):
        ...     whole = F.dropout(x, 0.5)
        >>> with KeyedDropout(7, lambda count: torch.arange(2, 2 + count)):
        ...     part = F.dropout(x[2:], 0.5)
        >>> part.equal(whole[2:])
        True
    """

    def __init__(
        self,
        key: int,
        rows: Callable[[int], Tensor | None],
        missed: Callable[[int], object] = lambda count: None,
    ) -> None:
        super().__init__()
        self.key, self.rows, self.missed = key, rows, missed
        self.calls = 0

    def __enter__(self) -> KeyedDropout:
        """Make dropout take its masks from here."""
        self._before, dropout.keyed = dropout.keyed, self
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: object) -> None:
        """End that."""
        dropout.keyed = self._before
        super().__exit__(*error)  # type: ignore[no-untyped-call]

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Dropout of torch by these masks; other functions run as they are."""
        named = dict(kwargs or {})
        if func is F.dropout or func in _OF_CHANNELS:
            found = self._of_torch(func, *args, **named)
            if found is not None:
                return found
        return func(*args, **named)

    def _of_torch(
        self,
        func: Callable[..., Any],
        input: Tensor,
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,
    ) -> Tensor | None:
        if not training or not 0 < p < 1 or input.layout is not torch.strided:
            return None
        spatial = _OF_CHANNELS.get(func)
        if spatial is not None and input.ndim != spatial + 2:
            return None
        out = self.drop(input, p, 2 if spatial is not None else None)
        return input.copy_(out) if inplace and out is not None else out

    def drop(self, x: Tensor, p: float, ndim: int | None = None) -> Tensor | None:
        """Dropout of a dense signal; None if it is not known which items its rows are.

        Args:
            x: the signal.
            p: the probability of a 0.
            ndim: how many dimensions of the signal have separate masks; all of them if None.
        """
        numbers = self._numbers(len(x)) if x.ndim else None
        if numbers is None or not 0 < p < 1:
            return None
        shape = tuple(x.shape[1:ndim])
        mask = dropout.mask_of((math.prod(shape),), p)
        places = torch.arange(1, mask.words + 1, device=x.device) * _signed(_INCREMENT)
        keep = mask.keep(_mix(numbers[:, None] + places)).reshape(len(x), *shape)
        if keep.ndim < x.ndim:
            factor = keep.to(x.dtype).mul_(mask.scale)
            return x * factor[(...,) + (None,) * (x.ndim - keep.ndim)]
        if keep.stride() != x.stride():
            keep = torch.empty_like(x, dtype=keep.dtype).copy_(keep)
        return dropout.masked(x, keep, mask.scale)

    def drop_stored(self, x: Tensor, p: float) -> Tensor | None:
        """The values of a sparse signal (COO) after dropout; None as for `drop`."""
        numbers = self._numbers(len(x)) if x.layout is torch.sparse_coo and 0 < p < 1 else None
        if numbers is None:
            return None
        row, place = x.indices()
        mask = dropout.mask_of((1,), p)
        keep = mask.keep(_mix(numbers[row] + (place + 1) * _signed(_INCREMENT))[:, None])[:, 0]
        return dropout.masked(x.values(), keep, mask.scale)

    def _numbers(self, count: int) -> Tensor | None:
        """A hash of the key, the call and the item, for each row."""
        self.calls += 1
        rows = self.rows(count)
        if rows is None:
            self.missed(count)
            return None
        return _mix(rows * _signed(_INCREMENT) + mixed(self.key, self.calls))
