"""The page's lines, run in a fresh interpreter, give the page's figure for every kind of task."""

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

import gnnvision as gv
from gnnvision.report import write_report
from gnnvision.report.words import amount
from gnnvision.training import evaluate

ROOT = Path(gv.__file__).parents[1]
SMILES = ["C" * n + end for n in range(1, 13) for end in ("O", "N", "F", "Cl", "Br")]


@pytest.fixture(autouse=True)
def lines_alone(monkeypatch):
    """The figures of the page take their time and are tested elsewhere."""
    monkeypatch.setattr("gnnvision.report.html.sections_of", lambda task: ())


def lines_of(page, first):
    """The block of the page that holds this text, as a program."""
    blocks = re.findall(r"<pre>(.*?)</pre>", page.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = [text for block in blocks if first in (text := html.unescape(block))]
    return found


def printed(programs, folder):
    """What each program prints, in a new interpreter that was started in another folder."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    # One interpreter for all, each with names of its own: to start one takes seconds.
    all_of_them = "".join(f"exec({text!r}, {{}}); print('next')\n" for text in programs)
    done = subprocess.run(
        [sys.executable, "-c", all_of_them], capture_output=True, text=True, cwd=folder,
        env=environment, check=False,
    )  # fmt: skip
    assert not done.returncode, done.stderr
    return [text.strip() for text in done.stdout.split("next")[: len(programs)]]


def pictures(folder):
    """A folder of two classes whose brightness, and so normalization, is far from usual."""
    generator = torch.Generator().manual_seed(0)
    for name, low in (("dark", 180), ("light", 215)):
        (folder / name).mkdir(parents=True)
        for number in range(24):
            pixels = torch.randint(low, low + 40, (20, 20), generator=generator)
            Image.fromarray(pixels.to(torch.uint8).numpy()).save(folder / name / f"{number}.png")
    return folder


def table(folder, target):
    path = folder / "table.csv"
    rows = [f"{smiles},{target(smiles)}" for smiles in SMILES]
    path.write_text("\n".join(["mol,y", *rows]) + "\n", encoding="utf-8")
    return path


def a_run_on_nodes(folder):
    task = gv.data.load("karate", split="random", seed=3, dense=True, normalize_features=False)
    return task, gv.models.gcn(34, 4, 2), {}


def a_run_on_pictures(folder):
    task = gv.data.load(pictures(folder / "photos"), image_size=12, split="random")
    augment = gv.data.Augment(resized_crop=(0.6, 1.0), size=(10, 10))
    task = task.with_augment(augment).with_test_views("mirror+shift")
    return (
        task,
        gv.models.build("mnist_cnn", in_channels=1, num_classes=2, image_size=(10, 10)),
        {"precision": "bfloat16"},
    )


def a_run_on_pictures_given_back(folder):
    task = gv.data.load("digits", split="random").reconstruction()
    return task, gv.models.autoencoder(1, (8, 8), latent_channels=3), {}


def a_run_on_molecules(folder):
    path = table(folder, len)
    featurizer = gv.data.Featurizer(hydrogens="explicit")
    task = gv.data.load(path, smiles="mol", targets="y", featurizer=featurizer, descriptors=True)
    model = gv.models.build(
        "bond_network", in_channels=task.in_channels, num_outputs=1,
        bond_channels=task.num_edge_attr, descriptors=task.num_graph_attr, hidden_channels=8,
    )  # fmt: skip
    return task, model, {}


def a_run_on_yes_and_no(folder):
    path = table(folder, lambda smiles: int("N" in smiles or "O" in smiles))
    task = gv.data.load(path, smiles="mol", targets="y", split="kfold", folds=4)
    model = gv.models.build("molecule_gcn", in_channels=task.in_channels, num_outputs=1)
    return task, model, {}


RUNS = [
    a_run_on_nodes, a_run_on_pictures, a_run_on_pictures_given_back, a_run_on_molecules,
    a_run_on_yes_and_no,
]  # fmt: skip


def test_the_lines_give_the_figure_of_the_page(tmp_path):
    programs, values = [], []
    for made in RUNS:
        place = tmp_path / made.__name__
        place.mkdir()
        task, model, options = made(place)
        recipe = gv.Recipe(epochs=3, lr=0.01)
        folder = place / "run"
        result = gv.fit(model, task, recipe, seeds=2, folder=folder, progress=False, **options)
        page = write_report(result)
        value = result.best.metrics["test"][result.metric]
        words = f"of the kept model, {amount(result.metric, value)} (of seed {result.best.seed};"
        assert words in html.unescape(page.read_text(encoding="utf-8"))
        programs.append(lines_of(page, "import evaluate"))
        values.append(value)
        if made is a_run_on_pictures:
            new = lines_of(page, '"photo.jpg"')
            photo = place / "photos" / "dark" / "0.png"
            programs.append(new.replace("photo.jpg", str(photo)))
            values.append(None)
        if made is a_run_on_nodes:
            programs.append(lines_of(page, "run.predict()"))
            values.append(None)
        if made is a_run_on_molecules:
            programs.append(lines_of(page, '"CCO"'))
            values.append(None)
    for found, value, program in zip(printed(programs, tmp_path), values, programs, strict=True):
        if value is None:
            assert found, program
        else:
            assert float(found) == pytest.approx(value, rel=1e-6), program


def test_what_cannot_be_measured_is_refused(tmp_path):
    task = gv.data.load("karate")
    gv.fit(gv.models.gcn(34, 4, 2), task, gv.Recipe(epochs=1), folder=tmp_path, progress=False)
    other = gv.data.load("digits")
    with pytest.raises(ValueError, match="'task' must have the data_hash of the run"):
        evaluate(tmp_path, other)
    with pytest.raises(ValueError, match="'task' must have the kind of the run"):
        evaluate(tmp_path, other.reconstruction())
    with pytest.raises(
        ValueError, match="'checkpoint' must have the weights of gcn, got different ones"
    ):
        evaluate(tmp_path, task, gv.models.gcn(34, 5, 2))
    with pytest.raises(ValueError, match="'checkpoint' must be a run folder"):
        evaluate(tmp_path / "nothing", task)
