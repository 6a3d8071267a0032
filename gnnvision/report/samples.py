"""The pictures that a run learned from, and how many there are of each class."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from gnnvision.data import ImageTask, ReconstructionTask
from gnnvision.report.images import subsample
from gnnvision.report.parts import Figure, Run, Section, Table
from gnnvision.report.sheet import as_tile, draw_sheet
from gnnvision.report.style import CLASS_COLORS, drawing, legend_below, wrapped
from gnnvision.report.words import plural
from gnnvision.training.folder import write_csv

__all__ = ["class_counts", "samples"]

_SHOWN = 20
_MOST_BARS = 30
_COLORS = {"train": CLASS_COLORS[0], "val": CLASS_COLORS[4], "test": CLASS_COLORS[5]}
_PARTS = (("train", "training"), ("val", "validation"), ("test", "test"))


def samples(run: Run) -> Section:
    """The section of the images and their labels."""
    task = run.images
    train = np.array(task.split.train)
    items = np.random.default_rng(0).permutation(subsample(train, _SHOWN))
    height, width = task.grid.size
    lead = (
        f"{plural(len(items), 'picture')} of the {len(train):,} that trained, drawn at random, "
        f"each with its label. A picture has {height} × {width} pixels"
    )
    lead += f" and {plural(task.in_channels, 'channel')}."
    if isinstance(run.result.task, ReconstructionTask):
        lead += " The network was not told the labels."
    counts = class_counts(task)
    rows = [(word, *_row(counts[part])) for part, word in _PARTS if len(counts[part])]
    table = Table(("Part", "Pictures", "Smallest class", "Largest class"), rows)
    note = "Parts share no picture. " + (
        "The training part sets the weights, the validation part chooses among them, the test "
        "part is read once at the end."
        if len(task.split.val)
        else "No validation part was held out: all that could be learned from trained, and the "
        "last epoch was kept."
    )
    pictures = [_sheet(run, task, items)]
    pictures += [_balance(run, task, counts)] if task.num_outputs <= _MOST_BARS else []
    return Section("The pictures", lead, pictures, [table], note, wide=True)


def class_counts(task: ImageTask) -> dict[str, NDArray[np.int64]]:
    """Part -> how many of its pictures each class has; empty for an empty part."""
    y = task.y.cpu().numpy()
    held = {part: np.array(getattr(task.split, part)) for part, _ in _PARTS}
    return {
        part: np.bincount(y[items], minlength=task.num_outputs) if len(items) else y[:0]
        for part, items in held.items()
    }


def _row(counts: NDArray[np.int64]) -> tuple[str, ...]:
    return tuple(f"{n:,}" for n in (counts.sum(), counts.min(), counts.max()))


def _sheet(run: Run, task: ImageTask, items: NDArray[np.int64]) -> Figure:
    path = run.figures / "samples.png"
    pictures, labels = task.images_at(torch.from_numpy(items)), task.y.cpu()[items].tolist()
    names = [task.class_names[label] for label in labels]
    tiles = [as_tile(p, [name]) for p, name in zip(pictures, names, strict=True)]
    draw_sheet(path, tiles, 5)
    write_csv(
        path.with_suffix(".csv"),
        [
            {"item": item, "file": task.item_names[item] if task.item_names else "", "class": name}
            for item, name in zip(items.tolist(), names, strict=True)
        ],
    )
    return Figure(path, f"{plural(len(items), 'training picture')}: {', '.join(names)}.")


def _balance(run: Run, task: ImageTask, counts: dict[str, NDArray[np.int64]]) -> Figure:
    path = run.figures / "classes.png"
    held = [(part, word) for part, word in _PARTS if len(counts[part])]
    places, names = np.arange(task.num_outputs), task.class_names
    left = np.zeros(task.num_outputs)
    with drawing(path, 1.2 + 0.27 * task.num_outputs) as figure:
        axes = figure.add_subplot()
        for part, word in held:
            color = _COLORS[part]
            axes.barh(places, counts[part], left=left, color=color, label=word, height=0.72)
            left += counts[part]
        axes.set_yticks(places, [wrapped(name, 26) for name in names])
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=5)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set(xlabel="pictures", title="Pictures of each class")
        legend_below(figure, axes.get_legend_handles_labels()[0], 3)
    rows = [
        {"class": name} | {part: int(counts[part][number]) for part, _ in held}
        for number, name in enumerate(names)
    ]
    write_csv(path.with_suffix(".csv"), rows)
    least, most = int(left.argmin()), int(left.argmax())
    alt = (
        f"Bar chart of the {task.num_outputs} classes: from {left[least]:,.0f} pictures of "
        f"“{names[least]}” to {left[most]:,.0f} of “{names[most]}”."
    )
    return Figure(path, alt)
