"""Attributions beside the input, each with a scale of its own, and the curves of their quality."""

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

__all__ = ["Drawn", "draw_attributions", "draw_curves", "method_looks", "strongest"]

_SIDE = 2.35  # inches of a panel
_TOP = 0.995  # of a picture's values have a color of their own; the few beyond share the last
_BESIDE = 3  # methods in a row, at most

FOR_CLASSES = "blue speaks against the answer, red for it"
FOR_NUMBERS = "blue lowers the prediction, red raises it"


@dataclass(frozen=True)
class Drawn:
    """One input and what was found about it.

    Args:
        canvas: what to draw on.
        place: the input as a layer, whose sites the values are of.
        found: the explanations, by the name of the method.
        signs: what the two colors of a method with signs mean.
    """

    canvas: Canvas
    place: Layer
    found: Mapping[str, Attribution]
    signs: str = FOR_CLASSES


def draw_attributions(path: Path, drawn: Drawn) -> Path:
    """The input, and beside it each explanation: over the input, and for a picture also alone."""
    names = list(drawn.found)
    beside = even(len(names), _BESIDE)
    rows = [names[start : start + beside] for start in range(0, len(names), beside)]
    alone = drawn.canvas.what == "picture"
    panels = 2 if alone else 1
    tall = panels * 0.94 * _SIDE * drawn.canvas.aspect + 1.15
    columns = 1 + beside
    with drawing(path, tall * len(rows), _SIDE * columns) as figure:
        parts = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
        for part, row in zip(parts, rows, strict=True):
            ratios = [*[_SIDE * drawn.canvas.aspect] * panels, 0.11]
            grid = part.subplots(
                panels + 1, columns, squeeze=False, gridspec_kw={"height_ratios": ratios}
            )
            for axes in grid.ravel():
                plain_axes(axes)
            drawn.canvas.draw_field(grid[0, 0], None)
            grid[0, 0].set_title(f"The {drawn.canvas.what}", size=9.5, loc="center")
            for number, name in enumerate(row, 1):
                _draw_method(grid[:, number], drawn, name, alone)
            for axes in grid[:, 1 + len(row) :].ravel():
                axes.set_visible(False)
            if alone:
                grid[0, 1].set_ylabel("alone", size=8.5)
                grid[1, 1].set_ylabel("over the picture in gray", size=8.5)
    return path


def _draw_method(column: Sequence[Axes], drawn: Drawn, name: str, alone: bool) -> None:
    """One explanation, with its scale under it."""
    found = drawn.found[name]
    most = strongest(found)
    scale = _scale(found.signed, most)
    column[0].set_title(METHODS[name].title, size=9.5, loc="center")
    if alone:
        column[0].imshow(found.values[0].cpu().numpy(), cmap=scale.cmap, clim=scale.get_clim())
    drawn.canvas.draw_map(column[-2], found.values.flatten().float(), drawn.place, most)
    label = METHODS[name].value + (f": {drawn.signs}" if found.signed else "")
    _bar(scale, column[-1], label)


def strongest(found: Attribution) -> float:
    """The value that has the full color: the largest, but for a few pixels of a picture."""
    sizes = found.values.abs().cpu().double()
    if not sizes.numel():
        return 1.0
    value = (
        float(np.quantile(sizes.numpy(), _TOP, method="higher"))
        if sizes.ndim == 3
        else float(sizes.max())
    )
    return value or float(sizes.max()) or 1.0


def _scale(signed: bool, most: float) -> ScalarMappable:
    """Blue, white and red with 0 in the middle; from white to red where there is no sign."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    if signed:
        return ScalarMappable(Normalize(-most, most), two_colors())
    upper = two_colors()(np.linspace(0.5, 1, 128))
    return ScalarMappable(Normalize(0, most), LinearSegmentedColormap.from_list("upper", upper))


def _bar(scale: ScalarMappable, axes: Axes, label: str) -> None:
    bar = axes.figure.colorbar(scale, cax=axes, orientation="horizontal")
    bar.ax.tick_params(labelsize=7.5)
    bar.locator = _few_ticks()
    bar.formatter = _plain_numbers()
    bar.update_ticks()
    bar.set_label(wrapped(label, 34), size=8)


def _plain_numbers() -> Any:  # noqa: ANN401
    """Small numbers in full, as a factor beside the axis would lie over its label."""
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: f"{value:.3g}")


def _few_ticks() -> Any:  # noqa: ANN401
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(3, steps=[1, 2, 5, 10])


def method_looks() -> list[tuple[str, Any]]:
    """The color and style of each method's line, in the order in which they are drawn."""
    looks = [(CLASS_COLORS[n], style) for n, style in ((0, "-"), (1, "--"), (2, "-."), (3, ":"))]
    return [*looks, (CLASS_COLORS[4], "-"), (CLASS_COLORS[5], "--"), (CLASS_COLORS[7], "-.")]


def draw_curves(path: Path, curves: Mapping[str, Faithfulness]) -> Path:
    """What is left of the answer, with the most important sites covered or uncovered first."""
    looks = method_looks()
    some = next(iter(curves.values()))
    with drawing(path, 3.3, 7.4) as figure:
        pair = figure.subplots(1, 2, sharey=True)
        for axes, kind in zip(pair, ("deletion", "insertion"), strict=True):
            shares = 100 * some.shares
            random = getattr(some, f"random_{kind}").mean(0)
            axes.plot(shares, random, color=MUTED, lw=1.2, label="random orders")
            if (band := getattr(some, f"{kind}_band")) is not None:
                axes.fill_between(shares, *band, color=MUTED, alpha=0.2, lw=0)
            for (name, held), (color, style) in zip(curves.items(), looks, strict=False):
                line = getattr(held, kind).mean(0)
                axes.plot(shares, line, color=color, ls=style, label=METHODS[name].title)
            does = "covered" if kind == "deletion" else "uncovered"
            axes.set_title("Deletion: lower is better" if kind == "deletion" else
                           "Insertion: higher is better")  # fmt: skip
            axes.set_xlabel(f"{does}, most important first (% of sites)")
        pair[0].set_ylabel(wrapped(some.measure, 26))
        handles, labels = pair[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return path


def input_layer(x: Tensor, domain: Any) -> Layer:  # noqa: ANN401
    """The input as a layer, on whose sites something can be drawn."""
    return Layer("input", "input", tuple(torch.Size(x.shape)), domain)
