"""Figures of attributions: maps next to the input, and deletion and insertion curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from gnnvision.explain import METHODS, Attribution, Faithfulness, Layer
from gnnvision.report.layer_canvas import Canvas, two_colors
from gnnvision.report.style import (
    CLASS_COLORS,
    MUTED,
    WIDTH,
    drawing,
    legend_below,
    plain_axes,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

__all__ = [
    "AttributionMaps",
    "color_limit",
    "draw_attribution",
    "draw_curves",
    "draw_input",
    "line_styles",
]

_TOP = 0.995  # the quantile of an image's values that ends the color scale

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


def draw_input(path: Path, canvas: Canvas) -> Path:
    """Draw the input alone, as large as in its attribution maps.

    Args:
        path: a PNG.
        canvas: the input.

    Returns:
        The path.
    """
    with _panels(path, canvas, 0.3) as (_, axes):
        canvas.draw_field(axes[0], None)
        axes[0].set_title(f"Input {canvas.what}")
    return path


def draw_attribution(path: Path, maps: AttributionMaps, method: str) -> Path:
    """Draw the map of one method over the input; that of an image also alone.

    Args:
        path: a PNG.
        maps: the input and its attributions.
        method: a key of `maps.found`.

    Returns:
        The path.
    """
    found = maps.found[method]
    limit = color_limit(found)
    scale = _scale(found.signed, limit)
    with _panels(path, maps.canvas, 0.9) as (figure, axes):
        axes[0].set_title(METHODS[method].title)
        if len(axes) > 1:
            axes[0].imshow(found.values[0].cpu().numpy(), cmap=scale.cmap, clim=scale.get_clim())
        maps.canvas.draw_map(axes[-1], found.values.flatten().float(), maps.input, limit)
        label = METHODS[method].value + (f"\n({maps.signs})" if found.signed else "")
        _add_colorbar(figure, axes, scale, label)
    return path


@contextmanager
def _panels(path: Path, canvas: Canvas, more: float) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure with two panels for an image, one for a graph; `more` inches high than these."""
    count = 2 if canvas.what == "image" else 1
    with drawing(path, WIDTH / count * canvas.aspect + more) as figure:
        axes = list(figure.subplots(1, count, squeeze=False)[0])
        for one in axes:
            plain_axes(one)
        yield figure, axes


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


def _add_colorbar(figure: Figure, axes: Sequence[Axes], scale: ScalarMappable, label: str) -> None:
    bar = figure.colorbar(scale, ax=list(axes), location="bottom", aspect=45, shrink=0.8)
    bar.locator = _few_ticks()
    bar.formatter = _plain_numbers()
    bar.update_ticks()
    bar.set_label(label)


def _plain_numbers() -> Any:  # noqa: ANN401
    """Tick labels without an offset or a factor, which would overlap the label of the axis."""
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: f"{value:.3g}".replace("-", "−"))


def _few_ticks() -> Any:  # noqa: ANN401
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(5, steps=[1, 2, 5, 10])


def line_styles() -> list[tuple[str, Any]]:
    """The color and line style of each method, in the order of the methods."""
    styles = [(CLASS_COLORS[n], style) for n, style in ((0, "-"), (1, "--"), (2, "-."), (3, ":"))]
    return [*styles, (CLASS_COLORS[4], "-"), (CLASS_COLORS[5], "--"), (CLASS_COLORS[7], "-.")]


def draw_curves(
    path: Path,
    curves: Mapping[str, Faithfulness],
    kind: Literal["deletion", "insertion"],
    sites: str = "sites",
) -> Path:
    """Draw the deletion or insertion curves of all methods with their random baseline.

    Args:
        path: an SVG or a PNG.
        curves: by the name of the method.
        kind: which curves.
        sites: what a site is called, in the plural.

    Returns:
        The path.
    """
    some = next(iter(curves.values()))
    shares = 100 * some.shares
    with drawing(path, 3.6) as figure:
        axes = figure.add_subplot()
        random = getattr(some, f"random_{kind}").mean(0)
        axes.plot(shares, random, color=MUTED, lw=1.2, label="random baseline")
        if (band := getattr(some, f"{kind}_band")) is not None:
            axes.fill_between(shares, *band, color=MUTED, alpha=0.2, lw=0)
        for (name, held), (color, style) in zip(curves.items(), line_styles(), strict=False):
            line = getattr(held, kind).mean(0)
            axes.plot(shares, line, color=color, ls=style, label=METHODS[name].title)
        better, does = ("lower", "removed") if kind == "deletion" else ("higher", "inserted")
        axes.set_title(f"{kind.capitalize()} ({better} is better)")
        axes.set_xlabel(f"{sites} {does} (%), most important first")
        axes.set_ylabel(wrapped(some.measure, 34))
        legend_below(figure, axes.get_legend_handles_labels()[0])
    return path


def input_layer(x: Tensor, domain: Any) -> Layer:  # noqa: ANN401
    """The input as a layer, so that values at its sites can be drawn on a canvas."""
    return Layer("input", "input", tuple(torch.Size(x.shape)), domain)
