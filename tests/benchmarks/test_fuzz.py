"""A short run of the fuzzer, and what it finds where something is wrong."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import fuzz
from fuzz import DOORS, Door


def test_a_few_hundred_inputs_lead_to_values_or_sentences(tmp_path):
    """In another process: what other tests did with gradients does not survive a fork."""
    command = [sys.executable, fuzz.__file__, "--inputs", "600", "--out", str(tmp_path / "found")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "found").exists()
    assert "600 inputs at" in done.stdout


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", DOORS)
def test_the_samples_are_valid(name, tmp_path):
    if name == "last checkpoint":
        tmp_path = tmp_path / "short"
    for number, data in enumerate(DOORS[name].samples()):
        DOORS[name].read(data, tmp_path / str(number))


def test_the_input_of_a_number_is_always_the_same():
    for door in DOORS.values():
        assert door.make(3, 50) == door.make(3, 50)


def bad(data, folder):
    """Something else goes wrong at each input."""
    number = int(data)
    if number == 1:
        os.abort()
    if number == 2:
        time.sleep(60)
    if number == 3:
        raise KeyError("x")
    if number == 4:
        (folder.parent.parent / "outside").write_text("x")
    if number == 5:
        subprocess.run(["true"], check=True)
    if number == 6:
        int("x")  # a ValueError, but not one of gnnvision
    if number == 7:
        return bytearray(2**40)
    if number == 8:
        from gnnvision.errors import at_least

        at_least("a", 1, 2)
    return data


def test_what_must_not_happen_is_found(tmp_path, monkeypatch, capfd):
    door = Door("bad", lambda: [b"%d" % n for n in range(9)], lambda *_: b"0", bad, 1)
    monkeypatch.setitem(fuzz.DOORS, "bad", door)
    monkeypatch.setattr(fuzz, "LIMIT_S", 1.0)
    count = fuzz.run_chunk(door, 0, 0, 12)
    assert count.inputs == 12
    found = {number: text.strip().splitlines()[-1] for number, text in count.findings}
    assert sorted(found) == [1, 2, 3, 4, 5, 6, 7]
    for number, part in {1: "code -6", 2: "not read within 1 s", 3: "KeyError", 6: "ValueError",
                         7: "MemoryError"}.items():  # fmt: skip
        assert part in found[number]
    texts = dict(count.findings)
    assert "open of" in texts[4]
    assert "subprocess.Popen" in texts[5]
    assert fuzz.keep(tmp_path / "found", door, 0, count.findings) == 7
    assert (tmp_path / "found" / "bad-0-3.bin").read_bytes() == b"3"
