"""`.to(device)`: itself where it is there already, however the device is spelled."""

from dataclasses import replace

import pytest
import torch

import gnnvision as gv
from gnnvision.operators import normalized_adjacency
from gnnvision.transfer.feature_task import FeatureTask

from . import tasks


def features():
    task = tasks.images()
    n = len(task.y)
    return FeatureTask.of(task, torch.ones(n, 4), torch.ones(0, 0, 4), torch.full((n,), -1))


MADE = {
    "nodes": tasks.nodes,
    "graphs": tasks.graphs,
    "images": tasks.images,
    "reconstruction": lambda: tasks.images().reconstruction(),
    "features": features,
    "nodes that the loss sees": lambda: replace(tasks.nodes(), hops=2),
    "links": lambda: gv.data.to_links(tasks.nodes()),
    "a frontier": lambda: tasks.nodes().graph.frontier([0, 1], 2),
    "grid": lambda: gv.Grid((4, 3)),
    "graph": lambda: gv.Graph.from_edges([(0, 1)], 2),
}


@pytest.mark.parametrize("name", MADE)
def test_what_is_there_is_returned(name, gpu):
    moved = MADE[name]().to("cuda")
    for device in ("cuda", "cuda:0", torch.device("cuda"), torch.device("cuda", 0)):
        assert moved.to(device) is moved
    here = MADE[name]()
    assert here.to("cpu") is here


def test_a_task_keeps_its_batches_and_they_what_was_derived(gpu):
    task = replace(tasks.nodes(), hops=2).to("cuda")
    model = gv.models.gcn(task.in_channels, 8, task.num_classes).to("cuda")
    (batch,) = task.batches("train")
    model(*batch[:2])
    with gpu.counting() as here:
        (again,) = task.to("cuda:0").batches("train")
        model(again[0], again[1].to("cuda"))
    assert all(one is other for one, other in zip(batch, again, strict=True))
    assert not here.stops(), here


def test_a_graph_keeps_what_was_derived(gpu):
    graph = gv.Graph.from_edges([(0, 1), (1, 2)], 3, undirected=True).to("cuda")
    operator = normalized_adjacency(graph)
    assert normalized_adjacency(graph.to("cuda")) is operator
    assert operator.device == torch.device("cuda", 0)


def test_the_model_of_the_user_stays_where_it_is_and_gets_the_weights(gpu):
    task = tasks.nodes()
    model = gv.models.gcn(task.in_channels, 4, task.num_classes)
    result = gv.fit(model, task, gv.Recipe(epochs=3), device="cuda", progress=False)
    for name, value in model.state_dict().items():
        assert value.is_cpu
        kept = result.model.state_dict()[name]
        assert kept.is_cuda
        assert torch.equal(value, kept.cpu())
    assert model(task.x, task.graph).is_cpu

    there = gv.models.gcn(task.in_channels, 4, task.num_classes).to("cuda")
    result = gv.fit(there, task, gv.Recipe(epochs=3), device="cuda", progress=False)
    assert result.model is there
