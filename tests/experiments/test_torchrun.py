"""Scripts that torchrun starts in two processes: one run, printed once, equal to a plain one."""

import os
import subprocess
import sys

import pytest

from gnnvision.training.checkpoint import read_checkpoint

from .conftest import SCRIPTS, one_line_error

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
# A script without a report, of which rank 1 is killed after its first checkpoint, once.
KILLED = """
import os, sys
from pathlib import Path
from gnnvision.training.loop import Loop
from gnnvision.training.result import Result

save = Loop._save

def save_and_end(loop):
    save(loop)
    if (os.environ["RANK"], os.environ["TORCHELASTIC_RESTART_COUNT"]) == ("1", "0"):
        os.kill(os.getpid(), 9)

Loop._save = save_and_end
Result.report = lambda result, progress=None: result.folder
sys.path.insert(0, {scripts!r})
import gcn_cora
gcn_cora.start()
"""


@pytest.fixture
def started(tmp_path):
    """Start a program with torchrun in an empty folder; what it ends with."""

    def start(*words):
        environment = {k: v for k, v in os.environ.items() if k != "GNNVISION_DATA"}
        environment |= {"https_proxy": "http://127.0.0.1:9", "XDG_CACHE_HOME": str(tmp_path / "c")}
        return subprocess.run(
            [*TORCHRUN, *map(str, words)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    return start


def the_run(folder):
    (found,) = (one for one in folder.iterdir() if one.is_dir())
    return found


def test_a_script_makes_one_run_and_prints_it_once(started, tmp_path):
    done = started(SCRIPTS / "cnn_mnist.py", "--dataset", "digits", "--epochs", 1)
    assert done.returncode == 0, done.stderr
    run = the_run(tmp_path / "runs" / "cnn_mnist")
    files = {"config.json", "result.json", "metrics.csv", "report.html"}
    assert files <= {path.name for path in run.iterdir()}
    assert not (run / "checkpoints" / "last.safetensors").exists()
    assert "processes  2" in done.stdout
    assert done.stdout.count("report: ") == done.stdout.count("network ") == 1
    assert "torchrun --nproc-per-node 2" in (run / "config.json").read_text()


def test_seeds_that_are_shared_and_killed_equal_those_of_one_process(started, inside, tmp_path):
    (tmp_path / "killed.py").write_text(KILLED.format(scripts=str(SCRIPTS)))
    flags = ["--dataset", "karate", "--epochs", 6, "--seeds", 3, "--group", 1]
    words = ("--max-restarts", 1, tmp_path / "killed.py", *flags, "--save-every", 0)
    done = started(*words, "--out", "shared")
    assert done.returncode == 0, done.stderr
    assert "rank 1 was killed" in done.stderr
    assert "Traceback" not in done.stderr
    plain = inside("gcn_cora", *flags, "--out", "plain")
    assert plain.returncode == 0, plain.stderr
    shared, alone = (the_run(tmp_path / name / "gcn_cora") for name in ("shared", "plain"))
    for name in ("metrics.csv", "checkpoints/best.safetensors"):
        assert (shared / name).read_bytes() == (alone / name).read_bytes()
    names = [path.name for path in (shared / "checkpoints").iterdir()]
    assert sorted(names) == sorted(path.name for path in (alone / "checkpoints").iterdir())
    first, second = (
        read_checkpoint(run / "checkpoints" / "outcomes.safetensors").tensors
        for run in (shared, alone)
    )
    assert all(value.equal(second[name]) for name, value in first.items())


def test_an_error_is_printed_once(started, tmp_path):
    done = started("-m", "gnnvision", "train", "karate", "--seeds", 0)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert lines == ["error: '--seeds' must be at least 1, got 0. Use for example 5."]
    assert "exitcode  : 2" in done.stderr
    assert lines[0] in done.stderr.splitlines()[-2]  # the page of torchrun ends with it
    assert not (tmp_path / "runs").exists()


def test_what_does_not_train_is_refused(inside, monkeypatch):
    place = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "9"}
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    done = inside("graph_basics", "--steps")
    one_line_error(done)
    assert "'torchrun' must start a program that trains" in done.stderr


def test_there_is_nothing_to_share_without_torchrun(inside, tmp_path):
    done = inside("gcn_cora", "--dataset", "karate", "--parallel", "seeds")
    one_line_error(done)
    assert "'--parallel' must be left out without torchrun" in done.stderr
    assert not (tmp_path / "runs").exists()
