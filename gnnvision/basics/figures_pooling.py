"""Pictures of pooling: tables, a photograph, and what small shifts do."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from gnnvision.basics.panels import cells, fit_cells, show
from gnnvision.basics.pooling import Reduce, ShiftChange, global_pooled, pooled
from gnnvision.report.parts import Figure
from gnnvision.report.style import CLASS_COLORS, WIDTH, drawing, legend_below
from gnnvision.training.folder import write_csv

__all__ = ["BLOCK_EXAMPLE", "OVERLAP_EXAMPLE", "draw_pooled", "draw_shifted", "draw_tables"]

# The two tables of the notes.
BLOCK_EXAMPLE = ((1, 5, 8, 7), (1, 3, 4, 2), (3, 2, 1, 4), (5, 7, 6, 2))
OVERLAP_EXAMPLE = ((4, 3, 8), (5, 5, 7), (6, 7, 5))
_EVERY: tuple[Reduce, ...] = ("max", "average", "min")
_SOFT = ("#cfe3f1", "#fbe3bd", "#c7e8dc", "#f1d9e6")


def draw_tables(path: Path) -> Figure:
    """Maximum, average and global pooling of a 4x4 table; overlapping windows on a 3x3 one."""
    block, overlap = torch.tensor(BLOCK_EXAMPLE), torch.tensor(OVERLAP_EXAMPLE)
    with drawing(path, 4.7) as figure:
        axes = figure.add_subplot()
        fit_cells(axes, 14.2, 10.6, top=-1.0)

        def quarter(i: int, j: int) -> str:
            return _SOFT[2 * (i // 2) + j // 2]

        def own(i: int, j: int) -> str:
            return _SOFT[2 * i + j]

        cells(axes, block.tolist(), color=quarter)
        for left, how, size in ((5.4, _EVERY[0], 11), (8.6, _EVERY[1], 9)):
            found = pooled(block, 2, reduce=how)
            cells(axes, found.tolist(), left, 1, color=own, size=size)
            axes.text(left + 1, 0.8, how, ha="center", va="bottom")
        for row, how in enumerate(_EVERY):
            value = float(global_pooled(block, how))
            cells(axes, [[value]], 12.6, 0.1 + 1.35 * row, size=8.5)
            axes.text(12.4, 0.6 + 1.35 * row, how, ha="right", va="center", fontsize=8.5)
        axes.text(0, -0.25, "2×2, stride 2", weight="bold", va="bottom")
        axes.text(13.6, -0.25, "global", weight="bold", va="bottom", ha="right")

        top = 6.2
        cells(axes, overlap.tolist(), 0, top)
        cells(axes, pooled(overlap, 2, 1).tolist(), 5.4, top + 0.5, color=own)
        axes.text(0, top - 0.25, "2×2, stride 1: windows overlap", weight="bold", va="bottom")
        axes.text(4.2, top + 1.5, "→", ha="center", va="center", fontsize=15)
        axes.text(4.7, 2, "→", ha="center", va="center", fontsize=15)
    return Figure(
        path,
        "Maximum, average and global pooling of small tables.",
        "Every window leaves one number: its largest, or its mean. Global pooling takes the whole "
        "table as one window. Below: a 3×3 table and a window that moves by one: 2×2 numbers.",
    )


def draw_pooled(path: Path, gray: Tensor, side: int = 100) -> Figure:
    """100x100 pixels of a photograph, and the 50x50 that pooling leaves."""
    cut = min(side, *gray.shape) // 2 * 2
    top, left = (gray.shape[0] - cut) // 2, (gray.shape[1] - cut) // 3
    part = gray[top : top + cut, left : left + cut]
    panels = {f"input {cut}×{cut}": part}
    for how in _EVERY[:2]:
        found = pooled(part, 2, reduce=how)
        panels[f"{how} {found.shape[0]}×{found.shape[1]}"] = found
    with drawing(path, WIDTH / 3 + 0.35) as figure:
        for axes, (title, picture) in zip(figure.subplots(1, 3), panels.items(), strict=True):
            show(axes, picture, title)
            axes.title.set(fontsize=8.5)
    return Figure(
        path,
        f"{cut}×{cut} pixels of the photograph and what pooling leaves of them.",
        "Half the width and half the height, a quarter of the numbers. The maximum keeps the "
        "bright details, the average blurs them.",
    )


def draw_shifted(path: Path, measured: ShiftChange) -> Figure:
    """How much features change when the picture moves, with and without pooling."""
    kinds = [name for name in measured.change if "average" not in name or "all" in name]
    with drawing(path, 3.7) as figure:
        axes = figure.add_subplot()
        for number, name in enumerate(kinds):
            values = [100 * value for value in measured.change[name]]
            color = CLASS_COLORS[number]
            axes.plot(measured.shifts, values, "o-", ms=4.5, color=color, label=name)
        axes.set(xlabel="shift of the picture (pixels)", ylabel="change of the features (%)")
        axes.set_title("How much features change")
        axes.set_ylim(bottom=0)
        axes.locator_params(axis="x", integer=True)
        legend_below(figure, axes.get_legend_handles_labels()[0], 3)
    rows = [
        {"shift": d} | {name: values[d] for name, values in measured.change.items()}
        for d in measured.shifts
    ]
    write_csv(path.with_suffix(".csv"), rows)
    one = {name: f"{100 * measured.change[name][1]:.0f} %" for name in kinds}
    said = ", ".join(f"{name}: {value}" for name, value in one.items())
    return Figure(
        path,
        f"Change of edge features when the picture moves by one pixel. {said}.",
        f"Edge maps of many windows of the photograph, moved by some pixels. At one pixel they "
        f"change by {one['not pooled']}; after maximum pooling over 4×4 by {one['max 4×4']}, "
        f"averaged over the whole window by {one['average over all']}.",
    )
