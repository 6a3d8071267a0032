"""A check of values from JSON against type annotations."""

from __future__ import annotations

import collections.abc
import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

__all__ = ["fits"]

_LISTS = (list, tuple, collections.abc.Sequence)


def fits(value: object, kind: Any) -> bool:  # noqa: ANN401 - an annotation
    """Whether a value from JSON has the type `kind`; a boolean is not a number.

    Args:
        value: from JSON, where a list can be a tuple, a string a path, and an integer a float.
        kind: an annotation: a plain type, None, a Literal, a union, a sequence or a tuple.

    Example:
        >>> fits([32, 32], int | tuple[int, int]), fits(True, int), fits(3, float)
        (True, False, True)
    """
    if kind is Any:
        return True
    if kind is None or kind is types.NoneType:
        return value is None
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return fits(value, inner[0])
    if origin is Literal:
        return any(type(value) is type(choice) and value == choice for choice in inner)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if origin in _LISTS or kind in _LISTS:
        if not isinstance(value, (list, tuple)):
            return False
        if origin is tuple and inner and inner[-1] is not Ellipsis:
            pairs = zip(value, inner, strict=False)
            return len(value) == len(inner) and all(fits(item, one) for item, one in pairs)
        return all(fits(item, inner[0]) for item in value) if inner else True
    if origin is dict:
        return isinstance(value, dict) and all(
            fits(key, inner[0]) and fits(item, inner[1]) for key, item in value.items()
        )
    if kind is bool:
        return isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind in (str, Path):
        return isinstance(value, str)
    return isinstance(kind, type) and isinstance(value, kind)
