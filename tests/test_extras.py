"""Without the packages of the extras: what works, and what says which command installs them."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gnnvision._extras import (
    EXTRAS,
    MissingPackage,
    install_command,
    missing,
    missing_text,
    require_extra,
)
from gnnvision.cli.error_messages import error_message

ROOT = Path(__file__).resolve().parents[1]
HIDDEN = ("matplotlib", "networkx", "PIL", "pandas", "rdkit", "sklearn", "torch_geometric",
          "torchvision")  # fmt: skip
# Run by Python before anything else: these packages are as if they were not installed.
HOOK = f"""
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HIDDEN}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hidden())
"""


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    """A function that runs Python in an empty folder without the packages of the extras."""
    hook, empty = tmp_path_factory.mktemp("hook"), tmp_path_factory.mktemp("empty")
    (hook / "sitecustomize.py").write_text(HOOK)
    path = os.pathsep.join(map(str, (hook, ROOT)))

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=empty,
            env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    run.folder = empty
    return run


def test_the_extras_are_those_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for extra, packages in EXTRAS.items():
        listed = sorted(re.match(r"[\w-]+", package)[0] for package in extras[extra])
        assert sorted(packages.values()) == listed
    core = {re.match(r"[\w-]+", package)[0] for package in project["dependencies"]}
    assert not core & {name for held in EXTRAS.values() for name in held.values()}
    (everything,) = extras["all"]
    assert everything == "gnnvision[images,molecules,pyg,report]"
    for group in ("docs", "dev"):
        assert "all" in re.match(r"gnnvision\[(.*)\]", extras[group][0])[1].split(",")


def test_the_sentence(monkeypatch):
    assert missing("report") == [] == missing("molecules")
    assert missing_text("report", "Drawing figures") == ""
    require_extra("report", "Drawing figures")
    monkeypatch.setitem(sys.modules, "sklearn", None)
    one = "This needs scikit-learn, which is not installed. Install it with: "
    assert missing_text("report", "This") == one + install_command("report")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    two = "This needs matplotlib and scikit-learn, which are not installed. Install them with: "
    assert missing_text("report", "This") == two + install_command("report")
    assert missing_text("report", "This", "PIL") == ""
    with pytest.raises(MissingPackage, match=r"pip install 'gnnvision\[report\]'"):
        require_extra("report", "This")


def test_an_import_that_nobody_expected(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit", None)
    error = ModuleNotFoundError("No module named 'rdkit'", name="rdkit")
    said = "This needs rdkit, which is not installed. Install it with: pip install"
    assert error_message(error).startswith(said)
    error.name = "rdkit.Chem"
    assert error_message(error).startswith(said)
    error.name = "PIL.nothing"  # there, but broken: a bug keeps its traceback
    assert error_message(error) is None


@pytest.mark.slow
def test_no_module_imports_them_when_it_is_imported():
    for path in (ROOT / "gnnvision").rglob("*.py"):
        if path.name == "hetero.py":  # whose class extends one of torch-geometric
            continue
        for node in ast.parse(path.read_text()).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found = {name.partition(".")[0] for name in names} & {*HIDDEN}
            assert not found, f"{path} imports {found}"


LAYERS = """
import torch, gnnvision as gv
graph = gv.Graph.from_edges([(0, 1), (1, 2), (2, 0)], num_nodes=4, undirected=True)
model = gv.Sequential(gv.GCNConv(3, 8), torch.nn.ReLU(), gv.GATConv(8, 2))
assert model(torch.rand(4, 3), graph).shape == (4, 2)
assert gv.summary(model, graph, channels=3).rows()
grid = gv.Grid((8, 8))
images = gv.Sequential(gv.Conv2d(1, 4, 3, padding="same"), gv.Readout("mean"))
assert images(torch.rand(2, 1, 8, 8), grid).shape == (2, 4)
print(gv.summary(images, grid, channels=1))
graph._repr_html_(), gv.Graph.batch([graph, graph]).unbatch()
task = gv.data.load("karate")
result = gv.fit(gv.models.gcn(34, 4, 2), task, gv.Recipe(epochs=3), seeds=2, progress=False,
                folder="run")
