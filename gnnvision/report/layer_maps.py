"""Figures of feature maps: a row for each layer, and a sheet of one layer's maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gnnvision.explain import FeatureMaps
from gnnvision.explain.receptive import Field
from gnnvision.report.layer_canvas import Canvas, two_colors
from gnnvision.report.sheet import Tile, draw_sheet, even, signed
from gnnvision.report.style import INK, MUTED, drawing, plain_axes

__all__ = ["Depth", "draw_depths", "draw_map_sheet", "wrap_dotted"]

_WIDTH = 9.6
_LABEL = 1.25  # inches, for the text to the left of a row
_COLUMNS = 8


@dataclass(frozen=True)
class Depth:
    """One layer in a figure of several layers.

    Args:
        maps: its feature maps.
        field: the receptive field of one of its sites; None if unknown.
        sample: the index in the batch.
    """

    maps: FeatureMaps
    field: Field | None = None
    sample: int = 0


def draw_depths(path: Path, canvas: Canvas, depths: Sequence[Depth], count: int = 5) -> Path:
    """Draw a row for each layer: the receptive field of one site, then some feature maps.

    Args:
        path: a PNG.
        canvas: the input.
        depths: the layers, from local to global.
        count: the number of maps in a row, those with the largest variance over the sites.

    Returns:
        The path.
    """
    step = (_WIDTH - _LABEL) / (count + 1)
    height = len(depths) * (step * canvas.aspect + 0.26) + 0.75
    with drawing(path, height, _WIDTH) as figure:
        ratios = [_LABEL, *[step] * (count + 1)]
        rows = figure.subplots(
            len(depths), count + 2, squeeze=False, gridspec_kw={"width_ratios": ratios}
        )
        for row, depth in zip(rows, depths, strict=True):
            for axes in row:
                plain_axes(axes)
            _label(row[0], depth)
            canvas.draw_field(row[1], depth.field)
            title = "input" if depth.field is None else f"receptive field\n{depth.field}"
            row[1].set_title(title, size=8.5, weight="normal", loc="center", pad=4)
            shown = depth.maps.varied(count, depth.sample)
            for axes, channel in zip(row[2:], shown, strict=False):
                values = depth.maps.values[depth.sample, channel]
                canvas.draw_map(axes, values, depth.maps.layer)
                axes.set_title(f"map {channel}", size=8.5, weight="normal", loc="center", pad=4)
        _scale(figure)
    return path


def _label(axes: object, depth: Depth) -> None:
    layer = depth.maps.layer
    words = [f"{layer.channels:,} maps", layer.sites]
    name = wrap_dotted(layer.name)
    axes.text(0, 0.62, name, size=9, weight="bold", va="bottom", color=INK)  # type: ignore[attr-defined]
    axes.text(0, 0.56, "\n".join([layer.kind, *words]), size=8, va="top", color=MUTED)  # type: ignore[attr-defined]
    axes.set(xlim=(0, 1), ylim=(0, 1))  # type: ignore[attr-defined]


def wrap_dotted(name: str, width: int = 16) -> str:
    """A dotted name, wrapped before dots."""
    lines = [""]
    for number, part in enumerate(name.split(".")):
        piece = f".{part}" if number else part
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)


def _scale(figure: object) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    bar = figure.colorbar(  # type: ignore[attr-defined]
        ScalarMappable(Normalize(-1, 1), two_colors()),
        ax=figure.axes,  # type: ignore[attr-defined]
        orientation="horizontal",
        shrink=0.45,
        aspect=45,
        ticks=[-1, 0, 1],
    )
    bar.set_label("activation, relative to the largest magnitude of the map", size=8.5)


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
