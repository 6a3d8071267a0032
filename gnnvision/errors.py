"""The wording of errors about arguments, in one place: what must hold, what was given, what to do.

Every message reads `'argument' must <condition>, got <value>. <What to do.>`. It stands below all
rooms, so that each of them can say it the same way.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
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
    """A value or a shape that an argument cannot have.

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
    """An argument of another kind; what was given is named by its type.

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
    """An argument of the right class with values of another kind, for example a float tensor.

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
    """The value, which must be among the choices.

    Args:
        name: of the argument.
        value: what was given.
        choices: what it can be.
        advice: what to do; the nearest choice if not given.

    Raises:
        ValueError: if it is none of them.

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
    """The number, which must not be below `least`, and not NaN.

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
    """The value, which must be an integer, and not below `least`; a boolean is none.

    Args:
        name: of the argument.
        value: what was given.
        least: the smallest that will do.
        advice: what to do if it is smaller.

    Raises:
        TypeError: if it is not an integer.
        ValueError: if it is smaller.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_dtype(name, "be an integer", repr(value), "Use a whole number.")
    return value if least is None else at_least(name, value, least, advice)


def in_range(
    name: str,
    value: float,
    low: float,
    high: float,
    *,
    below: bool = False,
    advice: str = "Choose a value in this range.",
) -> float:
    """The number, which must lie between two others.

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
