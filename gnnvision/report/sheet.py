"""A sheet: small images in rows, each with a few words above it."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.report.style import FAINT, INK, WIDTH, drawing, plain_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Tile", "as_tile", "draw_sheet", "even", "sheet_path", "signed"]

_GAP = 0.09  # inches between tiles
_LETTER = 7.8  # points
_LINE = 0.145  # inches
_SIGNED_MAP = "RdBu_r"
_SMALL = 64 * 64  # pixels of an image that is no larger inside an SVG than as WebP


@dataclass(frozen=True)
class Tile:
    """One image of a sheet.

    Args:
        pixels: (H, W) in gray or (H, W, 3), uint8; or (H, W) from -1 to 1 in two colors, white
            for 0, if they are floats.
        words: above it, a line each.
        frame: the color around it; None for a faint one.
        bold: whether the first line is bold.
    """

    pixels: NDArray[Any]
    words: Sequence[str] = ()
    frame: str | None = None
    bold: bool = False


def as_tile(image: Tensor, words: Sequence[str] = (), **more: Any) -> Tile:  # noqa: ANN401
    """A tile of a uint8 image (C, H, W) in gray or color; more channels are averaged."""
    pixels = image.cpu().permute(1, 2, 0).numpy()
    if pixels.shape[2] != 3:
        pixels = pixels.mean(2).round().astype(np.uint8)
    return Tile(pixels, words, **more)


def signed(values: NDArray[Any], most: float | None = None) -> NDArray[np.float32]:
    """Values (H, W) divided by the largest magnitude, or by `most`."""
    largest = float(np.abs(values).max()) if most is None else most
    shares = values / largest if largest > 0 else np.zeros_like(values)
    return np.asarray(shares, dtype=np.float32)


def even(count: int, most: int) -> int:
    """The number of columns, at most `most`, for rows of lengths as equal as possible.

    Example:
        >>> even(9, most=8), even(32, most=8)
        (5, 8)
    """
    rows = -(-count // most)
    return -(-count // rows)


def sheet_path(path: Path, tiles: Sequence[Tile]) -> Path:
    """The path with the ending for these tiles: .svg for small images, .png for photographs.

    Args:
        path: without an ending.
        tiles: at least one.
    """
    height, width = tiles[0].pixels.shape[:2]
    return path.with_name(path.name + (".svg" if height * width <= _SMALL else ".png"))


def draw_sheet(
    path: Path, tiles: Sequence[Tile], columns: int, *, width: float = WIDTH, title: str = ""
) -> Path:
    """Draw tiles of one size, row by row.

    Args:
        path: of `sheet_path`.
        tiles: at least one.
        columns: in a row.
        width: of the sheet, in inches; text keeps its size.
        title: above everything.

    Returns:
        The path.
    """
    height, wide = tiles[0].pixels.shape[:2]
    step = width / columns
    side = step - _GAP
    tall = side * height / wide
    letters = max(4, int(side * 72 / (0.56 * _LETTER)))
    texts = [[_two_lines(line, letters) for line in tile.words] for tile in tiles]
    rows = [texts[start : start + columns] for start in range(0, len(tiles), columns)]
    heads = [_LINE * max(sum(line.count("\n") + 1 for line in t) for t in row) for row in rows]
    top = 0.0
    with drawing(path, sum(heads) + len(rows) * (tall + _GAP) + 0.3, width) as figure:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        plain_axes(axes)
        for number, tile in enumerate(tiles):
            row, column = divmod(number, columns)
            if not column:
                top += heads[row] + _GAP
            place = (column * step, column * step + side, top + tall, top)
            _put(axes, tile, texts[number], place)
            if column == columns - 1:
                top += tall
        bottom = sum(heads) + len(rows) * (tall + _GAP)
        axes.set(xlim=(0, width), ylim=(bottom, 0), aspect="equal")
        if title:
            axes.set_title(title)
    return path


def _put(
    axes: Axes, tile: Tile, words: Sequence[str], place: tuple[float, float, float, float]
) -> None:
    left, right, bottom, top = place
    pixels = tile.pixels
    if pixels.dtype == np.uint8:
        scale: dict[str, Any] = (
            {"cmap": "gray", "vmin": 0, "vmax": 255} if pixels.ndim == 2 else {}
        )
    else:
        scale = {"cmap": _SIGNED_MAP, "vmin": -1, "vmax": 1}
    axes.imshow(pixels, extent=(left, right, bottom, top), aspect="auto", **scale)
    edge = {"fill": False, "ec": tile.frame or FAINT, "lw": 2.2 if tile.frame else 0.8}
    axes.add_patch(_rectangle((left, top), right - left, bottom - top, edge))
    below = top - 0.06
    for number, line in reversed(list(enumerate(words))):
        weight = "bold" if tile.bold and number == 0 else "normal"
        look: dict[str, Any] = {"size": _LETTER, "weight": weight, "color": INK}
        axes.text(left, below, line, va="baseline", linespacing=1.1, **look)
        below -= _LINE * (line.count("\n") + 1)


def _rectangle(corner: tuple[float, float], width: float, height: float, look: Any) -> Any:  # noqa: ANN401
    from matplotlib.patches import Rectangle

    return Rectangle(corner, width, height, **look)


def _two_lines(text: str, letters: int) -> str:
    """A text over at most two lines; a longer one ends in an ellipsis."""
    if any(unicodedata.east_asian_width(letter) in "WF" for letter in text):
        letters = max(4, round(0.56 * letters))  # such a letter is as wide as it is high
    lines = textwrap.wrap(text, letters) or [""]
    if len(lines) > 2:
        lines = [lines[0], lines[1][: letters - 1] + "…"]
    return "\n".join(lines)
