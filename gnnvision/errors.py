"""Errors about arguments, worded in one place: the condition, the value, what to do.

Every message reads `'argument' must <condition>, got <value>. <What to do.>`. It imports no
other module of the package, so that every module can use it.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from numbers import Integral
from typing import Any, TypeVar

__all__ = [
    "at_least",
    "in_range",
    "integer",
    "invalid",
    "nearest",
    "one_of",
    "wrong_dtype",
    "wrong_type",
]

T = TypeVar("T")
Number = TypeVar("Number", int, float)
_CLOSE = 0.5  # of difflib's similarity, from 0 to 1; below it a suggestion would only confuse


def invalid(name: str, condition: str, got: object, advice: str = "") -> ValueError:
    """The error for an argument with an invalid value or shape.

    Args:
        name: of the argument.
        condition: what must hold, as the words after "must".
        got: what was given, as it is to be read: `repr` a string before.
        advice: what to do, in whole sentences.

    Returns:
        The error, to be raised.

    Example:
        >>> raise invalid("heads", "divide 'out_channels' = 10", 3, "Use 2 or 5 heads.")
        Traceback (most recent call last):
        ValueError: 'heads' must divide 'out_channels' = 10, got 3. Use 2 or 5 heads.
    """
    return ValueError(_worded(name, condition, got, advice))


def wrong_type(name: str, condition: str, got: object, advice: str = "") -> TypeError:
    """The error for an argument of the wrong type; the message names the type that was given.

    Args:
        name: of the argument.
        condition: what must hold, as the words after "must".
        got: what was given.
        advice: what to do, in whole sentences.

    Returns:
        The error, to be raised.
    """
    return TypeError(_worded(name, condition, type(got).__name__, advice))


def wrong_dtype(name: str, condition: str, got: object, advice: str = "") -> TypeError:
    """The error for an argument whose values have the wrong type, for example a float tensor.

    Args:
        name: of the argument.
        condition: what must hold, as the words after "must".
        got: the dtype, as it is to be read.
        advice: what to do, in whole sentences.

    Returns:
        The error, to be raised.
    """
    return TypeError(_worded(name, condition, got, advice))


def one_of(name: str, value: T, choices: Iterable[T], advice: str | None = None) -> T:
    """The value, if it is one of the choices.

    Args:
        name: of the argument.
        value: what was given.
        choices: what it can be.
        advice: what to do; the nearest choice if not given.

    Raises:
        ValueError: if it is not one of them.

    Example:
        >>> one_of("split", "tets", ("train", "val", "test"))
        Traceback (most recent call last):
        ValueError: 'split' must be one of 'train', 'val', 'test', got 'tets'. Did you mean 'test'?
    """
    known = list(choices)
    if any(type(value) is type(choice) and value == choice for choice in known):
        return value
    if advice is None:
        near = nearest(value, known)
        advice = f"Did you mean {near[0]!r}?" if near else "Choose one of them."
    raise invalid(name, f"be one of {', '.join(map(repr, known))}", repr(value), advice)


def at_least(
    name: str, value: Number, least: Number, advice: str = "Choose a larger value."
) -> Number:
    """The number, if it is at least `least`.

    Args:
        name: of the argument.
        value: what was given.
        least: the smallest that will do.
        advice: what to do.

    Raises:
        ValueError: if it is smaller, or not a number.
    """
    if not value >= least:
        raise invalid(name, f"be at least {least}", value, advice)
    return value


def integer(
    name: str, value: object, least: int | None = None, advice: str = "Choose a larger value."
) -> int:
    """The value, if it is an integer (not a boolean) of at least `least`.

    Args:
        name: of the argument.
        value: what was given.
        least: the smallest that will do.
        advice: what to do if it is smaller.

    Raises:
        TypeError: if it is not an integer.
        ValueError: if it is smaller.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise wrong_dtype(name, "be an integer", repr(value), "Use a whole number.")
    return int(value) if least is None else at_least(name, int(value), least, advice)


def in_range(
    name: str,
    value: float,
    low: float,
    high: float,
    *,
    below: bool = False,
    advice: str = "Choose a value in this range.",
) -> float:
    """The number, if it is from `low` to `high`.

    Args:
        name: of the argument.
        value: what was given.
        low: the smallest that will do.
        high: the largest that will do.
        below: whether `high` itself will not do.
        advice: what to do.

    Raises:
        ValueError: if it lies outside, or is not a number.
    """
    fits = low <= value < high if below else low <= value <= high
    if not fits or math.isnan(value):
        condition = f"be at least {low} and below {high}" if below else f"be from {low} to {high}"
        raise invalid(name, condition, value, advice)
    return value


def nearest(
    value: object, choices: Iterable[Any], count: int = 1, cutoff: float = _CLOSE
) -> list[Any]:
    """The choices whose spelling is closest to the value's, the closest first.

    Args:
        value: what was given.
        choices: what it can be.
        count: how many to return at most.
        cutoff: how similar they must be, from 0 to 1; 0 always finds some.

    Example:
        >>> nearest("Corra", ["cora", "karate"])
        ['cora']
    """
    by_text = {str(choice).lower(): choice for choice in choices}
    found = difflib.get_close_matches(str(value).lower(), by_text, n=count, cutoff=cutoff)
    return [by_text[text] for text in found]


def _worded(name: str, condition: str, got: object, advice: str) -> str:
    return f"'{name}' must {condition}, got {got}.{f' {advice}' if advice else ''}"
