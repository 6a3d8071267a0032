"""The figure of cascading randomization: map similarity as more layers are randomized."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING

from gnnvision.explain import METHODS, Interval, Sanity
from gnnvision.report.attribution_draw import line_styles
from gnnvision.report.layer_maps import layer_label, wrap_dotted
from gnnvision.report.style import MUTED, WIDTH, drawing, legend_below

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["NARROW", "draw_stages"]

NARROW = 3  # methods; more need a wide figure

Stages = Sequence[tuple[str, Sequence[float]]]


def draw_stages(
    path: Path, found: Mapping[str, Stages], checks: Mapping[str, Sanity] | None = None
) -> Path:
    """Draw the similarity of each method's map with that of the trained model after each stage.

    Args:
        path: an SVG or a PNG.
        found: for each method its stages: the last layer randomized, and the similarity for each
            randomized model.
        checks: for each method the intervals at the last stage and of two randomized models.

    Returns:
        The path.
    """
    some = next(iter(found.values()))
    with drawing(path, 4.0, WIDTH if len(found) <= NARROW else 8.4) as figure:
        axes = figure.add_subplot()
        shift = 0.16 / max(len(found) - 1, 1)
        for number, ((name, stages), (color, style)) in enumerate(
            zip(found.items(), line_styles(), strict=False)
        ):
            places = [
                stage + (number - (len(found) - 1) / 2) * shift for stage in range(len(stages) + 1)
            ]
            means = [1.0, *(sum(draws) / len(draws) if draws else nan for _, draws in stages)]
            axes.plot(places, means, color=color, ls=style, label=METHODS[name].title)
            for place, (_, draws) in zip(places[1:], stages, strict=True):
                axes.scatter(
                    [place] * len(draws), draws, s=6, color=color, linewidths=0, alpha=0.5
                )
            if checks is not None:
                _bar(axes, places[-1], checks[name].interval, color)
                _bar(axes, places[-1] + 1, checks[name].reference, color)
        axes.axhline(0, color=MUTED, lw=0.8)
        names = [wrap_dotted(layer_label(layer), 10) for layer, _ in some]
        labels = ["trained", *names[:-1], f"{names[-1]}\n(all)"]
        if checks is not None:
            axes.axvline(len(some) + 0.5, color=MUTED, lw=0.8)
            labels.append("two\nrandom")
        axes.set_xticks(range(len(labels)), labels, size=8)
        axes.set_xlim(-0.35, len(labels) - 0.65)
        axes.set_xlabel("layers randomized, from the output down to")
        axes.set_ylabel("Spearman correlation\nwith the trained network")
        legend_below(figure, axes.get_legend_handles_labels()[0])
    return path


def _bar(axes: Axes, place: float, found: Interval, color: str) -> None:
    """Draw a mean with its interval, if it has one."""
    if isfinite(found.low):
        axes.vlines(place, found.low, found.high, color=color, lw=2.2)
    if isfinite(found.value):
        axes.scatter([place], [found.value], s=26, color=color, marker="D", zorder=3)
