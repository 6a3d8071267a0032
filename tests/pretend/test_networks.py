"""Every layer and every named network forward and back on pretended devices."""

import pytest
import torch

import gnnvision as gv

from . import pretended
from .networks import OF_GRAPHS, ON_GRAPHS, ON_GRIDS, graph, network, of_images

KINDS = ["cuda", "mps"]


def back_and_forth(layer, x, domain, kind, close=1e-4):
    """The output and the gradients are on the device, and those of the CPU."""
    layer = layer.eval()
    here = x.clone().requires_grad_()
    y = layer(here, domain)
    y.square().sum().backward()
    grads = [p.grad.clone() for p in layer.parameters() if p.grad is not None]
    layer.zero_grad()
    with pretended(kind) as ledger:
        moved, there = layer.to(kind), x.to(kind).requires_grad_()
        place = domain.to(kind)
        z = moved(there, place)
        assert z.device.type == kind
        z.square().sum().backward()
        assert there.grad.device.type == kind
        torch.testing.assert_close(z.cpu(), y, atol=close, rtol=close)
        torch.testing.assert_close(there.grad.cpu(), here.grad, atol=close, rtol=close)
        again = [p.grad for p in moved.parameters() if p.grad is not None]
        assert all(grad.device.type == kind for grad in again)
        for grad, own in zip(again, grads, strict=True):
            torch.testing.assert_close(grad.cpu(), own, atol=close, rtol=close)
        with ledger.counting() as second:
            moved(there, place).sum().backward()
    assert not ledger.faults, ledger
    return second


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ON_GRAPHS)
def test_layers_on_graphs(name, kind):
    domain = graph()
    second = back_and_forth(ON_GRAPHS[name](), torch.rand(7, 4), domain, kind)
    # What is derived from a graph is kept: the second time nothing is waited for.
    assert not second.stops(), second


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ON_GRIDS)
def test_layers_on_grids(name, kind):
    make, size = ON_GRIDS[name]
    second = back_and_forth(make(), torch.rand(2, 3, *size), gv.Grid(size), kind)
    assert not second.stops(), second


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OF_GRAPHS)
def test_networks_for_graphs(name, kind):
    second = back_and_forth(network(name), torch.rand(7, 4), graph(), kind)
    assert not second.stops(), second


@pytest.mark.parametrize("name", of_images())
def test_networks_for_images(name):
    size = (16, 16) if name == "autoencoder" else (32, 32)
    x = torch.rand(2, 3, *size)
    second = back_and_forth(network(name), x, gv.Grid(size), "cuda", 1e-3)
    assert not second.stops(), second


@pytest.mark.parametrize("name", [*ON_GRAPHS])
def test_an_edge_index_on_the_device(name, gpu):
    needs_more = ("GATv2", "RGCN", "Readout", "GATConv", "Transformer", "GINE", "NNConv")
    if name.startswith((*needs_more, "GraphNorm")):
        pytest.skip("takes more than an edge_index, or none")
    layer, whole = ON_GRAPHS[name]().to("cuda"), graph().to("cuda")
    x = torch.rand(7, 4, device="cuda")
    assert layer(x, whole.edge_index).is_cuda
    with gpu.counting() as here:
        layer(x, whole.edge_index)
    assert here.stops() <= 1, here


def test_sparse_features_and_dropout(gpu):
    model = gv.models.gcn(4, 8, 2).to("cuda").train()
    x = torch.eye(7, 4).to_sparse_coo().to("cuda")
    for _ in range(2):
        with gpu.counting() as here:
            model(x, graph().to("cuda")).sum().backward()
    assert here.calls
    domain = graph().to("cuda")
    model(x, domain).sum().backward()
    with gpu.counting() as here:
        model(x, domain).sum().backward()
    assert not here.stops(), here


def test_operators_of_every_family_on_the_device(gpu):
    domain = graph().to("cuda")
    x = torch.rand(7, 4, device="cuda")
    for make in ON_GRAPHS.values():
        layer = make().to("cuda")
        if not isinstance(layer, gv.Convolution):
            continue
        for operator in layer.operators(domain, x):
            assert operator.to_dense().is_cuda
            assert operator.T.to_dense().is_cuda
        assert layer.reference(x, domain).is_cuda
