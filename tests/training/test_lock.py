"""Two runs never work in one folder at once."""

import subprocess
import sys
import threading

import pytest

import gnnvision as gv
from gnnvision.training import Recipe, fit, lock
from gnnvision.training.lock import InUse, in_use

HOLD = """
import runpy, sys, time
from pathlib import Path
with runpy.run_path(sys.argv[2])["in_use"](Path(sys.argv[1])):  # quicker than the package
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_told_and_a_dead_one_lets_go(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), lock.__file__],
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout.readline() == "held\n"
        task = gv.data.load("karate")
        model = gv.models.gcn(34, 4, 2)
        with pytest.raises(InUse, match="'folder' must not be in use by another run"):
            fit(model, task, Recipe(epochs=1), folder=tmp_path, progress=False)
        child.kill()
        child.wait()
    fit(model, task, Recipe(epochs=1), folder=tmp_path, progress=False)


def test_another_thread_is_told_and_the_same_one_may(tmp_path):
    caught = []

    def other():
        try:
            with in_use(tmp_path):
                pass
        except InUse as error:
            caught.append(error)

    with in_use(tmp_path), in_use(tmp_path):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(caught) == 1
    other()
    assert len(caught) == 1


def test_halves_of_killed_writers_are_removed_and_empty_folders_too(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    halves = [tmp_path / ".metrics.csv.x.part", tmp_path / "checkpoints" / ".last.y.part"]
    for half in halves:
        half.touch()
    (tmp_path / "result.json").touch()
    with in_use(tmp_path):
        assert not any(half.exists() for half in halves)
    assert (tmp_path / "result.json").exists()
    with in_use(tmp_path / "new"):
        assert (tmp_path / "new").is_dir()
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="'folder' must be a folder that can be created"):
        fit(
            gv.models.gcn(34, 4, 2), gv.data.load("karate"), folder=tmp_path / "file" / "x",
            progress=False,
        )  # fmt: skip
