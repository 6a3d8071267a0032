"""Test pictures with what the network says of them: right in green, wrong in red."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from gnnvision.data import ImageTask
from gnnvision.report.images import compute_outputs, subsample
from gnnvision.report.parts import Figure, Run, Section
from gnnvision.report.sheet import as_tile, draw_sheet, even
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
    """The section of test pictures and their predictions; None where nothing was tested."""
    task, best = run.images, run.result.best
    if not len(task.split.test):
        return None
    test = np.array(task.split.test, dtype=np.int64)
    wrong = (best.prediction.cpu() != best.target.cpu()).numpy()
    bad = subsample(test[wrong], _MOST_WRONG)
    good = subsample(test[~wrong], _SHOWN - len(bad))
    picture = _sheet(run, task, np.concatenate([bad, good]))
    which = "all" if len(bad) == wrong.sum() else f"{len(bad)}, drawn at random,"
    wrongs = f"{which} that are wrong (red frame, \u2717), then " if len(bad) else ""
    lead = (
        f"Of {len(test):,} test pictures {len(test) - int(wrong.sum()):,} are right and "
        f"{int(wrong.sum()):,} wrong. Here are {wrongs}{len(good)} of the right ones, drawn at "
        "random (green frame, \u2713)."
    )
    note = "They are predictions of the one reading of the test part; nothing was chosen by them."
    if len(run.result.outcomes) > 1:
        note += f" They are those of seed {best.seed}, whose model is kept."
    return Section("What it says of the test pictures", lead, [picture], note=note, wide=True)


def _sheet(run: Run, task: ImageTask, items: NDArray[np.int64]) -> Figure:
    path, names = run.figures / "gallery.png", task.class_names
    best = run.result.best
    place = {int(item): number for number, item in enumerate(task.split.test)}
    shares = compute_outputs(task, run.result.model, torch.from_numpy(items)).softmax(1)
    tiles, rows = [], []
    for number, (item, pixels) in enumerate(
        zip(items.tolist(), task.images_at(items.tolist()), strict=True)
    ):
        said, true = int(best.prediction[place[item]]), int(best.target[place[item]])
        color, mark = _RIGHT if said == true else _WRONG
        sure = float(shares[number, said])
        words = [f"{mark} {names[said]}, {100 * sure:.0f}\u00a0%"]
        words.append("" if said == true else f"is {names[true]}")
        tiles.append(as_tile(pixels, words, frame=color, bold=said != true))
        file = task.item_names[item] if task.item_names else ""
        rows.append(
            {
                "item": item,
                "file": file,
                "true_class": names[true],
                "predicted_class": names[said],
                "predicted_probability": round(sure, 6),
                "right": int(said == true),
            }
        )
    draw_sheet(path, tiles, even(len(tiles), _COLUMNS), width=_WIDTH)
    write_csv(path.with_suffix(".csv"), rows)
    wrong = [f"{r['true_class']} taken for {r['predicted_class']}" for r in rows if not r["right"]]
    told = f"; wrong: {', '.join(wrong)}" if wrong else "; all are right"
    caption = (
        "Above each picture: \u2713 right or \u2717 wrong, what it was taken for and how surely; "
        "where that is wrong, what it is."
    )
    return Figure(path, f"{len(rows)} test pictures with predictions{told}.", caption)
