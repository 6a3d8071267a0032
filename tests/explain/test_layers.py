import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.explain import find_layer, last_spatial, layers

from .networks import molecule

IMAGE = (torch.zeros(1, 3, 32, 32), gv.Grid((32, 32)))


def test_shapes_and_kinds_of_all_layers():
    model = gv.models.lenet5()
    x, grid = torch.zeros(1, 1, 32, 32), gv.Grid((32, 32))
    found = layers(model, x, grid)
    assert found[0].name == "0"
    assert (found[0].kind, found[0].shape, found[0].domain.shape) == (
        "Conv2d", (1, 6, 28, 28), (28, 28)
    )  # fmt: skip
    assert found[-1].shape == (1, 10)
    assert found[-1].sites == "none"
    assert len(found[:3]) == 3
    assert set(found.with_sites().names) < set(found.names)
    text = str(found)
    assert text.splitlines()[0].split() == ["Layer", "Kind", "Output", "Sites"]
    assert "1 × 6 × 28 × 28" in text


def test_blocks_are_among_them_once():
    model = gv.models.whitened_cnn(widths=(8, 16, 16))
    names = layers(model, *IMAGE).names
    assert {"2", "2.convs.0", "2.norms.1"} <= set(names)
    assert len(names) == len(set(names))
    inner = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), nn.Flatten())
    assert layers(inner, *IMAGE).names == ("0.0", "0.1", "1")
    assert find_layer(inner, *IMAGE, "0").shape == (1, 4, 30, 30)


def test_a_layer_that_is_called_twice():
    relu = nn.ReLU()
    found = layers(nn.Sequential(nn.Conv2d(3, 3, 3), relu, nn.Conv2d(3, 3, 3), relu), *IMAGE)
    assert [(layer.name, layer.times) for layer in found] == [("0", 1), ("2", 1), ("1", 2)]
    assert "ReLU, called 2 times" in str(found)


def test_sites_in_words():
    x, graph = molecule("CCO")
    found = {layer.name: layer.sites for layer in layers(_bonds(), x, graph)}
    assert (found["0.conv"], found["0"], found["1.readout"]) == ("4 edges", "3 nodes", "none")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("convs.1", r"must be the name of a layer, got 'convs.1'. Did you mean '4.convs.1', '3"),
        ("", "must be the name of a layer, got ''"),
        (
            "5",
            r"with sites \(pixels or nodes\), got '5' \(Readout\) with an output of 1 × 16",
        ),
        ("2.convs", "must be called in the forward pass, got '2.convs'"),
    ],
)
def test_names_that_are_no_layer_with_sites(name, text):
    with pytest.raises(ValueError, match=text):
        find_layer(gv.models.whitened_cnn(widths=(8, 16, 16)), *IMAGE, name)


def test_inside_of_a_convolution():
    x, graph = molecule("CCO")
    model = gv.Sequential(gv.GINConv(nn.Sequential(nn.Linear(5, 6), nn.ReLU())), nn.ReLU())
    assert "0.nn.0" not in layers(model, x, graph).names
    assert any(find_layer(model, x, graph, name).channels == 6 for name, m in model.named_modules()
               if isinstance(m, nn.Linear))  # fmt: skip


def test_the_last_convolution_with_sites():
    assert last_spatial(gv.models.whitened_cnn(widths=(8, 16, 16)), *IMAGE).name == "4.convs.1"
    lenet = gv.models.lenet5()  # its third convolution leaves a single site
    assert last_spatial(lenet, torch.zeros(1, 1, 32, 32), gv.Grid((32, 32))).name == "3"
    x, graph = molecule("CCO")
    assert last_spatial(gv.models.molecule_gcn(5, 1, 4), x, graph).name == "4"
    block = last_spatial(_bonds(), x, graph)
    assert (block.name, block.domain) == ("0", graph)
    with pytest.raises(ValueError, match="must have a layer with weights and several sites"):
        last_spatial(nn.Sequential(nn.Flatten(), nn.Linear(3072, 2)), *IMAGE)


def _bonds():
    return gv.models.bond_network(5, 1, 8, bond_channels=4, depth=3)


def test_the_list_is_the_same_in_a_notebook(monkeypatch):
    model = gv.Sequential(gv.Conv2d(1, 2, 3), gv.Readout("mean"))
    found = gv.explain.layers(model, torch.rand(1, 1, 8, 8), gv.Grid((8, 8)))
    expected = str(found)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert str(found) == expected
    assert "Readout" in expected
