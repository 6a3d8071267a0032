"""Figures of layers as matrices, and of the shift operators they consist of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from gnnvision.basics.connectivity import Kind, LayerMatrix, layer_matrix, shift_matrices
from gnnvision.report.parts import Figure
from gnnvision.report.style import CLASS_COLORS, FAINT, MUTED, WIDTH, drawing, plain_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_connectivity", "draw_kernel_matrix", "draw_shifts"]

OFFSET_COLORS = (*CLASS_COLORS[:8], "#8a5a2b")  # nine offsets of a 3x3 kernel


def draw_connectivity(path: Path, size: int = 8, kernel_size: int = 3) -> Figure:
    """Fully connected, locally connected and convolution: connections and matrices."""
    words: dict[Kind, str] = {
        "full": "Fully connected",
        "local": "Locally connected",
        "shared": "Convolution",
    }
    listing = []
    with drawing(path, 4.9) as figure:
        every = figure.subplots(2, 3, gridspec_kw={"height_ratios": [1.25, 1]})
        for column, (kind, name) in enumerate(words.items()):
            layer = layer_matrix(kind, size, kernel_size)
            _lines(every[0, column], layer, size)
            _matrix(every[1, column], layer)
            counts = f"{layer.num_edges} connections\n{layer.num_weights} weights"
            every[0, column].set_title(f"{name}\n{counts}", fontsize=9)
            listing.append(
                f"{name.lower()} {layer.num_edges} connections, {layer.num_weights} weights"
            )
    return Figure(
        path,
        f"Layers from {size} inputs to {size - kernel_size + 1} outputs: {'; '.join(listing)}.",
        "Top: inputs on the left, outputs on the right. Bottom: the matrix of the layer, one row "
        "for each output and one column for each input. White is zero, and each color is one "
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
    plain_axes(axes)
    outputs = layer.which.shape[0]
    lift = (size - outputs) / 2
    for m, row in enumerate(layer.which.tolist()):
        for n, number in enumerate(row):
            if number >= 0:
                axes.plot([0, 1], [n, m + lift], color=_color(layer, number), lw=1.3, zorder=1)
    axes.scatter([0] * size, range(size), s=42, color="white", edgecolor=MUTED, zorder=2)
    places = [m + lift for m in range(outputs)]
    axes.scatter([1] * outputs, places, s=42, color="white", edgecolor=MUTED, zorder=2)
    axes.set_xlim(-0.12, 1.12)
    axes.set_ylim(size - 0.5, -0.5)


def _matrix(axes: Axes, layer: LayerMatrix) -> None:
    image = torch.ones(*layer.which.shape, 3)
    for (i, j), number in _entries(layer):
        image[i, j] = torch.tensor(_color(layer, number), dtype=image.dtype)
    _squares(axes, image)


def _entries(layer: LayerMatrix) -> list[tuple[tuple[int, int], int]]:
    rows = layer.which.tolist()
    every = ((i, j, number) for i, row in enumerate(rows) for j, number in enumerate(row))
    return [((i, j), number) for i, j, number in every if number >= 0]


def _squares(axes: Axes, image: torch.Tensor) -> None:
    plain_axes(axes)
    axes.imshow(image.numpy())
    rows, columns = image.shape[:2]
    axes.set_xticks([j - 0.5 for j in range(columns + 1)], minor=True)
    axes.set_yticks([i - 0.5 for i in range(rows + 1)], minor=True)
    axes.grid(which="minor", color=FAINT, lw=0.7)
    axes.tick_params(which="minor", length=0)


def draw_kernel_matrix(path: Path, side: int = 4) -> Figure:
    """A 3x3 kernel on a small image as one matrix: nine colors, zeros blank."""
    layer = layer_matrix("shared", (side, side), 3, "same")
    image = torch.ones(*layer.which.shape, 3)
    kernel = torch.ones(3, 3, 3)
    from matplotlib.colors import to_rgb

    for (i, j), number in _entries(layer):
        image[i, j] = torch.tensor(to_rgb(OFFSET_COLORS[number]), dtype=image.dtype)
    for number, color in enumerate(OFFSET_COLORS):
        kernel[number // 3, number % 3] = torch.tensor(to_rgb(color), dtype=kernel.dtype)
    with drawing(path, 4.0) as figure:
        first, second = figure.subplots(1, 2, gridspec_kw={"width_ratios": [1, 3.2]})
        _squares(first, kernel)
        first.set_title("Kernel", fontsize=9.5)
        for number in range(9):
            ink = "white" if number in (0, 2, 5, 7, 8) else "#1d2733"
            first.text(
                number % 3,
                number // 3,
                f"w{number + 1}",
                ha="center",
                va="center",
                color=ink,
                fontsize=8.5,
            )
        _squares(second, image)
        sites = side * side
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
    steps = shift_matrices((side, side), 3)
    arrows = "↖↑↗←·→↙↓↘"
    from matplotlib.colors import to_rgb

    with drawing(path, WIDTH * 1.12) as figure:
        for number, axes in enumerate(figure.subplots(3, 3).flat):
            image = torch.ones(side * side, side * side, 3)
            image[steps[number] > 0] = torch.tensor(
                to_rgb(OFFSET_COLORS[number]), dtype=image.dtype
            )
            _squares(axes, image)
            axes.set_title(f"S{number + 1}  {arrows[number]}", fontsize=9.5)
    return Figure(
        path,
        f"The nine shift operators of a 3×3 kernel on {side}×{side} pixels.",
        "Sₖ shifts the whole image: every pixel receives the value of its neighbor in the "
        "direction of the arrow. The matrix of the layer is w₁S₁ + w₂S₂ + … + w₉S₉, the nine "
        "colors combined. On a graph, other operators take the place of these nine.",
    )
