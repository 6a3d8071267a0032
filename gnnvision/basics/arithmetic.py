"""The output size of convolution and pooling, calculated step by step.

Along an axis of input size n, with kernel size f, stride s and padding p on each side, the output
size is floor((n + 2p - f) / s) + 1.
"""

from __future__ import annotations

from math import ceil

from gnnvision.basics.calculation import Calculation, format_number
from gnnvision.domains import Window
from gnnvision.domains.window import per_axis

__all__ = ["output_size", "pool_size"]


def output_size(
    size: int, kernel_size: int, stride: int = 1, padding: int | str = 0, dilation: int = 1
) -> Calculation:
    """Calculate the output size along one axis: floor((n + 2p - f) / s) + 1.

    Height and width are calculated separately. With dilation d, the kernel covers d(f - 1) + 1
    positions, which takes the place of f.

    Args:
        size: n, the input size along the axis.
        kernel_size: f.
        stride: s, the step from one window to the next.
        padding: p on each side; or "valid" (p = 0), "same" (p = (f - 1) / 2, so that the output
            size is ceil(n / s); for an even f, one more at the end) or "full" (p = f - 1).
        dilation: d, the distance between adjacent kernel weights.

    Returns:
        The output size and the steps of its calculation.

    Raises:
        TypeError: if an argument is not an integer.
        ValueError: if an argument is out of range or the window does not fit.

    Example:
        >>> print(output_size(100, 3, stride=2, padding="same"))
        same: p = (f - 1) / 2 = (3 - 1) / 2 = 1
        floor((n + 2p - f) / s) + 1
        = floor((100 + 2·1 - 3) / 2) + 1
        = floor(99 / 2) + 1 = floor(49.5) + 1
        = 49 + 1 = 50
        >>> int(output_size(28, 10, stride=2))
        10
    """
    window = Window.make(1, kernel_size, stride, padding, dilation)
    (out,) = window.out_size(per_axis(size, 1, "size"))
    ((low, high),) = window.pads
    reach = dilation * (kernel_size - 1) + 1
    steps, f = [], "f"
    if dilation > 1:
        steps.append(f"the dilated kernel covers r = d(f - 1) + 1 = {reach} positions")
        f = "r"
    steps += _padding_steps(padding, f, reach, low, high)
    both = f"2·{low}" if low == high else f"{low} + {high}"
    span = size + low + high - reach
    # The floor is written only where it rounds.
    start, end = ("floor(", ")") if span % stride else ("", "")
    steps.append(f"floor((n + {'2p' if low == high else 'p₁ + p₂'} - {f}) / s) + 1")
    steps.append(f"= {start}({size} + {both} - {reach}) / {stride}{end} + 1")
    steps.append(f"= {start}{span} / {stride}{end} + 1")
    if start:
        steps[-1] += f" = floor({format_number(span / stride)}) + 1"
    steps.append(f"= {span // stride} + 1 = {out}")
    if padding == "same":
        assert out == ceil(size / stride)
    return Calculation(out, tuple(steps))


def pool_size(
    size: int, kernel_size: int, stride: int | None = None, padding: int | str = 0
) -> Calculation:
    """Calculate the output size of pooling along one axis, with the formula of `output_size`.

    Args:
        size: n, the input size.
        kernel_size: f, the window size.
        stride: s; the window size if not given.
        padding: p.

    Returns:
        The output size and the steps of its calculation. Pooling keeps the number of channels and
        has no parameters.

    Raises:
        TypeError: as `output_size`.
        ValueError: as `output_size`.

    Example:
        >>> int(pool_size(100, 2)), int(pool_size(4, 2, stride=1))
        (50, 3)
    """
    return output_size(size, kernel_size, kernel_size if stride is None else stride, padding)


def _padding_steps(padding: int | str, f: str, reach: int, low: int, high: int) -> list[str]:
    """The steps from the name of a padding to its size."""
    match padding:
        case "valid":
            return ["valid: p = 0"]
        case "same" if low == high:
            return [f"same: p = ({f} - 1) / 2 = ({reach} - 1) / 2 = {low}"]
        case "same":
            half = f"({reach} - 1) / 2 = {format_number((reach - 1) / 2)} is not a whole number"
            return [f"same: {half}: p₁ = {low} before and p₂ = {high} after"]
        case "full":
            return [f"full: p = {f} - 1 = {reach} - 1 = {low}"]
    return []
