"""Multiply-accumulates: by hand, and on graphs by watching what really runs."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import gnnvision as gv

from .networks import path, star


def macs(model, domain, channels=None, **more):
    return gv.summary(model, domain, channels, **more).total_macs


class Apply(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


BY_HAND = {
    "convolution": (nn.Conv2d(3, 8, 5, padding=2), (10, 12), 10 * 12 * 8 * 3 * 25),
    "stride": (nn.Conv2d(3, 8, 3, stride=2), (11, 11), 5 * 5 * 8 * 3 * 9),
    "dilation": (nn.Conv2d(3, 8, 3, dilation=2), (11, 11), 7 * 7 * 8 * 3 * 9),
    "groups": (nn.Conv2d(6, 9, 3, groups=3), (8, 8), 6 * 6 * 9 * 2 * 9),
    "depthwise": (nn.Conv2d(6, 6, 3, groups=6), (8, 8), 6 * 6 * 6 * 9),
    "ours": (gv.Conv2d(3, 8, 4, stride=2, padding="same"), (9, 9), 5 * 5 * 8 * 3 * 16),
    "1-D": (nn.Conv1d(2, 4, 3), (9,), 7 * 4 * 2 * 3),
    "3-D": (nn.Conv3d(2, 4, 3), (5, 6, 7), 3 * 4 * 5 * 4 * 2 * 27),
    # Each input site is multiplied with the whole kernel.
    "transposed": (nn.ConvTranspose2d(3, 8, 4, stride=2), (5, 6), 5 * 6 * 3 * 8 * 16),
    "transposed, groups": (nn.ConvTranspose2d(4, 8, 3, groups=2), (5, 6), 5 * 6 * 4 * 4 * 9),
    "linear": (nn.Sequential(nn.Flatten(), nn.Linear(3 * 16, 5)), (4, 4), 3 * 16 * 5),
    "linear on rows": (nn.Linear(7, 5, bias=False), (6, 7), 3 * 6 * 7 * 5),
    "norm and activation": (nn.Sequential(nn.BatchNorm2d(3), nn.ReLU()), (4, 4), 0),
    "pooling": (nn.Sequential(nn.MaxPool2d(2), nn.AvgPool2d(2)), (4, 4), 0),
    "readout": (gv.Readout("mean"), (4, 4), 0),
    "function": (Apply(lambda x: x @ x.transpose(2, 3)), (4, 7), 3 * 4 * 7 * 4),
    "matrix and vector": (Apply(lambda x: x[0, 0] @ x[0, 0, 0]), (4, 7), 4 * 7),
    "attention function": (
        Apply(lambda x: F.scaled_dot_product_attention(x, x, x)),
        (9, 5),
        3 * 2 * 9 * 9 * 5,
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name):
    model, size, expected = BY_HAND[name]
    channels = getattr(model, "in_channels", 3)
    assert macs(model, gv.Grid(size), channels) == expected
    assert macs(model, gv.Grid(size), channels, batch_size=2) in (2 * expected, expected)


@pytest.mark.parametrize(("kind", "gates"), [(nn.RNN, 1), (nn.GRU, 3), (nn.LSTM, 4)])
@pytest.mark.parametrize("both_ways", [False, True])
def test_recurrent_layers(kind, gates, both_ways):
    """At each of 15 steps a matrix for the signal and one for the state, for each gate."""

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = kind(10, 20, batch_first=True, bidirectional=both_ways)

        def forward(self, x):
            return self.layer(x.transpose(1, 2))[0]

    result = gv.summary(Recurrent(), gv.Grid(15), 10, batch_size=2)
    assert result.total_macs == 2 * 15 * gates * (10 * 20 + 20 * 20) * (1 + both_ways)


@pytest.mark.parametrize("need_weights", [False, True])
def test_multi_head_attention(need_weights):
    """Four projections of N tokens, and for each head two products of N x N x C / heads."""

    class Attend(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x):
            tokens = x.flatten(2).transpose(1, 2)
            return self.attention(tokens, tokens, tokens, need_weights=need_weights)[0]

    tokens = 12
    result = gv.summary(Attend(), gv.Grid((3, 4)), 8)
    assert result.total_macs == 4 * tokens * 8 * 8 + 2 * tokens**2 * 8
    (layer,) = result.layers
    assert layer.name == "attention"
    assert layer.parameters == 4 * (64 + 8)  # the output's projection is part of it


class Ran(TorchDispatchMode):
    """Counts the products of what really runs: matrix products, and rows that are gathered."""

    def __init__(self):
        super().__init__()
        self.macs = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func._schema.name
        if name in ("aten::mm", "aten::addmm"):
            a, b = args[-2:]
            self.macs += a.shape[0] * a.shape[1] * b.shape[1]
        elif "embedding_bag" in name:
            self.macs += args[1].numel() * args[0].shape[1]
        return func(*args, **(kwargs or {}))


def relational():
    pairs = [(0, 1), (1, 2), (2, 0), (3, 4), (4, 1)]
    edges = torch.tensor(pairs).t()
    return gv.Graph(edges, 5, edge_type=torch.tensor([0, 1, 0, 1, 1]))


N, E = 5, 8  # the path's nodes and directed edges
LAYERS = {
    "GCN narrows": (lambda: gv.GCNConv(6, 3), path, (E + N) * 3 + N * 6 * 3),
    "GCN widens": (lambda: gv.GCNConv(3, 6), path, (E + N) * 3 + N * 3 * 6),
    "Chebyshev": (lambda: gv.ChebConv(6, 3, K=4), path, 3 * (E + N) * 6 + 4 * N * 6 * 3),
    "SAGE": (lambda: gv.SAGEConv(6, 3), path, E * 3 + 2 * N * 6 * 3),
    "GIN": (lambda: gv.GINConv(nn.Linear(6, 3)), path, E * 6 + N * 6 * 3),
    "RGCN": (
        lambda: gv.RGCNConv(6, 3, num_relations=2),
        lambda _: relational(),
        5 * 6 + N * 2 * 6 * 3 + N * 6 * 3,
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_graph_layers(name):
    """By hand, and the same as what runs."""
    make, graph, expected = LAYERS[name]
    layer, graph = make(), graph(5)
    assert macs(layer, graph) == expected
    layer(torch.ones(5, layer.in_channels), graph)  # what is kept on the graph
    with torch.no_grad(), Ran() as ran:
        layer(torch.ones(5, layer.in_channels), graph)
    assert ran.macs == expected


# Projections; for each head a score and a sum of C products of each edge (of GAT, the score of
# each node as target and as source). Transformer has no self loops.
ATTENTION = {
    "GATv2": (lambda: gv.GATv2Conv(6, 4, heads=3), 2 * N * 6 * 12 + 2 * (E + N) * 12),
    "shared": (
        lambda: gv.GATv2Conv(6, 4, heads=3, share_weights=True),
        N * 6 * 12 + 2 * (E + N) * 12,
    ),
    "GAT": (lambda: gv.GATConv(6, 4, heads=3), N * 6 * 12 + 2 * N * 12 + (E + N) * 12),
    "Transformer": (lambda: gv.TransformerConv(6, 4, heads=3), 4 * N * 6 * 12 + 2 * E * 12),
}


@pytest.mark.parametrize("name", ATTENTION)
def test_attention_on_a_graph(name):
    make, expected = ATTENTION[name]
    assert macs(make(), path(5)) == expected


def test_pooling_and_readout_of_a_graph_are_free():
    for layer in (gv.GraphPool(2), gv.Readout("mean"), gv.Readout("sum"), gv.Readout("max")):
        assert macs(gv.Sequential(layer), star(4), 3) == 0


@pytest.mark.parametrize("nonzeros", [0, 7, 30])
def test_a_sparse_signal_multiplies_what_it_stores(nonzeros):
    sparse = macs(gv.GCNConv(6, 3), path(5), nonzeros=nonzeros)
    assert sparse == nonzeros * 3 + (E + N) * 3
    model = gv.models.gcn(6, 8, 3)
    features = (torch.rand(5, 6) < 0.5).float().to_sparse()
    expected = macs(model, path(5), nonzeros=features._nnz())
    model.eval()(features, graph := path(5))
    with torch.no_grad(), Ran() as ran:
        model(features, graph)
    assert ran.macs == expected
