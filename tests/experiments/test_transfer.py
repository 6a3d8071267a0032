"""The script for cats and dogs, on small pictures of two colors and a small trained network."""

import csv
import io
import json
import os
import signal

import pytest

import gnnvision as gv
from gnnvision.training.seed_run import SeedRun

from .conftest import folder, one_line_error
from .test_pictures import photographs


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A network that was trained on digits made colored."""
    place = tmp_path_factory.mktemp("run")
    task = gv.data.load("digits", image_size=12, channels=3)
    network = gv.models.small_resnet(3, 10, 12)
    gv.fit(network, task, gv.Recipe(epochs=1, lr=0.01), folder=place, progress=False)
    return place


@pytest.fixture
def photos(tmp_path):
    """A folder with twelve red and twelve blue pictures, some of them to test."""
    photographs(tmp_path / "photos" / "train", 16)
    photographs(tmp_path / "photos" / "test", 8)
    return tmp_path / "photos"


@pytest.mark.parametrize("strategy", ["auto", "last"])
def test_it_leaves_a_run_that_predicts(inside, tmp_path, run, photos, strategy):
    flags = ("--weights", run, "--data", photos, "--strategy", strategy, "--epochs", "2")
    done = inside("transfer_cats_dogs", *flags, "--seeds", "2")
    assert done.returncode == 0, done.stderr
    left = folder(done, tmp_path)
    result = json.loads((left / "result.json").read_text())
    assert result["split_sizes"] == {"train": 32, "val": 0, "test": 16}
    assert result["metrics"]["test"]["accuracy"]["mean"] > 0.8
    assert "small_resnet trained on Handwritten digits" in done.stdout
    assert ("strategy '" in done.stdout) == (strategy == "auto")
    # What is chosen for so few of them is the head, or something that --epochs acts on.
    assert ("--epochs has no effect" in done.stderr) == ("strategy 'head'" in done.stdout)
    assert "95 % confidence interval" in done.stdout
    assert (left / "report.html").is_file()
    answers = inside("predict", left, photos / "test" / "red")
    rows = list(csv.DictReader(io.StringIO(answers.stdout)))
    assert len(rows) == 8
    assert sum(row["label"] == "red" for row in rows) > 5


def test_folds_choose(inside, run, photos):
    flags = ("--weights", run, "--data", photos, "--compare", "--epochs", "1", "--seeds", "1")
    done = inside("transfer_cats_dogs", *flags)
    assert done.returncode == 0, done.stderr
    for name in ("head", "last", "part", "whole"):
        assert f"{name}: accuracy" in done.stdout
    assert "best in 5-fold cross-validation: head" in done.stdout


def test_user_errors_exit_with_one_line(inside, tmp_path, run, photos):
    (tmp_path / "cut.safetensors").write_bytes(b"123456789")
    cases = {
        ("--weights", "cut.safetensors"): ("'--weights' must be a complete .safetensors file",),
        ("--weights", "nothing.pth"): ("'--weights' must be a file that exists",),
        ("--backbone", "xception", "--weights", "x.pth"): ("'--backbone' must be a network of",),
        ("--weights", run, "--data", "nowhere"): ("nowhere",),
    }
    for flags, parts in cases.items():
        one_line_error(inside("transfer_cats_dogs", *flags), *parts)


def test_another_networks_molecules(inside, tmp_path, photos):
    task = gv.data.load("bioactivity")
    network = gv.models.molecule_gcn(task.in_channels, task.num_outputs, 8)
    recipe = gv.Recipe(epochs=1, lr=0.01)
    gv.fit(network, task, recipe, folder=tmp_path / "molecules", progress=False)
    done = inside("transfer_cats_dogs", "--weights", "molecules", "--data", photos)
    one_line_error(done, "'--weights' must be of a network for images, got molecule_gcn")


def test_files_that_cannot_be_read(inside, tmp_path, run, photos):
    file = next((photos / "train" / "red").iterdir())
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    flags = ("--weights", run, "--data", photos, "--strategy", "head", "--seeds", "1")
    one_line_error(inside("transfer_cats_dogs", *flags), file.name)
    done = inside("transfer_cats_dogs", *flags, "--on-invalid", "skip")
    assert done.returncode == 0, done.stderr
    shown = done.stdout.partition("accuracy")[0]  # what was understood, before the training
    assert "classes" in shown
    assert "excluded" in shown
    assert "truncated" in shown
    left = folder(done, tmp_path)
    assert json.loads((left / "result.json").read_text())["split_sizes"]["train"] == 31
    assert file.name in (left / "report.html").read_text()
    done = inside("transfer_cats_dogs", *flags, "--on-invalid", "quarantine")
    assert done.returncode == 0, done.stderr


def test_stopped_it_says_how_to_go_on_and_does(inside, tmp_path, run, photos, monkeypatch):
    flags = ("--weights", run, "--data", photos, "--strategy", "last", "--epochs", "2")
    whole = inside("transfer_cats_dogs", *flags, "--seeds", "2", "--out", "whole")
    with monkeypatch.context() as patch:
        train = SeedRun.train_epoch

        def interrupted(run):
            if run.epoch == 30:
                os.kill(os.getpid(), signal.SIGINT)
            return train(run)

        patch.setattr(SeedRun, "train_epoch", interrupted)
        done = inside("transfer_cats_dogs", *flags, "--seeds", "2")
    assert done.returncode == 130
    assert (
        "Stopped at seed 0, epoch 30. Everything is saved. Resume it with: python" in done.stderr
    )
    assert "Traceback" not in done.stderr
    (left,) = (tmp_path / "runs" / "transfer_cats_dogs").iterdir()
    assert f"--resume {left.relative_to(tmp_path)}" in done.stderr
    done = inside("transfer_cats_dogs", "--resume", left)
    assert done.returncode == 0, done.stderr
    metrics = [
        json.loads((f / "result.json").read_text())["metrics"]
        for f in (left, folder(whole, tmp_path))
    ]
    assert metrics[0] == metrics[1]
    one_line_error(inside("transfer_cats_dogs", "--resume", left), "complete. See")


def test_epochs_that_nothing_is_trained_for_are_refused(inside, run, photos):
    flags = ("--weights", run, "--data", photos, "--strategy", "head", "--epochs", "2")
    one_line_error(inside("transfer_cats_dogs", *flags), "'--epochs' must be left out", "got 2")
