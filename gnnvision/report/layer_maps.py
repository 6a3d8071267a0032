"""Feature maps as pictures: a row for each depth, and a sheet for each layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gnnvision.explain import FeatureMaps
from gnnvision.explain.receptive import Field
from gnnvision.report.layer_canvas import Canvas, two_colors
from gnnvision.report.sheet import Tile, draw_sheet, even, signed
from gnnvision.report.style import INK, MUTED, drawing, plain_axes

__all__ = ["Depth", "broken_name", "draw_depths", "draw_map_sheet"]

_WIDTH = 9.6
_LABEL = 1.25  # inches, for the words beside a row
_COLUMNS = 8


@dataclass(frozen=True)
class Depth:
    """One layer of a picture of several.

    Args:
        maps: what it finds.
        field: what one of its sites sees; None if that is not known.
        member: which of a batch.
    """

    maps: FeatureMaps
    field: Field | None = None
    sample: int = 0


def draw_depths(path: Path, canvas: Canvas, depths: Sequence[Depth], count: int = 5) -> Path:
    """A row for each layer: what one of its sites sees of the input, then some of its maps.

    Args:
        path: a PNG.
        canvas: the input.
        depths: from local to global.
        count: maps in a row, those that differ most from site to site.

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
            sees = "the input" if depth.field is None else f"sees {depth.field}"
            row[1].set_title(sees, size=8.5, weight="normal", loc="center", pad=4)
            shown = depth.maps.varied(count, depth.sample)
            for axes, channel in zip(row[2:], shown, strict=False):
                values = depth.maps.values[depth.sample, channel]
                canvas.draw_map(axes, values, depth.maps.layer)
                words = f"map {channel}"
                axes.set_title(words, size=8.5, weight="normal", loc="center", pad=4)
        _scale(figure)
    return path


def _label(axes: object, depth: Depth) -> None:
    layer = depth.maps.layer
    words = [f"{layer.channels:,} maps", layer.sites]
    name = broken_name(layer.name)
    axes.text(0, 0.62, name, size=9, weight="bold", va="bottom", color=INK)  # type: ignore[attr-defined]
    axes.text(0, 0.56, "\n".join([layer.kind, *words]), size=8, va="top", color=MUTED)  # type: ignore[attr-defined]
    axes.set(xlim=(0, 1), ylim=(0, 1))  # type: ignore[attr-defined]


def broken_name(name: str, width: int = 16) -> str:
    """A dotted name over several lines."""
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
    bar.ax.set_xticklabels(["negative", "0", "positive"])
    bar.set_label("a number of a map, as a share of its largest", size=8.5)


def draw_map_sheet(path: Path, canvas: Canvas, depth: Depth, count: int = 32) -> list[int]:
    """The maps of one layer on a grid, each with its number.

    Args:
        path: a PNG.
        canvas: the input.
        depth: the layer.
        count: how many, those that differ most from site to site.

    Returns:
        The channels that are shown.
    """
    channels = depth.maps.varied(count, depth.sample)
    grid = depth.maps.on_grid()[depth.sample].float().cpu()
    tiles = [Tile(signed(grid[n].numpy(), canvas.most(grid[n])), [f"{n}"]) for n in channels]
    draw_sheet(path, tiles, even(len(tiles), _COLUMNS))
    return channels
