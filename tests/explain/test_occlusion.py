import warnings

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.explain import attribute, instance, masking

from .nets import bonds, cases, cnn, gcn, images, molecules

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    captum = pytest.importorskip("captum.attr")

GRID = gv.Grid((8, 10))


@pytest.fixture(autouse=True)
def _quiet(double):
    """float64, one thread."""


@pytest.mark.parametrize(
    ("window", "stride"), [((2, 2), (2, 2)), ((3, 3), (1, 2)), ((3, 4), (2, 3)), ((8, 10), (1, 1))]
)
@pytest.mark.parametrize("base", [0.0, 0.5])
def test_images_agree_with_captum(window, stride, base):
    model, x = cnn(), images(2)
    theirs = captum.Occlusion(model).attribute(
        x, (3, *window), strides=(3, *stride), target=1, baselines=base
    )
    found = attribute(
        model, x, GRID, "occlusion", 1, window=window, stride=stride, baseline=torch.tensor(base)
    )
    torch.testing.assert_close(found.values, theirs[:, 0].detach())


@pytest.mark.parametrize("make", [gcn, bonds])
@pytest.mark.parametrize("hops", [0, 1, 2])
def test_graphs_follow_the_definition(make, hops):
    model = make()
    x, batch = molecules()
    found = attribute(model, x, batch, "occlusion", 2, hops=hops).values
    for sample in range(batch.num_graphs):
        graph, nodes = batch.section(sample, sample + 1)
        signal = x[nodes]
        lost = [[] for _ in range(graph.num_nodes)]
        for node in range(graph.num_nodes):
            patch = graph.neighborhood(node, hops)
            with torch.no_grad():
                without = signal.index_fill(0, patch, 0)
                fall = model(signal, graph)[0, 2] - model(without, graph)[0, 2]
            for covered in patch.tolist():
                lost[covered].append(fall)
        expected = torch.stack([torch.stack(falls).mean() for falls in lost])
        torch.testing.assert_close(found[nodes], expected)


@pytest.mark.parametrize("name", ["cnn", "gcn"])
def test_many_patches_in_one_run_are_as_good_as_one_by_one(name, monkeypatch):
    model, x, domain = cases()[name]
    together = attribute(model, x, domain, "occlusion").values
    monkeypatch.setattr(instance, "_VALUES_AT_ONCE", 1)
    monkeypatch.setattr(masking, "_MASKS_AT_ONCE", 1)
    torch.testing.assert_close(attribute(model, x, domain, "occlusion").values, together)


def test_a_node_of_a_model_with_an_output_for_each():
    graph = gv.Graph.from_edges([(0, 1), (1, 2), (2, 3)], num_nodes=4, undirected=True)
    x, model = torch.rand(4, 5), gv.models.gcn(5, 8, 3).eval()
    found = attribute(model, x, graph, "occlusion", 1, site=3).values
    for node in range(4):
        with torch.no_grad():
            without = x.index_fill(0, torch.tensor([node]), 0)
            fall = model(x, graph)[3, 1] - model(without, graph)[3, 1]
        torch.testing.assert_close(found[node], fall)


def test_one_dimension_and_three():
    for conv, size in ((gv.Conv1d, (9,)), (gv.Conv3d, (4, 5, 6))):
        model = gv.Sequential(conv(2, 4, 3), nn.ReLU(), gv.Readout("mean"), nn.Linear(4, 2))
        x = torch.randn(2, 2, *size)
        for method in ("occlusion", "grad_cam"):
            assert attribute(model, x, gv.Grid(size), method).values.shape == (2, *size)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cnn", {"window": 20}, "'window' must fit into the image"),
        ("cnn", {"window": 2, "stride": 3}, "'stride' must be at most the window"),
        ("cnn", {"hops": 1}, "'hops' must be None on a grid"),
        ("cnn", {"window": 0}, "'window' must be at least 1"),
        ("gcn", {"window": 2}, "'window' must be None on a graph"),
        ("gcn", {"hops": -1}, "'hops' must be at least 0"),
        ("gcn", {"baseline": torch.zeros(3, 7)}, "'baseline' must have the shape of 'x'"),
    ],
)
def test_refused(name, options, message):
    model, x, domain = cases()[name]
    with pytest.raises(ValueError, match=message):
        attribute(model, x, domain, "occlusion", **options)
