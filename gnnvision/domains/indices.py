"""Checks for arguments that select items: indices, a range, or a boolean mask."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.errors import invalid, wrong_dtype

__all__ = ["Indices", "to_index", "to_indices"]

Indices = Tensor | NDArray[np.generic] | Sequence[int] | Sequence[bool] | range


def to_indices(
    given: Indices, count: int, name: str, what: str = "items", must: str = ""
) -> Tensor:
    """Selected indices as int64 on the CPU; of a boolean mask, those of its True entries.

    Args:
        given: indices from 0 as a tensor, array, list or range; or a mask of `count` booleans.
        count: the number of items.
        name: of the argument, for errors.
        what: the plural of the items, for errors.
        must: the condition, for errors, if it is not just the range.

    Raises:
        TypeError: if the values are neither integers nor booleans, or a mix of both.
        ValueError: if there is more than one axis, a mask has another length, or an index is
            out of range.

    Example:
        >>> to_indices([False, True, True], 3, "nodes")
        tensor([1, 2])
    """
    if isinstance(given, Tensor) and given.dtype in _INTEGERS:
        _check_readable(given, name)
        index = given.to("cpu", torch.int64)
    else:
        index = _read(given, count, name, what)
    if index.ndim != 1:
        got = f"shape {tuple(index.shape)}"
        raise invalid(name, "have one axis", got, "Give a list of indices.")
    if index.numel():
        least, most = index.aminmax()
        if least < 0 or most >= count:
            raise _out_of_range(name, int(least if least < 0 else most), count, what, must)
    return index


def to_index(given: object, count: int, name: str, what: str = "items", must: str = "") -> int:
    """The value as an index from 0 to `count` - 1.

    Raises:
        TypeError: if it is not an integer; True and 1.0 are not.
        ValueError: if it is out of range.
    """
    try:
        if isinstance(given, (bool, np.bool_)) or getattr(given, "dtype", None) is torch.bool:
            raise TypeError
        index = operator.index(given)  # type: ignore[arg-type]
    except TypeError:
        advice = f"Give an index from 0 to {count - 1}."
        raise wrong_dtype(name, "be an integer", repr(given), advice) from None
    if not 0 <= index < count:
        raise _out_of_range(name, index, count, what, must)
    return index


def _out_of_range(name: str, index: int, count: int, what: str, must: str) -> ValueError:
    advice = f"There are {count} {what}, counted from 0."
    return invalid(name, must or f"be from 0 to {count - 1}", index, advice)


_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8)


def _check_readable(given: Tensor | np.ma.MaskedArray[Any, Any], name: str) -> None:
    """Each number is there to be read.

    Raises:
        ValueError: if some are masked out, or the tensor is sparse or without data.
    """
    if isinstance(given, np.ma.MaskedArray):
        count = int(np.ma.getmaskarray(given).sum())
        if count:
            raise invalid(name, "have no masked values", count, "Use array.compressed().")
    elif given.is_meta or given.layout is not torch.strided:
        got = "a tensor without data" if given.is_meta else f"layout {given.layout}"
        advice = "Use tensor.to_dense() on the CPU or a GPU."
        raise invalid(name, "be a dense tensor with values", got, advice)


def _array(given: Indices, name: str) -> NDArray[np.generic]:
    try:
        return np.asarray(given)
    except (ValueError, TypeError, RuntimeError) as error:
        condition = "be a flat list of indices or booleans"
        got = f"a {type(given).__name__} of another shape"
        raise invalid(name, condition, got, "Give a list of integers.") from error


def _read(given: Indices, count: int, name: str, what: str) -> Tensor:
    if isinstance(given, (list, tuple)):
        kinds = {isinstance(value, (bool, np.bool_)) for value in given}
        if len(kinds) > 1:
            condition, got = "be either indices or a mask", "a mix of booleans and integers"
            raise wrong_dtype(name, condition, got, "Use one of the two.")
    if isinstance(given, (Tensor, np.ma.MaskedArray)):
        _check_readable(given, name)
    if isinstance(given, Tensor):
        values = given.detach().cpu().numpy() if given.dtype is not torch.bfloat16 else None
        kind = "u" if given.dtype is torch.uint8 else "f" if values is None else values.dtype.kind
        shown: object = given.dtype
    else:
        values = _array(given, name)
        if values.size == 0 and values.ndim == 1 and isinstance(given, (list, tuple, range)):
            values = values.astype(np.int64)
        kind, shown = values.dtype.kind, values.dtype
        # Bytes are how other programs write masks; whether these are one cannot be known.
        kind = "i" if kind == "u" and values.dtype != np.uint8 else kind
    if kind == "b":
        assert values is not None
        if values.shape != (count,):
            condition = f"be a mask of {count} booleans, one for each of the {what}"
            advice = "Give a mask of that length, or indices."
            raise invalid(name, condition, f"shape {values.shape}", advice)
        return torch.from_numpy(np.flatnonzero(values))
    if kind in "uf":
        advice = (
            "Convert indices with .long() or .astype(int), and a mask with .bool() or "
            ".astype(bool)."
        )
        raise wrong_dtype(name, "be integers or a boolean mask", shown, advice)
    if kind != "i":
        shown = type(given).__name__ if shown == np.dtype(object) else shown
        advice = "Give a list, an array or a tensor of integers or booleans."
        raise wrong_dtype(name, "be integers or a boolean mask", shown, advice)
    assert values is not None
    return torch.tensor(values.astype(np.int64))
