"""The rows of the table: which were left out and why, and the table with its predictions."""

from __future__ import annotations

import io

from gnnvision.data import MoleculeTask
from gnnvision.report.molecules_draw import short
from gnnvision.report.parts import Run, Section, Table
from gnnvision.report.words import plural
from gnnvision.training.folder import replace_file

__all__ = ["by_reason", "rows", "write_predictions"]

_LISTED = 15
_PARTS = (("train", "training"), ("val", "validation"), ("test", "test"))


def rows(run: Run) -> Section | None:
    """The section of the table's rows; None where the items are no molecules of a table."""
    task = run.molecules
    if task.table is None:
        return None
    write_predictions(run)
    total, left = len(task.smiles), len(task.reasons)
    lead = f"Of {plural(total, 'row')}, {total - left:,} could be used and {left:,} were left out."
    if not left:
        lead = f"All {plural(total, 'row')} could be used."
    lead += (
        " Beside this page lies predictions.csv: every row and column as it was read, then the "
        "part it was in, what the kept model predicts, and where it has no prediction, why."
    )
    if twice := task.duplicates():
        shared = twice[0]
        where = " and ".join(word for part, word in _PARTS if part in shared.rows)
        lead += (
            f" Mind that {plural(len(twice), 'molecule')} can be found in more than one part, so "
            f"that a model may know the answer by heart: {short(shared.smiles)} in {where}, for "
            "example."
        )
    found = task.excluded_rows()
    tables = []
    if found:
        listed = [
            (reason, str(numbers[0] + 1), short(task.smiles[numbers[0]]), f"{len(numbers):,}")
            for reason, numbers in found[:_LISTED]
        ]
        tables = [Table(("Why it was left out", "First row", "What it holds", "Rows"), listed, 3)]
    note = "Rows are counted from 1, without the header. Messages about molecules are rdkit's own."
    if len(found) > _LISTED:
        note += f" Listed are the {_LISTED} commonest of {len(found)} reasons."
    if task.remarks:
        first = next(iter(task.remarks))
        note += (
            f" In {plural(len(task.remarks), 'row')} a target was not understood and counts as "
            f"missing, the first in row {first + 1}: {task.remarks[first]}."
        )
    return Section("The rows of the table", lead, (), tables, note if found else "", wide=True)


def by_reason(task: MoleculeTask) -> list[tuple[str, list[int]]]:
    """Reasons and the rows that each was given for, the commonest first."""
    return task.excluded_rows()


def write_predictions(run: Run) -> None:
    """`predictions.csv` in the run folder: the table as it was read, and new columns."""
    task, said = run.molecules, run.predictions
    assert task.table is not None
    assert said is not None
    parts = ["none"] * len(task.smiles)
    for part, _ in _PARTS:
        for row in getattr(task.split, part).tolist():
            parts[row] = part
    predicted = {
        f"predicted {name}": ["" if v != v else f"{v:.6g}" for v in said[:, number].tolist()]
        for number, name in enumerate(task.class_names)
    }
    empty = said.isnan().all(1).tolist()
    more = {
        "part": parts,
        **predicted,
        "status": ["failed" if none else "ok" for none in empty],
        "reason": [task.reasons.get(row, "") for row in range(len(parts))],
    }
    text = io.StringIO()
    task.table.write(text, more)
    replace_file(
        run.figures.parent / "predictions.csv", text.getvalue().encode("utf-8", "backslashreplace")
    )
