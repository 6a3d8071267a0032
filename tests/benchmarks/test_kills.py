"""The harness that kills runs, on a quick job: it accepts a good one, and finds what is wrong."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import kills

# Counts to 40 in a file, which it replaces atomically, with a helper process beside it.
JOB = """
import os, pathlib, subprocess, sys, time
out = pathlib.Path(sys.argv[1]); out.mkdir(parents=True, exist_ok=True)
(out / "config.json").touch()
helper = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"],
                          stdin=subprocess.PIPE)
place = out / "count.csv"
count = started = int(place.read_text()) if place.exists() else 0
while count < 40:
    count += 1
    part = out / ".part"
    part.write_text(str(count))
    os.replace(part, place)
    time.sleep(0.005)
helper.stdin.close()
helper.wait()
"""


@pytest.fixture
def case(tmp_path):
    path = tmp_path / "job.py"
    path.write_text(JOB)
    start = (sys.executable, str(path), "out/a/b")
    return kills.Case(start, (sys.executable, str(path)), saved="out/a/b/count.csv")


def runs(case, tmp_path, job=None, count=6):
    if job is not None:
        (tmp_path / "job.py").write_text(job)
    return kills.Runs("counting", case, tmp_path / "runs", 1).all(count)


def test_a_job_that_loses_nothing(case, tmp_path):
    tally = runs(case, tmp_path, count=4)
    assert tally.faults == []
    assert tally.kills.total() == 4
    assert tally.runs >= 1


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("part.write_text", "(out / str(os.getpid())).touch(); part.write_text", "left behind"),
        ("str(count)", "str(count + (count == 40) * started)", "changed: RUN/count.csv"),
        ("while count", "lock = out / 'lock'; lock.touch(exist_ok=False)\nwhile count", "code 1"),
        ("import sys; sys.stdin.read()", "import time; time.sleep(1.5)", "processes were left"),
    ],
)
def test_what_is_wrong_is_found(case, tmp_path, monkeypatch, old, new, found):
    monkeypatch.setattr(kills, "LEAVE_S", 0.2)
    tally = runs(replace(case, codes=(0,)), tmp_path, JOB.replace(old, new), 12)
    assert any(found in fault for fault in tally.faults), tally.faults
