"""The help of every script: quick, complete, and readable at 80 columns and below."""

import dataclasses
import subprocess
import sys

import pytest

from gnnvision.cli.flags import flags_of, format_help

from .conftest import SCRIPTS
from .test_every_flag import script_of

NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))
HEAVY = {"torch", "numpy", "matplotlib", "rdkit", "rich", "sklearn", "torch_geometric"}
PROGRAM = """
import runpy, sys
script, *sys.argv[1:] = sys.argv[1:]
sys.argv[0] = script
try:
    runpy.run_path(script, run_name="__main__")
except SystemExit as end:
    print(end.code, *sorted(sys.modules), file=sys.__stdout__)
"""


def modules_of(name, *flags):
    """The exit code of a script and the modules it imported."""
    command = [sys.executable, "-c", PROGRAM, SCRIPTS / f"{name}.py", *flags]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    code, *modules = run.stdout.splitlines()[-1].split()
    return int(code), {module.split(".")[0] for module in modules}


# `hexagonal` defines a class of its own, derived from one of the package.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "hexagonal"])
def test_nothing_heavy_is_imported(name):
    code, modules = modules_of(name, "--help")
    assert code == 0
    assert not modules & HEAVY


def test_a_wrong_flag_ends_before_torch_is_imported():
    code, modules = modules_of("gcn_cora", "--sedes", "3")
    assert code == 2
    assert "torch" not in modules


@pytest.mark.parametrize("name", NAMES)
def test_every_flag_is_explained_in_sentences(name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.argv", [f"experiments/{name}.py"])
    script = script_of(name)
    monkeypatch.setitem(sys.modules, name, script)
    flags = flags_of(script.Config)
    assert {flag.name for flag in flags} == {f.name for f in dataclasses.fields(script.Config)}
    for flag in flags:
        assert flag.text, flag.name
        assert flag.text.endswith("."), flag.text
    text = format_help(script.Config, script.__doc__)
    assert "None" not in text
    assert f"examples:\n  python experiments/{name}.py" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("gcn_cora", "Passes over the training split. (default: 200)"),
        ("cnn_mnist", "(default: 30 for lenet5 and lenet5_notes; 12 for mnist_cnn)"),
        ("transfer_cats_dogs", "after the head is trained. (default: 5)"),
    ],
)
def test_the_values_of_recipes_are_the_defaults(name, default, monkeypatch):
    script = script_of(name)
    monkeypatch.setitem(sys.modules, name, script)
    assert default in " ".join(format_help(script.Config, "").split())
