import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.layers import GraphConvolution, GridConvolution, OnDomain
from gnnvision.layers.interface import require

from ..contracts import readable
from ..graphs import RELATIONS, multi, undirected

GRAPH_LAYERS = [
    lambda: gv.GCNConv(4, 3),
    lambda: gv.ChebConv(4, 3, 2),
    lambda: gv.SAGEConv(4, 3),
    lambda: gv.GINConv(nn.Linear(4, 3)),
    lambda: gv.GATv2Conv(4, 3),
    lambda: gv.RGCNConv(4, 3, RELATIONS),
]


@pytest.mark.parametrize("make", GRAPH_LAYERS)
def test_one_interface_on_graphs(make):
    layer, x = make(), torch.randn(6, 4)
    graph = readable(multi(), layer)
    assert isinstance(layer, gv.Convolution | GraphConvolution | OnDomain)
    assert layer.taps().shape[:2] == (len(layer.operators(graph, x)), 4)
    assert layer(x, graph).shape == (layer.out_domain(graph).num_sites, 3)


def test_one_interface_on_grids():
    layer, grid = gv.Conv2d(4, 3, 3), gv.Grid((5, 6))
    assert isinstance(layer, gv.Convolution | GridConvolution | OnDomain)
    assert layer.taps().shape == (9, 4, 3)
    assert [S.shape for S in layer.operators(grid)] == [(12, 30)] * 9
    assert layer.out_domain(grid) == gv.Grid((3, 4))


@pytest.mark.parametrize("make", GRAPH_LAYERS)
def test_reference_works_in_double_for_a_single_layer(make):
    layer, x = make().float(), torch.randn(6, 4)
    graph = readable(multi(), layer)
    y = layer.reference(x, graph)
    assert y.dtype is torch.float64
    torch.testing.assert_close(layer(x.float(), graph).double(), y, atol=1e-5, rtol=1e-5)


def test_require_names_layer_and_domain():
    with pytest.raises(TypeError, match="'domain' must be a Grid for GCNConv, got Graph"):
        require(undirected(), gv.Grid, gv.GCNConv(1, 1))
    with pytest.raises(TypeError, match="'domain' must be a Graph for GCNConv, got NoneType"):
        gv.GCNConv(1, 1).out_domain(None)


@pytest.mark.gpu
@pytest.mark.parametrize("make", GRAPH_LAYERS)
def test_gpu_equals_cpu(make):
    layer, x = make(), torch.randn(6, 4)
    graph = readable(multi(), layer)
    expected = layer(x, graph)
    layer, graph = layer.cuda(), graph.to("cuda")
    there = x.cuda().requires_grad_()
    y = layer(there, graph)
    torch.testing.assert_close(y.cpu(), expected)
    y.square().sum().backward()
    here = x.clone().requires_grad_()
    layer.cpu()(here, readable(multi(), layer)).square().sum().backward()
    torch.testing.assert_close(there.grad.cpu(), here.grad)
