"""What the pictures of these pages share: a photograph, a signed map, a table of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from gnnvision.basics.worked import decimal
from gnnvision.report.style import INK, MUTED, plain_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

__all__ = ["NEGATIVE", "POSITIVE", "cells", "fit_cells", "frame", "show", "signed_map"]

NEGATIVE, POSITIVE = "#0072B2", "#D55E00"
WINDOW_COLOR, SOFT = "#D55E00", "#f6dfd0"
PADDED = "#eef1f4"


def signed_map() -> Colormap:
    """Blue below zero, white at zero, orange above."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", [NEGATIVE, "#ffffff", POSITIVE])


def show(
    axes: Axes, picture: Tensor, title: str, signed: bool = False, limit: float | None = None
) -> None:
    """Draw a picture without axes.

    Args:
        axes: where.
        picture: (H, W), or (3, H, W) in color, from 0 to 1; a signed map of any range.
        title: above it.
        signed: whether zero is white, below blue and above orange.
        limit: what is drawn in full color; the largest but for one in a thousand, if None.
    """
    values = (picture.movedim(0, -1) if picture.ndim == 3 else picture).numpy()
    plain_axes(axes)
    if signed:
        if limit is None:
            limit = float(picture.abs().flatten().float().quantile(0.995))
        axes.imshow(values, cmap=signed_map(), vmin=-(limit or 1), vmax=limit or 1)
    else:
        axes.imshow(values.clip(0, 1), cmap="gray", vmin=0, vmax=1)
    axes.set_title(title, fontsize=9.5)


def cells(
    axes: Axes,
    table: Sequence[Sequence[float]],
    left: float = 0,
    top: float = 0,
    color: Callable[[int, int], str] = lambda i, j: "white",
    size: float = 11,
    ink: Callable[[int, int], str] = lambda i, j: INK,
) -> None:
    """Draw a table of numbers in squares of side 1, downwards from (left, top).

    Args:
        axes: where; its y axis points down, see `fit_cells`.
        table: the numbers, row by row.
        left: x of the first square.
        top: y of it.
        color: of the square in row i and column j.
        size: of the letters.
        ink: color of the number in row i and column j.
    """
    from matplotlib.patches import Rectangle

    for i, row in enumerate(table):
        for j, value in enumerate(row):
            corner = (left + j, top + i)
            square = Rectangle(corner, 1, 1, facecolor=color(i, j), edgecolor=MUTED, lw=0.8)
            axes.add_patch(square)
            x, y = left + j + 0.5, top + i + 0.5
            text = decimal(round(value, 2)).replace("-", "−")
            axes.text(x, y, text, ha="center", va="center", fontsize=size, color=ink(i, j))


def frame(
    axes: Axes, left: float, top: float, width: float, height: float, color: str = WINDOW_COLOR
) -> None:
    """A thick frame around squares."""
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle((left, top), width, height, fill=False, edgecolor=color, lw=2.6, zorder=3)
    )


def fit_cells(axes: Axes, width: float, height: float, left: float = 0, top: float = 0) -> None:
    """Square axes from (left, top) to the right and downwards."""
    plain_axes(axes)
    axes.set_xlim(left - 0.1, left + width + 0.1)
    axes.set_ylim(top + height + 0.1, top - 0.1)
    axes.set_aspect("equal")
