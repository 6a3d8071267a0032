"""A number together with the lines that lead to it, as on the blackboard."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Worked", "decimal"]


@dataclass(frozen=True)
class Worked:
    """A value and how it was worked out.

    `print` shows the lines, `int` and `float` give the value.

    Args:
        value: the result.
        steps: the lines that lead to it, one for each step.

    Example:
        >>> seven = Worked(7, ("2·(-1) + 9·0 + 9·1", "= -2 + 0 + 9 = 7"))
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


def decimal(value: float) -> str:
    """A number as it is written by hand: "7", "-2", "49.5", "1,327,488".

    Example:
        >>> decimal(99 / 2), decimal(3747200), decimal(7.0)
        ('49.5', '3,747,200', '7')
    """
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.4f}".rstrip("0")
