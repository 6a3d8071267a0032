"""Hostile values of flags end with one sentence, and never hang."""

import os
import time

import pytest

from gnnvision import training

from .conftest import one_line_error

LONG = "x" * 5000
KARATE = ("--dataset", "karate", "--epochs", "1")
DIGITS = ("--dataset", "digits", "--epochs", "1")
TABLE = ("--epochs", "1", "--target", "y")

NUMBERS = ["0", "-1", "nan", "inf", "x", "", "1e400", "1.5"]
WHOLE = [
    *((flag, value) for flag in ("--seeds", "--epochs") for value in NUMBERS),
    ("--seeds", str(10**12)),
    ("--seeds", "9" * 5000),
    *(("--lr", value) for value in ("-1", "nan", "inf", "x", "")),
    *(("--device", v) for v in ("meta", "cuda:99", "cpu:x", "xla", "gpu", "", "cuda:-1", LONG)),
    ("--precision", "float64"),
    *(("--dataset", v) for v in ("~nosuch/x", LONG, "a/" * 3000, "pipe", "/dev/zero", "file", "")),
    *(("--data-root", v) for v in ("~nosuch/x", LONG, "pipe", "/dev/zero", "file", "nowhere")),
    *(("--out", v) for v in ("~nosuch/x", LONG, "pipe", "/dev/null/x", "file")),
    *(("--resume", v) for v in ("~nosuch/x", LONG, "pipe", "/dev/zero", "file", "nowhere", ".")),
]


@pytest.fixture
def odd_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("x")
    (tmp_path / "a.csv").symlink_to(tmp_path / "pipe")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")


def ends(inside, tmp_path, script, *flags):
    begin = time.monotonic()
    one_line_error(inside(script, *flags))
    assert time.monotonic() - begin < 120
    assert not (tmp_path / "runs").exists()


@pytest.mark.usefixtures("odd_files")
def test_flags_that_all_scripts_have(inside, tmp_path):
    for flag, value in WHOLE:
        kept = [f for pair in zip(KARATE[::2], KARATE[1::2], strict=True)
                if pair[0] != flag for f in pair]  # fmt: skip
        ends(inside, tmp_path, "gcn_cora", *kept, f"{flag}={value}")


@pytest.mark.usefixtures("odd_files")
@pytest.mark.parametrize(
    ("script", "flags"),
    [
        ("cnn_mnist", (*DIGITS, "--batch-size=0")),
        ("cnn_mnist", (*DIGITS, "--image-size=-3")),
        ("autoencoder", (*DIGITS, "--latent=0")),
        ("autoencoder", (*DIGITS, "--latent=-1")),
        ("autoencoder", (*DIGITS, "--height=0")),
        ("autoencoder", (*DIGITS, "--width=-5")),
        ("gcn_molecules", ("--dataset", "bioactivity", "--split=kfold", "--folds=0")),
        ("gcn_molecules", ("--dataset", "bioactivity", "--split=kfold", "--folds=-1")),
        ("transfer_molecules", ("--dataset", "bioactivity", "--labels", "0")),
        ("transfer_molecules", ("--dataset", "bioactivity", "--labels", "-5")),
        ("gcn_molecules", (*TABLE, "--csv=a.csv")),
        ("gcn_molecules", (*TABLE, "--csv=zero.csv")),
        ("gcn_molecules", (*TABLE, "--csv=pipe")),
        ("gcn_molecules", (*TABLE, "--csv=~nosuch/a.csv")),
        ("gcn_molecules", (*TABLE, "--csv=" + LONG)),
        ("predict", ("pipe", "file")),
        ("predict", ("/dev/zero", "file")),
        ("predict", ("~nosuch/x", "file")),
        ("predict_molecules", ("pipe", "a.csv")),
        ("explain", ("pipe", "file")),
        ("explain", (LONG, "file")),
        ("feature_maps", ("/dev/zero", "file")),
        ("convolution_basics", ("--photo=pipe",)),
        ("convolution_basics", ("--photo=/dev/zero",)),
        ("convolution_basics", ("--photo=~nosuch/a.png",)),
        ("transfer_cats_dogs", ("--weights=pipe",)),
        ("transfer_cats_dogs", ("--weights=none.pth", "--device=meta")),
    ],
)
def test_flags_of_their_own(inside, tmp_path, script, flags):
    ends(inside, tmp_path, script, *flags)


def test_tables_and_images_that_never_end(inside, made, tmp_path, odd_files):
    ends(inside, tmp_path, "predict_molecules", "molecules", "a.csv")
    ends(inside, tmp_path, "predict_molecules", "molecules", "zero.csv")
    ends(inside, tmp_path, "predict", "pictures", "pipe")
    ends(inside, tmp_path, "predict", "pictures", "a.png", "--out", "pipe")


def test_names_that_are_not_utf_8(inside, tmp_path):
    out = tmp_path / "r\udcff"
    done = inside("gcn_cora", *KARATE, "--seeds=1", "--out", out)
    assert done.returncode == 0, done.stderr
    (run,) = (out / "gcn_cora").iterdir()
    assert (run / "report.html").is_file()
    assert training.read_json(run / "config.json")["flags"]["out"] == str(out)
    (run / "report.html").unlink()
    assert inside("gcn_cora", "--resume", run).returncode == 0
    assert (run / "report.html").is_file()
