"""`experiments/feature_maps.py` as a user runs it."""

import json

import pytest

from ..cli.checkpoints import graphs_in, of_graphs, of_torchvision
from .conftest import folder, one_line_error


@pytest.mark.parametrize(
    ("inputs", "shown"),
    [
        (("pictures", "a.png"), ("Feature maps by depth: a.png", "Filters", "Bars")),
        (("molecules", "c1ccccc1"), ("Feature maps by depth: c1ccccc1", "0.conv", "Filters")),
        (("nodes", "3"), ("Feature maps by depth: node 3", "2 hops", "Filters")),
    ],
)
def test_a_run_leaves_everything(inside, made, inputs, shown):
    done = inside("feature_maps", *inputs)
    assert done.returncode == 0, done.stderr
    run = folder(done, made)
    assert run.parent == made / "runs" / "feature_maps"
    text = (run / "report.html").read_text(encoding="utf-8")
    for words in (*shown, "Prediction:", "feature_maps.py"):
        assert words in text
    assert json.loads((run / "config.json").read_text())["flags"]["inputs"] == list(inputs[1:])
    assert len(list((run / "figures").glob("*_maps.npz"))) == len(inputs) - 1
    assert list((run / "figures").glob("*_maps.png"))


def test_a_graph_of_a_set(inside, tmp_path, monkeypatch):
    monkeypatch.setenv("GNNVISION_DATA", str(graphs_in(tmp_path / "data")))
    of_graphs(tmp_path / "run")
    done = inside("feature_maps", "run", "1")
    assert done.returncode == 0, done.stderr
    text = (folder(done, tmp_path) / "report.html").read_text(encoding="utf-8")
    for words in (
        "Feature maps by depth: graph 1",
        "In the dataset its class is",
        "largest absolute weights in layer 0",
    ):
        assert words in text
    one_line_error(inside("feature_maps", "run", "0"), "a number from 1 to 188, got '0'")


def test_the_layers_are_listed_and_nothing_is_left(inside, made):
    done = inside("feature_maps", "pictures", "a.png", "--list")
    assert done.returncode == 0, done.stderr
    assert "1 × 24 × 14 × 14" in done.stdout
    assert "2.convs.1" in done.stdout
    assert not (made / "runs").exists()


@pytest.mark.slow
def test_one_layer_by_name(inside, made):
    done = inside("feature_maps", "pictures", "a.png", "--layer", "2.convs.1", "0")
    assert done.returncode == 0, done.stderr
    figures = {path.name for path in (folder(done, made) / "figures").iterdir()}
    assert {"1_a.png_2.convs.1.png", "1_a.png_0.png", "filters_2.convs.1.svg"} <= figures


@pytest.mark.slow
def test_weights_of_torchvision_in_a_file(inside, made):
    of_torchvision(made / "w.safetensors", "resnet18")
    given = f"torchvision:resnet18={made / 'w.safetensors'}"
    done = inside("feature_maps", given, "a.png", "--layer", "network.layer1", "--out", "there")
    assert done.returncode == 0, done.stderr
    assert "20 × 30 pixels; resized to 256" in (folder(done, made) / "report.html").read_text()


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (("pictures", "a.png", "--layer", "2.conv.1"), "got '2.conv.1'. Did you mean '2.convs.1'"),
        (
            ("pictures", "a.png", "--layer", "6"),
            "must have an output with sites (pixels or nodes), got '6'",
        ),
        (("pictures", "CCO"), "must be an image file for"),
        (("molecules", "a.png"), "must be SMILES for a network trained on Weights, got 'a.png'"),
        (("molecules", "C1CC"), "(unclosed ring"),
        (("nodes", "99"), "must be a node of"),
        (("nowhere", "a.png"), "there is no best.safetensors"),
        (("torchvision:resnt18", "a.png"), "Did you mean 'resnet18'?"),
        (("pictures", "a.png", "--device", "gpu"), "'--device' must be a device"),
    ],
)
def test_user_errors_exit_with_one_line(inside, made, flags, text):
    one_line_error(inside("feature_maps", *flags), text)
    assert not (made / "runs").exists()
