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
BELOW |= {"models": CORE, "data": CORE, "inspect": CORE}
WORK = CORE | {"models", "data", "inspect"}
BELOW |= {"training": WORK, "transfer": WORK | {"training"}, "explain": WORK}
BELOW |= {"runs": WORK | {"training", "transfer", "explain"}}
BELOW |= {"report": BELOW["runs"] | {"runs"}}
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
    "optuna",
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
            "_colors",
            "_extras",
            "_fonts",
            "_html",
            "_lazy",
            "_renamed",
            "_torchrun",
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


# --- circles ----------------------------------------------------------------------------------


def module_of(path):
    """The dotted name of a file; that of its folder for an `__init__.py`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph(sources):
    """The modules that each module imports, also within functions and for type checkers.

    Args:
        sources: the text of each file.
    """
    known = {module_of(path): path for path in sources}
    graph = {}
    for name, path in known.items():
        package = list(path.relative_to(ROOT).parts[:-1])
        wanted = {found for found, _ in imported_modules(sources[path], package)}

        def is_read(module, wanted=wanted):
            """Not if only files of a room are imported from it."""
            names = [n for n in wanted if n.rpartition(".")[0] == module]
            return not names or any(n not in known for n in names)

        graph[name] = {n for n in wanted & known.keys() if is_read(n)} - {name}
    return graph


def circles(graph):
    """The groups of modules that import one another, directly or not, in alphabetical order."""
    reach = {}
    for start in graph:
        seen, todo = set(), [start]
        while todo:
            for following in graph[todo.pop()] - seen:
                seen.add(following)
                todo.append(following)
        reach[start] = seen
    groups = {frozenset(n for n in reach[m] if m in reach[n]) for m in graph if m in reach[m]}
    return sorted(sorted(group) for group in groups)


# To be empty; a circle that is gone must be deleted here.
KNOWN_CIRCLES: list[list[str]] = []


@pytest.mark.slow
def test_no_file_imports_itself_in_a_circle():
    found = circles(import_graph({path: path.read_text(encoding="utf-8") for path in FILES}))
    short = [[name.removeprefix("gnnvision.") for name in group] for group in found]
    assert short == KNOWN_CIRCLES, "\n".join(" <-> ".join(group) for group in short)


@pytest.mark.parametrize(
    "back",
    [
        "from gnnvision.domains.a import f",
        "from gnnvision.domains import a",
        "def g():\n    from .a import f",
        "import typing\nif typing.TYPE_CHECKING:\n    import gnnvision.domains.a",
    ],
    ids=["module", "room", "function", "type checkers"],
)
def test_a_circle_would_be_noticed(back):
    a, b, c = (PACKAGE / "domains" / f"{name}.py" for name in "abc")
    sources = {a: "from gnnvision.domains.b import g", b: "from .c import h", c: back}
    names = [f"gnnvision.domains.{name}" for name in "abc"]
    assert circles(import_graph(sources)) == [names]
    assert not circles(import_graph(sources | {c: "import torch"}))


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


@pytest.mark.slow
def test_all_public_names_together_are_light_to_import():
    """Compared by what is in memory after `import torch` alone, not by time."""
    more = modules_after("from gnnvision import *") - modules_after("import torch")
    assert "gnnvision.layers" in more
    roots = {name.split(".")[0] for name in more}
    assert not roots & set(HEAVY), f"imported too early: {sorted(roots & set(HEAVY))}"
    others = {name for name in more if not name.startswith("gnnvision")}
    assert len(others) < 100, f"{len(others)} more modules than torch alone: {sorted(others)}"


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_name_is_that_of_the_module_that_defines_it():
    """Also if a test has replaced the one of the room before."""
    program = """
import gnnvision as gv
fit, gv.training.fit = gv.training.fit, None
assert gv.fit is fit
"""
    assert "gnnvision.training.fit" in modules_after(program)
