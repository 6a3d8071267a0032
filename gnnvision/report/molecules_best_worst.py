"""The best and worst predictions of molecules."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gnnvision.data import MoleculeTask
from gnnvision.report.molecules_domain import error_per_molecule, nearest_training_molecules
from gnnvision.report.molecules_draw import shorten_smiles
from gnnvision.report.molecules_sheet import MoleculeTile, draw_molecules
from gnnvision.report.parts import Figure, Run, Section, Table
from gnnvision.report.predictions import errors, test_items, unit
from gnnvision.report.words import plural
from gnnvision.training.folder import write_csv

__all__ = ["best_and_worst", "prediction_and_truth"]

_SHOWN = 6


def best_and_worst(run: Run) -> Section | None:
    """The section of the best and worst predictions; None for fewer than two test molecules."""
    task, predictions = run.molecules, run.predictions
    if predictions is None:
        return None
    by_target = errors(task, predictions)
    error = error_per_molecule(task, by_target)
    items = test_items(task)
    items = items[~np.isnan(error[items])]
    if len(items) < 2 or not len(task.split.train):
        return None
    order = items[np.argsort(error[items], kind="stable")]
    count = min(_SHOWN, len(order) // 2)
    best, worst = order[:count], order[::-1][:count]
    figures = [
        _sheet(run, task, worst, by_target, "worst", "largest"),
        _sheet(run, task, best, by_target, "best", "smallest"),
    ]
    found = nearest_training_molecules(task, worst.tolist())
    rows = []
    for row, neighbor, similarity in zip(
        worst.tolist(), found.rows.tolist(), found.similarity.tolist(), strict=True
    ):
        column = _worst_target(by_target, row)
        predicted, truth = prediction_and_truth(run, row, column)
        _, neighbor_truth = prediction_and_truth(run, neighbor, column)
        rows.append(
            (
                shorten_smiles(task.smiles[row]),
                shorten_smiles(task.smiles[neighbor]),
                predicted,
                truth,
                neighbor_truth,
                f"{similarity:.2f}",
            )
        )
    truth_name = _truth_name(task)
    head = (
        "Test molecule",
        "Nearest training molecule",
        "Predicted",
        truth_name.capitalize(),
        f"{truth_name.capitalize()} (nearest)",
        "Similarity",
    )
    lead = (
        f"The {plural(count, 'test molecule')} with the largest and with the smallest error"
        f"{' of the best seed' if len(run.result.outcomes) > 1 else ''}. The table compares the "
        "worst predictions with the nearest training molecules. If these are dissimilar or have "
        "very different values, the model had little to learn from."
    )
    note = (
        "Similarity is the Tanimoto similarity of Morgan fingerprints. If a molecule is very "
        "similar to a training molecule with another value, one of the two may be wrong in the "
        "data."
    )
    if unit(task):
        note += f" Values are in {unit(task)}."
    if task.num_outputs > 1 and task.kind != "classification":
        note += (
            " Molecules are sorted by their mean error over the targets; the target with the "
            "largest error is shown. “–” means not measured."
        )
    table = Table(head, rows, 2)
    return Section("Best and worst predictions", lead, figures, [table], note, wide=True)


def _truth_name(task: MoleculeTask) -> str:
    return "measured" if task.kind == "regression" else "label"


def prediction_and_truth(run: Run, row: int, column: int) -> tuple[str, str]:
    """The prediction and the true value of a molecule, as text.

    Args:
        run: with predictions.
        row: of the molecule.
        column: of the target.
    """
    task, predictions = run.molecules, run.predictions
    assert predictions is not None
    if task.kind == "classification":
        probability, index = predictions[row].max(0)
        true = int(task.y[row])
        name = task.class_names[true] if true >= 0 else "–"
        return f"{task.class_names[int(index)]}, {100 * float(probability):.0f}\u00a0%", name
    value, measured = float(predictions[row, column]), float(task.y[row, column])
    if task.kind == "multilabel":
        label = "–" if measured != measured else "positive" if measured else "negative"
        return f"{100 * value:.0f}\u00a0% positive", label
    return f"{value:.2f}", "–" if measured != measured else f"{measured:.2f}"


def _worst_target(by_target: NDArray[np.float64], row: int) -> int:
    """The target with the largest error."""
    return int(np.nanargmax(by_target[row]))


def _sheet(
    run: Run,
    task: MoleculeTask,
    items: NDArray[np.int64],
    by_target: NDArray[np.float64],
    name: str,
    size: str,
) -> Figure:
    path = run.figures / f"molecules_{name}.svg"
    tiles, rows = [], []
    several = task.num_outputs > 1 and task.kind != "classification"
    for row in items.tolist():
        column = _worst_target(by_target, row)
        predicted, truth = prediction_and_truth(run, row, column)
        words = [f"predicted {predicted}", f"{_truth_name(task)} {truth}"]
        words += [task.class_names[column]] if several else []
        tiles.append(MoleculeTile(task.featurizer.read(task.smiles[row]), words))
        rows.append(
            {"row": row + 1, "smiles": task.smiles[row], "target": words[-1] if several else ""}
            | {"predicted": predicted, "true": truth, "error": float(by_target[row, column])}
        )
    draw_molecules(path, tiles, 3)
    write_csv(path.with_suffix(".csv"), rows)
    values = "; ".join(
        f"{r['smiles']} predicted {r['predicted']}, {_truth_name(task)} {r['true']}" for r in rows
    )
    title = f"Test molecules with the {size} error"
    order = ", in decreasing order" if size == "largest" else ", in increasing order"
    return Figure(path, f"{title}: {values}.", f"{title}{order}.")
