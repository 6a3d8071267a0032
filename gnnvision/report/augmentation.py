"""What augmentation does to a picture."""

from __future__ import annotations

import numpy as np
import torch

from gnnvision.data import ImageTask
from gnnvision.report.parts import Figure, Run, Section
from gnnvision.report.sheet import as_tile, draw_sheet
from gnnvision.report.style import CLASS_COLORS
from gnnvision.training.folder import write_csv

__all__ = ["augmentation"]

_ROWS, _COLUMNS = 2, 4


def augmentation(run: Run) -> Section | None:
    """The section of augmentation; None where training pictures stay as they are."""
    task = run.images
    if task.augment is None:
        return None
    item = int(np.random.default_rng(0).choice(task.split.train))
    lead = (
        "Each time a training picture is shown to the network it is changed a little, by chance, "
        f"in a way that leaves its class as it is: {task.augment}."
    )
    note = (
        "Validation and test pictures are never changed. The draws of this sheet are its own, "
        "not those of the training."
    )
    return Section("Augmentation", lead, [_sheet(run, task, item)], note=note)


def _sheet(run: Run, task: ImageTask, item: int) -> Figure:
    path, name = run.figures / "augmentation.png", task.class_names[int(task.y[item])]
    picture = task.images_at([item])
    count = _ROWS * _COLUMNS
    assert task.augment is not None
    generator = torch.Generator().manual_seed(0)
    # From the whole stored picture, as in training.
    stored = task.images[[item]].cpu().expand(count, -1, -1, -1)
    changed = task.augment(stored, generator, fill=task.mean)
    first = as_tile(picture[0], ["original"], frame=CLASS_COLORS[5], bold=True)
    tiles = [first, *(as_tile(one, [f"draw {n}"]) for n, one in enumerate(changed, 1))]
    draw_sheet(path, tiles, _COLUMNS + 1)
    rows = [{"tile": "original", "item": item, "class": name, "mean_pixel": _mean(picture[0])}]
    rows += [
        {"tile": f"draw {n}", "item": item, "class": name, "mean_pixel": _mean(one)}
        for n, one in enumerate(changed, 1)
    ]
    write_csv(path.with_suffix(".csv"), rows)
    alt = f"One training picture of the class “{name}” as it is, and {count} changed ones."
    return Figure(path, alt, f"Image {item} of the class “{name}”; the original is framed.")


def _mean(picture: torch.Tensor) -> float:
    return round(float(picture.float().mean()), 3)
