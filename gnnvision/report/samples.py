"""Training samples, and how many images each class has in each split."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from gnnvision.data import ImageTask, ReconstructionTask
from gnnvision.report.images import subsample
from gnnvision.report.parts import Figure, Run, Section, Table
from gnnvision.report.sheet import as_tile, draw_sheet, sheet_path
from gnnvision.report.style import CLASS_COLORS, NARROW, drawing, legend_below, wrapped
from gnnvision.report.words import plural
from gnnvision.training.folder import write_csv

__all__ = ["class_counts", "samples"]

_SHOWN = 20
_MOST_BARS = 30
_MOST_COLUMNS = 4
_COLORS = {"train": CLASS_COLORS[0], "val": CLASS_COLORS[4], "test": CLASS_COLORS[5]}
_SPLITS = (("train", "training"), ("val", "validation"), ("test", "test"))


def samples(run: Run) -> Section:
    """The section of the training samples and the class counts."""
    task = run.images
    train = np.array(task.split.train)
    items = np.random.default_rng(0).permutation(subsample(train, _SHOWN))
    height, width = task.grid.shape
    lead = (
        f"A random sample of {len(items)} of the {plural(len(train), 'training image')}, with "
        f"their labels. An image has {height} × {width} pixels"
    )
    lead += f" and {plural(task.in_channels, 'channel')}."
    if isinstance(run.result.task, ReconstructionTask):
        lead += " The network does not use the labels."
    table, counts = _table(task), class_counts(task)
    note = "The splits share no image. " + (
        "Weights are fitted on the training split and selected on the validation split; the test "
        "split selects nothing."
        if len(task.split.val)
        else "There is no validation split: all other images trained, and the last epoch was kept."
    )
    makers = [partial(_sheet, run, task, items)]
    if counts and task.num_outputs <= _MOST_BARS:
        makers.append(partial(_balance, run, task, counts))
    figures = run.draw(*makers)
    return Section("Training samples", lead, figures, [table], note, wide=True)


def class_counts(task: ImageTask) -> dict[str, NDArray[np.int64]]:
    """Split -> how many of its images each class or label has; empty for an empty split.

    Without any entry for a regression.
    """
    if task.kind == "regression":
        return {}
    y = task.y.cpu().numpy()
    held = {split: np.array(getattr(task.split, split)) for split, _ in _SPLITS}
    if task.kind == "multilabel":
        positive = (y == 1).astype(np.int64)
        return {split: positive[i].sum(0) if len(i) else i for split, i in held.items()}
    return {
        split: np.bincount(y[items], minlength=task.num_outputs) if len(items) else y[:0]
        for split, items in held.items()
    }


def _table(task: ImageTask) -> Table:
    """The number of images of each split, with the extremes of their classes or values."""
    counts, rows = class_counts(task), []
    for split, word in _SPLITS:
        items = np.array(getattr(task.split, split))
        if not len(items):
            continue
        row: list[str] = [word, f"{len(items):,}"]
        if task.kind == "regression":
            for column in task.y.cpu().double().numpy()[items].T[:_MOST_COLUMNS]:
                known = column[~np.isnan(column)]
                row.append(f"{known.min():.4g} to {known.max():.4g}" if len(known) else "none")
        else:
            row += [f"{n:,}" for n in (counts[split].min(), counts[split].max())]
        rows.append(tuple(row))
    heads = {
        "classification": ["Smallest class", "Largest class"],
        "multilabel": ["Rarest label", "Most frequent label"],
        "regression": list(task.class_names[:_MOST_COLUMNS]),
    }
    return Table(("Split", "Images", *heads[task.kind]), rows)


def _sheet(run: Run, task: ImageTask, items: NDArray[np.int64]) -> Figure:
    images = task.images_at(torch.from_numpy(items))
    names = [task.target_text(item) for item in items.tolist()]
    what = "class" if task.kind == "classification" else "target"
    tiles = [as_tile(one, [name]) for one, name in zip(images, names, strict=True)]
    path = sheet_path(run.figures / "samples", tiles)
    draw_sheet(path, tiles, 5)
    write_csv(
        path.with_suffix(".csv"),
        [
            {"item": item, "file": task.item_names[item] if task.item_names else "", what: name}
            for item, name in zip(items.tolist(), names, strict=True)
        ],
    )
    return Figure(path, f"{plural(len(items), 'training image')}: {', '.join(names)}.")


def _balance(run: Run, task: ImageTask, counts: dict[str, NDArray[np.int64]]) -> Figure:
    path = run.figures / "classes.svg"
    held = [(split, word) for split, word in _SPLITS if len(counts[split])]
    places, names = np.arange(task.num_outputs), task.class_names
    left = np.zeros(task.num_outputs)
    with drawing(path, 1.2 + 0.27 * task.num_outputs, NARROW) as figure:
        axes = figure.add_subplot()
        for split, word in held:
            color = _COLORS[split]
            axes.barh(places, counts[split], left=left, color=color, label=word, height=0.72)
            left += counts[split]
        axes.set_yticks(places, [wrapped(name, 26) for name in names])
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=5)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        word = "class" if task.kind == "classification" else "label"
        axes.set(xlabel="Images", title=f"Images per {word}")
        legend_below(figure, axes.get_legend_handles_labels()[0], 3)
    rows = [
        {"class": name} | {split: int(counts[split][number]) for split, _ in held}
        for number, name in enumerate(names)
    ]
    write_csv(path.with_suffix(".csv"), rows)
    least, most = int(left.argmin()), int(left.argmax())
    alt = (
        f"Bar chart of the {plural(task.num_outputs, word)}: from {left[least]:,.0f} images of "
        f"“{names[least]}” to {left[most]:,.0f} of “{names[most]}”."
    )
    return Figure(path, alt)
