"""The script that carries a network over to few molecules."""

import csv
import json
import os
import signal

from gnnvision.training.unit import Shared

from .conftest import SCRIPTS, folder, one_line_error

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
        assert float(row["value"]) == scores[row["method"]][row["labels"]][int(row["number"])]
    assert len(rows) == 3 * 2 * 2
    # Another start, another end.
    assert scores["from scratch"]["20"] != scores["whole network"]["20"]
    page = (left / "report.html").read_text()
    assert "bond_network trained on ESOL" in page


def test_the_flags_act_on_every_training_and_the_page_tells_the_recipes(inside, tmp_path):
    flags = ("--epochs", "1", "--lr", "0.002", "--batch-size", "77", "--seeds", "1")
    data = ("--dataset", "bioactivity", "--pretrain", "bioactivity", "--labels", "20")
    done = inside("transfer_molecules", *data, *flags)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("task       regression") == 2
    assert done.stdout.rindex("task       regression") < done.stdout.index(
        "20 labels, from scratch"
    )
    left = folder(done, tmp_path)
    given = "epochs 1, lr 0.002"
    page = " ".join((left / "report.html").read_text().split())
    assert (page.count(given), page.count("batch_size 77")) == (2, 2)
    assert "learning rates: from scratch 0.002, whole network 0.002, head alone 0.002" in page
    recipe = json.loads((left / "pretrained" / "result.json").read_text())["recipe"]
    assert (recipe["epochs"], recipe["lr"], recipe["batch_size"]) == (1, 0.002, 77)


def test_what_does_not_fit(inside):
    other = KEPT / "molecule_gcn.safetensors"
    pictures = inside("transfer_molecules", "--dataset", "digits", "--weights", other)
    one_line_error(pictures, "'--dataset' must be a dataset of molecules or graphs, got 'digits'")
    many = inside("transfer_molecules", *SMALL, "--weights", other, "--labels", "100000")
    one_line_error(many, "'--labels' must be from 1 to 814")


def test_stopped_it_goes_on_with_what_is_done(inside, tmp_path, monkeypatch):
    weights = KEPT / "bond_network.safetensors"
    flags = (*SMALL[:2], "--epochs", "3", "--seeds", "2", "--weights", weights, "--labels", "20")
    flags += ("--jobs", "1")  # what is patched below would not count in other processes
    whole = inside("transfer_molecules", *flags, "--out", "whole")
    seen = []
    with monkeypatch.context() as patch:
        begin = Shared.task_of

        def interrupted(shared, seed):
            seen.append(seed)
            if len(seen) == 4:  # the second seed of the second way
                os.kill(os.getpid(), signal.SIGINT)
            return begin(shared, seed)

        patch.setattr(Shared, "task_of", interrupted)
        done = inside("transfer_molecules", *flags)
    assert done.returncode == 130
    assert "Stopped at seed 1" in done.stderr
    (left,) = (tmp_path / "runs" / "transfer_molecules").iterdir()
    assert f"Resume it with: python {SCRIPTS / 'transfer_molecules.py'} --resume" in done.stderr
    done = inside("transfer_molecules", "--resume", left)
    assert done.returncode == 0, done.stderr
    assert "20 labels, from scratch" not in done.stdout  # which was done before
    assert not (left / "training").exists()
    results = [
        json.loads((f / "result.json").read_text()) for f in (left, folder(whole, tmp_path))
    ]
    assert results[0] == results[1]
