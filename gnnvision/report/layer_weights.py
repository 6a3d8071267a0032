"""Figures of filters on graphs: weights by feature, weight matrices, and frequency responses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from gnnvision.explain import Filters
from gnnvision.report.layer_canvas import two_colors
from gnnvision.report.sheet import even
from gnnvision.report.style import INK, MATRIX_MAP, WIDTH, drawing, wrapped

__all__ = ["draw_largest", "draw_matrices", "draw_response"]

_PER_ROW = 2  # small plots in a row
_MAX_MAPS = 8
_LETTER = 0.066  # inches, of a feature's name
_STEPS = 101  # frequencies
_MAX_ROWS = 32


def draw_largest(
    path: Path, found: Filters, names: Sequence[str], count: int = _MAX_MAPS, bars: int = 6
) -> int:
    """Draw bars of the largest weights of the maps with the largest weight norm.

    Args:
        path: an SVG or a PNG.
        found: what `gnnvision.explain.filter_weights` returns for a layer on a graph.
        names: the names of its input channels.
        count: the largest number of maps.
        bars: the number of features of each map.

    Returns:
        The number of maps drawn.
    """
    sizes = found.values.square().sum((0, 1))
    channels = sizes.argsort(descending=True, stable=True)[:count].tolist()
    held = {channel: found.strongest(channel, bars) for channel in channels}
    most = max((abs(weight) for each in held.values() for *_, weight in each), default=1.0)
    columns = even(len(channels), _PER_ROW)
    rows = -(-len(channels) // columns)
    labels = {channel: _labels(each, found, names) for channel, each in held.items()}
    longest = max((len(label) for each in labels.values() for label in each), default=0)
    # Positions by hand: a layout engine takes longer for so many small plots than drawing them.
    margin, step = min(_LETTER * longest, 0.6 * WIDTH / columns) + 0.1, WIDTH / columns
    tall = 0.2 * max(map(len, held.values()), default=1)
    high = tall + 0.55
    with drawing(path, rows * high, WIDTH) as figure:
        figure.set_layout_engine("none")
        for place, channel in enumerate(channels):
            row, column = divmod(place, columns)
            left, bottom = column * step + margin, (rows - row) * high - tall - 0.3
            size = ((step - margin - 0.1) / WIDTH, tall / (rows * high))
            axes = figure.add_axes((left / WIDTH, bottom / (rows * high), *size))
            _bars(axes, held[channel], labels[channel], most)
            axes.set_title(f"map {channel}", size=9, pad=4)
            if place + columns >= len(channels):
                axes.set_xlabel("weight", size=8.5)
    return len(channels)


def _labels(
    weights: Sequence[tuple[int, int, float]], found: Filters, names: Sequence[str]
) -> list[str]:
    """The names of the features, with the operator's name if there are several operators."""
    short = [term.partition(":")[0] for term in found.terms]
    several = len(short) > 1
    return [f"{names[row]}, {short[k]}" if several else names[row] for k, row, _ in weights]


def _bars(
    axes: Any,  # noqa: ANN401
    weights: Sequence[tuple[int, int, float]],
    labels: Sequence[str],
    most: float,
) -> None:
    blue, red = (two_colors()(share) for share in (0.0, 1.0))
    values = [weight for *_, weight in weights]
    colors = [red if value > 0 else blue for value in values]
    axes.barh(range(len(values)), values, color=colors, height=0.72, edgecolor=INK, linewidth=0.4)
    axes.set_yticks(range(len(values)), labels, size=7.5)
    axes.set_xlim(-1.05 * most, 1.05 * most)
    axes.invert_yaxis()
    axes.axvline(0, color=INK, lw=0.7)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=7.5)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=4)


def draw_matrices(path: Path, found: Filters) -> Path:
    """Draw the weight matrix of each operator: red is positive, blue negative.

    Args:
        path: an SVG or a PNG.
        found: the weights of a layer on a graph.

    Returns:
        The path.
    """
    from matplotlib.ticker import MaxNLocator

    values = found.values.float().cpu()
    most = float(values.abs().max()) or 1.0
    columns = even(len(values), _PER_ROW)
    rows = -(-len(values) // columns)
    shape = min(1.0, max(0.35, values.shape[1] / values.shape[2]))
    with drawing(path, rows * (shape * (WIDTH - 1.3) / columns + 0.7), WIDTH) as figure:
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in grid[len(values) :]:
            axes.set_visible(False)
        for k, (axes, matrix) in enumerate(zip(grid, values, strict=False)):
            shown = axes.imshow(
                matrix.numpy(), cmap=two_colors(), vmin=-most, vmax=most, aspect="auto",
                interpolation="nearest",
            )  # fmt: skip
            axes.grid(False)
            axes.set_xlabel("output map", size=8.5)
            axes.set_ylabel("input map", size=8.5)
            axes.set_title(wrapped(found.terms[k], 30) if found.terms else "", size=9)
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_locator(MaxNLocator(integer=True))
        figure.colorbar(shown, ax=list(grid), shrink=0.9, aspect=30).set_label("weight", size=8.5)
    return path


def draw_response(path: Path, found: Filters) -> Path:
    """Draw the frequency response of each map: its gain over the eigenvalues of the Laplacian.

    Args:
        path: an SVG or a PNG.
        found: the weights of a layer that is a polynomial of a Laplacian.

    Returns:
        The path.
    """
    from matplotlib.ticker import MaxNLocator

    response = found.response(torch.linspace(-1, 1, _STEPS)).float().cpu()
    sizes = response.square().mean(1).sqrt().T[:_MAX_ROWS]  # (C_out, F)
    shares = sizes / sizes.amax(1, keepdim=True).clamp(min=1e-30)
    with drawing(path, 1.5 + 0.13 * len(shares)) as figure:
        axes = figure.add_subplot()
        place = (0.0, 1.0, len(shares) - 0.5, -0.5)
        shown = axes.imshow(
            shares.numpy(), cmap=MATRIX_MAP, vmin=0, vmax=1, aspect="auto", extent=place,
            interpolation="nearest",
        )  # fmt: skip
        axes.grid(False)
        axes.set_xlabel("frequency: eigenvalue λ / λ_max of the Laplacian")
        axes.set_ylabel("map")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        bar = figure.colorbar(shown)
        bar.set_label("gain, relative to the largest of the map", size=8.5)
    return path
