"""The most confident errors of a classifier of images."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from gnnvision.data import ImageTask
from gnnvision.report.images import compute_outputs, subsample
from gnnvision.report.parts import Figure, Run, Section
from gnnvision.report.sheet import as_tile, draw_sheet, sheet_path
from gnnvision.report.words import plural
from gnnvision.training.folder import write_csv

__all__ = ["confident_errors", "wrong_items"]

_SHOWN = 12
_MOST_EXAMINED = 4000


def confident_errors(run: Run) -> Section | None:
    """The section of the most confident errors; None if there are none."""
    task = run.images
    wrong, count = wrong_items(run)
    if not len(wrong):
        return None
    sheet = _sheet(run, task, wrong)
    if sheet is None:
        return None
    lead = (
        f"The kept model misclassifies {len(wrong):,} of {count:,} test images. These are the "
        f"{min(_SHOWN, len(wrong))} with the highest predicted probability: they show what the "
        "network has not learned, or a label that may be wrong."
        if len(wrong) > 1
        else f"The kept model misclassifies one of {count:,} test images."
    )
    note = (
        "These are the predictions of the final evaluation; nothing was selected by them. The "
        "probability is the softmax of the network's outputs, which is usually overconfident."
    )
    if len(run.result.outcomes) > 1:
        note += " The model is that of the best seed."
    if len(wrong) > _MOST_EXAMINED:
        note += f" They are chosen from a random sample of {_MOST_EXAMINED:,} errors."
    return Section("Most confident errors", lead, [sheet], note=note)


def wrong_items(run: Run) -> tuple[NDArray[np.int64], int]:
    """The indices of the misclassified test images, and how many test images there are."""
    task, best = run.result.task, run.result.best
    test = np.array(task.split.test, dtype=np.int64)
    target, prediction = best.target.cpu().numpy(), best.prediction.cpu().numpy()
    assert len(target) == len(test), "an image without a label"
    return test[target != prediction], len(test)


def _sheet(run: Run, task: ImageTask, wrong: NDArray[np.int64]) -> Figure | None:
    names = task.class_names
    items = torch.from_numpy(subsample(wrong, _MOST_EXAMINED))
    shares = compute_outputs(task, run.result.model, items).softmax(1)
    confidence, predicted = shares.max(1)
    true = task.y.cpu()[items]
    # Measured in bfloat16, a close call may fall to the other side in float32, which is used here.
    order = confidence.where(predicted != true, -1.0).argsort(descending=True, stable=True)[
        :_SHOWN
    ]
    order = order[predicted[order] != true[order]]
    if not len(order):
        return None
    items, confidence = items[order], confidence[order]
    predicted, true = predicted[order], true[order]
    true_probability = shares[order, true]
    tiles, rows = [], []
    for number, image in enumerate(task.images_at(items)):
        item = int(items[number])
        predicted_name, true_name = names[int(predicted[number])], names[int(true[number])]
        file = task.item_names[item] if task.item_names else ""
        words = [f"{predicted_name}, {100 * confidence[number]:.0f}\u00a0%", f"true: {true_name}"]
        tiles.append(as_tile(image, [*words, file.rpartition("/")[2]] if file else words))
        rows.append(
            {
                "item": item,
                "file": file,
                "true_class": true_name,
                "predicted_class": predicted_name,
                "predicted_probability": round(float(confidence[number]), 6),
                "true_probability": round(float(true_probability[number]), 6),
            }
        )
    path = sheet_path(run.figures / "mistakes", tiles)
    draw_sheet(path, tiles, 4)
    write_csv(path.with_suffix(".csv"), rows)
    pairs = "; ".join(f"{r['true_class']} predicted as {r['predicted_class']}" for r in rows)
    caption = (
        "Above each image: the predicted class and its probability; below that, the true class."
    )
    return Figure(path, f"{plural(len(rows), 'misclassified test image')}: {pairs}.", caption)
