"""How far graph networks look: by hand, and by their gradients."""

from math import inf, isnan

import pytest
import torch
from torch import nn

import gnnvision as gv

from .networks import path


def distance_seen(model, graph, channels):
    """The most edges between a node and one that it depends on, on a path."""
    x = torch.rand(graph.num_nodes, channels, requires_grad=True)
    y = model.eval()(x, graph)
    farthest = 0
    for node in range(len(y)):
        (gradient,) = torch.autograd.grad(y[node].sum(), x, retain_graph=True)
        seen = gradient.abs().sum(1).nonzero().flatten()
        farthest = max(farthest, int((seen - node).abs().max()))
    return farthest


NETWORKS = {
    "linear": (lambda: gv.Sequential(nn.Linear(3, 2)), 0),
    "GCN": (lambda: gv.Sequential(gv.GCNConv(3, 2)), 1),
    "two": (lambda: gv.Sequential(gv.GCNConv(3, 4), nn.Tanh(), gv.SAGEConv(4, 2)), 2),
    "Chebyshev": (lambda: gv.Sequential(gv.ChebConv(3, 2, K=4)), 3),
    "node alone": (lambda: gv.Sequential(gv.ChebConv(3, 2, K=1)), 0),
    "attention": (lambda: gv.Sequential(gv.GATv2Conv(3, 2), gv.GATv2Conv(2, 2)), 2),
    "isomorphism": (lambda: gv.Sequential(gv.GINConv(nn.Linear(3, 2)), gv.GCNConv(2, 2)), 2),
    "residual": (lambda: gv.models.classic_gcn(3, 4, 2, norm="layer", residual=True), 3),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_hops_are_what_the_gradient_says(name):
    make, expected = NETWORKS[name]
    model, graph = make(), path(12)
    found = gv.summary(model, graph, 3).layers[-1]
    assert found.hops == expected == distance_seen(model, graph, 3)
    assert found.receptive_field is None


def test_a_sparse_signal_is_no_neighbour():
    model = gv.models.gcn(6, 4, 2)
    assert [r.hops for r in gv.summary(model, path(5), nonzeros=9).layers] == [0, 1, 1, 1, 2]


def test_relations():
    model = gv.RGCNConv(3, 2, num_relations=9)
    assert gv.summary(model, gv.Grid((4, 4)).to_graph(3)).layers[0].hops == 1


def test_a_readout_sees_the_graph():
    model = gv.Sequential(gv.GCNConv(3, 4), gv.Readout("max"), nn.Linear(4, 2))
    assert [r.hops for r in gv.summary(model, path(5)).layers] == [1, inf, inf]


def test_pooling_never_sees_less_than_it_says():
    """A cluster of two nodes and its neighbours: at most so many edges on the graph below."""
    graph = path(16)
    model = gv.Sequential(gv.GCNConv(3, 2), gv.GraphPool(2), gv.GCNConv(2, 2))
    result = gv.summary(model, graph)
    assert [layer.hops for layer in result.layers] == [1, 2, 4]
    coarse = gv.GraphPool(2)._coarsen(graph)
    x = torch.rand(16, 3, requires_grad=True)
    y = model(x, graph)
    for cluster in range(len(y)):
        (gradient,) = torch.autograd.grad(y[cluster].sum(), x, retain_graph=True)
        seen = gradient.abs().sum(1).nonzero().flatten()
        members = coarse.order[coarse.starts[cluster] : coarse.starts[cluster + 1]]
        assert (seen[:, None] - members[None, :]).abs().max() <= 4


def test_clusters_of_ones_own_are_not_known():
    model = gv.Sequential(gv.GraphPool(cluster=[0, 0, 1, 1]))
    assert isnan(gv.summary(model, path(4), 3).layers[0].hops)
