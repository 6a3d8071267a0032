"""The settings that a sweep varies: ranges of numbers, and choices."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from gnnvision.errors import invalid, wrong_type

__all__ = ["Choices", "Range", "Value", "combinations", "read_space", "read_value"]

Value = bool | int | float | str | None
LOGARITHMIC = ("lr", "lr_bias", "lr_head", "weight_decay")  # whose ranges span orders of magnitude
DIGITS = 4  # of a drawn number, so that the printed settings are the trained ones
_WORDS: dict[str, Value] = {"true": True, "false": False, "none": None}
_SCALES = {"log": True, "linear": False}
_USE = "Use for example lr=1e-4..1e-1, hidden=16,32,64 or dropout=0..0.8."


@dataclass(frozen=True)
class Range:
    """All numbers between two; whole ones if both ends are whole.

    Args:
        low: the smallest.
        high: the largest.
        log: whether each order of magnitude is as likely as another, rather than each number.

    Raises:
        TypeError: if an end is not a number.
        ValueError: if they are not finite and in this order, or `log` is given with numbers that
            are not above 0.

    Example:
        >>> print(Range(1e-4, 0.1, log=True), Range(2, 4), sep="; ")
        from 0.0001 to 0.1, on a log scale; from 2 to 4, whole numbers
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        for name, value in (("low", self.low), ("high", self.high)):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise wrong_type(name, "be a number", value)
            if not math.isfinite(value):
                raise invalid(name, "be finite", value)
        if not self.low < self.high:
            got = f"{self.low:g}..{self.high:g}"
            raise invalid("low", "be below 'high'", got, "Give a single value as a fixed setting.")
        if self.log and self.low <= 0:
            advice = "Begin above 0, or search it on a linear scale, as in 0..0.01:linear."
            raise invalid("low", "be above 0 on a log scale", f"{self.low:g}", advice)

    @property
    def is_whole(self) -> bool:
        """Whether it has whole numbers only."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def values(self) -> tuple[Value, ...] | None:
        """All its values; None for a range of real numbers."""
        return tuple(range(int(self.low), int(self.high) + 1)) if self.is_whole else None

    @property
    def first(self) -> Value:
        """The smallest number."""
        return self.low

    def __str__(self) -> str:
        kinds = ["on a log scale"] * self.log + ["whole numbers"] * self.is_whole
        return ", ".join([f"from {self.low:g} to {self.high:g}", *kinds])

    def rounded(self, value: Value) -> Value:
        """The number with few digits, in the range."""
        if self.is_whole or not isinstance(value, float):
            return value
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)

    def to_text(self) -> str:
        """As `read_value` reads it."""
        scale = "log" if self.log else "linear"
        return f"{self.low!r}..{self.high!r}:{scale}"


@dataclass(frozen=True)
class Choices:
    """A few values.

    Args:
        values: each a number, a text, a boolean or None.

    Raises:
        TypeError: if one is of another kind.
        ValueError: if there are fewer than two, or one occurs twice.

    Example:
        >>> print(Choices((16, 32, 64)))
        16, 32 or 64
    """

    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        for value in self.values:
            if not isinstance(value, bool | int | float | str | None):
                raise wrong_type("values", "have numbers, texts, booleans or None", value)
        shown = ", ".join(map(str, self.values))
        if len(self.values) < 2:
            raise invalid("values", "be at least two", shown or "none", "Fix a single one.")
        if len(set(map(repr, self.values))) < len(self.values):
            raise invalid("values", "differ from each other", shown, "Give each of them once.")

    @property
    def first(self) -> Value:
        """The first value."""
        return self.values[0]

    def __str__(self) -> str:
        words = [str(value) for value in self.values]
        return f"{', '.join(words[:-1])} or {words[-1]}"

    def rounded(self, value: Value) -> Value:
        """The value itself."""
        return value

    def to_text(self) -> str:
        """As `read_value` reads it."""
        return ",".join(map(str, self.values))


def read_space(settings: Mapping[str, Any]) -> dict[str, Range | Choices]:
    """The range or the choices of each setting.

    Args:
        settings: name -> a `Range`, `Choices`, a text such as "1e-4..1e-1", "16,32,64" or
            "16..256:log", or several values. Learning rates and weight decay are searched on a
            log scale unless the text ends with ":linear".

    Raises:
        TypeError: if one is of another kind.
        ValueError: if there is none, or one cannot be read; the message names it.

    Example:
        >>> read_space({"lr": "1e-4..1e-1", "hidden": [16, 32]})["lr"]
        Range(low=0.0001, high=0.1, log=True)
    """
    if not settings:
        raise invalid("settings", "name a setting to vary", "none", _USE)
    return {name: _read(name, value) for name, value in settings.items()}


def combinations(space: Mapping[str, Range | Choices], most: int) -> list[dict[str, Value]] | None:
    """All combinations of the settings; None if there are more than `most`.

    Args:
        space: what `read_space` returned.
        most: how many there may be.
    """
    values = [one.values for one in space.values()]
    listed = [one for one in values if one is not None]
    if len(listed) < len(values) or math.prod(map(len, listed)) > most:
        return None
    return [dict(zip(space, chosen, strict=True)) for chosen in product(*listed)]


def read_value(text: str) -> Value:
    """The value that a text stands for: a number, true, false, none, or the text itself.

    Example:
        >>> read_value("1e-3"), read_value("16"), read_value("adam"), read_value("none")
        (0.001, 16, 'adam', None)
    """
    word = text.strip()
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def _read(name: str, given: Any) -> Range | Choices:  # noqa: ANN401
    if isinstance(given, Range | Choices):
        return given
    try:
        if isinstance(given, str):
            return _parsed(name, given)
        if isinstance(given, Sequence):
            return Choices(tuple(given))
    except (ValueError, TypeError) as error:
        raise type(error)(f"{name}={_shown(given)}: {error}") from None
    raise wrong_type(name, "be a text, several values, a Range or Choices", given, _USE)


def _parsed(name: str, text: str) -> Range | Choices:
    span, colon, scale = text.partition(":")
    ends = span.split("..")
    if len(ends) == 1:
        words = [word.strip() for word in text.split(",")]
        if len(words) < 2 or not all(words):
            condition = "be a range such as 1e-4..1e-1, or values such as 16,32,64"
            raise invalid(name, condition, repr(text), "Fix a single value with --set.")
        return Choices(tuple(map(read_value, words)))
    if colon and scale not in _SCALES:
        raise invalid(name, "end with ':log' or ':linear'", repr(text), _USE)
    numbers = [read_value(end) for end in ends]
    if len(ends) != 2 or not all(map(_is_number, numbers)):
        raise invalid(name, "be two numbers with '..' between them", repr(text), _USE)
    low, high = numbers
    log = _SCALES[scale] if colon else name in LOGARITHMIC
    return Range(low, high, log)  # type: ignore[arg-type]


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(given: object) -> str:
    text = given if isinstance(given, str) else ",".join(map(str, given))  # type: ignore[call-overload]
    return re.sub(r"\s+", " ", text)[:80]
