"""Figures of layers as matrices, and of the shift operators they consist of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from gnnvision.basics.connectivity import Kind, LayerMatrix, layer_matrix, shift_matrices
from gnnvision.report.parts import Figure
from gnnvision.report.style import (
    BACKGROUND,
    CLASS_COLORS,
    FAINT,
    MUTED,
    WIDTH,
    drawing,
    plain_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_connectivity", "draw_kernel_matrix", "draw_shifts"]

OFFSET_COLORS = (*CLASS_COLORS[:7], "#7a4fa3", "#8a5a2b")  # nine offsets of a 3x3 kernel


def draw_connectivity(path: Path, size: int = 8, kernel_size: int = 3) -> Figure:
    """Fully connected, locally connected and convolution: connections and matrices."""
    words: dict[Kind, str] = {
        "full": "Fully connected",
        "local": "Locally connected",
        "shared": "Convolution",
    }
    listing = []
    with drawing(path, 4.9) as figure:
        panels = figure.subplots(2, 3, gridspec_kw={"height_ratios": [1.25, 1]})
        for column, (kind, name) in enumerate(words.items()):
            layer = layer_matrix(kind, size, kernel_size)
            _lines(panels[0, column], layer, size)
            entries = _entries(layer)
            places, colors = [p for p, _ in entries], [_color(layer, k) for _, k in entries]
            _squares(panels[1, column], layer.which.shape, places, colors)
            counts = f"{layer.num_edges} connections\n{layer.num_weights} weights"
            panels[0, column].set_title(f"{name}\n{counts}", fontsize=9)
            listing.append(
                f"{name.lower()} {layer.num_edges} connections, {layer.num_weights} weights"
            )
    return Figure(
        path,
        f"Layers from {size} inputs to {size - kernel_size + 1} outputs: {'; '.join(listing)}.",
        "Top: inputs on the left, outputs on the right. Bottom: the matrix of the layer, one row "
        "for each output and one column for each input. Empty cells are zero; each color is one "
        "weight. In the first two layers all weights differ; the convolution has only three, "
        "which repeat in every row.",
    )


def _color(layer: LayerMatrix, number: int) -> tuple[float, ...]:
    """A distinct color for each weight: strong colors if there are few weights."""
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    if layer.num_weights <= len(OFFSET_COLORS):
        return to_rgb(OFFSET_COLORS[number])
    # consecutive weights are far apart on the colormap, so that adjacent ones differ
    spread = (number * 0.618034) % 1
    red, green, blue, _ = colormaps["turbo"](0.05 + 0.9 * spread)
    return (red, green, blue)


def _lines(axes: Axes, layer: LayerMatrix, size: int) -> None:
    from matplotlib.collections import LineCollection

    plain_axes(axes)
    outputs = layer.which.shape[0]
    lift = (size - outputs) / 2
    entries = _entries(layer)
    lines = [[(0, n), (1, m + lift)] for (m, n), _ in entries]
    colors = [_color(layer, number) for _, number in entries]
    axes.add_collection(LineCollection(lines, colors=colors, lw=1.3, zorder=1))
    x, y = [0] * size + [1] * outputs, [*range(size), *(m + lift for m in range(outputs))]
    axes.scatter(x, y, s=42, color=BACKGROUND, edgecolor=MUTED, zorder=2)
    axes.set_xlim(-0.12, 1.12)
    axes.set_ylim(size - 0.5, -0.5)


def _entries(layer: LayerMatrix) -> list[tuple[tuple[int, int], int]]:
    """Row and column of every connection, and the index of its weight."""
    rows, columns = (layer.which >= 0).nonzero().T
    places = zip(rows.tolist(), columns.tolist(), strict=True)
    return list(zip(places, layer.which[rows, columns].tolist(), strict=True))


def _squares(
    axes: Axes,
    shape: Sequence[int],
    places: Sequence[tuple[int, int]],
    colors: Sequence[str | tuple[float, ...]],
) -> None:
    """Draw a matrix with colored entries; the others are zero."""
    from matplotlib.collections import LineCollection, PolyCollection

    plain_axes(axes)
    rows, columns = shape
    lines = [[(0, i), (columns, i)] for i in range(rows + 1)]
    lines += [[(j, 0), (j, rows)] for j in range(columns + 1)]
    squares = [[(j, i), (j + 1, i), (j + 1, i + 1), (j, i + 1)] for i, j in places]
    axes.add_collection(LineCollection(lines, colors=FAINT, lw=0.7))
    axes.add_collection(PolyCollection(squares, facecolors=colors, edgecolors=FAINT, lw=0.7))
    axes.set_aspect("equal")
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)


def draw_kernel_matrix(path: Path, side: int = 4) -> Figure:
    """A 3x3 kernel on a small image as one matrix: nine colors, zeros blank."""
    layer = layer_matrix("shared", (side, side), 3, "same")
    sites = side * side
    with drawing(path, 4.0) as figure:
        first, second = figure.subplots(1, 2, gridspec_kw={"width_ratios": [1, 3.2]})
        _squares(first, (3, 3), list(product(range(3), range(3))), OFFSET_COLORS)
        first.set_title("Kernel", fontsize=9.5)
        for number in range(9):
            x, y = number % 3 + 0.5, number // 3 + 0.5
            ink = "white" if number in (0, 2, 5, 7, 8) else "black"
            word = f"w{number + 1}"
            first.text(x, y, word, ha="center", va="center", color=ink, fontsize=8.5)
        entries = _entries(layer)
        places = [place for place, _ in entries]
        _squares(second, layer.which.shape, places, [OFFSET_COLORS[k] for _, k in entries])
        second.set_title(f"The layer as a {sites}×{sites} matrix", fontsize=9.5)
        second.set_xlabel("input pixel, row by row")
        second.set_ylabel("output pixel")
    return Figure(
        path,
        f"A 3×3 kernel in nine colors, and the {sites}×{sites} matrix of the layer.",
        f"A 3×3 convolution with zero padding on {side}×{side} pixels: {sites * sites} entries, "
        f"{layer.num_edges} of them not zero, and only {layer.num_weights} different weights. "
        "Entries are missing where the window extends past the image.",
    )


def draw_shifts(path: Path, side: int = 4) -> Figure:
    """The nine operators of a 3x3 kernel, each a matrix of zeros and ones."""
    operators = shift_matrices((side, side), 3)
    arrows = "↖↑↗←·→↙↓↘"
    with drawing(path, WIDTH * 1.12) as figure:
        for number, axes in enumerate(figure.subplots(3, 3).flat):
            places = [(i, j) for i, j in operators[number].nonzero().tolist()]
            _squares(axes, operators[number].shape, places, [OFFSET_COLORS[number]] * len(places))
            axes.set_title(f"S{number + 1}  {arrows[number]}", fontsize=9.5)
    return Figure(
        path,
        f"The nine shift operators of a 3×3 kernel on {side}×{side} pixels.",
        "Sₖ shifts the whole image: every pixel receives the value of its neighbor in the "
        "direction of the arrow. The matrix of the layer is w₁S₁ + w₂S₂ + … + w₉S₉, the nine "
        "colors combined. On a graph, other operators take the place of these nine.",
    )
