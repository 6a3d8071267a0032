"""Figures of feature maps: a few maps over the input, and a sheet of one layer's maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gnnvision.explain import FeatureMaps, Field
from gnnvision.report.layer_canvas import Canvas, two_colors
from gnnvision.report.sheet import Tile, draw_sheet, even, signed
from gnnvision.report.style import WIDTH, drawing, plain_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Depth", "draw_depth", "draw_map_sheet", "layer_label", "wrap_dotted"]

_IN_A_ROW = 3
_COLUMNS = 8


@dataclass(frozen=True)
class Depth:
    """One layer with its feature maps.

    Args:
        maps: its feature maps.
        field: the receptive field of one of its sites; None if unknown.
        sample: the index in the batch.
    """

    maps: FeatureMaps
    field: Field | None = None
    sample: int = 0


def draw_depth(path: Path, canvas: Canvas, depth: Depth, count: int = 5) -> Path:
    """Draw the receptive field of one site of a layer, and some of the layer's feature maps.

    Args:
        path: a PNG.
        canvas: the input.
        depth: the layer.
        count: the number of maps, those with the largest variance over the sites.

    Returns:
        The path.
    """
    rows = -(-(count + 1) // _IN_A_ROW)
    height = rows * (WIDTH / _IN_A_ROW * canvas.aspect + 0.35) + 0.7
    with drawing(path, height) as figure:
        panels = list(figure.subplots(rows, _IN_A_ROW, squeeze=False).ravel())
        for axes in panels:
            plain_axes(axes)
        canvas.draw_field(panels[0], depth.field)
        title = "input" if depth.field is None else f"receptive field\n{depth.field}"
        panels[0].set_title(title, size=9, weight="normal", loc="center", pad=4)
        shown = depth.maps.varied(count, depth.sample)
        for axes, channel in zip(panels[1:], shown, strict=False):
            canvas.draw_map(axes, depth.maps.values[depth.sample, channel], depth.maps.layer)
            axes.set_title(f"map {channel}", size=9, weight="normal", loc="center", pad=4)
        _add_colorbar(figure, panels)
    return path


def layer_label(name: str) -> str:
    """A layer's name, with the word "layer" before a mere number."""
    return f"layer {name}" if name.isdigit() else name


def wrap_dotted(name: str, width: int = 16) -> str:
    """A dotted name, wrapped before dots."""
    lines = [""]
    for number, part in enumerate(name.split(".")):
        piece = f".{part}" if number else part
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)


def _add_colorbar(figure: Figure, panels: Sequence[Axes]) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    bar = figure.colorbar(
        ScalarMappable(Normalize(-1, 1), two_colors()), ax=list(panels), location="bottom",
        shrink=0.6, aspect=35, ticks=[-1, 0, 1],
    )  # fmt: skip
    bar.set_label("activation / largest magnitude of the map")


def draw_map_sheet(path: Path, canvas: Canvas, depth: Depth, count: int = 32) -> list[int]:
    """Draw the maps of one layer on a grid, each with its index.

    Args:
        path: a PNG.
        canvas: the input.
        depth: the layer.
        count: the largest number of maps, those with the largest variance over the sites.

    Returns:
        The indices of the maps drawn.
    """
    channels = depth.maps.varied(count, depth.sample)
    grid = depth.maps.on_grid()[depth.sample].float().cpu()
    tiles = [
        Tile(signed(grid[n].numpy(), canvas.color_limit(grid[n])), [f"{n}"]) for n in channels
    ]
    draw_sheet(path, tiles, even(len(tiles), _COLUMNS))
    return channels
