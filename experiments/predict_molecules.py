"""Predict molecules with networks that were trained before.

python experiments/predict_molecules.py runs/gcn_molecules/STAMP new.csv --out predicted.csv

The table that comes out has every row and column of the one that goes in, in order, then the
prediction of each target, its uncertainty (the standard deviation over the networks of the
seeds), the Tanimoto similarity to the nearest training molecule and which one that is (the
report's section "Applicability domain" says how the error depends on it), `status` and `reason`.
A row that is no molecule keeps its place, with the reason. How the table was understood is
printed first, beside the output (on the standard error).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from torch import Tensor
from tyro.conf import Positional

from gnnvision import cli
from gnnvision.data import Table, read_table
from gnnvision.data.molecules.overview import (
    describe_columns,
    describe_excluded,
    describe_format,
)
from gnnvision.data.overview import join_names
from gnnvision.training import MoleculePredictor

SIMILARITY = "similarity to training"
NEAREST = "nearest training molecule"


@dataclass(frozen=True, kw_only=True)
class Config:
    """The flags of this script.

    Args:
        checkpoint: a run folder, its checkpoints folder, or a file in it.
        csv: the table of molecules.
        smiles: its column of molecules; "smiles" if there is one.
        out: the table; else it is printed.
        device: "cpu", "cuda", "cuda:1" or "mps".
    """

    checkpoint: Annotated[Path, Positional]
    csv: Annotated[Path, Positional]
    smiles: str | None = None
    out: Path | None = None
    device: str = "cpu"


def main(config: Config) -> None:
    """Load the networks, read the table, write it with the answers."""
    predictor = MoleculePredictor.load(config.checkpoint, cli.usable_device(config.device))
    table = read_table(config.csv)
    column = config.smiles or table.smiles_column()
    smiles = table.column(column, "--smiles")
    cli.print_entries(understood(predictor, config.csv, table, column), sys.stderr)
    answers = predictor(smiles)
    reasons = [table.problems.get(row) or reason for row, reason in enumerate(answers.reasons)]
    columns: dict[str, list[str]] = {}
    for number, target in enumerate(predictor.targets):
        columns[f"predicted {target}"] = written(answers.values[:, number], reasons)
        columns[f"uncertainty {target}"] = written(answers.spread[:, number], reasons)
    columns[SIMILARITY] = written(answers.similarity, reasons)
    columns[NEAREST] = [
        "" if why else text for text, why in zip(answers.nearest, reasons, strict=True)
    ]
    columns["status"] = ["failed" if reason else "ok" for reason in reasons]
    columns["reason"] = reasons
    with cli.output(config.out) as file:
        table.write(file, columns)
    if answers.similarity_reason:
        print(f"{SIMILARITY!r} is empty: {answers.similarity_reason}", file=sys.stderr)
    failed = sum(map(bool, reasons))
    if failed:
        print(f"{failed} of {len(reasons)} rows have no prediction; see 'reason'", file=sys.stderr)


def understood(
    predictor: MoleculePredictor, path: Path, table: Table, column: str
) -> dict[str, str]:
    """What the networks are of, how the table was read, and which rows cannot be."""
    unread = predictor.unread(table.column(column))
    reasons = {row: table.problems.get(row) or reason for row, reason in enumerate(unread)}
    failed = {row: reason for row, reason in reasons.items() if reason}
    networks = len(predictor.networks)
    title = predictor.about.get("title", "an unnamed run")
    return {
        "networks": f"{networks:,} of {title}, {predictor.kind}: {join_names(predictor.targets)}",
        "data": str(path),
        "table": describe_format(table),
        "columns": describe_columns(table, column, (), "written as they are"),
        "no prediction": describe_excluded(failed, len(table.rows)),
    }


def written(values: Tensor, reasons: Sequence[str]) -> list[str]:
    """Numbers as text, nothing where there is none."""
    return [
        "" if reason or math.isnan(value) else f"{value:.4f}"
        for value, reason in zip(values.tolist(), reasons, strict=True)
    ]


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
