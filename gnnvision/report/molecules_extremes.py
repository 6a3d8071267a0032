"""The molecules that were predicted best and worst."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gnnvision.data import MoleculeTask
from gnnvision.report.molecules_alike import nearest, off_by_molecule
from gnnvision.report.molecules_draw import molecule_picture, short
from gnnvision.report.parts import Figure, Run, Section, Table
from gnnvision.report.predictions import errors, test_items, unit
from gnnvision.report.sheet import Tile, draw_sheet
from gnnvision.report.words import plural
from gnnvision.training.folder import write_csv

__all__ = ["extremes", "said_and_true"]

_SHOWN = 6


def extremes(run: Run) -> Section | None:
    """The section of the best and the worst; None where the items are no molecules."""
    task, said = run.molecules, run.predictions
    if said is None:
        return None
    every = errors(task, said)
    off = off_by_molecule(task, every)
    items = test_items(task)
    items = items[~np.isnan(off[items])]
    if len(items) < 2 or not len(task.split.train):
        return None
    order = items[np.argsort(off[items], kind="stable")]
    count = min(_SHOWN, len(order) // 2)
    best, worst = order[:count], order[::-1][:count]
    pictures = [
        _sheet(run, task, worst, every, "worst", "predicted worst, the very worst first"),
        _sheet(run, task, best, every, "best", "predicted best"),
    ]
    found = nearest(task, worst.tolist())
    rows = []
    for row, other, like in zip(
        worst.tolist(), found.rows.tolist(), found.similarity.tolist(), strict=True
    ):
        column = _column(every, row)
        predicted, true = said_and_true(run, row, column)
        _, value = said_and_true(run, other, column)
        rows.append(
            (
                short(task.smiles[row]),
                short(task.smiles[other]),
                predicted,
                true,
                value,
                f"{like:.2f}",
            )
        )
    head = (
        "Predicted badly",
        "Nearest training molecule",
        "Predicted",
        "True",
        "The nearest one's",
        "Likeness",
    )
    lead = (
        f"The {plural(count, 'test molecule')} that the kept model got most wrong, and as many "
        "that it got most right. For the worst, the training molecule most like each of them and "
        "its value: where it is far off too, or unlike, there was little to learn the answer from."
    )
    note = (
        "Likeness is Tanimoto's coefficient of Morgan fingerprints. A molecule that is much like "
        "a training one with a very different value may also be measured wrongly."
    )
    named = unit(task)
    if named:
        note += f" Values are in {named}."
    if task.num_outputs > 1 and task.kind != "classification":
        note += " Of several targets, molecules are ordered by the mean of their errors, and the "
        note += "one with the largest is shown; “–” where it was not measured."
    table = Table(head, rows, 2)
    return Section("The worst and the best", lead, pictures, [table], note, wide=True)


def said_and_true(run: Run, row: int, column: int) -> tuple[str, str]:
    """What the model predicts of a molecule, and what is true, for people."""
    task, said = run.molecules, run.predictions
    assert said is not None
    if task.kind == "classification":
        chance, label = said[row].max(0)
        true = int(task.y[row])
        name = task.class_names[true] if true >= 0 else "–"
        return f"{task.class_names[int(label)]}, {100 * float(chance):.0f}\u00a0%", name
    value, measured = float(said[row, column]), float(task.y[row, column])
    if task.kind == "multilabel":
        true_word = "–" if measured != measured else "yes" if measured else "no"
        return f"{100 * value:.0f}\u00a0% yes", true_word
    return f"{value:.2f}", "–" if measured != measured else f"{measured:.2f}"


def _column(every: NDArray[np.float64], row: int) -> int:
    """The target that is furthest off."""
    return int(np.nanargmax(every[row]))


def _sheet(
    run: Run,
    task: MoleculeTask,
    items: NDArray[np.int64],
    every: NDArray[np.float64],
    name: str,
    what: str,
) -> Figure:
    path = run.figures / f"molecules_{name}.png"
    tiles, rows = [], []
    several = task.num_outputs > 1 and task.kind != "classification"
    for row in items.tolist():
        column = _column(every, row)
        predicted, true = said_and_true(run, row, column)
        words = [f"predicted {predicted}", f"true {true}"]
        words += [task.class_names[column]] if several else []
        tiles.append(Tile(molecule_picture(task.featurizer.read(task.smiles[row])), words))
        rows.append(
            {"row": row + 1, "smiles": task.smiles[row], "target": words[-1] if several else ""}
            | {"predicted": predicted, "true": true, "error": float(every[row, column])}
        )
    draw_sheet(path, tiles, 3)
    write_csv(path.with_suffix(".csv"), rows)
    told = "; ".join(f"{r['smiles']} {r['predicted']}, true {r['true']}" for r in rows)
    return Figure(path, f"Molecules {what}: {told}.", f"Test molecules {what}.")
