"""A number together with the steps of its calculation."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Calculation", "format_number"]


@dataclass(frozen=True)
class Calculation:
    """A value and the steps of its calculation.

    `print` shows the steps; `int` and `float` return the value.

    Args:
        value: the result.
        steps: one line for each step.

    Example:
        >>> seven = Calculation(7, ("2·(-1) + 9·0 + 9·1", "= -2 + 0 + 9 = 7"))
        >>> print(seven)
        2·(-1) + 9·0 + 9·1
        = -2 + 0 + 9 = 7
        >>> int(seven)
        7
    """

    value: float
    steps: tuple[str, ...]

    def __int__(self) -> int:
        return int(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        return "\n".join(self.steps)


def format_number(value: float) -> str:
    """Format a number without trailing zeros: "7", "-2", "49.5", "1,327,488".

    Example:
        >>> format_number(99 / 2), format_number(3747200), format_number(7.0)
        ('49.5', '3,747,200', '7')
    """
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.4f}".rstrip("0")
