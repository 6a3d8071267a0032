"""Features with NaN are refused on a GPU as on the CPU, and are not looked for at each step."""

from dataclasses import replace

import pytest
import torch

import gnnvision as gv

from . import tasks

LAYERS = {
    "GCNConv": lambda: gv.GCNConv(3, 2),
    "SAGEConv": lambda: gv.SAGEConv(3, 2),
    "a network": lambda: gv.Sequential(gv.Dropout(0.5), gv.GCNConv(3, 2), torch.nn.ReLU()),
}


def graph():
    return gv.Graph.from_edges([(0, 1), (1, 2)], 3, undirected=True)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("layout", ["dense", "sparse", "a slice"])
def test_they_are_refused(name, mode, layout, gpu):
    x = torch.ones(3, 3)
    x[1, 2] = torch.nan
    there = {
        "dense": lambda: x.to("cuda"),
        "sparse": lambda: x.to_sparse_coo().coalesce().to("cuda"),
        "a slice": lambda: torch.cat([x, x]).to("cuda")[3:],
    }[layout]()
    layer, domain = LAYERS[name]().to("cuda").train(mode is torch.enable_grad), graph().to("cuda")
    with mode(), pytest.raises(ValueError, match="'x' must not contain NaN, got one at"):
        layer(there, domain)


def test_a_nan_elsewhere_in_the_memory_is_nobodys_business(gpu):
    whole = torch.ones(6, 3, device="cuda")
    whole[0, 0] = torch.nan
    layer, domain = gv.GCNConv(3, 2).to("cuda"), graph().to("cuda")
    assert layer(whole[3:], domain).isfinite().all()
    with pytest.raises(ValueError, match="NaN"):
        layer(whole[:3], domain)


def test_they_are_looked_for_once_and_again_after_an_edit(gpu):
    layer, domain, x = gv.GCNConv(3, 2).to("cuda"), graph().to("cuda"), torch.ones(3, 3).to("cuda")
    layer(x, domain)
    with gpu.counting() as here:
        layer(x, domain)
        layer(x[:], domain)
    assert not here.waits
    x[0, 0] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        layer(x, domain)


def test_signals_between_layers_are_not_looked_at(gpu):
    task = tasks.nodes().to("cuda")
    model = gv.models.gcn(task.in_channels, 8, task.num_classes).to("cuda").eval()
    with torch.no_grad():
        model(task.x, task.graph)
        with gpu.counting() as here:
            model(task.x, task.graph)
    assert not here.waits, here


def test_training_on_them_is_refused_with_the_same_words(gpu):
    task = tasks.nodes()
    x = task.x.to_dense().clone()
    x[3, 3] = torch.nan
    spoiled = replace(task, x=x)
    model = gv.models.gcn(task.in_channels, 8, task.num_classes)
    for device in ("cpu", "cuda"):
        with pytest.raises(ValueError, match=r"'x' must not contain NaN, got one at \[3, 3\]"):
            gv.fit(model, spoiled, gv.Recipe(epochs=2), device=device, progress=False)
