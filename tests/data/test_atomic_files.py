import subprocess
import sys
import threading
import time

import pytest

from gnnvision.data import atomic_files
from gnnvision.data.atomic_files import (
    NotWritable,
    TemporaryFolder,
    atomic_write,
    folder_lock,
)


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "new" / "file"
    with atomic_write(path) as target:
        target.write(b"all")
        assert not path.exists()
    assert path.read_bytes() == b"all"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_or_not_at_all(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def stopped():
        with atomic_write(path) as target:
            target.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(NotWritable, match="cannot be written"),
        atomic_write(tmp_path / "file" / "x"),
    ):
        raise AssertionError


HOLD = """
import runpy, sys, time
from pathlib import Path
module = runpy.run_path(sys.argv[2])  # without the package, which takes seconds to import
with module["folder_lock"](Path(sys.argv[1]), 5):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_waits_and_a_dead_one_lets_go(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), atomic_files.__file__],
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout.readline() == "held\n"
        begin = time.monotonic()
        with folder_lock(tmp_path, wait_s=0.2) as held:
            assert not held
        assert time.monotonic() - begin >= 0.2
        with folder_lock(tmp_path / "other", wait_s=0) as held:
            assert held
        child.kill()
        child.wait()
        with folder_lock(tmp_path, wait_s=5) as held:
            assert held
    assert list(tmp_path.iterdir()) == []


def test_no_lock_is_left_behind(tmp_path, monkeypatch):
    locks = tmp_path / "temporary"
    locks.mkdir()
    monkeypatch.setattr(atomic_files.tempfile, "tempdir", str(locks))
    for number in range(20):
        with folder_lock(tmp_path / str(number), wait_s=0) as held:
            assert held
            assert len(list(locks.iterdir())) == 1
    assert not list(locks.iterdir())


def test_many_threads_take_turns_though_each_removes_the_lock(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(10):
            with folder_lock(tmp_path, wait_s=60) as held:
                inside.append(held)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) == 40


KILLED = """
import os, runpy, signal, sys
held = runpy.run_path(sys.argv[2])
with held["atomic_write"](held["Path"](sys.argv[1], "file")) as target:
    held["TemporaryFolder"]("maps-", held["Path"](sys.argv[1]))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_leaves_the_next_one_removes(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), atomic_files.__file__])
    kept = tmp_path / "kept"
    kept.mkdir()
    (tmp_path / "maps-link").symlink_to(kept)
    with atomic_write(tmp_path / "another"):
        left = [p.name for p in tmp_path.iterdir() if p.name.startswith((".file.", "maps-"))]
        assert len(left) == 3, left
    with atomic_write(tmp_path / "file") as target, atomic_write(tmp_path / "file") as other:
        assert len([*tmp_path.glob(".file.*.part")]) == 2  # of those that live
        assert target.name != other.name
    first = TemporaryFolder("maps-", tmp_path)
    second = TemporaryFolder("maps-", tmp_path)
    assert {p.name for p in tmp_path.glob("maps-*")} == {
        first.path.name, second.path.name, "maps-link"
    }  # fmt: skip
    first.remove()
    second.remove()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["another", "file", "kept", "maps-link"]
