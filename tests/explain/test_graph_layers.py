"""Explanations of networks of every kind of graph layer."""

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.explain import METHODS, attribute, filters, find_layer, last_spatial

from .nets import same, state_of, warm


def mlp(channels):
    return nn.Sequential(nn.Linear(channels, 6), nn.ReLU(), nn.Linear(6, 6))


LAYERS = {
    "GCNConv": lambda: gv.GCNConv(5, 6),
    "ChebConv": lambda: gv.ChebConv(5, 6, 3),
    "SAGEConv": lambda: gv.SAGEConv(5, 6),
    "GINConv": lambda: gv.GINConv(mlp(5)),
    "GATv2Conv": lambda: gv.GATv2Conv(5, 3, heads=2),
    "GraphConv": lambda: gv.GraphConv(5, 6),
    "SGConv": lambda: gv.SGConv(5, 6, K=2),
    "TAGConv": lambda: gv.TAGConv(5, 6, K=2),
    "APPNP": lambda: gv.APPNP(K=3, alpha=0.2),
    "GATConv": lambda: gv.GATConv(5, 3, heads=2),
    "TransformerConv": lambda: gv.TransformerConv(5, 3, heads=2),
    "TransformerConv of bonds": lambda: gv.TransformerConv(5, 6, edge_dim=4),
    "GINEConv": lambda: gv.GINEConv(mlp(5), edge_dim=4),
    "NNConv": lambda: gv.NNConv(5, 6, nn.Linear(4, 30)),
    "RGCNConv": lambda: gv.RGCNConv(5, 6, num_relations=2),
    "EdgeConv": lambda: gv.EdgeConv(mlp(10)),
    "MaxPropagation": gv.MaxPropagation,
    "GraphConvolution": lambda: gv.GraphConvolution(
        5, 6, operators=lambda graph, dtype: [gv.operators.normalized_adjacency(graph) ** 2]
    ),
}


@pytest.fixture(autouse=True)
def _quiet(double):
    """float64, one thread."""


def molecules():
    """Three molecules without hydrogens, and features of their atoms and bonds."""
    batch = gv.Graph.batch([gv.Graph.from_smiles(text) for text in ("CCO", "CC(=O)N", "C=CCl")])
    attributes = torch.rand(batch.num_edges, 4, generator=torch.Generator().manual_seed(3))
    batch = gv.Graph(
        batch.edge_index, batch.num_nodes, edge_attr=attributes, offsets=batch.offsets,
        edge_type=torch.arange(batch.num_edges) // 2 % 2,
    )  # fmt: skip
    return torch.rand(batch.num_nodes, 5, generator=torch.Generator().manual_seed(4)), batch


def network(name):
    layer = LAYERS[name]()
    width = 5 if name in ("MaxPropagation", "APPNP") else 6
    return warm(
        gv.Sequential(layer, nn.Softplus(), nn.Linear(width, 6), nn.Softplus(),
                      gv.Readout("mean"), nn.Linear(6, 3))
    )  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_all_methods(name):
    (x, batch), model = molecules(), network(name)
    before = state_of(model)
    part, nodes = batch.section(1, 2)
    for method in METHODS:
        options = {"steps": 30} if method == "integrated_gradients" else {}
        found = attribute(model, x, batch, method, 1, **options)
        assert found.values.shape == (batch.num_nodes,)
        assert found.values.isfinite().all()
        if METHODS[method].takes_layer:
            assert found.layer == "0"
        elif method != "guided_gradient":  # which may be 0
            assert found.values.any()
        alone = attribute(model, x[nodes], part, method, 1, **options)
        torch.testing.assert_close(alone.values, found.values[nodes])
        if found.completeness is not None:
            assert found.completeness < 0.05
    assert same(before, state_of(model))
    assert find_layer(model, x, batch, "0").domain is batch
    assert last_spatial(model, x, batch).name == "0"


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_follow_their_definition(name):
    (x, batch), model = molecules(), network(name)
    x.requires_grad_()
    (grad,) = torch.autograd.grad(model(x, batch)[:, 2].sum(), x)
    found = attribute(model, x.detach(), batch, "input_gradient", 2).values
    torch.testing.assert_close(found, (x * grad).sum(1).detach())


@pytest.mark.parametrize("name", LAYERS)
def test_filters_have_one_matrix_and_its_nodes_for_each_operator(name):
    model = network(name)
    if name in ("EdgeConv", "MaxPropagation", "APPNP"):  # not a sum, or without weights
        with pytest.raises(ValueError, match="'layer' must be the name of a convolution"):
            filters(gv.Sequential(*model, gv.GCNConv(2, 2)), "0")
        return
    found = filters(model, "0")
    assert found.values.shape == (len(found.terms), 5, 6)


def test_the_nodes_that_a_matrix_reads_are_those_of_its_operator():
    words = {
        "SGConv": ("up to 2 hops away",),
        "TAGConv": ("node itself", "neighbors", "up to 2 hops away"),
        "GraphConv": ("neighbors", "node itself"),
        "GINEConv": ("neighbors with their edges", "node itself"),
        "TransformerConv": ("attention head 1", "attention head 2", "node itself"),
    }
    for name, terms in words.items():
        assert filters(network(name), "0").terms == terms
