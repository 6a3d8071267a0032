"""Each script of experiments/ from its flags to its report, on a pretended GPU."""

import csv
import json

import pytest

import gnnvision as gv

from ..cli.checkpoints import graphs_in, of_graphs
from ..experiments.conftest import SCRIPTS, folder
from ..experiments.test_pictures import photographs
from .tasks import SMILES

KEPT = SCRIPTS.parent / "tests" / "training" / "kept"


@pytest.fixture
def run(inside, gpu, tmp_path):
    """A script on the GPU; its run folder."""

    def start(script, *flags):
        done = inside(script, *flags, "--device", "cuda")
        assert done.returncode == 0, done.stderr
        return folder(done, tmp_path) if "report: " in done.stdout else done

    return start


def table(place):
    rows = ["C" * (n // 9) + SMILES[n % 9] for n in range(40)]
    lines = [f"{text},{len(text) / 2},{int('O' in text)}" for text in rows]
    place.write_text("\n".join(["smiles,length,oxygen", *lines]))
    return place


def test_nodes(run, gpu):
    here = run("gcn_cora", "--dataset", "karate", "--epochs", "3", "--seeds", "2")
    result = json.loads((here / "result.json").read_text())
    assert result["device"] == "cuda (pretended)"
    assert (here / "report.html").is_file()
    assert gpu.calls > 100


@pytest.mark.parametrize(("target", "model"), [("length", "strong"), ("oxygen", "lecture")])
def test_molecules_and_their_prediction(run, tmp_path, target, model):
    given = ("--csv", table(tmp_path / "t.csv"), "--smiles", "smiles", "--target", target)
    here = run("gcn_molecules", *given, "--epochs", "2", "--seeds", "2", "--model", model)
    assert (here / "report.html").is_file()
    out = tmp_path / "out.csv"
    run("predict_molecules", here, tmp_path / "t.csv", "--smiles", "smiles", "--out", out)
    with out.open() as file:
        assert {row["status"] for row in csv.DictReader(file)} == {"ok"}


def test_graphs(run, tmp_path):
    root = graphs_in(tmp_path / "data", kinds=False)
    flags = ("--dataset", "mutag", "--data-root", root, "--epochs", "1", "--seeds", "1")
    assert (run("gcn_molecules", *flags, "--model", "lecture") / "report.html").is_file()


@pytest.mark.parametrize(
    ("script", "flags"),
    [
        ("cnn_cifar", ("--model", "small_resnet", "--precision", "float32")),
        ("cnn_fashion", ("--model", "dnn", "--split", "public")),
        ("cnn_mnist", ("--model", "lenet5_notes", "--precision", "float32")),
        ("autoencoder", ("--height", "8", "--width", "8", "--latent", "4")),
    ],
)
def test_images(run, tmp_path, script, flags):
    photographs(tmp_path / "photos", 30)
    here = run(script, "--dataset", tmp_path / "photos", "--epochs", "1", *flags)
    assert (here / "report.html").is_file()


def test_images_and_their_prediction(run, tmp_path):
    photographs(tmp_path / "photos", 30)
    given = (
        "--dataset",
        tmp_path / "photos",
        "--epochs",
        "1",
        "--preset",
        "quick",
        "--seeds",
        "2",
    )
    here = run("cnn_cifar", *given)
    done = run("predict", here, tmp_path / "photos" / "red")
    assert len(done.stdout.splitlines()) == 31


@pytest.mark.parametrize("strategy", ["auto", "whole"])
def test_transfer_of_images(run, tmp_path, strategy):
    task = gv.data.load("digits", image_size=12, channels=3)
    network = gv.models.small_resnet(3, 10, 12)
    recipe = gv.Recipe(epochs=1, lr=0.01)
    gv.fit(network, task, recipe, folder=tmp_path / "before", progress=False)
    photographs(tmp_path / "photos" / "train", 16)
    photographs(tmp_path / "photos" / "test", 8)
    flags = ("--weights", tmp_path / "before", "--data", tmp_path / "photos", "--epochs", "2")
    here = run("transfer_cats_dogs", *flags, "--strategy", strategy, "--seeds", "2")
    assert (here / "report.html").is_file()


def test_transfer_of_molecules(run):
    flags = ("--dataset", "bioactivity", "--epochs", "1", "--seeds", "1", "--labels", "20")
    weights = KEPT / "bond_network.safetensors"
    assert (run("transfer_molecules", *flags, "--weights", weights) / "report.html").is_file()


INPUTS = {"pictures": "a.png", "molecules": "c1ccccc1O", "nodes": "3"}
# How often the host may stop for a page, whatever the number of randomized models and orders.
MOST = {"pictures": 130, "molecules": 150, "nodes": 110}


@pytest.mark.parametrize("script", ["explain", "feature_maps"])
@pytest.mark.parametrize("kind", INPUTS)
def test_looking_inside(run, made, gpu, script, kind):
    few = ("--draws", "3", "--orders", "3") if script == "explain" else ()
    assert (run(script, kind, INPUTS[kind], *few) / "report.html").is_file()
    assert gpu.stops() <= MOST[kind], gpu


@pytest.mark.parametrize("script", ["explain", "feature_maps"])
def test_looking_inside_at_a_graph(run, tmp_path, monkeypatch, script):
    monkeypatch.setenv("GNNVISION_DATA", str(graphs_in(tmp_path / "data")))
    of_graphs(tmp_path / "run")
    few = ("--no-checks",) if script == "explain" else ()
    assert (run(script, "run", "1", *few) / "report.html").is_file()


@pytest.fixture
def on_mps(inside, mps, tmp_path):
    """A script on a device without float64; its run folder."""

    def start(script, *flags):
        done = inside(script, *flags, "--device", "mps")
        assert done.returncode == 0, done.stderr
        return folder(done, tmp_path)

    return start


def test_nodes_on_a_device_without_float64(on_mps, mps):
    here = on_mps("gcn_cora", "--dataset", "karate", "--epochs", "3")
    assert json.loads((here / "result.json").read_text())["device"].startswith("mps")
    assert (here / "report.html").is_file()
    assert mps.calls > 100


def test_molecules_on_a_device_without_float64(on_mps, tmp_path):
    given = ("--csv", table(tmp_path / "t.csv"), "--smiles", "smiles", "--target", "length")
    assert (
        on_mps("gcn_molecules", *given, "--epochs", "1", "--seeds", "1") / "report.html"
    ).is_file()


@pytest.mark.parametrize(
    ("script", "kind"), [("explain", "pictures"), ("feature_maps", "pictures")]
)
def test_looking_inside_on_a_device_without_float64(on_mps, made, script, kind):
    few = ("--draws", "1", "--orders", "1") if script == "explain" else ()
    assert (on_mps(script, kind, INPUTS[kind], *few) / "report.html").is_file()
