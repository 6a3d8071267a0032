"""Exported networks give the predictions of a result without this package."""

import json
import sys

import numpy as np
import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.training.export import METADATA, export_network

from .tasks import pictures, rings

RECIPE = gv.Recipe(epochs=2, lr=0.01)
COLUMNS = ("edge_index", "edge_attr", "edge_weight", "edge_type", "graph_attr")


def tensors(x, domain):
    """All that a program may take, by name."""
    held = {"x": x.to_dense()}
    if isinstance(domain, gv.Graph):
        held |= {name: getattr(domain, name) for name in COLUMNS}
        held["batch"] = domain.graph_index
    return held


def run_onnx(path, x, domain):
    """The output by onnxruntime, in several threads, and the metadata."""
    session = pytest.importorskip("onnxruntime").InferenceSession(path)
    given = tensors(x, domain)
    fed = {each.name: given[each.name].numpy() for each in session.get_inputs()}
    outputs = [session.run(None, fed)[0] for _ in range(3)]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])
    return torch.from_numpy(outputs[0]), session.get_modelmeta().custom_metadata_map


def run_pt2(path, x, domain):
    about = {METADATA: ""}
    program = torch.export.load(path, extra_files=about)
    metadata = json.loads(about[METADATA])
    given = tensors(x, domain)
    return program.module()(**{name: given[name] for name in metadata["inputs"]}), metadata


def check(result, folder, names):
    """Both formats give the outputs of the model on the test split, and say what they take."""
    task, model = result.task, result.model
    x, domain, _ = next(iter(task.batches("test")))
    with torch.no_grad():
        expected = gv.layers.calling.call(model, x, domain)
    for suffix, run in ((".pt2", run_pt2), (".onnx", run_onnx)):
        if suffix == ".onnx":
            pytest.importorskip("onnxscript")
        about = result.export(folder / f"model{suffix}")
        assert list(about.inputs) == names
        got, metadata = run(about.path, x, domain)
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
        classes = metadata["class_names"]
        classes = json.loads(classes) if isinstance(classes, str) else classes
        assert tuple(classes) == task.class_names
        assert str(about).startswith(str(about.path))
        assert all(f"input {name}: " in str(about) for name in names)
    return about


@pytest.mark.slow
def test_images(tmp_path):
    task = gv.data.load("digits")
    result = gv.fit(gv.models.fashion_cnn(1, 10, 8), task, RECIPE, progress=False)
    about = check(result, tmp_path, ["x"])
    assert about.metadata["input"]["mean"] == list(result.task.mean)
    assert about.outputs["y"]["shape"] == ["images", 10]


@pytest.mark.slow
def test_the_nodes_of_cora(tmp_path, data_root):
    if data_root is None:
        pytest.skip("needs $GNNVISION_DATA")
    task = gv.data.load("cora", root=data_root)
    model = gv.models.gcn(task.in_channels, 16, task.num_classes)
    result = gv.fit(model, task, gv.Recipe(epochs=30, lr=0.01), progress=False)
    about = check(result, tmp_path, ["x", "edge_index"])
    assert about.inputs["x"]["shape"] == ["nodes", 1433]
    parameters = list(result.model.parameters())
    assert all(p.is_contiguous() for p in parameters)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["molecule_gcn", "bond_network"])
def test_molecules(tmp_path, name):
    task = gv.data.load("bioactivity")
    more = {} if name == "molecule_gcn" else {"bond_channels": task.num_edge_attr}
    sizes = {"in_channels": task.in_channels, "num_outputs": task.num_outputs}
    model = gv.models.build(name, **sizes, hidden_channels=16, **more)
    result = gv.fit(model, task, RECIPE, progress=False)
    names = ["x", "edge_index", *(["edge_attr"] if more else []), "batch"]
    about = check(result, tmp_path, names)
    assert "featurizer" in about.metadata["input"]
    assert "training_molecules" not in about.metadata["input"]
    assert about.outputs["y"]["shape"] == ["graphs", 1]


def test_a_network_of_torch_and_a_file_in_a_folder(tmp_path):
    task = pictures()
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)).eval()
    about = export_network(model, task, tmp_path / "model.pt2")
    x, domain, _ = next(iter(task.batches("test")))
    torch.testing.assert_close(run_pt2(about.path, x, domain)[0], model(x))


@pytest.mark.slow
def test_refusals(tmp_path):
    task = rings(20)
    model = gv.Sequential(gv.GCNConv(2, 4), gv.GraphPool(2), gv.Readout("mean"), nn.Linear(4, 1))
    with pytest.raises(ValueError, match=r"'model' must have only layers that can be exported"):
        export_network(model, task, tmp_path / "model.pt2")
    with pytest.raises(ValueError, match="layer '1', a GraphPool"):
        export_network(model, task, tmp_path / "model.pt2")
    with pytest.raises(ValueError, match=r"'path' must end in '.onnx' or '.pt2', got"):
        export_network(model, task, tmp_path / "model.pth")
    assert list(tmp_path.iterdir()) == []


def test_without_the_packages_for_onnx(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ValueError, match=r"onnx cannot .*pip install 'gnnvision\[onnx\]'"):
        export_network(nn.Flatten(), pictures(), tmp_path / "model.onnx")
