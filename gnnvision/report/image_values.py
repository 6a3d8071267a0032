"""Test images with the labels or values that are predicted for them, the worst first."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data import ImageTask
from gnnvision.data.images.overview import values_text
from gnnvision.report.images import compute_outputs, subsample
from gnnvision.report.parts import Figure, Run, Section
from gnnvision.report.sheet import as_tile, draw_sheet, even, sheet_path
from gnnvision.report.words import plural
from gnnvision.training.folder import write_csv
from gnnvision.training.objective import to_predictions

__all__ = ["image_values"]

_WORST, _OTHERS = 12, 12
_MOST_EXAMINED = 4000
_COLUMNS, _WIDTH = 6, 9.0


def image_values(run: Run) -> Section | None:
    """The section of test predictions of several labels or of values; None without targets."""
    task = run.images
    y = task.y.cpu().double().numpy()
    test = np.array(task.split.test, dtype=np.int64)
    items = subsample(test[~np.isnan(y[test]).all(1)], _MOST_EXAMINED) if len(test) else test
    if not len(items):
        return None
    outputs = compute_outputs(task, run.result.model, torch.from_numpy(items))
    predicted = to_predictions(task.kind, outputs)
    off = _errors(task, y[items], predicted)
    order = np.argsort(-off, kind="stable")
    worst, rest = order[:_WORST], np.sort(order[_WORST:])
    chosen = np.concatenate([worst, subsample(rest, _OTHERS)])
    sheet = _sheet(run, task, items[chosen], predicted[torch.from_numpy(chosen)])
    measure = (
        "mean difference between probability and label"
        if task.kind == "multilabel"
        else "mean error, in standard deviations of the targets"
    )
    lead = (
        f"The {plural(len(worst), 'test image')} with the largest {measure}, the worst first"
        + (
            f", and a random sample of {len(chosen) - len(worst)} of the others."
            if len(rest)
            else "."
        )
    )
    note = "These are predictions for the test split; nothing was selected by them."
    if len(run.result.outcomes) > 1:
        note += f" They are those of the kept model, seed {run.result.best.seed}."
    if len(items) < len(test) and len(items) == _MOST_EXAMINED:
        note += f" They are chosen from a random sample of {_MOST_EXAMINED:,} test images."
    return Section("Test predictions", lead, [sheet], note=note, wide=True)


def _errors(task: ImageTask, y: NDArray[np.float64], predicted: Tensor) -> NDArray[np.float64]:
    """The mean error of each image over its known targets. Shape (n,)."""
    off = np.abs(predicted.double().numpy() - y)
    if (moments := task.target_statistics) is not None:
        off = off / moments[1].cpu().double().numpy()
    return np.asarray(np.nanmean(off, axis=1))


def _sheet(run: Run, task: ImageTask, items: NDArray[np.int64], predicted: Tensor) -> Figure:
    names = task.class_names
    tiles, rows, pairs = [], [], []
    y = task.y.cpu()
    for item, pixels, values in zip(
        items.tolist(), task.images_at(items.tolist()), predicted.tolist(), strict=True
    ):
        given = dict(zip(names, values, strict=True))
        true = dict(zip(names, y[item].tolist(), strict=True))
        said, right = values_text(task.kind, given), values_text(task.kind, true)
        tiles.append(as_tile(pixels, [said, f"true: {right}"]))
        pairs.append(f"{said} (true: {right})")
        rows.append(
            {"item": item, "file": task.item_names[item] if task.item_names else ""}
            | {f"true {name}": value for name, value in true.items()}
            | {f"predicted {name}": round(value, 6) for name, value in given.items()}
        )
    path = sheet_path(run.figures / "predictions", tiles)
    draw_sheet(path, tiles, even(len(tiles), _COLUMNS), width=_WIDTH)
    write_csv(path.with_suffix(".csv"), rows)
    above = "labels with a probability above 50 %" if task.kind == "multilabel" else "values"
    caption = f"Above each image: the predicted {above}; below that, the true ones."
    return Figure(path, f"{plural(len(rows), 'test image')}: {'; '.join(pairs)}.", caption)
