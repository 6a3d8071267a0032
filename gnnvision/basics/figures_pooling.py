"""Figures of pooling: small arrays, a photograph, and sensitivity to shifts."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from gnnvision.basics.panels import draw_cells, fit_axes, show_image
from gnnvision.basics.pooling import Reduce, ShiftSensitivity, global_pool, pool
from gnnvision.report.parts import Figure
from gnnvision.report.style import CLASS_COLORS, WIDTH, drawing, legend_below
from gnnvision.training.folder import write_csv

__all__ = [
    "BLOCK_EXAMPLE",
    "OVERLAP_EXAMPLE",
    "draw_pooled_photo",
    "draw_pooling_examples",
    "draw_shift_sensitivity",
]

# The two inputs from lecture 002.
BLOCK_EXAMPLE = ((1, 5, 8, 7), (1, 3, 4, 2), (3, 2, 1, 4), (5, 7, 6, 2))
OVERLAP_EXAMPLE = ((4, 3, 8), (5, 5, 7), (6, 7, 5))
_REDUCTIONS: tuple[Reduce, ...] = ("max", "average", "min")
_TINTS = [f"{color}44" for color in CLASS_COLORS[:4]]


def draw_pooling_examples(path: Path) -> Figure:
    """Maximum, average and global pooling of a 4x4 array; overlapping windows on a 3x3 one."""
    block, overlap = torch.tensor(BLOCK_EXAMPLE), torch.tensor(OVERLAP_EXAMPLE)
    with drawing(path, 4.7) as figure:
        axes = figure.add_subplot()
        fit_axes(axes, 14.2, 10.6, top=-1.0)

        def quarter(i: int, j: int) -> str:
            return _TINTS[2 * (i // 2) + j // 2]

        def one_color_each(i: int, j: int) -> str:
            return _TINTS[2 * i + j]

        draw_cells(axes, block.tolist(), color=quarter)
        for left, reduce, size in ((5.4, _REDUCTIONS[0], 11), (8.6, _REDUCTIONS[1], 9)):
            output = pool(block, 2, reduce=reduce)
            draw_cells(axes, output.tolist(), left, 1, color=one_color_each, size=size)
            axes.text(left + 1, 0.8, reduce, ha="center", va="bottom")
        for row, reduce in enumerate(_REDUCTIONS):
            value = float(global_pool(block, reduce))
            draw_cells(axes, [[value]], 12.6, 0.1 + 1.35 * row, size=8.5)
            axes.text(12.4, 0.6 + 1.35 * row, reduce, ha="right", va="center", fontsize=8.5)
        axes.text(0, -0.25, "2×2 windows, stride 2", weight="bold", va="bottom")
        axes.text(13.6, -0.25, "global pooling", weight="bold", va="bottom", ha="right")

        top = 6.2
        draw_cells(axes, overlap.tolist(), 0, top)
        draw_cells(axes, pool(overlap, 2, 1).tolist(), 5.4, top + 0.5, color=one_color_each)
        axes.text(
            0, top - 0.25, "2×2 windows, stride 1 (overlapping): max", weight="bold", va="bottom"
        )
        axes.text(4.2, top + 1.5, "→", ha="center", va="center", fontsize=15)
        axes.text(4.7, 2, "→", ha="center", va="center", fontsize=15)
    return Figure(
        path,
        "Maximum, average and global pooling of small arrays.",
        "Each window gives one value: its maximum or its mean. Global pooling uses the whole "
        "input as one window. Bottom: with stride 1 the windows overlap, and a 3×3 input gives a "
        "2×2 output.",
    )


def draw_pooled_photo(path: Path, gray: Tensor, side: int = 100) -> Figure:
    """100x100 pixels of a photograph, and the 50x50 outputs of pooling."""
    cut = min(side, *gray.shape) // 2 * 2
    top, left = (gray.shape[0] - cut) // 2, (gray.shape[1] - cut) // 3
    crop = gray[top : top + cut, left : left + cut]
    panels = {f"input, {cut}×{cut}": crop}
    for reduce in _REDUCTIONS[:2]:
        output = pool(crop, 2, reduce=reduce)
        panels[f"{reduce}, {output.shape[0]}×{output.shape[1]}"] = output
    with drawing(path, WIDTH / 3 + 0.35) as figure:
        for axes, (title, image) in zip(figure.subplots(1, 3), panels.items(), strict=True):
            show_image(axes, image, title)
            axes.title.set(fontsize=8.5)
    return Figure(
        path,
        f"{cut}×{cut} pixels of the photograph, and the same after pooling.",
        "2×2 pooling halves width and height and keeps a quarter of the values. The maximum keeps "
        "bright details; the average blurs them.",
    )


def draw_shift_sensitivity(path: Path, measured: ShiftSensitivity) -> Figure:
    """The relative change of features when the input is shifted, with and without pooling."""
    kinds = [name for name in measured.change if not name.startswith("average")]
    with drawing(path, 3.7) as figure:
        axes = figure.add_subplot()
        for number, name in enumerate(kinds):
            values = [100 * value for value in measured.change[name]]
            color = CLASS_COLORS[number]
            axes.plot(measured.shifts, values, "o-", ms=4.5, color=color, label=name)
        axes.set(xlabel="shift of the input (pixels)", ylabel="relative change of features (%)")
        axes.set_title("Sensitivity of features to shifts")
        axes.set_ylim(bottom=0)
        axes.locator_params(axis="x", integer=True)
        legend_below(figure, axes.get_legend_handles_labels()[0], 3)
    rows = [
        {"shift": d} | {name: values[d] for name, values in measured.change.items()}
        for d in measured.shifts
    ]
    write_csv(path.with_suffix(".csv"), rows)
    one = {name: f"{100 * measured.change[name][1]:.0f} %" for name in kinds}
    listing = ", ".join(f"{name}: {value}" for name, value in one.items())
    return Figure(
        path,
        f"Relative change of edge features when the input shifts by one pixel. {listing}.",
        "Edge maps of many windows of the photograph, shifted by 0 to "
        f"{measured.shifts[-1]} pixels. At one pixel the features change by "
        f"{one['no pooling']} without pooling, by {one['max 4×4']} after 4×4 max pooling and by "
        f"{one['global average']} after global average pooling.",
    )
