"""What people give to say which: indices, a range, or a mask; never anything in between."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Indices", "to_index", "to_indices"]

Indices = Tensor | NDArray[np.generic] | Sequence[int] | Sequence[bool] | range


def to_indices(
    given: Indices, count: int, name: str, what: str = "items", must: str = ""
) -> Tensor:
    """Indices as int64 on the CPU; of a boolean mask, where it is True.

    Args:
        given: indices from 0 as a tensor, array, list or range; or a mask of `count` booleans.
        count: how many there are to choose from.
        name: of the argument, for errors.
        what: they are, for errors.
        must: what is asked of an index, for errors, where it is not just the range.

    Raises:
        TypeError: if there are floats or other kinds, or booleans among integers.
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
        raise ValueError(
            f"'{name}' must have one axis, got shape {tuple(index.shape)}. Give a list of indices."
        )
    if index.numel():
        least, most = index.aminmax()
        if least < 0 or most >= count:
            raise ValueError(
                f"'{name}' must {must or f'be from 0 to {count - 1}'}, got "
                f"{least if least < 0 else most}. There are {count} {what}, counted from 0."
            )
    return index


def to_index(given: object, count: int, name: str, what: str = "items", must: str = "") -> int:
    """One index from 0.

    Raises:
        TypeError: if it is not an integer; True and 1.0 are none.
        ValueError: if it is out of range.
    """
    try:
        if isinstance(given, (bool, np.bool_)) or getattr(given, "dtype", None) is torch.bool:
            raise TypeError
        index = operator.index(given)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"'{name}' must be an integer, got {given!r}. Give an index from 0 to {count - 1}."
        ) from None
    if not 0 <= index < count:
        raise ValueError(
            f"'{name}' must {must or f'be from 0 to {count - 1}'}, got {index}. There are "
            f"{count} {what}, counted from 0."
        )
    return index


_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8)


def _check_readable(given: Tensor | np.ma.MaskedArray[Any, Any], name: str) -> None:
    """Each number is there to be read.

    Raises:
        ValueError: if some are masked out, or the tensor is sparse or without data.
    """
    if isinstance(given, np.ma.MaskedArray):
        count = int(np.ma.getmaskarray(given).sum())
        if count:
            raise ValueError(
                f"'{name}' must hold no masked values, got {count}. Give array.compressed()."
            )
    elif given.is_meta or given.layout is not torch.strided:
        got = "one without data" if given.is_meta else f"layout {given.layout}"
        raise ValueError(
            f"'{name}' must be a dense tensor with values, got {got}. Give tensor.to_dense(), on "
            "a device with memory."
        )


def _array(given: Indices, name: str) -> NDArray[np.generic]:
    try:
        return np.asarray(given)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"'{name}' must be one list of indices or booleans, got {type(given).__name__} of "
            "other shape. Give a list of integers."
        ) from error


def _read(given: Indices, count: int, name: str, what: str) -> Tensor:
    if isinstance(given, (list, tuple)):
        kinds = {isinstance(value, (bool, np.bool_)) for value in given}
        if len(kinds) > 1:
            raise TypeError(
                f"'{name}' must be indices or a mask, got booleans among integers. Give one of "
                "the two."
            )
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
            raise ValueError(
                f"'{name}' must be a mask of {count} booleans, one for each of the {what}, got "
                f"shape {values.shape}. Give a mask of that length, or indices."
            )
        return torch.from_numpy(np.flatnonzero(values))
    if kind in "uf":
        raise TypeError(
            f"'{name}' must hold integers or be a boolean mask, got {shown}. Convert it with "
            ".long() where it holds indices, with .bool() where it is a mask; an array with "
            ".astype(int) or .astype(bool)."
        )
    if kind != "i":
        got = type(given).__name__ if shown == np.dtype(object) else shown
        raise TypeError(
            f"'{name}' must hold integers or be a boolean mask, got {got}. Give a list, an array "
            "or a tensor of integers or of booleans."
        )
    assert values is not None
    return torch.tensor(values.astype(np.int64))
