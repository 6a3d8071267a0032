"""torch.compile on graphs whose operators are kept, or new; tests/citizens has all layers."""

import pytest
import torch
from torch import nn

import gnnvision as gv

from ..graphs import batch, multi

pytestmark = pytest.mark.slow

LAYERS = {
    "GCN": (lambda: gv.GCNConv(3, 2), ()),
    "GCN, improved": (lambda: gv.GCNConv(3, 5, improved=True), ()),
    "Cheb": (lambda: gv.ChebConv(3, 2, K=3), ()),
    "SAGE": (lambda: gv.SAGEConv(3, 2), ()),
    "GIN": (lambda: gv.GINConv(nn.Linear(3, 2)), ()),
    "GATv2": (lambda: gv.GATv2Conv(3, 2, heads=2), ()),
    "TAG": (lambda: gv.TAGConv(3, 2, K=2), ("edge_weight",)),
    "GAT": (lambda: gv.GATConv(3, 2, heads=2, edge_dim=2), ("edge_attr",)),
    "Transformer": (
        lambda: gv.TransformerConv(3, 2, heads=2, edge_dim=2, beta=True),
        ("edge_attr",),
    ),
    "GINE": (lambda: gv.GINEConv(nn.Linear(3, 2), edge_dim=2), ("edge_attr",)),
    "NNConv": (lambda: gv.NNConv(3, 2, nn.Linear(2, 6), aggr="mean"), ("edge_attr",)),
    "GATv2, attributes": (lambda: gv.GATv2Conv(3, 2, edge_dim=2), ("edge_attr",)),
    "RGCN": (lambda: gv.RGCNConv(3, 2, num_relations=3), ("edge_type",)),
}


@pytest.fixture(params=LAYERS)
def case(request):
    make, columns = LAYERS[request.param]
    torch._dynamo.reset()
    layer = make()
    return layer, torch.compile(layer, backend="eager", fullgraph=True), columns


def readable(graph, layer):
    return graph if layer.reads_weights else graph.without_weights()


def same(got, expected):
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.slow
def test_on_graphs_that_nobody_has_seen_before(case):
    layer, compiled, _ = case
    for maker in (multi, batch):  # loops, parallel edges, members without edges
        x = torch.randn(maker().num_nodes, 3)
        same(compiled(x, readable(maker(), layer)), layer(x, readable(maker(), layer)))


def test_on_a_graph_whose_operators_are_kept(case):
    layer, compiled, _ = case
    graph = readable(multi(), layer)
    x = torch.randn(6, 3)
    expected = layer(x, graph)
    for _ in range(2):
        same(compiled(x, graph), expected)
    same(layer(x, graph), expected)


def test_on_an_edge_index(case):
    """Also on others of the same size, so nothing of the first is in the compiled code."""
    layer, compiled, columns = case
    graph, x = multi(), torch.randn(6, 3)
    extra = [getattr(graph, name) for name in columns]
    for edge_index in (graph.edge_index, graph.edge_index.flip(0), (graph.edge_index + 1) % 6):
        same(compiled(x, edge_index, *extra), layer(x, edge_index.clone(), *extra))


NETWORKS = {
    "graph classifier": lambda: gv.Sequential(
        gv.GCNConv(3, 4), nn.ReLU(), gv.Dropout(0.5), gv.SAGEConv(4, 4), gv.Readout("mean")
    ),
    "sum": lambda: gv.Sequential(gv.GINConv(nn.Linear(3, 4)), gv.Readout("sum")),
    "max": lambda: gv.Sequential(gv.GATv2Conv(3, 4), nn.Tanh(), gv.Readout("max")),
}


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_networks_of_graphs(make):
    torch._dynamo.reset()
    model = make().eval()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    for _ in range(2):
        graph = batch().without_weights()
        x = torch.randn(graph.num_nodes, 3)
        same(compiled(x, graph), model(x, graph))


class Own(nn.Module):
    def forward(self, x, domain):
        return x / domain.num_sites


def test_images_of_one_size_after_another():
    """The compiler makes sizes symbols once a second one comes, as in a coarse beginning."""
    torch._dynamo.reset()
    model = gv.Sequential(
        gv.Conv2d(3, 4, 3, padding="same"),
        nn.BatchNorm2d(4),
        gv.MaxPool2d(2),
        Own(),
        gv.Conv2d(4, 4, 3, stride=2, padding="same"),
        gv.Readout("mean"),
        gv.Dropout(0.5),
        nn.Linear(4, 2),
    ).eval()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    for count, size in ((2, 16), (2, 12), (40, 10), (3, 8)):
        x = torch.randn(count, 3, size, size).to(memory_format=torch.channels_last)
        same(compiled(x, gv.Grid((size, size))), model(x, gv.Grid((size, size))))
