"""The script that carries a network over to few molecules."""

import csv
import json

from .conftest import SCRIPTS, folder, one_sentence

KEPT = SCRIPTS.parent / "tests" / "training" / "kept"
SMALL = ("--dataset", "bioactivity", "--epochs", "1", "--seeds", "2")


def test_a_run_leaves_the_curve_and_all_its_numbers(inside, tmp_path):
    weights = KEPT / "bond_network.safetensors"
    done = inside("transfer_molecules", *SMALL, "--weights", weights, "--labels", "20", "40")
    assert done.returncode == 0, done.stderr
    left = folder(done, tmp_path)
    scores = json.loads((left / "result.json").read_text())["test_rmse"]
    assert list(scores) == ["from scratch", "whole network", "head alone"]
    with open(left / "figures" / "labels.csv") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert float(row["value"]) == scores[row["way"]][row["labels"]][int(row["number"])]
    assert len(rows) == 3 * 2 * 2
    # Another start, another end.
    assert scores["from scratch"]["20"] != scores["whole network"]["20"]
    page = (left / "report.html").read_text()
    assert "bond_network trained on ESOL" in page


def test_what_does_not_fit(inside):
    other = KEPT / "molecule_gcn.safetensors"
    pictures = inside("transfer_molecules", "--dataset", "digits", "--weights", other)
    one_sentence(pictures, "'--dataset' must be molecules with measured numbers, got 'digits'")
    many = inside("transfer_molecules", *SMALL, "--weights", other, "--labels", "100000")
    one_sentence(many, "'labels' must be from 1 to the size of the training part")
