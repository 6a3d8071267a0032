"""Test images with their predictions: correct in green, wrong in red."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from gnnvision.data import ImageTask
from gnnvision.report.images import compute_outputs, subsample
from gnnvision.report.parts import Figure, Run, Section
from gnnvision.report.sheet import as_tile, draw_sheet, even, sheet_path
from gnnvision.training.folder import write_csv

__all__ = ["gallery"]

_SHOWN = 24
_MOST_WRONG = 12
_COLUMNS = 6
_WIDTH = 9.0
# A green and a red that every kind of color vision tells apart (Tol's "vibrant" colors,
# https://sronpersonalpages.nl/~pault), and a mark beside them.
_RIGHT, _WRONG = ("#009988", "\u2713"), ("#CC3311", "\u2717")


def gallery(run: Run) -> Section | None:
    """The section of test predictions; None without test images."""
    task, best = run.images, run.result.best
    if not len(task.split.test):
        return None
    test = np.array(task.split.test, dtype=np.int64)
    wrong = (best.prediction.cpu() != best.target.cpu()).numpy()
    bad = subsample(test[wrong], _MOST_WRONG)
    good = subsample(test[~wrong], _SHOWN - len(bad))
    sheet = _sheet(run, task, np.concatenate([bad, good]))
    count = int(wrong.sum())
    which = "all" if len(bad) == count else f"a random sample of {len(bad)}"
    shown = f"{which} of the wrong ones (red frame, \u2717) and " if len(bad) else ""
    lead = (
        f"{len(test) - count:,} of {len(test):,} test images are classified correctly, {count:,} "
        f"wrongly. Shown are {shown}a random sample of {len(good)} of the correct ones (green "
        "frame, \u2713)."
    )
    note = "These are the predictions of the final evaluation; nothing was selected by them."
    if len(run.result.outcomes) > 1:
        note += f" They are those of the kept model, seed {best.seed}."
    return Section("Test predictions", lead, [sheet], note=note, wide=True)


def _sheet(run: Run, task: ImageTask, items: NDArray[np.int64]) -> Figure:
    names = task.class_names
    best = run.result.best
    place = {int(item): number for number, item in enumerate(task.split.test)}
    shares = compute_outputs(task, run.result.model, torch.from_numpy(items)).softmax(1)
    tiles, rows = [], []
    for number, (item, pixels) in enumerate(
        zip(items.tolist(), task.images_at(items.tolist()), strict=True)
    ):
        predicted, true = int(best.prediction[place[item]]), int(best.target[place[item]])
        color, mark = _RIGHT if predicted == true else _WRONG
        probability = float(shares[number, predicted])
        words = [f"{mark} {names[predicted]}, {100 * probability:.0f}\u00a0%"]
        words.append("" if predicted == true else f"true: {names[true]}")
        tiles.append(as_tile(pixels, words, frame=color, bold=predicted != true))
        file = task.item_names[item] if task.item_names else ""
        rows.append(
            {
                "item": item,
                "file": file,
                "true_class": names[true],
                "predicted_class": names[predicted],
                "predicted_probability": round(probability, 6),
                "right": int(predicted == true),
            }
        )
    path = sheet_path(run.figures / "gallery", tiles)
    draw_sheet(path, tiles, even(len(tiles), _COLUMNS), width=_WIDTH)
    write_csv(path.with_suffix(".csv"), rows)
    wrong = [
        f"{r['true_class']} predicted as {r['predicted_class']}" for r in rows if not r["right"]
    ]
    errors = f"wrong: {', '.join(wrong)}" if wrong else "all are correct"
    caption = (
        "Above each image: \u2713 correct or \u2717 wrong, the predicted class and its "
        "probability; below that, the true class where it differs."
    )
    return Figure(path, f"{len(rows)} test images with predictions; {errors}.", caption)
