"""Augmented versions of a training image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gnnvision.data import Augment, ImageTask
from gnnvision.errors import at_least
from gnnvision.report.parts import Figure, Run, Section
from gnnvision.report.sheet import as_tile, draw_sheet, sheet_path
from gnnvision.report.style import CLASS_COLORS
from gnnvision.training.folder import write_csv

__all__ = ["augmentation", "augmentation_sections"]

_ROWS, _COLUMNS = 2, 4


def augmentation(run: Run) -> Section | None:
    """The section of augmentation; None if training images are not augmented."""
    task = run.images
    if task.augment is None:
        return None
    item = int(np.random.default_rng(0).choice(task.split.train))
    lead = (
        "Training images are changed at random in each epoch, in ways that keep the target: "
        f"{task.augment}."
    )
    note = (
        "Validation and test images are never augmented. These samples were drawn for this "
        "figure; training used others."
    )
    return Section("Augmentation", lead, [_sheet(run, task, item)], note=note)


def _sheet(run: Run, task: ImageTask, item: int) -> Figure:
    name = task.target_text(item)
    what = "class" if task.kind == "classification" else "target"
    image = task.images_at([item])
    count = _ROWS * _COLUMNS
    assert task.augment is not None
    generator = torch.Generator().manual_seed(0)
    # From the whole stored image, as in training.
    stored = task.images[[item]].cpu().expand(count, -1, -1, -1)
    changed = task.augment(stored, generator, fill=task.mean)
    first = as_tile(image[0], ["original"], frame=CLASS_COLORS[5], bold=True)
    tiles = [first, *(as_tile(one, [f"sample {n}"]) for n, one in enumerate(changed, 1))]
    path = sheet_path(run.figures / "augmentation", tiles)
    draw_sheet(path, tiles, _COLUMNS + 1)
    rows = [{"tile": "original", "item": item, what: name, "mean_pixel": _mean(image[0])}]
    rows += [
        {"tile": f"sample {n}", "item": item, what: name, "mean_pixel": _mean(one)}
        for n, one in enumerate(changed, 1)
    ]
    write_csv(path.with_suffix(".csv"), rows)
    alt = f"A training image of the {what} “{name}” and {count} augmented versions of it."
    return Figure(path, alt, f"Training image {item}, {what} “{name}”. The original has a frame.")


def augmentation_sections(
    pixels: Tensor,
    augment: Augment,
    shape: tuple[int, int] = (2, 4),
    *,
    name: str,
    seed: int = 0,
    figures: Path,
) -> list[Section]:
    """The sections of one photograph: a sheet of random versions of it, and the original.

    Args:
        pixels: from 0 to 1. Shape (C, H, W).
        augment: what is done to it.
        shape: rows and columns of the sheet.
        name: of the photograph.
        seed: of the random numbers.
        figures: the folder of the figures.

    Raises:
        ValueError: if there are no rows or no columns, or a setting does not fit the image.
    """
    for what, count in zip(("rows", "columns"), shape, strict=True):
        at_least(what, count, 1)
    count, image = shape[0] * shape[1], (255 * pixels).round().to(torch.uint8)
    generator = torch.Generator().manual_seed(seed)
    changed = augment(image.expand(count, -1, -1, -1), generator)
    tiles = [as_tile(one, [f"sample {n}"]) for n, one in enumerate(changed, 1)]
    path = sheet_path(figures / "samples", tiles)
    draw_sheet(path, tiles, shape[1])
    rows = [{"tile": f"sample {n}", "mean_pixel": _mean(x)} for n, x in enumerate(changed, 1)]
    write_csv(path.with_suffix(".csv"), rows)
    original = [as_tile(image)]
    first = sheet_path(figures / "original", original)
    draw_sheet(first, original, 1, width=3.6)
    size = " × ".join(map(str, image.shape[1:]))
    whole = Figure(first, f"The photograph {name}.", f"{name}, {size} pixels.")
    sheet = Figure(path, f"{count} random versions of {name}.")
    lead = f"Each sample has other random numbers: {augment}."
    note = "In training, an image has another version in each epoch; the test images have none."
    return [
        Section("Augmented samples", lead, [sheet], note=note),
        Section("Photograph", "The original.", [whole]),
    ]


def _mean(image: torch.Tensor) -> float:
    return round(float(image.float().mean()), 3)
