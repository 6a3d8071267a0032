from typing import ClassVar

import pytest
import torch
from hypothesis import given
from torch import nn
from torch.autograd import gradcheck

from gnnvision import GATv2Conv, Graph

from ..contracts import GraphContract
from ..graphs import multi, random_graphs, undirected
from .peers import PEER_GRAPHS, assert_equals_peer

VARIANTS = {
    "one head": {},
    "heads side by side": {"heads": 3},
    "mean of heads": {"heads": 3, "concat": False},
    "without loops": {"heads": 2, "add_self_loops": False},
    "edge attributes": {"heads": 2, "edge_dim": 2},
    "edge attributes without loops": {"edge_dim": 2, "add_self_loops": False},
    "shared": {"heads": 2, "share_weights": True},
    "without bias": {"heads": 2, "bias": False},
    "slope": {"negative_slope": 0.5},
}


class TestContract(GraphContract):
    columns: ClassVar = ("edge_attr",)
    make_cases: ClassVar = {
        name: lambda options=options: GATv2Conv(4, 3, **options)
        for name, options in VARIANTS.items()
        if name != "slope"
    }

    def reads(self, layer, column):
        return column == "edge_index" or layer.edge_dim is not None


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("graph", PEER_GRAPHS.values(), ids=PEER_GRAPHS)
def test_equals_torch_geometric(graph, options):
    from torch_geometric.nn import GATv2Conv as Peer

    columns: ClassVar = ("edge_attr",) if "edge_dim" in options else ()
    assert_equals_peer(GATv2Conv(4, 3, **options), Peer(4, 3, **options), graph(), columns)


@given(random_graphs())
def test_equals_torch_geometric_on_any_graph(graph):
    from torch_geometric.nn import GATv2Conv as Peer

    options = {"heads": 2, "edge_dim": 2}
    ours, theirs = GATv2Conv(2, 3, **options), Peer(2, 3, **options)
    assert_equals_peer(ours, theirs, graph, ("edge_attr",))


def test_attention_shares_one_among_the_incoming_edges():
    graph, x = multi(), torch.randn(6, 4)
    for S in GATv2Conv(4, 3, heads=2).operators(graph, x):
        torch.testing.assert_close(S.to_dense().sum(1), torch.ones(6))
    for S in GATv2Conv(4, 3, add_self_loops=False).operators(graph, x):
        has_edges = torch.bincount(graph.edge_index[1], minlength=6) > 0
        torch.testing.assert_close(S.to_dense().sum(1), has_edges.double())


def test_gradcheck_by_edge_attributes():
    graph, x, layer = multi(), torch.randn(6, 4), GATv2Conv(4, 2, heads=2, edge_dim=2)

    def run(attributes):
        return layer(x, Graph(graph.edge_index, 6, edge_attr=attributes))

    attributes = graph.edge_attr.clone().requires_grad_()
    assert gradcheck(run, (attributes,), fast_mode=True)
    assert gradcheck(lambda a: layer(x, graph.edge_index, a), (attributes,), fast_mode=True)


def test_large_scores_do_not_overflow():
    layer = GATv2Conv(4, 3).float()
    with torch.no_grad():
        layer.att.mul_(1e6)
    x = torch.randn(5, 4).float().requires_grad_()
    y = layer(x, undirected())
    y.sum().backward()
    assert y.isfinite().all()
    assert x.grad.isfinite().all()


def test_dropout_of_edges_in_training_only():
    graph, x = undirected(), torch.randn(5, 4)
    layer = GATv2Conv(4, 3, dropout=0.5)
    kept = layer.eval().operators(graph, x)[0].to_dense()
    torch.manual_seed(1)
    dropped = layer.train().operators(graph, x)[0].to_dense()
    gone = (dropped == 0) & (kept > 0)
    assert gone.any()
    torch.testing.assert_close(dropped[~gone], 2 * kept[~gone])
    everything = GATv2Conv(4, 3, dropout=1.0)
    nn.init.ones_(everything.bias)
    torch.testing.assert_close(everything(x, graph), torch.ones(5, 3))


def test_refusals():
    x, graph = torch.randn(5, 4), undirected()
    with pytest.raises(ValueError, match="'heads' must be at least 1, got 0"):
        GATv2Conv(4, 2, heads=0)
    with pytest.raises(ValueError, match=r"'x' must be given to GATv2Conv.operators, got None"):
        GATv2Conv(4, 2).operators(graph)
    with pytest.raises(ValueError, match=r"'domain' must have an edge_attr of 3 columns, got \("):
        GATv2Conv(4, 2, edge_dim=3)(x, graph)
    bare = Graph(graph.edge_index, 5)
    with pytest.raises(ValueError, match="'domain' must have an edge_attr of 2 columns, got None"):
        GATv2Conv(4, 2, edge_dim=2)(x, bare)
