"""Claims on work in a shared folder: one holder at a time, and none is left behind."""

import json
import os
import signal
import subprocess
import sys

from gnnvision.training import claims
from gnnvision.training.claims import Claims


def test_one_holder_at_a_time(tmp_path):
    mine, other = Claims(), Claims()
    claim = mine.take(tmp_path)
    assert other.take(tmp_path) is None
    with claim:
        assert other.take(tmp_path) is None
        assert other.holder(tmp_path).startswith(f"process {os.getpid()} on ")
        assert claim.is_held()
    again = other.take(tmp_path)
    assert again.number == 1
    assert not claim.is_held()
    assert mine.take(tmp_path) is None


def test_a_killed_process_of_this_machine_is_noticed_at_once(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from gnnvision.training.claims import Claims;"
        "Claims().take(Path(sys.argv[1]), 7).__enter__(); print('held', flush=True);"
        "time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    assert Claims().take(tmp_path) is None
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # ended, but still in the table
    claim = Claims().take(tmp_path, 7)
    assert claim.number == 1
    assert Claims().deaths(claim) == 1
    process.communicate()


def elsewhere(tmp_path, number, **more):
    about = {"host": "other", "pid": 1, "started": "1", "machine": "another", "beat": 0, **more}
    (tmp_path / f"claim-{number}.json").write_text(json.dumps(about))


def test_a_process_of_another_machine_has_ended_when_it_is_silent(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: now[0])
    elsewhere(tmp_path, 0)
    mine = Claims()
    assert mine.take(tmp_path) is None
    now[0] += claims.SILENT_S - 1
    assert mine.take(tmp_path) is None
    elsewhere(tmp_path, 0, beat=1)
    now[0] += 2
    assert mine.take(tmp_path) is None  # it gave a sign of life
    now[0] += claims.SILENT_S + 1
    assert mine.take(tmp_path).number == 1


def test_a_claim_that_was_never_written_is_over_some_time_later(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: now[0])
    (tmp_path / "claim-0.json").touch()
    mine = Claims()
    assert mine.take(tmp_path) is None
    now[0] += claims.SILENT_S + 1
    assert mine.take(tmp_path).number == 1


def test_deaths_without_progress_are_counted(tmp_path):
    for number, progress in enumerate((1, 2, 2)):
        elsewhere(tmp_path, number, progress=progress, machine="", released=False)
    elsewhere(tmp_path, 3, progress=2, released=True)
    claim = Claims().take(tmp_path, 2)
    assert claim.number == 4
    assert Claims().deaths(claim) == 0  # the last one gave it back
    elsewhere(tmp_path, 3, progress=2)
    assert Claims().deaths(claim) == 3
