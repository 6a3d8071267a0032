"""Predictions for a table of molecules, as additional columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from gnnvision.data import Table
from gnnvision.data.molecules.overview import (
    describe_columns,
    describe_excluded,
    describe_format,
)
from gnnvision.data.overview import join_names
from gnnvision.training import MoleculePredictor

__all__ = ["SIMILARITY", "describe_table", "predict_table"]

SIMILARITY = "similarity to training"
_NEAREST = "nearest training molecule"


def describe_table(
    predictor: MoleculePredictor, path: Path, table: Table, column: str
) -> dict[str, str]:
    """Which networks predict, how the table was read, and which rows get no prediction.

    Args:
        predictor: the networks.
        path: of the table.
        table: its content.
        column: that of the SMILES.
    """
    unread = predictor.reasons(table.column(column))
    reasons = {row: table.problems.get(row) or reason for row, reason in enumerate(unread)}
    failed = {row: reason for row, reason in reasons.items() if reason}
    count, title = len(predictor.networks), predictor.about.get("title", "an unnamed run")
    targets = join_names(predictor.targets)
    return {
        "networks": f"{count:,}, trained on {title}, {predictor.kind}: {targets}",
        "data": str(path),
        "table": describe_format(table),
        "columns": describe_columns(table, column, (), "copied unchanged"),
        "no prediction": describe_excluded(failed, len(table.rows)),
    }


def predict_table(
    predictor: MoleculePredictor, table: Table, smiles: Sequence[str]
) -> tuple[dict[str, list[str]], str]:
    """The new columns, a cell for each row, and why the similarity is missing, if it is."""
    predictions = predictor(smiles)
    reasons = [table.problems.get(row) or reason for row, reason in enumerate(predictions.reasons)]
    columns: dict[str, list[str]] = {}
    for number, target in enumerate(predictor.targets):
        columns[f"predicted {target}"] = _cells(predictions.values[:, number], reasons)
        columns[f"uncertainty {target}"] = _cells(predictions.spread[:, number], reasons)
    columns[SIMILARITY] = _cells(predictions.similarity, reasons)
    columns[_NEAREST] = [
        "" if reason else text for text, reason in zip(predictions.nearest, reasons, strict=True)
    ]
    columns["status"] = ["failed" if reason else "ok" for reason in reasons]
    columns["reason"] = reasons
    return columns, predictions.similarity_reason


def _cells(values: Tensor, reasons: Sequence[str]) -> list[str]:
    """Numbers as text; an empty text for a missing number."""
    return [
        "" if reason or math.isnan(value) else f"{value:.4f}"
        for value, reason in zip(values.tolist(), reasons, strict=True)
    ]
