"""`experiments/gcn_cora.py` as a user runs it, from another folder, in a process of its own."""

import json
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from .conftest import SCRIPTS, folder, one_line_error

SCRIPT = SCRIPTS / "gcn_cora.py"
QUICK = ("--dataset", "karate", "--epochs", "3", "--seeds", "2")


@pytest.fixture
def run(process):
    """The script in a process of its own."""
    return partial(process, "gcn_cora")


@pytest.fixture
def here(inside):
    """The script in this process: much quicker."""
    return partial(inside, "gcn_cora")


def test_a_run_leaves_everything(run, here, tmp_path):
    done = run(*QUICK)
    assert done.returncode == 0, done.stderr
    left = folder(done, tmp_path)
    assert left.parent == tmp_path / "runs" / "gcn_cora"
    names = {p.relative_to(left).as_posix() for p in left.rglob("*") if p.is_file()}
    assert {"config.json", "metrics.csv", "result.json", "report.html"} <= names
    assert "checkpoints/best.safetensors" in names
    assert any(name.startswith("figures/") and name.endswith(".svg") for name in names)
    result = json.loads((left / "result.json").read_text())
    assert result["dataset"] == result["requested_dataset"] == "karate"
    config = json.loads((left / "config.json").read_text())
    assert config["flags"]["epochs"] == 3
    assert config["recipe"]["lr"] == 0.01
    again = here(*QUICK)
    assert folder(again, tmp_path) != left, "a run overwrote another"


def test_without_cora_it_ends_well_and_says_so(run, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    done = run("--epochs", "2", "--seeds", "2", data_root=empty)
    assert done.returncode == 0, done.stderr
    assert "NOT Cora" in done.stderr
    here = folder(done, tmp_path)
    result = json.loads((here / "result.json").read_text())
    assert (result["dataset"], result["requested_dataset"]) == ("stdlib", "auto")
    assert "This is not Cora" in (here / "report.html").read_text()


def test_a_named_data_set_is_strict(run, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    one_line_error(
        run("--dataset", "cora", data_root=empty), "ind.cora.x", str(empty / "Cora/raw")
    )
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (("--dataset", "coar"), ("Did you mean 'cora'?",)),
        (("--dataset", "karate", "--device", "cuda:9"), ("'--device' must be a device",)),
        (("--dataset", "karate", "--device", "gpu"), ("'--device' must be a device",)),
        (("--dataset", "karate", "--epochs", "0"), ("'--epochs' must be at least 1, got 0",)),
        (("--dataset", "karate", "--lr", "-1"), ("'--lr' must be at least 0",)),
        (("--dataset", "karate", "--seeds", "0"), ("'--seeds' must be a positive count",)),
        (("--dataset", "karate", "--data-root", "nowhere"), ("folder that exists", "nowhere")),
        (("--resume", "nowhere"), ("'config.json' must be a readable JSON file",)),
        (("--dataset", "karate", "--out", "/proc/1/x"), ("'--out' must be a writable folder",)),
        (("--color", "red"), ("--color",)),
        (("--split", "mine"), ("mine",)),
    ],
)
def test_user_errors_exit_with_one_line(here, tmp_path, flags, parts):
    one_line_error(here(*flags), *parts)
    assert not (tmp_path / "runs").exists() or not any((tmp_path / "runs").rglob("result.json"))


def test_a_mistake_in_a_process_of_its_own(run):
    one_line_error(run("--dataset", "coar"), "Did you mean 'cora'?")


def test_both_spellings_of_a_flag(here):
    done = here(*QUICK, "--data_root", ".")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_and_resumed_ends_with_the_same_bits(run, here, tmp_path, number):
    flags = ("--dataset", "karate", "--epochs", "700", "--seeds", "2")
    whole = here(*flags, "--out", "whole")
    started = subprocess.Popen(
        [sys.executable, SCRIPT, *flags, "--save-every", "0.02"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("runs/gcn_cora/*/checkpoints/last.safetensors")):
        assert started.poll() is None, started.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    started.send_signal(number)
    _, err = started.communicate(timeout=120)
    (stopped,) = tmp_path.glob("runs/gcn_cora/*")
    assert not (stopped / "result.json").exists()
    if number is not signal.SIGKILL:
        assert started.returncode == 130
        assert "Everything is saved. Resume it with: python " in err
        assert f"--resume {stopped.relative_to(tmp_path)}" in err
    assert "Traceback" not in err

    # Another recipe is refused, and nothing is lost by asking.
    one_line_error(here("--resume", stopped, "--lr", "0.5"), "'--lr' must be unset as in the run")

    resumed = run("--resume", stopped)
    assert resumed.returncode == 0, resumed.stderr
    first = folder(whole, tmp_path)
    assert (first / "metrics.csv").read_bytes() == (stopped / "metrics.csv").read_bytes()
    a, b = (f / "checkpoints" / "best.safetensors" for f in (first, stopped))
    assert a.read_bytes() == b.read_bytes()
    one_line_error(here("--resume", stopped), "must name a run that was stopped")


def test_help_names_every_flag(here):
    text = here("--help").stdout
    for flag in ("--dataset", "--model", "--split", "--seeds", "--epochs", "--lr", "--device"):
        assert flag in text
    for flag in ("--precision", "--deterministic", "--data-root", "--out", "--resume"):
        assert flag in text
