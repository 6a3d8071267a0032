"""The input table: excluded rows with reasons, and the table with predictions."""

from __future__ import annotations

import io

from gnnvision.report.molecules_draw import shorten_smiles
from gnnvision.report.parts import Run, Section, Table
from gnnvision.report.words import plural
from gnnvision.training.folder import replace_file

__all__ = ["table_rows", "write_predictions"]

_LISTED = 15
_SPLITS = (("train", "training"), ("val", "validation"), ("test", "test"))


def table_rows(run: Run) -> Section | None:
    """The section of the input table; None if the molecules are not from a table."""
    task = run.molecules
    if task.table is None:
        return None
    write_predictions(run)
    total, excluded = len(task.smiles), len(task.reasons)
    lead = f"Of {plural(total, 'row')}, {total - excluded:,} are used and {excluded:,} excluded."
    if not excluded:
        lead = f"All {plural(total, 'row')} are used."
    best = " of the best seed" if len(run.result.outcomes) > 1 else ""
    lead += (
        " The file predictions.csv next to this page contains the input table with added columns: "
        f"the split, the predictions{best}, and why a row has no prediction."
    )
    if twice := task.duplicates():
        shared = twice[0]
        where = " and ".join(word for name, word in _SPLITS if name in shared.rows)
        lead += (
            f" Warning: {plural(len(twice), 'molecule')} occur in more than one split, so test "
            f"scores may be too good. Example: {shorten_smiles(shared.smiles)} in {where}."
        )
    found = task.excluded_rows()
    tables = []
    if found:
        listed = [
            (
                reason,
                str(numbers[0] + 1),
                shorten_smiles(task.smiles[numbers[0]]),
                f"{len(numbers):,}",
            )
            for reason, numbers in found[:_LISTED]
        ]
        tables = [Table(("Reason for exclusion", "First row", "SMILES", "Rows"), listed, 3)]
    note = "Rows are counted from 1, without the header. Messages about SMILES are from rdkit."
    if len(found) > _LISTED:
        note += f" The {_LISTED} most frequent of {len(found)} reasons are listed."
    if task.remarks:
        first = next(iter(task.remarks))
        note += (
            f" In {plural(len(task.remarks), 'row')} a target could not be read and counts as "
            f"missing, first in row {first + 1}: {task.remarks[first]}."
        )
    return Section("Input table", lead, (), tables, note if found else "", wide=True)


def write_predictions(run: Run) -> None:
    """Write `predictions.csv` to the run folder: the input table with added columns."""
    task, predictions = run.molecules, run.predictions
    assert task.table is not None
    assert predictions is not None
    splits = ["none"] * len(task.smiles)
    for name, _ in _SPLITS:
        for row in getattr(task.split, name).tolist():
            splits[row] = name
    predicted = {
        f"predicted {name}": [
            "" if v != v else f"{v:.6g}" for v in predictions[:, number].tolist()
        ]
        for number, name in enumerate(task.class_names)
    }
    empty = predictions.isnan().all(1).tolist()
    more = {
        "split": splits,
        **predicted,
        "status": ["failed" if none else "ok" for none in empty],
        "reason": [task.reasons.get(row, "") for row in range(len(splits))],
    }
    text = io.StringIO()
    task.table.write(text, more)
    replace_file(
        run.figures.parent / "predictions.csv", text.getvalue().encode("utf-8", "backslashreplace")
    )
