"""The scripts on pictures, as a user runs them: digits, own folders, broken files, stops."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import gnnvision as gv
from gnnvision import cli

from .conftest import SCRIPTS, folder, one_line_error

DIGITS = ("--dataset", "digits", "--epochs", "1")


def photographs(place, count=12, size=12):
    """A folder of two classes that differ in color, and a few files that cannot be read."""
    drawn = np.random.default_rng(0)
    for name, channel in (("red", 0), ("blue", 2)):
        (place / name).mkdir(parents=True)
        for number in range(count):
            pixels = drawn.integers(0, 90, (size, size, 3), dtype=np.uint8)
            pixels[:, :, channel] += 120
            Image.fromarray(pixels).save(place / name / f"{number:02}.png")
    return place


@pytest.mark.parametrize(
    ("script", "flags"),
    [
        ("cnn_cifar", ("--model", "small_resnet")),
        ("cnn_cifar", ("--model", "strong", "--seeds", "2", "--split", "random")),
        ("cnn_fashion", ("--model", "dnn", "--split", "public")),
        ("cnn_mnist", ("--model", "lenet5_notes")),
        ("autoencoder", ("--height", "8", "--width", "8", "--latent", "4")),
    ],
)
def test_each_script_leaves_a_run(inside, tmp_path, script, flags):
    done = inside(script, *DIGITS, *flags)
    assert done.returncode == 0, done.stderr
    left = folder(done, tmp_path)
    assert left.parent == tmp_path / "runs" / script
    result = json.loads((left / "result.json").read_text())
    assert result["dataset"] == "digits"
    assert (left / "checkpoints" / "best.safetensors").is_file()
    page = (left / "report.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "")


@pytest.mark.parametrize(
    ("flags", "gpu", "wide"),
    [
        ((), False, False),
        ((), True, True),
        (("--preset", "quick"), True, False),
        (("--preset", "long"), False, True),
    ],
)
def test_the_preset_suits_the_device_unless_it_is_named(inside, monkeypatch, flags, gpu, wide):
    monkeypatch.setattr(cli, "usable_device", lambda asked: "cuda:0" if gpu else "cpu")
    given = []

    def instead(*rest, **options):
        given.extend(rest)
        raise ValueError("nothing is trained")

    monkeypatch.setattr(gv, "fit", instead)
    assert "nothing is trained" in inside("cnn_cifar", "--dataset", "digits", *flags).stderr
    model, _, recipe, _ = given
    widths = [layer.out_channels for layer in model.modules() if isinstance(layer, gv.Conv2d)]
    assert max(widths) == (512 if wide else 256)
    assert recipe.epochs > 15 if wide else recipe.epochs < 15


def test_without_a_validation_part_the_last_epoch_is_kept(inside, tmp_path):
    done = inside("cnn_cifar", *DIGITS, "--model", "small_resnet", "--split", "full")
    assert done.returncode == 0, done.stderr
    result = json.loads((folder(done, tmp_path) / "result.json").read_text())
    assert result["split_sizes"]["val"] == 0
    assert result["recipe"]["checkpoint_selection"] == "last"


def test_dense_against_convolution_side_by_side(inside, tmp_path):
    done = inside("cnn_fashion", *DIGITS)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "runs" / "cnn_fashion").iterdir())) == 2
    lines = [line for line in done.stdout.splitlines() if line.endswith("parameters")]
    assert [line.split(":")[0] for line in lines if ":" in line] == ["dnn", "cnn"]
    named = [line.split(",")[0] for line in lines if ":" not in line]  # before the training
    assert named == ["network  Fashion-MNIST DNN", "network  Fashion-MNIST CNN"]


def test_without_cifar_it_ends_well_and_says_so(process, tmp_path):
    (tmp_path / "empty").mkdir()
    done = process("cnn_cifar", "--data-root", "empty", "--epochs", "1", "--model", "small_resnet")
    assert done.returncode == 0, done.stderr
    assert "NOT CIFAR-10" in done.stderr
    assert "This is not CIFAR-10" in (folder(done, tmp_path) / "report.html").read_text()


def test_a_named_data_set_is_strict(inside, tmp_path):
    (tmp_path / "empty").mkdir()
    flags = ("--dataset", "cifar10", "--data-root", "empty")
    one_line_error(inside("cnn_cifar", *flags), "cifar-10", "empty")
    assert not (tmp_path / "runs").exists()


def test_a_folder_of_ones_own_trains_and_predicts(inside, process, tmp_path):
    place = photographs(tmp_path / "photos")
    (place / "red" / "text.jpg").write_text("no picture")
    (place / "blue" / "empty.png").touch()
    flags = ("--dataset", place, "--epochs", "4")
    one_line_error(inside("cnn_cifar", *flags), "empty.png", "2 invalid files")
    done = inside("cnn_cifar", *flags, "--on-invalid", "skip")
    assert done.returncode == 0, done.stderr
    left = folder(done, tmp_path)
    assert "text.jpg" in (left / "report.html").read_text()

    gray = tmp_path / "gray.png"
    Image.fromarray(np.zeros((30, 20), dtype=np.uint8)).save(gray)
    asked = [place / "red" / "00.png", place / "red" / "text.jpg", gray, tmp_path / "none.png"]
    predicted = process("predict", left, *asked)
    assert predicted.returncode == 0, predicted.stderr
    rows = list(csv.DictReader(io.StringIO(predicted.stdout)))
    assert [row["file"] for row in rows] == [str(path) for path in asked]
    assert [row["status"] for row in rows] == ["ok", "failed", "changed", "failed"]
    assert float(rows[0]["p_red"]) + float(rows[0]["p_blue"]) == pytest.approx(1, abs=2e-4)
    assert rows[0]["label"] in ("red", "blue")
    assert all(row["reason"] for row in rows[1:])
    assert "2 of 4 images could not be read" in predicted.stderr

    many = [place / "blue"] * 17  # more than the network sees at once
    every = inside("predict", left / "checkpoints", *many, "--out", "answers.csv")
    assert every.returncode == 0, every.stderr
    assert "17 of 221 images could not be read" in every.stderr
    with (tmp_path / "answers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 13 * 17
    for row, same in zip(rows, rows[13:], strict=False):
        assert row["file"] == same["file"]
        assert row["status"] == same["status"]
        if row["status"] == "ok":
            assert float(row["p_red"]) == pytest.approx(float(same["p_red"]), abs=2e-3)


@pytest.mark.parametrize(
    ("script", "flags", "parts"),
    [
        (
            "cnn_cifar",
            ("--dataset", "cifar11"),
            ("'--dataset' must be", "Did you mean 'cifar10'?"),
        ),
        ("cnn_cifar", ("--dataset", "./nowhere"), ("'--dataset' must be", "nowhere")),
        (
            "cnn_cifar",
            ("--dataset", "karate"),
            ("must be a dataset of images", "karate"),
        ),
        ("cnn_cifar", (*DIGITS, "--batch-size", "0"), ("'--batch-size' must be at least 1",)),
        ("cnn_cifar", (*DIGITS, "--on-invalid", "ignore"), ("ignore",)),
        (
            "cnn_cifar",
            (*DIGITS, "--image-size", "4", "--model", "vgg_like"),
            ("'--image-size' must be large enough",),
        ),
        ("predict", ("nowhere", "a.png"), ("'checkpoint' must be a run folder",)),
    ],
)
def test_user_errors_exit_with_one_line(inside, script, flags, parts):
    one_line_error(inside(script, *flags), *parts)


@pytest.mark.parametrize(
    ("break_it", "part"),
    [
        (lambda place: [p.unlink() for p in (place / "red").iterdir()], "red"),
        (lambda place: [p.unlink() for p in place.rglob("*.png")], "must have images"),
    ],
)
def test_folders_that_cannot_train(inside, tmp_path, break_it, part):
    place = photographs(tmp_path / "photos", count=4)
    break_it(place)
    one_line_error(inside("cnn_cifar", "--dataset", place), part)


def test_one_class_is_not_enough(inside, tmp_path):
    place = photographs(tmp_path / "photos", count=4)
    (place / "red").rename(tmp_path / "elsewhere")
    one_line_error(inside("cnn_cifar", "--dataset", place), "blue")


@pytest.mark.slow
def test_killed_within_an_epoch_and_resumed_ends_with_the_same_bits(process, tmp_path):
    flags = ("--dataset", "digits", "--epochs", "3", "--model", "cifar_cnn", "--batch-size", "8")
    whole = process("cnn_cifar", *flags, "--out", "whole")
    assert whole.returncode == 0, whole.stderr
    script = str(SCRIPTS / "cnn_cifar.py")
    started = subprocess.Popen(
        [sys.executable, script, *flags, "--save-every", "0.02"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("runs/cnn_cifar/*/checkpoints/last.safetensors")):
        assert started.poll() is None, started.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    started.send_signal(signal.SIGKILL)
    started.communicate(timeout=120)
    (stopped,) = tmp_path.glob("runs/cnn_cifar/*")
    assert not (stopped / "result.json").exists()
    resumed = process("cnn_cifar", "--resume", stopped)
    assert resumed.returncode == 0, resumed.stderr
    first = folder(whole, tmp_path)
    a, b = (f / "checkpoints" / "best.safetensors" for f in (first, stopped))
    assert a.read_bytes() == b.read_bytes()
    assert (first / "metrics.csv").read_bytes() == (stopped / "metrics.csv").read_bytes()


@pytest.mark.slow
def test_names_that_are_not_utf8_and_pipes_do_not_cost_a_run(inside, tmp_path):
    made = photographs(tmp_path / "made", count=4)
    place = tmp_path / os.fsdecode("사진".encode("cp949"))
    for old, name in (("red", "강아지"), ("blue", "고양이")):
        (made / old).rename(made / os.fsdecode(name.encode("cp949")))
    made.rename(place)
    os.mkfifo(place / "pipe.png")
    done = inside("cnn_cifar", "--dataset", place, "--epochs", "1")
    assert done.returncode == 0, done.stderr
    assert "'강아지' 4 (" in done.stdout
    assert "decoded as cp949" in done.stdout
    assert "강아지" in (folder(done, tmp_path) / "report.html").read_text(encoding="utf-8")


def test_the_overview_of_images(inside, made):
    (made / "some").mkdir()
    for name in ("b.PNG", "c.png", "c.jpg"):
        (made / "some" / name).write_bytes((made / "a.png").read_bytes())
    (made / "some" / "notes.txt").write_text("x")
    done = inside("predict", "pictures", "some", "a.png")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stderr.split())
    for part in (
        "networks 1, trained on Bars, classification: a, b, c",
        "images 4 (3 .png, 1 .jpg), each resized to 16 x 16 pixels, RGB",
        "ignored 1 (not images): notes.txt",
    ):
        assert part in said
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["file"].rpartition("/")[2] for row in rows] == ["b.PNG", "c.jpg", "c.png", "a.png"]
