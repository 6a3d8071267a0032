"""The one-way imports of the house: a file imports only from its own floor and those below."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "gnnvision"

BELOW = {"domains": set(), "operators": {"domains"}, "layers": {"domains", "operators"}}
CORE = set(BELOW) | {"layers"}
BELOW |= {"models": CORE, "data": CORE, "summary": CORE}
WORK = CORE | {"models", "data", "summary"}
BELOW |= {"training": WORK, "transfer": WORK | {"training"}, "explain": WORK}
BELOW |= {"report": WORK | {"training", "transfer", "explain"}}
BELOW |= {"basics": BELOW["report"] | {"report"}}
BELOW |= {"cli": BELOW["basics"] | {"basics"}}

HEAVY = (
    "rdkit",
    "networkx",
    "torchvision",
    "matplotlib",
    "torch_geometric",
    "sklearn",
    "scipy",
    "pandas",
)


def imported_modules(source, package):
    """The dotted names that a file imports anywhere, also within functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*parents, *filter(None, [node.module])])
            yield base, node.lineno
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def floor_of(path):
    """The folder right under the package; None for its own files, which stand above all."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else None


def violations(path, source):
    floor, package = floor_of(path), list(path.relative_to(ROOT).parts[:-1])
    for name, line in imported_modules(source, package):
        root, *rest = name.split(".")
        where = f"{path.relative_to(ROOT)}:{line} imports {name}"
        if root in ("experiments", "benchmarks", "tests"):
            yield f"{where}: nothing imports that"
        if root != "gnnvision" or floor is None or (rest and rest[0] == floor):
            continue
        if rest and rest[0] in (
            "_lazy",
            "_renamed",
            "_version",
            "__version__",
            "errors",
        ):  # below all floors
            continue
        if rest and rest[0] not in BELOW[floor]:
            yield f"{where}: {floor} may import only {sorted(BELOW[floor])}"


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=[str(p.relative_to(PACKAGE)) for p in FILES])
def test_imports_go_down(path):
    assert floor_of(path) in {None, *BELOW}, "a floor that this test does not know"
    found = list(violations(path, path.read_text(encoding="utf-8")))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("domains/a.py", "from gnnvision.operators import Shift"),
        ("domains/a.py", "import gnnvision.layers.gcn"),
        ("domains/a.py", "from gnnvision import layers"),
        ("operators/a.py", "def f():\n    from gnnvision.layers.gcn import GCNConv"),
        ("operators/a.py", "from ..layers import gcn"),
        ("layers/a.py", "from .. import models"),
        ("models/a.py", "from gnnvision.data import load"),
        ("data/a.py", "from gnnvision.models import LeNet"),
        ("training/a.py", "from gnnvision.explain import maps"),
        ("explain/a.py", "from gnnvision.training.fit import fit"),
        ("explain/a.py", "from gnnvision.report import html"),
        ("training/a.py", "from gnnvision.transfer import freeze"),
        ("transfer/a.py", "from gnnvision.report import html"),
        ("report/a.py", "import experiments.gcn_cora"),
        ("a.py", "from experiments import gcn_cora"),
    ],
)
def test_the_test_would_notice(place, source):
    assert list(violations(PACKAGE / place, source))


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("domains/a.py", "from gnnvision.domains.base import Domain"),
        ("operators/a.py", "from gnnvision.domains import Graph\nfrom .base import Operator"),
        ("report/a.py", "from gnnvision import training, explain, transfer, data, __version__"),
        ("__init__.py", "from gnnvision.report import html"),
        ("cli/a.py", "import gnnvision.report"),
    ],
)
def test_what_is_allowed(place, source):
    assert not list(violations(PACKAGE / place, source))


def modules_after(program):
    """The modules that a program leaves imported, in an interpreter of its own."""
    program += "\nimport sys\nprint(*sorted(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_the_package_alone_imports_almost_nothing():
    more = modules_after("import gnnvision; gnnvision.Recipe(); gnnvision.training.recipes")
    more -= modules_after("import dataclasses, typing, math")
    assert not {name.split(".")[0] for name in more} & {"torch", "numpy", "rich", *HEAVY}
    assert len([name for name in more if name.startswith("gnnvision")]) < 10, more


def test_all_public_names_together_are_light_to_import():
    """Compared by what is in memory after `import torch` alone, not by time."""
    more = modules_after("from gnnvision import *") - modules_after("import torch")
    assert "gnnvision.layers" in more
    roots = {name.split(".")[0] for name in more}
    assert not roots & set(HEAVY), f"imported too early: {sorted(roots & set(HEAVY))}"
    others = {name for name in more if not name.startswith("gnnvision")}
    assert len(others) < 100, f"{len(others)} more modules than torch alone: {sorted(others)}"


def test_names_that_are_imported_on_first_use():
    program = """
import pickle
from gnnvision.training.fit import NotSaved
import gnnvision.summary
import gnnvision as gv
from gnnvision import *
for package in (gv, gv.training):
    for name in package.__all__:
        assert getattr(package, name) is not None and name in dir(package), name
        assert package is not gv or globals()[name] is getattr(gv, name), name
assert gv.summary.__name__ == "summary" and callable(gv.summary)  # not the module of that name
assert callable(gv.fit) and gv.fit is gv.training.fit and callable(gv.training.evaluate)
assert gv.layers.GCNConv is gv.GCNConv and gv.report.write_report
assert pickle.loads(pickle.dumps(gv.Grid)) is gv.Grid
assert not hasattr(gv, "GCNNConv")
"""
    assert "gnnvision.report" in modules_after(program)


def test_a_name_is_that_of_the_module_that_defines_it():
    """Also if a test has replaced the one of the room before."""
    program = """
import gnnvision as gv
fit, gv.training.fit = gv.training.fit, None
assert gv.fit is fit
"""
    assert "gnnvision.training.fit" in modules_after(program)
