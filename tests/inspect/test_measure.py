import re

import pytest
import torch
from torch import nn

import gnnvision as gv

from .networks import lenet, path, star

SQUARE = gv.Grid((28, 28))


def parameters(model, domain, **more):
    layers = gv.summary(model, domain, **more).layers
    return [layer.parameters for layer in layers if layer.parameters]


# --- what the lectures count ----------------------------------------------------------------


def test_alexnets_convolutions():
    model = nn.Sequential(
        nn.Conv2d(3, 96, 11, stride=4),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, padding=2),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 384, 3, padding=1),
        nn.Conv2d(384, 384, 3, padding=1),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.MaxPool2d(3, 2),
    )
    result = gv.summary(model, gv.Grid((227, 227)), 3)
    counts = [34_944, 614_656, 885_120, 1_327_488, 884_992]
    assert [layer.parameters for layer in result.layers if "Conv" in layer.kind] == counts
    assert result.total_parameters == sum(counts) == 3_747_200
    assert result.output_shape == (1, 256, 6, 6)


def test_the_exercise_on_28_by_28_colors():
    model = gv.Sequential(
        gv.Conv2d(3, 32, 3, padding="same"),
        gv.Conv2d(32, 64, 3, padding="same"),
        nn.Flatten(),
        nn.Linear(64 * 28 * 28, 10),
        nn.Linear(10, 28 * 28 * 64),
    )
    result = gv.summary(model, SQUARE, channels=3)
    assert [layer.parameters for layer in result.layers] == [896, 18_496, 0, 501_770, 551_936]
    assert [layer.output_shape for layer in result.layers] == [
        (1, 32, 28, 28),
        (1, 64, 28, 28),
        (1, 50_176),
        (1, 10),
        (1, 50_176),
    ]


def test_lenet_of_1998():
    result = gv.summary(lenet(), gv.Grid((32, 32)), 1)
    counts = [layer.parameters for layer in result.layers if layer.parameters]
    assert counts == [156, 2_416, 48_120, 10_164, 850]
    assert sum(counts[:3]) == 50_692
    assert sum(counts[3:]) == 11_014


def test_lenet_of_the_notes_program():
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5, padding=2),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 120, 5, padding=2),
        nn.Flatten(),
        nn.Linear(120 * 7 * 7, 84),
        nn.Linear(84, 10),
    )
    assert gv.summary(model, SQUARE, 1).total_parameters == 545_546


def test_the_autoencoder_of_the_notes():
    model = gv.Sequential(
        gv.Conv2d(3, 32, 3, stride=2, padding="same"),
        gv.Conv2d(32, 64, 3, stride=2, padding="same"),
        gv.Conv2d(64, 128, 3, stride=2, padding="same"),
        nn.Flatten(),
        nn.Linear(128 * 13 * 10, 10),
        nn.Linear(10, 128 * 13 * 10),
        nn.Unflatten(1, (128, 13, 10)),
        gv.Upsample(scale_factor=2),
        gv.Conv2d(128, 128, 2),
        gv.Upsample(scale_factor=2),
        gv.Conv2d(128, 64, 1),
        gv.Upsample(scale_factor=2),
        gv.Conv2d(64, 32, (1, 2)),
        gv.Conv2d(32, 1, 1),
    )
    result = gv.summary(model, gv.Grid((100, 75)))
    counts = [layer.parameters for layer in result.layers if layer.parameters]
    assert counts == [896, 18_496, 73_856, 166_410, 183_040, 65_664, 8_256, 4_128, 33]
    assert result.output_shape == (1, 1, 100, 75)
    sizes = [layer.output_shape[2:] for layer in result.layers[:3]]
    assert sizes == [(50, 38), (25, 19), (13, 10)]


# --- the call -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "domain", "channels"),
    [
        (nn.Conv1d(5, 2, 3), gv.Grid(20), 5),
        (nn.Conv3d(2, 4, 3), gv.Grid((6, 7, 8)), 2),
        (nn.Sequential(nn.Flatten(), nn.Linear(3 * 16, 2)), gv.Grid((4, 4)), 3),
        (gv.Sequential(gv.GCNConv(7, 2)), path(4), 7),
        (gv.Sequential(nn.Linear(6, 3), gv.GCNConv(3, 2)), path(4), 6),
    ],
    ids=["1-D", "3-D", "dense", "graph", "linear first"],
)
def test_channels_are_read_off_the_first_layer(model, domain, channels):
    result = gv.summary(model, domain)
    assert result.input_shape[1] == channels
    assert result.to_dict() == gv.summary(model, domain, channels).to_dict()


def test_a_batch_multiplies_all_but_the_parameters():
    one, five = (gv.summary(lenet(), gv.Grid((32, 32)), batch_size=b) for b in (1, 5))
    assert five.total_macs == 5 * one.total_macs
    assert five.activation_bytes == 5 * one.activation_bytes
    assert five.total_parameters == one.total_parameters
    assert [layer.reach for layer in five.layers] == [layer.reach for layer in one.layers]


def test_the_precision_is_that_of_the_parameters():
    model = lenet()
    single, double = (
        gv.summary(model, gv.Grid((32, 32))),
        gv.summary(model.double(), gv.Grid((32, 32))),
    )
    assert double.parameter_bytes == 2 * single.parameter_bytes == 8 * single.total_parameters
    assert double.activation_bytes == 2 * single.activation_bytes


