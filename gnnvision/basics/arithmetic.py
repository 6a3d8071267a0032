"""How large is the output? The formula of every lecture on convolution, worked out in steps.

Along one axis of n sites, with a kernel of f sites, stride s and padding p on either side, the
window fits floor((n + 2p - f) / s) + 1 times. The floor matters whenever the last step would
leave the picture; the brackets matter always.
"""

from __future__ import annotations

from math import ceil

from gnnvision.basics.worked import Worked, decimal
from gnnvision.domains import Grid, Window

__all__ = ["output_size", "pool_size"]


def output_size(
    size: int, kernel_size: int, stride: int = 1, padding: int | str = 0, dilation: int = 1
) -> Worked:
    """The number of sites of the output along one axis: floor((n + 2p - f) / s) + 1.

    Height and width are worked out one after the other. With dilation d the kernel reaches over
    d(f - 1) + 1 sites, which stands in place of f.

    Args:
        size: n, the sites of the input along the axis.
        kernel_size: f.
        stride: s, from one window to the next.
        padding: p on either side; or "valid" (p = 0), "same" (p = (f - 1) / 2, so that
            ceil(n / s) sites are left; for an even f the odd one goes to the end) or "full"
            (p = f - 1).
        dilation: d, from one site of the kernel to the next.

    Returns:
        The number and its steps.

    Raises:
        TypeError: if a number is no integer.
        ValueError: if one is out of range, a name is unknown or the window does not fit.

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
    (out,) = window.out_size(Grid((size,)).size)
    ((low, high),) = window.pads
    reach = dilation * (kernel_size - 1) + 1
    steps, f = [], "f"
    if dilation > 1:
        steps.append(f"the kernel reaches over r = d(f - 1) + 1 = {reach} sites")
        f = "r"
    steps += _padding_steps(padding, f, reach, low, high)
    both = f"2·{low}" if low == high else f"{low} + {high}"
    span = size + low + high - reach
    # A floor of a whole number is not worth writing.
    start, end = ("floor(", ")") if span % stride else ("", "")
    steps.append(f"floor((n + {'2p' if low == high else 'p₁ + p₂'} - {f}) / s) + 1")
    steps.append(f"= {start}({size} + {both} - {reach}) / {stride}{end} + 1")
    steps.append(f"= {start}{span} / {stride}{end} + 1")
    if start:
        steps[-1] += f" = floor({decimal(span / stride)}) + 1"
    steps.append(f"= {span // stride} + 1 = {out}")
    if padding == "same":
        assert out == ceil(size / stride)
    return Worked(out, tuple(steps))


def pool_size(
    size: int, kernel_size: int, stride: int | None = None, padding: int | str = 0
) -> Worked:
    """The number of sites that pooling leaves along one axis: the same formula.

    Args:
        size: n.
        kernel_size: f, the window.
        stride: s; as large as the window if not given.
        padding: p.

    Returns:
        The number and its steps. Pooling keeps the channels, and it has no parameters.

    Raises:
        TypeError: as `output_size`.
        ValueError: as `output_size`.

    Example:
        >>> int(pool_size(100, 2)), int(pool_size(4, 2, stride=1))
        (50, 3)
    """
    return output_size(size, kernel_size, kernel_size if stride is None else stride, padding)


def _padding_steps(padding: int | str, f: str, reach: int, low: int, high: int) -> list[str]:
    """How a named padding becomes a number."""
    match padding:
        case "valid":
            return ["valid: p = 0"]
        case "same" if low == high:
            return [f"same: p = ({f} - 1) / 2 = ({reach} - 1) / 2 = {low}"]
        case "same":
            half = f"({reach} - 1) / 2 = {decimal((reach - 1) / 2)} is no whole number"
            return [f"same: {half}: p₁ = {low} before and p₂ = {high} after"]
        case "full":
            return [f"full: p = {f} - 1 = {reach} - 1 = {low}"]
    return []
