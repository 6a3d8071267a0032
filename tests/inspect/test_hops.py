"""How far graph networks look: by hand, and by their gradients."""

from math import inf, isnan

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.operators import Shift

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


def depends(model, graph, x):
    """Which nodes each row of an answer has a gradient by. Shape (rows, nodes)."""
    for parameter in model.parameters():
        parameter.data = parameter.data.abs() + 0.1  # nothing cancels
    x = x.clone().requires_grad_()
    rows = model.eval()(x, graph)
    slopes = [torch.autograd.grad(row.sum(), x, retain_graph=True)[0] for row in rows]
    return torch.stack([slope.abs().sum(1) > 0 for slope in slopes])


def told(model, graph, channels):
    """The same by the summary."""
    reach = gv.summary(model, graph, channels).network.reach
    rows = gv.summary(model, graph, channels).output_shape[0]
    return reach.hops, torch.stack([torch.tensor(reach.mask((i, 0))) for i in range(rows)])


def chain(nodes):
    graph = path(nodes)
    return gv.Graph(graph.edge_index, nodes, edge_attr=torch.rand(graph.num_edges, 4))


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("kind", ["bonds", "GCN"])
@pytest.mark.parametrize("nodes", [2, 13])
def test_bonds_and_nodes_count_alike(kind, depth, nodes):
    """From atoms to bonds is no step: a bond starts with what its first atom has."""
    model = gv.Sequential(*[gv.GCNConv(5, 5) for _ in range(depth)])
    if kind == "bonds":
        model = gv.Sequential(gv.models.bond_network(5, 1, 8, bond_channels=4, depth=depth)[0])
    graph = chain(nodes)
    hops, mask = told(model, graph, 5)
    measured = depends(model, graph, torch.rand(nodes, 5) + 0.1)
    assert torch.equal(mask, measured)
    farthest = max(abs(i - j) for i, j in measured.nonzero().tolist())
    assert farthest == min(depth, nodes - 1)
    assert farthest <= hops <= depth
    assert hops == depth or nodes == 2  # an edge that leads nowhere is no step


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_atom_without_bonds_and_either_dtype(dtype):
    """The products of some dtypes return with a result how they went."""
    graph = gv.Graph.batch([chain(3), chain(6), chain(1), chain(4)])
    model = gv.models.bond_network(5, 1, 8, bond_channels=4, depth=3).to(dtype)
    x = torch.rand(graph.num_nodes, 5, dtype=dtype)
    sizes = gv.explain.receptive_field_sizes(model, x, graph)
    assert sizes["0"].hops == 3
    assert sizes["1"].hops == inf


MIXED = {
    "pooled": lambda: gv.Sequential(
        gv.GCNConv(3, 2), gv.GraphPool(2, "mean"), gv.GCNConv(2, 2), nn.Tanh()
    ),
    "own clusters": lambda: gv.Sequential(gv.GraphPool(4, "mean", [0, 0, 1, 1, 2, 3, 3, 3, 3, 4])),
    "attention": lambda: gv.Sequential(
        gv.GATv2Conv(3, 2, heads=2), nn.Tanh(), gv.GATv2Conv(4, 2, add_self_loops=False)
    ),
    "no loops": lambda: gv.Sequential(gv.GCNConv(3, 3, normalize=False)),
    "attention of nodes": lambda: gv.Sequential(gv.GATConv(3, 2, heads=2, edge_dim=4)),
    "attention of products": lambda: gv.Sequential(gv.TransformerConv(3, 2, heads=2)),
    "attention with edges": lambda: gv.Sequential(gv.TransformerConv(3, 2, edge_dim=4)),
    "sums with edges": lambda: gv.Sequential(gv.GINEConv(nn.Linear(3, 2), edge_dim=4)),
    "edges as matrices": lambda: gv.Sequential(gv.NNConv(3, 2, nn.Linear(4, 6))),
    "a power": lambda: gv.Sequential(gv.SGConv(3, 2, K=2), gv.TAGConv(2, 2, K=2)),
    "pages": lambda: gv.Sequential(gv.APPNP(K=3, alpha=0.5)),
}


@pytest.mark.parametrize("name", MIXED)
def test_each_row_sees_what_its_gradient_says(name):
    model, graph = MIXED[name](), chain(10)
    mask, measured = told(model, graph, 3)[1], depends(model, graph, torch.rand(10, 3) + 0.1)
    assert bool((mask >= measured).all())
    if "attention" not in name:  # of which a softmax over one neighbor is 1 whatever that is
        assert torch.equal(mask, measured)


def test_a_sparse_signal_is_no_neighbor():
    model = gv.models.gcn(6, 4, 2)
    assert [r.hops for r in gv.summary(model, path(5), nonzeros=9).layers] == [0, 1, 1, 1, 2]


def test_relations():
    model = gv.RGCNConv(3, 2, num_relations=9)
    assert gv.summary(model, gv.Grid((4, 4)).to_graph(3)).layers[0].hops == 1


def test_a_readout_sees_the_graph():
    model = gv.Sequential(gv.GCNConv(3, 4), gv.Readout("max"), nn.Linear(4, 2))
    assert [r.hops for r in gv.summary(model, path(5)).layers] == [1, inf, inf]


def test_pooling_never_sees_less_than_it_says():
    """A cluster of two nodes and its neighbors: at most so many edges on the graph below."""
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


class Ring(gv.Domain):
    """Sites in a circle, whose signals are as those of nodes."""

    def __init__(self, sites):
        self.sites = sites

    @property
    def num_sites(self):
        return self.sites

    @property
    def offsets(self):
        return torch.tensor([0, self.sites])

    def to(self, device):
        return self

    def to_sites(self, x):
        return x

    def from_sites(self, y):
        return y

    def beside(self, dtype):
        site = torch.arange(self.sites)
        return [Shift((site + step) % self.sites, self.sites) for step in (-1, 1)]


def test_sites_in_a_circle():
    layers = [gv.GraphConvolution(1, 1, Ring.beside, num_operators=2) for _ in range(3)]
    model, ring = gv.Sequential(*layers, nn.Linear(1, 2)), Ring(9)
    result = gv.summary(model, ring, 1)
    assert [str(layer.reach) for layer in result.layers] == ["2 sites", "3 sites"] + 2 * [
        "4 sites"
    ]
    masks = torch.stack([torch.tensor(result.network.reach.mask((i, 0))) for i in range(9)])
    assert torch.equal(masks, depends(model, ring, torch.rand(9, 1)))
