import csv

import pytest

from gnnvision.report.molecules_rows import table_rows
from gnnvision.report.parts import Run
from gnnvision.report.predictions import predict_all

from .molecules import SMILES


def test_the_table_comes_back_whole(molecules_run):
    run = Run(molecules_run, molecules_run.folder / "figures")
    section = table_rows(run)
    with (molecules_run.folder / "predictions.csv").open(newline="") as file:
        held = list(csv.DictReader(file))
    table = molecules_run.task.table
    assert [(r["name"], r["smiles"]) for r in held] == [row[:2] for row in table.rows]
    parts = [r["split"] for r in held]
    assert parts.count("test") == len(molecules_run.task.split.test)
    assert parts[len(SMILES) :] == ["none"] * 4
    assert [r["status"] for r in held[len(SMILES) :]] == ["failed"] * 4
    assert all(r["reason"] for r in held[len(SMILES) :])
    said = predict_all(molecules_run)[: len(SMILES), 0].tolist()
    assert [float(r["predicted carbons"]) for r in held[: len(SMILES)]] == pytest.approx(
        said, 1e-4
    )
    assert "32 are used and 4 excluded" in section.lead


def test_reasons_that_differ_in_numbers_are_one(molecules_run):
    found = molecules_run.task.excluded_rows()
    assert sum(len(numbers) for _, numbers in found) == 4
    valence = [numbers for reason, numbers in found if "valence" in reason]
    assert sorted(map(len, valence), reverse=True)[0] >= 1
