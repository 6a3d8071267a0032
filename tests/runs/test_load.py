"""What load_run finds and refuses, and the table of predictions."""

import csv
import io
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import gnnvision as gv
from gnnvision.runs import Predictions, write_predictions
from gnnvision.training.checkpoint import Checkpoint, write_checkpoint

from .graphs import gcn, train


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A run of two seeds on digits, and a folder without labels of which a file is damaged."""
    folder = tmp_path_factory.mktemp("images")
    task = gv.data.load("digits")
    train(task, gv.models.lenet5_notes(image_size=8), folder / "run", seeds=2, ensemble=True)
    (folder / "new" / "deeper").mkdir(parents=True)
    for name, image in zip(("b.png", "deeper/c.png"), task.images_at([0, 1]), strict=True):
        Image.fromarray(image[0].numpy()).save(folder / "new" / name)
    Image.fromarray(np.zeros((9, 12, 3), np.uint8)).save(folder / "new" / "d.jpg")
    (folder / "new" / "a.png").write_bytes(b"nothing")
    (folder / "new" / "notes.txt").write_text("no image")
    return folder, task


def test_a_folder_without_labels(images):
    folder, task = images
    run = gv.load_run(folder / "run", device="cpu")
    found = run.predict(folder / "new")
    names = [file.rpartition("new")[2][1:] for file in found.ids]
    assert names == ["a.png", "b.png", "d.jpg", "deeper/c.png"]
    assert found.status == ("failed", "ok", "changed", "ok")
    assert found.num_failed == 1
    assert "converted from color to grayscale" in found.changes[2]
    assert found.predicted[0] == ""
    expected = run.predict(task.images_at([0, 1]))
    torch.testing.assert_close(found.values[[1, 3]], expected.values)
    assert found.values[0].isnan().all()
    assert (run.kind, len(run.networks), len(found.header)) == ("image", 2, 1 + 2 + 10 + 10 + 2)
    described = run.describe(folder / "new")
    assert described["images"].startswith("4 (3 .png, 1 .jpg), each resized to 8 x 8 pixels")
    assert described["ignored"] == "1 (not images): notes.txt"
    assert run.embed(folder / "new").isnan().all(1).tolist() == [True, False, False, False]
    (one,) = run.explain(folder / "new" / "b.png", method="grad-cam")
    assert one["grad_cam"].values.shape == (1, 8, 8)


def test_the_ensemble_is_that_of_the_seeds(images):
    folder, task = images
    some = task.images_at(range(5))
    files = sorted((folder / "run" / "checkpoints").glob("seed-*"))
    alone = torch.stack([gv.load_run(f, device="cpu").predict(some).values for f in files])
    both = gv.load_run(folder / "run", device="cpu").predict(some)
    torch.testing.assert_close(both.values, alone.mean(0))
    torch.testing.assert_close(both.spread, alone.std(0))


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        (None, ValueError, "'inputs' must be given for a run on images, got None"),
        ("CCO", ValueError, "must be an image file .* got 'CCO', which is a molecule"),
        (3, TypeError, "'inputs' must be image files, folders of them, or a uint8 tensor"),
        (torch.zeros(1, 1, 8, 8), TypeError, "'images' must be uint8"),
    ],
)
def test_wrong_inputs_of_images(images, given, kind, text):
    run = gv.load_run(images[0] / "run", device="cpu")
    with pytest.raises(kind, match=text):
        run.predict(given)
    with pytest.raises(TypeError, match="'nodes' must be left out for a run on images"):
        run.predict(torch.zeros(1, 1, 8, 8, dtype=torch.uint8), nodes={})


def test_an_autoencoder_has_an_error_for_each_image(tmp_path):
    task = gv.data.load("digits").reconstruction()
    train(task, gv.models.autoencoder(image_size=8, in_channels=1), tmp_path / "run")
    run = gv.load_run(tmp_path / "run", device="cpu")
    some = task.source.images_at([0, 1])
    found = run.predict(some)
    x = task.source.normalize(some)
    with torch.no_grad():
        output = run.model(x, task.source.grid).flatten(1)
    expected = (output - some.flatten(1) / 255).square().mean(1).sqrt()
    torch.testing.assert_close(found.values[:, 0], expected)
    assert found.header[1] == "predicted reconstruction error"


def test_graphs_of_a_task_and_others(tmp_path):
    graphs = [gv.Graph.from_edges([(0, 1), (1, 2)], 3, undirected=True) for _ in range(12)]
    x = [torch.full((3, 2), float(i)) for i in range(12)]
    y = torch.tensor([i % 2 for i in range(12)])
    task = gv.data.GraphTask.from_graphs(graphs, y, x=x)
    result = train(task, gv.models.molecule_gcn(2, 2, 4, num_layers=1), tmp_path / "run")
    run = gv.load_run(tmp_path / "run", device="cpu")
    assert run.kind == "graph"
    found = run.predict(list(zip(x, graphs, strict=True)))
    with torch.no_grad():
        expected = result.model(task.x, task.graphs).softmax(1)
    torch.testing.assert_close(found.values, expected)
    data = [graph.to_pyg(one) for graph, one in zip(graphs, x, strict=True)]
    torch.testing.assert_close(run.predict(data).values, expected)
    bad = run.predict([(x[0], graphs[0]), (torch.ones(3, 5), graphs[1])])
    assert bad.status == ("ok", "failed")
    assert "instead of (3, 2)" in bad.reasons[1]
    assert run.embed([(x[0], graphs[0])]).shape == (1, 4)
    with pytest.raises(ValueError, match="'run' must have data that can be loaded again"):
        run.predict()
    with pytest.raises(TypeError, match="'inputs' must be graphs for a network trained on"):
        run.predict([graphs[0]])


@pytest.mark.parametrize("place", ["", "checkpoints", "checkpoints/best.safetensors"])
def test_a_run_is_found_by_folder_or_file(images, place):
    assert gv.load_run(images[0] / "run" / place, device="cpu").title.startswith("Handwritten")


def test_what_is_no_finished_run(tmp_path):
    with pytest.raises(ValueError, match=r"'checkpoint' must be a run folder.*no best"):
        gv.load_run(tmp_path)
    model = gv.models.gcn(34, 4, 2)
    state = {"identity": {}, "spec": model.spec}
    write_checkpoint(tmp_path / "last.safetensors", Checkpoint(model.state_dict(), state))
    with pytest.raises(ValueError, match="'checkpoint' must be of a finished run"):
        gv.load_run(tmp_path / "last.safetensors")


def test_networks_of_two_runs_are_no_ensemble(images, tmp_path):
    folder, _ = images
    task = gv.data.load("karate")
    train(task, gcn(task), tmp_path, seeds=2, ensemble=True)
    place = tmp_path / "checkpoints"
    source = folder / "run" / "checkpoints" / "seed-0.safetensors"
    (place / "seed-9.safetensors").write_bytes(source.read_bytes())
    with pytest.raises(ValueError, match="must contain the networks of a single run"):
        gv.load_run(tmp_path)


def test_a_device_that_is_not_there(images):
    with pytest.raises(ValueError, match="'device' must be a device of this machine, got 'tpux'"):
        gv.load_run(images[0] / "run", device="tpux")


def test_a_run_of_another_kind(images):
    run = gv.load_run(images[0] / "run", device="cpu")
    run.check_kind("image")
    with pytest.raises(ValueError, match="must come from a run on molecules, got a run on 'Hand"):
        run.check_kind("molecule")


def test_former_names_still_predict(images):
    folder, task = images
    predictor = gv.training.Predictor.load(folder / "run")
    some = task.images_at([0, 1])
    expected = gv.load_run(folder / "run", device="cpu").predict(some).values
    torch.testing.assert_close(predictor(some), expected)
    assert predictor.read(folder / "new" / "b.png")[0].shape == (1, 8, 8)
    with pytest.raises(ValueError, match="must come from a run on molecules"):
        gv.training.MoleculePredictor.load(folder / "run")


def test_to_import_training_does_not_import_runs():
    program = "import sys, gnnvision.training.fit; assert 'gnnvision.runs' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


# --- the table ----------------------------------------------------------------------------------


def table(**changes):
    held = {
        "ids": ("a", "b", "c"),
        "values": torch.tensor([[0.25, 0.75], [math.nan, math.nan], [0.9, 0.1]]),
        "spread": torch.full((3, 2), math.nan),
        "reasons": ("", "no file", ""),
        "output_names": ("no", "yes"),
        "kind": "classification",
        "changes": ("", "", "resized"),
    }
    return Predictions(**(held | changes))


def test_the_table_of_a_classification(tmp_path):
    found = table(before={"place": ["x", "y", "z"]})
    found.to_csv(tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines() == [
        "id,place,predicted,probability,p_no,p_yes,status,reason",
        "a,x,yes,0.7500,0.2500,0.7500,ok,",
        "b,y,,,,,failed,no file",
        "c,z,no,0.9000,0.9000,0.1000,changed,resized",
    ]
    assert [row["predicted"] for row in found] == ["yes", "", "no"]
    assert len(found) == 3
    assert "1 rows have no prediction." in str(found)
    pandas = pytest.importorskip("pandas")
    frame = found.to_dataframe()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["id"]) == ["a", "b", "c"]


def test_numbers_keep_their_digits():
    values = torch.tensor([[1.5], [2e-7], [123456.78]], dtype=torch.float64)
    found = table(values=values, spread=values * 0, output_names=("t",), kind="regression")
    file = io.StringIO(newline="")
    done = write_predictions([found], file)
    rows = list(csv.DictReader(file.getvalue().splitlines()))
    assert [float(row["predicted t"]) for row in rows] == pytest.approx([1.5, 2e-7, 123457])
    assert (done.rows, done.failed) == (3, 1)


def test_blocks_become_one_table_and_names_do_not_clash():
    one = table(before={"status": ["1", "2", "3"]})
    file = io.StringIO(newline="")
    assert write_predictions([one, one[1:2]], file).rows == 4
    lines = file.getvalue().splitlines()
    assert lines[0].split(",")[-2:] == ["_status", "reason"]
    assert lines[4] == lines[2]
    joined = Predictions.join([one, one[1:2]])
    assert joined.ids == ("a", "b", "c", "b")
    assert joined.to_dict()["status"] == ["1", "2", "3", "2"]


def test_many_rows_are_printed_shortly():
    text = str(
        table(
            ids=tuple("abcdefghij"),
            values=torch.full((10, 2), 0.5),
            spread=torch.zeros(10, 2),
            reasons=("",) * 10,
            changes=(),
        )
    )
    assert text.count("\n") == 7
    assert text.endswith("... 4 more rows")


class Elsewhere(nn.Module):
    """A network for images that is not one of gnnvision.models."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(x.flatten(1))


def test_a_module_of_ones_own_for_images(tmp_path):
    task = gv.data.load("digits")
    result = train(task, Elsewhere(), tmp_path / "run")
    run = gv.load_run(tmp_path / "run", model=Elsewhere(), device="cpu")
    rows = result.task.split.test[:5]
    found = run.predict(task.images_at(rows))
    assert found.values.argmax(1).tolist() == result.best.prediction[:5].tolist()
    torch.testing.assert_close(run.embed(task.images_at(rows)).shape, torch.Size([5, 64]))
