"""The page that lists the lecture notes: every row, and what it names is there."""

import importlib.util
import re
import shlex
import sys
from functools import reduce

import pytest

import gnnvision as gv
from gnnvision.cli.flags import flags_of, given_values

from .lessons import LESSONS

TEXT = (LESSONS / "lecture_notes.md").read_text(encoding="utf-8")
ROWS = [line for line in TEXT.splitlines() if re.match(r"\| [A-F]\d+ \|", line)]
SCRIPTS = LESSONS.parents[1] / "experiments"
COUNTS = {"A": 10, "B": 9, "C": 9, "D": 2, "E": 2, "F": 5}


def code():
    """Each piece of code in the rows."""
    return sorted({found for row in ROWS for found in re.findall(r"`([^`]+)`", row)})


def test_every_row_of_the_notes_is_there():
    named = [re.match(r"\| (\w+) \|", row)[1] for row in ROWS]
    assert named == [f"{part}{n}" for part, last in COUNTS.items() for n in range(1, last + 1)]
    assert all(len(row.split(" | ")) == 4 for row in ROWS)
    assert all(cell.strip(" |") for row in ROWS for cell in row.split(" | "))


@pytest.mark.parametrize("command", [one for one in code() if one.startswith("experiments/")])
def test_each_command_has_these_flags(command, monkeypatch):
    path, *words = shlex.split(command)
    script = SCRIPTS.parent / path
    spec = importlib.util.spec_from_file_location(script.stem, script)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, script.stem, module)
    spec.loader.exec_module(module)
    values = given_values(module.Config, words, module.__doc__)
    if "compare" in values and isinstance(values["compare"], str):
        known = {flag.name for flag in flags_of(module.Config)}
        assert values["compare"].replace("-", "_") in known


def test_each_name_of_the_package_exists():
    names = {name for one in code() for name in re.findall(r"\bgv\.([\w.]+)", one)}
    assert len(names) > 20
    for name in names:
        reduce(getattr, name.split("."), gv)
    networks = re.findall(r"`([a-z]+_?\w*)`", TEXT.partition("## B")[2].partition("## C")[0])
    assert {"vgg_like", "strided_cnn", "lenet5"} <= set(networks)
    for name in networks:
        assert name in gv.models.names()


def test_its_facts():
    counts = {
        "lenet5_notes": "545,546", "vgg_like": "2,396,330",
    }  # fmt: skip
    for name, count in counts.items():
        assert f"{sum(p.numel() for p in gv.models.build(name).parameters()):,}" == count
        assert count in TEXT
    assert str(gv.basics.output_size(5, 3, 2, 1)).endswith("= 3")
    assert gv.basics.conv_parameters(1, 64, 5).value == 1_664
    assert gv.basics.conv_parameters(1, 64, 10).value == 6_464
