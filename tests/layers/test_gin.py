from typing import ClassVar

import pytest
import torch
from hypothesis import given
from torch import nn

from gnnvision import GINConv, GINEConv, Graph

from ..contracts import GraphContract, LinearGraphContract
from ..graphs import multi, random_graphs
from .peers import PEER_GRAPHS, assert_equals_peer


def mlp(width=4, out=3):
    return nn.Sequential(nn.Linear(width, 5), nn.Tanh(), nn.Linear(5, out))


class TestContract(GraphContract):
    make_cases: ClassVar = {
        "fixed": lambda: GINConv(mlp(), eps=0.5),
        "learned": lambda: GINConv(mlp(3, 5), train_eps=True),
    }


class TestLinearContract(LinearGraphContract):
    """With a matrix for an MLP the layer is linear."""

    make_cases: ClassVar = {"linear": lambda: GINConv(nn.Linear(4, 2), eps=0.25)}

    def linear_taps(self, layer):
        return layer.taps() @ layer.nn.weight.T


class TestAttributesContract(GraphContract):
    columns: ClassVar = ("edge_attr",)
    make_cases: ClassVar = {
        "projected": lambda: GINEConv(mlp(), edge_dim=2, train_eps=True),
        "as they are": lambda: GINEConv(nn.Linear(2, 3), eps=0.5),
    }


@pytest.mark.parametrize("edge_dim", [None, 2])
@pytest.mark.parametrize("graph", PEER_GRAPHS.values(), ids=PEER_GRAPHS)
def test_messages_equal_torch_geometric(graph, edge_dim):
    from torch_geometric.nn import GINEConv as Peer

    options = {"eps": 0.3, "train_eps": True, "edge_dim": edge_dim}
    width = 4 if edge_dim else 2
    ours, theirs = GINEConv(mlp(width), **options), Peer(mlp(width), **options)
    assert_equals_peer(ours, theirs, graph(), ("edge_attr",))


def test_messages_need_attributes():
    graph, layer = multi().without_weights(), GINEConv(mlp(), edge_dim=2)
    assert len(layer.operators(graph)) == 2
    with pytest.raises(ValueError, match="'domain' must have an edge_attr of 2 columns, got None"):
        layer(torch.randn(6, 4), Graph(graph.edge_index, 6))
    with pytest.raises(ValueError, match=r"edge_attr of 4 columns, got \(9, 2\)"):
        GINEConv(mlp())(torch.randn(6, 4), graph)


@pytest.mark.parametrize("train_eps", [False, True])
@pytest.mark.parametrize("graph", PEER_GRAPHS.values(), ids=PEER_GRAPHS)
def test_equals_torch_geometric(graph, train_eps):
    from torch_geometric.nn import GINConv as Peer

    ours, theirs = (cls(mlp(), eps=0.3, train_eps=train_eps) for cls in (GINConv, Peer))
    assert_equals_peer(ours, theirs, graph())


@given(random_graphs())
def test_equals_torch_geometric_on_any_graph(graph):
    from torch_geometric.nn import GINConv as Peer

    assert_equals_peer(GINConv(mlp(2)), Peer(mlp(2)), graph)


def test_reset_restores_epsilon_and_the_mlp():
    layer = GINConv(mlp(), eps=0.25, train_eps=True)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.fill_(7)
    layer.reset_parameters()
    assert layer.eps.item() == 0.25
    assert all((p != 7).all() for p in layer.nn.parameters())


def test_epsilon_is_a_buffer_unless_learned():
    assert "eps" in dict(GINConv(mlp()).named_buffers())
    assert "eps" in dict(GINConv(mlp(), train_eps=True).named_parameters())


def test_refuses_an_mlp_without_a_matrix():
    with pytest.raises(ValueError, match="'nn' must have a linear layer, got ReLU"):
        GINConv(nn.ReLU())
