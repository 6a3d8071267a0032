"""The named networks: their formula, their sizes, both layouts of a signal."""

import pytest
import torch
from torch import nn

import gnnvision as gv


@pytest.fixture
def graph():
    return gv.Graph.from_edges([(0, 1), (1, 2), (2, 3)], num_nodes=5, undirected=True)


def test_kipf_and_wellings_formula(graph):
    model = gv.models.gcn(4, 6, 3).eval()
    x = torch.randn(5, 4)
    a = graph.normalized_adjacency().to_dense()
    w1, w2 = model[1].lin.weight.t(), model[4].lin.weight.t()
    hidden = torch.relu(a @ x @ w1 + model[1].bias)
    assert torch.allclose(model(x, graph), a @ hidden @ w2 + model[4].bias, atol=1e-6)


def test_graphsage_reads_the_mean_of_the_neighbors_and_the_node(graph):
    model = gv.models.graphsage(4, 6, 3).eval()
    x = torch.randn(5, 4)
    mean = graph.adjacency().to_dense()
    mean /= mean.sum(1, keepdim=True).clamp(min=1)
    first, last = (layer for layer in model if isinstance(layer, gv.SAGEConv))
    hidden = torch.relu(first.lin_l(mean @ x) + first.lin_r(x))
    expected = last.lin_l(mean @ hidden) + last.lin_r(hidden)
    assert torch.allclose(model(x, graph), expected, atol=1e-6)


def test_the_size_of_the_paper():
    model = gv.models.gcn(1433, 16, 7)
    assert sum(p.numel() for p in model.parameters()) == 1433 * 16 + 16 + 16 * 7 + 7


@pytest.mark.parametrize("num_layers", [1, 2, 4])
def test_depth(graph, num_layers):
    model = gv.models.gcn(4, 6, 3, num_layers=num_layers)
    assert sum(isinstance(m, gv.GCNConv) for m in model) == num_layers
    assert model(torch.randn(5, 4), graph).shape == (5, 3)


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
@pytest.mark.parametrize("residual", [False, True])
def test_classic(graph, norm, residual):
    model = gv.models.classic_gcn(4, 8, 3, num_layers=3, norm=norm, residual=residual).eval()
    x = torch.randn(5, 4).relu()
    dense = model(x, graph)
    assert dense.shape == (5, 3)
    assert torch.allclose(dense, model(x.to_sparse_coo(), graph), atol=1e-6)
    blocks = [m for m in model.modules() if isinstance(m, gv.models.Block)]
    assert len(blocks) == 3
    assert all((block.skip is not None) == residual for block in blocks)
    norms = sum(isinstance(m, nn.BatchNorm1d | nn.LayerNorm) for m in model.modules())
    assert norms == (0 if norm is None else 3)


def test_an_unknown_norm():
    with pytest.raises(
        ValueError, match="'norm' must be one of None, 'batch', 'layer', got 'group'"
    ):
        gv.models.classic_gcn(4, 8, 3, norm="group")