def test_a_graph_and_its_batch():
    graph = gv.Graph.batch([star(3), path(5)])
    model = gv.Sequential(gv.GCNConv(4, 8), gv.Readout("mean"), nn.Linear(8, 2))
    result = gv.summary(model, graph)
    assert [layer.output_shape for layer in result.layers] == [(9, 8), (2, 8), (2, 2)]
    assert result.output_shape == (2, 2)


def test_our_networks_for_graphs():
    graph = gv.data.load("karate").graph
    gcn = gv.summary(gv.models.gcn(34, 16, 2), graph)
    assert parameters(gv.models.gcn(34, 16, 2), graph) == [34 * 16 + 16, 16 * 2 + 2]
    assert gcn.layers[-1].hops == 2
    model = gv.models.classic_gcn(34, 8, 2, norm="batch", residual=True)
    result = gv.summary(model, graph)
    assert result.total_parameters == sum(p.numel() for p in model.parameters())
    assert result.output_shape == (34, 2)


class Gate(nn.Module):
    def forward(self, x):
        return x if bool(x.sum() > 0) else -x


REFUSED = {
    "no module": (lambda: gv.summary(len, SQUARE), TypeError, "'model' must be a torch.nn.Module"),
    "no domain": (lambda: gv.summary(lenet(), "28"), TypeError, "'domain' must be a Grid or"),
    "graph for pictures": (
        lambda: gv.summary(lenet(), path(3)),
        TypeError,
        "'domain' must be a Grid for Sequential",
    ),
    "grid for a graph": (
        lambda: gv.summary(gv.models.gcn(3, 4, 2), SQUARE),
        TypeError,
        r"'domain' must be a Graph for layer '1' \(GCNConv\)",
    ),
    "channels": (
        lambda: gv.summary(lenet(), SQUARE, 3),
        ValueError,
        r"layer '0' \(Conv2d\) for shape \(1, 3, 28, 28\)",
    ),
    "channels of a graph": (
        lambda: gv.summary(gv.models.gcn(3, 4, 2), path(4), 5),
        ValueError,
        r"layer '1' \(GCNConv\) .* in_channels=3",
    ),
    "too small": (
        lambda: gv.summary(lenet(), gv.Grid((12, 12))),
        ValueError,
        r"layer '3' \(Conv2d\) for shape \(1, 6, 4, 4\)",
    ),
    "unknown channels": (
        lambda: gv.summary(nn.ReLU(), SQUARE),
        ValueError,
        "'channels' must be given for ReLU",
    ),
    "data-dependent": (
        lambda: gv.summary(nn.Sequential(nn.Conv2d(1, 1, 3), Gate()), SQUARE),
        ValueError,
        r"must not have data-dependent control flow.* layer '1' \(Gate\)",
    ),
    "data-dependent on a graph": (
        lambda: gv.summary(gv.Sequential(gv.GCNConv(3, 2), Gate()), path(3)),
        ValueError,
        r"must not have data-dependent control flow.* layer '1' \(Gate\)",
    ),
    "lazy": (
        lambda: gv.summary(nn.Sequential(nn.LazyConv2d(3, 3)), SQUARE, 1),
        ValueError,
        r"'model' must have all its parameters, got layer '0' \(LazyConv2d\)",
    ),
    "batch of graphs": (
        lambda: gv.summary(gv.models.gcn(3, 4, 2), path(3), batch_size=2),
        ValueError,
        "'batch_size' must be 1 on a graph",
    ),
    "batch size": (
        lambda: gv.summary(lenet(), SQUARE, batch_size=0),
        ValueError,
        "'batch_size' must be at least 1",
    ),
    "channels of no kind": (
        lambda: gv.summary(lenet(), SQUARE, 1.0),
        TypeError,
        "'channels' must be an integer",
    ),
    "depth": (lambda: gv.summary(lenet(), SQUARE, depth=-1), ValueError, "'depth' must be at"),
    "nonzeros of a picture": (
        lambda: gv.summary(lenet(), SQUARE, nonzeros=3),
        ValueError,
        "'nonzeros' must be left out on a grid",
    ),
    "too many nonzeros": (
        lambda: gv.summary(gv.models.gcn(3, 4, 2), path(3), nonzeros=10),
        ValueError,
        "'nonzeros' must be at most 3 x 3",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case):
    call, error, message = REFUSED[case]
    with pytest.raises(error, match=re.compile(message, re.DOTALL)):
        call()


@pytest.mark.gpu
def test_weights_on_a_gpu():
    model = lenet().cuda()
    assert gv.summary(model, gv.Grid((32, 32))).total_macs == (
        gv.summary(lenet(), gv.Grid((32, 32))).total_macs
    )
    graph = path(5).to("cuda")
    gcn = gv.models.gcn(3, 4, 2)
    expected = gv.summary(gcn, path(5)).rows()
    before = torch.cuda.memory_allocated()
    assert gv.summary(gcn.cuda(), graph).rows() == expected
    assert torch.cuda.memory_allocated() - before < 10_000


@pytest.mark.parametrize("heads", [1, 4])
def test_attention_is_measured_by_what_it_keeps(heads):
    graph = gv.Graph.from_edges([(0, 1), (1, 2), (2, 0)], 5, undirected=True)
    for layer, projections in ((gv.GATv2Conv(8, 4, heads), 2), (gv.GATConv(8, 4, heads), 1)):
        found = gv.summary(layer, graph, 8)
        signals = (projections + 1) * 5 * heads * 4
        assert found.activation_bytes == 4 * (signals + 11 * heads)  # 6 edges and 5 loops