run = gv.load_run("run")
assert len(list(run.predict())) == 34
run.explain([0])
digits = gv.data.load("digits")
assert digits.grid.shape == (8, 8)
digits._repr_html_()
"""


@pytest.mark.slow
def test_layers_training_and_loading(core):
    done = core("-W", "error", "-c", LAYERS)
    assert done.returncode == 0, done.stderr
    assert "Conv2d" in done.stdout


@pytest.mark.slow
def test_the_experiment_on_a_graph(core):
    script = ROOT / "experiments" / "gcn_cora.py"
    done = core(script, "--dataset", "karate", "--seeds", "2", "--epochs", "5", "--out", "runs")
    assert done.returncode == 0, done.stderr
    sentence = "needs matplotlib, pillow and scikit-learn, which are not installed. "
    sentence += f"Install them with: {install_command('report')}"
    first, *_ = done.stderr.splitlines()  # before the progress of the training
    assert first.startswith(f"Drawing the figures of the report {sentence}")
    assert "2 seeds (mean ± std)" in done.stdout
    (folder,) = (core.folder / "runs" / "gcn_cora").iterdir()
    for name in ("config.json", "metrics.csv", "result.json", "checkpoints/best.safetensors"):
        assert (folder / name).is_file(), name
    page = (folder / "report.html").read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", page.replace("&#39;", "'"))
    banner = text[text.index("This report has no figures") :]
    assert banner.index(sentence) < banner.index("<h1>")  # above everything else
    assert "<figure" not in text
    for title in ("Results", "Confusion matrix", "Model summary", "Reproduce", "Environment"):
        assert f"<h2>{title}</h2>" in text, title
    assert "Mr. Hi" in text  # the table of the classes
    # The same page once more, by the command and in Python.
    done = core("-m", "gnnvision", "report", folder)
    assert done.returncode == 0, done.stderr
    assert sentence in done.stderr


SENTENCES = {
    "gv.Graph.from_smiles('CCO')": "Reading SMILES needs rdkit",
    "gv.data.load('esol')": "Reading molecules needs rdkit",
    "gv.data.load('bioactivity')": "Reading molecules needs rdkit",
    "gv.data.from_smiles(['CCO'] * 20, range(20))": "Reading molecules needs rdkit",
    "gv.data.load('.')": "Reading image files needs pillow",
    "gv.models.torchvision_network('resnet18')": "The network 'resnet18' needs torchvision",
    "gv.transfer.load_backbone('resnet18')": "The network 'resnet18' needs torchvision",
    "gv.Graph.from_edges([(0, 1)], num_nodes=2).to_pyg()": "Graph.to_pyg needs torch-geometric",
    "gv.Graph.from_edges([(0, 1)], num_nodes=2).to_networkx()": "networkx",
    "gv.Graph.from_edges([(0, 1)], num_nodes=2).draw()": "Graph.draw needs matplotlib",
    "import_module('gnnvision.layers.hetero')": "MessagePassingLayer needs torch-geometric",
    "gv.basics.load_photo()": "Reading a photo needs pillow and scikit-learn",
}


SCRIPTS = {
    ("feature_maps.py", "torchvision:resnet18", "photo.jpg"): "report",
    ("explain.py", "nothing", "photo.jpg"): "report",
    ("convolution_basics.py",): "report",
    ("hexagonal.py",): "report",
    ("gcn_molecules.py", "--dataset", "esol"): "molecules",
    ("transfer_cats_dogs.py",): "images",
    ("transfer_molecules.py",): "molecules",
}
# One process for all of them: most of its time is the import of torch.
MANY = f"""
import runpy, sys
from importlib import import_module
import gnnvision as gv
from gnnvision.cli.command import main
for code in {list(SENTENCES)}:
    try:
        eval(code)
        print("worked")
    except ImportError as error:
        print(error)
main(["--doctor"])
for name, *words in {list(SCRIPTS)}:
    path = f"{ROOT}/experiments/{{name}}"
    sys.argv = [path, *words]
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as error:
        print("exit code", error.code, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def many(core):
    done = core("-c", MANY)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow
def test_every_other_use_says_what_to_install(many):
    for (code, start), said in zip(SENTENCES.items(), many.stdout.splitlines(), strict=False):
        if start == "networkx":  # comes with torch
            assert said == "No module named 'networkx'"
            continue
        assert said.startswith(start), (code, said)
        assert re.search(r"Install (it|them) with: pip install 'gnnvision\[\w+\]'$", said), said


@pytest.mark.slow
def test_scripts_end_before_any_work(core, many):
    lines = [line for line in many.stderr.splitlines() if line.startswith(("error:", "exit"))]
    assert lines[1::2] == ["exit code 2"] * len(SCRIPTS)
    for (name, *_), extra, line in zip(SCRIPTS, SCRIPTS.values(), lines[::2], strict=True):
        assert line.endswith(install_command(extra)), (name, line)
        assert not list(core.folder.glob(f"runs/{Path(name).stem}/*")), name


@pytest.mark.slow
def test_the_doctor_lists_the_extras(many):
    (line,) = re.findall("^extras .*$", many.stdout, re.MULTILINE)
    assert "molecules (without rdkit)" in line
    assert "report (without matplotlib, pillow, scikit-learn)" in line
