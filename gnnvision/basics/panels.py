"""Building blocks of the figures: a photograph, a signed feature map, a grid of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from gnnvision.basics.calculation import format_number
from gnnvision.report.style import FAINT, MUTED, plain_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

__all__ = [
    "NEGATIVE",
    "POSITIVE",
    "draw_cells",
    "draw_frame",
    "fit_axes",
    "show_image",
    "signed_colormap",
]

NEGATIVE, POSITIVE = "#0072B2", "#D55E00"
WINDOW_COLOR, HIGHLIGHT = "#D55E00", "#D55E0033"
PADDED = f"{MUTED}26"


def signed_colormap() -> Colormap:
    """A colormap: blue below zero, white at zero, orange above."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", [NEGATIVE, "#ffffff", POSITIVE])


def show_image(
    axes: Axes, image: Tensor, title: str, signed: bool = False, limit: float | None = None
) -> None:
    """Show an image without axis ticks.

    Args:
        axes: to draw on.
        image: (H, W), or (3, H, W) in color, values from 0 to 1; any range if `signed`.
        title: of the panel.
        signed: use the signed colormap: blue below zero, white at zero, orange above.
        limit: the absolute value drawn in full color; the 99.5 % quantile if None.
    """
    values = (image.movedim(0, -1) if image.ndim == 3 else image).numpy()
    plain_axes(axes)
    if signed:
        if limit is None:
            limit = float(image.abs().flatten().float().quantile(0.995))
        axes.imshow(values, cmap=signed_colormap(), vmin=-(limit or 1), vmax=limit or 1)
        for side in axes.spines.values():
            side.set(visible=True, color=FAINT)
    else:
        axes.imshow(values.clip(0, 1), cmap="gray", vmin=0, vmax=1)
    axes.set_title(title, fontsize=9.5)


def draw_cells(
    axes: Axes,
    table: Sequence[Sequence[float | None]],
    left: float = 0,
    top: float = 0,
    color: Callable[[int, int], str] = lambda i, j: "none",
    size: float = 11,
) -> None:
    """Draw numbers in unit squares, with the top left corner at (left, top).

    Args:
        axes: to draw on; the y axis points down, see `fit_axes`.
        table: the numbers, row by row; None is drawn as a dash.
        left: x of the first square.
        top: y of the first square.
        color: fill color of the square in row i and column j.
        size: font size.
    """
    from matplotlib.patches import Rectangle

    for i, row in enumerate(table):
        for j, value in enumerate(row):
            corner = (left + j, top + i)
            square = Rectangle(corner, 1, 1, facecolor=color(i, j), edgecolor=MUTED, lw=0.8)
            axes.add_patch(square)
            x, y = left + j + 0.5, top + i + 0.5
            text = "–" if value is None else format_number(round(value, 2)).replace("-", "−")
            axes.text(x, y, text, ha="center", va="center", fontsize=size)


def draw_frame(
    axes: Axes, left: float, top: float, width: float, height: float, color: str = WINDOW_COLOR
) -> None:
    """Draw a thick frame around squares."""
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle((left, top), width, height, fill=False, edgecolor=color, lw=2.6, zorder=3)
    )


def fit_axes(axes: Axes, width: float, height: float, left: float = 0, top: float = 0) -> None:
    """Set equal scales, with (left, top) at the top left and y pointing down."""
    plain_axes(axes)
    axes.set_xlim(left - 0.1, left + width + 0.1)
    axes.set_ylim(top + height + 0.1, top - 0.1)
    axes.set_aspect("equal")
