"""Figures of attributions: maps next to the input, and deletion and insertion curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from gnnvision.explain import METHODS, Attribution, Faithfulness, Layer
from gnnvision.report.layer_canvas import Canvas, two_colors
from gnnvision.report.sheet import even
from gnnvision.report.style import CLASS_COLORS, MUTED, drawing, plain_axes, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

__all__ = ["AttributionMaps", "color_limit", "draw_attributions", "draw_curves", "line_styles"]

_SIDE = 2.35  # inches of a panel
_TOP = 0.995  # the quantile of an image's values that ends the color scale
_MAX_COLUMNS = 3  # methods in a row

FOR_CLASSES = "red: evidence for the class, blue: against it"
FOR_REGRESSION = "red: increases the prediction, blue: decreases it"


@dataclass(frozen=True)
class AttributionMaps:
    """The attribution maps of one input.

    Args:
        canvas: draws the input and the maps.
        input: the input as a layer, whose sites are those of the maps.
        found: the attributions, by the name of the method.
        signs: what the two colors of a signed method mean.
    """

    canvas: Canvas
    input: Layer
    found: Mapping[str, Attribution]
    signs: str = FOR_CLASSES


def draw_attributions(path: Path, maps: AttributionMaps) -> Path:
    """Draw the input and each map over it; maps of an image are also drawn alone.

    Args:
        path: a PNG.
        maps: the input and its attributions.

    Returns:
        The path.
    """
    names = list(maps.found)
    per_row = even(len(names), _MAX_COLUMNS)
    rows = [names[start : start + per_row] for start in range(0, len(names), per_row)]
    alone = maps.canvas.what == "image"
    panels = 2 if alone else 1
    tall = panels * 0.94 * _SIDE * maps.canvas.aspect + 1.15
    columns = 1 + per_row
    with drawing(path, tall * len(rows), _SIDE * columns) as figure:
        parts = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
        for part, row in zip(parts, rows, strict=True):
            ratios = [*[_SIDE * maps.canvas.aspect] * panels, 0.11]
            grid = part.subplots(
                panels + 1, columns, squeeze=False, gridspec_kw={"height_ratios": ratios}
            )
            for axes in grid.ravel():
                plain_axes(axes)
            maps.canvas.draw_field(grid[0, 0], None)
            grid[0, 0].set_title(f"Input {maps.canvas.what}", size=9.5, loc="center")
            for number, name in enumerate(row, 1):
                _draw_method(grid[:, number], maps, name, alone)
            for axes in grid[:, 1 + len(row) :].ravel():
                axes.set_visible(False)
            if alone:
                grid[0, 1].set_ylabel("map", size=8.5)
                grid[1, 1].set_ylabel("map over the image", size=8.5)
    return path


def _draw_method(column: Sequence[Axes], maps: AttributionMaps, name: str, alone: bool) -> None:
    """Draw one attribution map with its color scale below."""
    found = maps.found[name]
    limit = color_limit(found)
    scale = _scale(found.signed, limit)
    column[0].set_title(METHODS[name].title, size=9.5, loc="center")
    if alone:
        column[0].imshow(found.values[0].cpu().numpy(), cmap=scale.cmap, clim=scale.get_clim())
    maps.canvas.draw_map(column[-2], found.values.flatten().float(), maps.input, limit)
    label = METHODS[name].value + (f": {maps.signs}" if found.signed else "")
    _bar(scale, column[-1], label)


def color_limit(found: Attribution) -> float:
    """The magnitude at the end of the color scale: the largest, or a quantile for images."""
    sizes = found.values.abs().cpu().double()
    if not sizes.numel():
        return 1.0
    value = (
        float(np.quantile(sizes.numpy(), _TOP, method="higher"))
        if sizes.ndim == 3
        else float(sizes.max())
    )
    return value or float(sizes.max()) or 1.0


def _scale(signed: bool, limit: float) -> ScalarMappable:
    """A color scale: blue, white (0), red if signed; else white (0) to red."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    if signed:
        return ScalarMappable(Normalize(-limit, limit), two_colors())
    upper = two_colors()(np.linspace(0.5, 1, 128))
    return ScalarMappable(Normalize(0, limit), LinearSegmentedColormap.from_list("upper", upper))


def _bar(scale: ScalarMappable, axes: Axes, label: str) -> None:
    bar = axes.figure.colorbar(scale, cax=axes, orientation="horizontal")
    bar.ax.tick_params(labelsize=7.5)
    bar.locator = _few_ticks()
    bar.formatter = _plain_numbers()
    bar.update_ticks()
    bar.set_label(wrapped(label, 34), size=8)


def _plain_numbers() -> Any:  # noqa: ANN401
    """Tick labels without an offset or a factor, which would overlap the label of the axis."""
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: f"{value:.3g}")


def _few_ticks() -> Any:  # noqa: ANN401
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(3, steps=[1, 2, 5, 10])


def line_styles() -> list[tuple[str, Any]]:
    """The color and line style of each method, in the order of the methods."""
    styles = [(CLASS_COLORS[n], style) for n, style in ((0, "-"), (1, "--"), (2, "-."), (3, ":"))]
    return [*styles, (CLASS_COLORS[4], "-"), (CLASS_COLORS[5], "--"), (CLASS_COLORS[7], "-.")]


def draw_curves(path: Path, curves: Mapping[str, Faithfulness]) -> Path:
    """Draw the deletion and insertion curves of all methods with their random baseline.

    Args:
        path: an SVG or a PNG.
        curves: by the name of the method.

    Returns:
        The path.
    """
    styles = line_styles()
    some = next(iter(curves.values()))
    with drawing(path, 3.3, 7.4) as figure:
        pair = figure.subplots(1, 2, sharey=True)
        for axes, kind in zip(pair, ("deletion", "insertion"), strict=True):
            shares = 100 * some.shares
            random = getattr(some, f"random_{kind}").mean(0)
            axes.plot(shares, random, color=MUTED, lw=1.2, label="random baseline")
            if (band := getattr(some, f"{kind}_band")) is not None:
                axes.fill_between(shares, *band, color=MUTED, alpha=0.2, lw=0)
            for (name, held), (color, style) in zip(curves.items(), styles, strict=False):
                line = getattr(held, kind).mean(0)
                axes.plot(shares, line, color=color, ls=style, label=METHODS[name].title)
            better, does = ("lower", "removed") if kind == "deletion" else ("higher", "inserted")
            axes.set_title(f"{kind.capitalize()} ({better} is better)")
            axes.set_xlabel(f"sites {does} (%), most important first")
        pair[0].set_ylabel(wrapped(some.measure, 26))
        handles, labels = pair[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return path


def input_layer(x: Tensor, domain: Any) -> Layer:  # noqa: ANN401
    """The input as a layer, so that values at its sites can be drawn on a canvas."""
    return Layer("input", "input", tuple(torch.Size(x.shape)), domain)
