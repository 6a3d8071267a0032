"""The mistakes that a network was most sure of."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from gnnvision.data import ImageTask
from gnnvision.report.images import compute_outputs, subsample
from gnnvision.report.parts import Figure, Run, Section
from gnnvision.report.sheet import as_tile, draw_sheet
from gnnvision.report.words import plural
from gnnvision.training.folder import write_csv

__all__ = ["mistakes", "wrong_items"]

_SHOWN = 12
_MOST_LOOKED_AT = 4000


def mistakes(run: Run) -> Section | None:
    """The section of the mistakes; None where there are none."""
    task = run.images
    wrong, count = wrong_items(run)
    if not len(wrong):
        return None
    sheet = _sheet(run, task, wrong)
    if sheet is None:
        return None
    lead = (
        f"Of the {count:,} test pictures {len(wrong):,} were put into a wrong class by the kept "
        f"model. Here are the {min(_SHOWN, len(wrong))} of which it was most certain: some show "
        "what it has not learned, some a label that a person would dispute."
        if len(wrong) > 1
        else f"Of the {count:,} test pictures one was put into a wrong class by the kept model."
    )
    note = (
        "These are the predictions of the one reading of the test part; the pictures are looked "
        "at again only to be drawn, and nothing was chosen by them. The probability is the "
        "softmax of the network's outputs, which is usually higher than its share of right "
        "answers."
    )
    if len(run.result.outcomes) > 1:
        note += " Drawn is the model of the best seed."
    if len(wrong) > _MOST_LOOKED_AT:
        note += f" They are the surest of {_MOST_LOOKED_AT:,} mistakes drawn at random."
    return Section("The surest mistakes", lead, [sheet], note=note)


def wrong_items(run: Run) -> tuple[NDArray[np.int64], int]:
    """The numbers of the test pictures that the kept model got wrong, and how many were asked."""
    task, best = run.result.task, run.result.best
    test = np.array(task.split.test, dtype=np.int64)
    target, prediction = best.target.cpu().numpy(), best.prediction.cpu().numpy()
    assert len(target) == len(test), "a picture without a label"
    return test[target != prediction], len(test)


def _sheet(run: Run, task: ImageTask, wrong: NDArray[np.int64]) -> Figure | None:
    path, names = run.figures / "mistakes.png", task.class_names
    items = torch.from_numpy(subsample(wrong, _MOST_LOOKED_AT))
    shares = compute_outputs(task, run.result.model, items).softmax(1)
    sure, said = shares.max(1)
    true = task.y.cpu()[items]
    # Measured in bfloat16, a close call may fall to the other side in float32, which is used here.
    order = sure.where(said != true, -1.0).argsort(descending=True, stable=True)[:_SHOWN]
    order = order[said[order] != true[order]]
    if not len(order):
        return None
    items, sure, said, true = items[order], sure[order], said[order], true[order]
    right_share = shares[order, true]
    tiles, rows = [], []
    for number, picture in enumerate(task.images_at(items)):
        item = int(items[number])
        taken, is_really = names[int(said[number])], names[int(true[number])]
        file = task.item_names[item] if task.item_names else ""
        words = [f"says {taken}, {100 * sure[number]:.0f}\u00a0%", f"is {is_really}"]
        tiles.append(as_tile(picture, [*words, file.rpartition("/")[2]] if file else words))
        rows.append(
            {
                "item": item,
                "file": file,
                "true_class": is_really,
                "predicted_class": taken,
                "predicted_probability": round(float(sure[number]), 6),
                "true_probability": round(float(right_share[number]), 6),
            }
        )
    draw_sheet(path, tiles, 4)
    write_csv(path.with_suffix(".csv"), rows)
    told = "; ".join(f"{r['true_class']} taken for {r['predicted_class']}" for r in rows)
    caption = "Above each picture: what it was taken for and how surely; below that, what it is."
    return Figure(path, f"{plural(len(rows), 'test picture')} in a wrong class: {told}.", caption)
