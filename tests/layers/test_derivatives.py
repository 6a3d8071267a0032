"""Derivatives of pooling and by edges, and what is kept; tests/citizens has all layers."""

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.func import functional_call, hessian, jacfwd, jacrev, jvp, vjp, vmap

import gnnvision as gv

from ..graphs import batch, multi

LAYERS = {
    "pooling, max": lambda: gv.GraphPool(2, "max"),
    "pooling, mean": lambda: gv.GraphPool(2, "mean"),
    "network": lambda: gv.Sequential(
        gv.GCNConv(3, 4), nn.Tanh(), gv.GraphPool(2, "mean"), gv.SAGEConv(4, 2), gv.Readout("mean")
    ),
}


@pytest.fixture(params=[batch, multi], ids=["batch", "multi"])
def graph(request):
    return request.param().without_weights()


@pytest.fixture(params=LAYERS)
def layer(request):
    return LAYERS[request.param]().eval()


def signal(graph):
    return torch.randn(graph.num_nodes, 3)


def close(got, expected):
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-11)


def test_jacobians_of_both_modes(layer, graph):
    x = signal(graph)
    expected = torch.autograd.functional.jacobian(lambda z: layer(z, graph), x)
    assert float(expected.abs().max()) > 0
    for transform in (jacfwd, jacrev):
        close(transform(lambda z: layer(z, graph))(x), expected)
    close(
        torch.autograd.functional.jacobian(lambda z: layer(z, graph), x, vectorize=True), expected
    )


def test_derivatives_along_a_direction(layer, graph):
    x, v = signal(graph), signal(graph)
    jacobian = torch.autograd.functional.jacobian(lambda z: layer(z, graph), x)
    expected = (jacobian * v).sum((-2, -1))
    y, along = jvp(lambda z: layer(z, graph), (x,), (v,))
    close(along, expected)
    close(y, layer(x, graph))
    with forward_ad.dual_level():
        dual = forward_ad.unpack_dual(layer(forward_ad.make_dual(x, v), graph))
    close(dual.tangent, expected)
    y, back = vjp(lambda z: layer(z, graph), x)
    u = torch.randn_like(y)
    close(back(u)[0], torch.tensordot(u, jacobian, u.ndim))


def test_hessians(layer, graph):
    x = signal(graph)

    def energy(z):
        return layer(z, graph).square().sum()

    got = hessian(energy)(x)
    close(got, jacrev(jacrev(energy))(x))
    close(got, jacfwd(jacfwd(energy))(x))
    if not any(getattr(m, "reduce", "") == "max" for m in layer.modules()):  # torch has none
        close(got, torch.autograd.functional.hessian(energy, x))
        close(got, torch.autograd.functional.hessian(energy, x, vectorize=True))


def test_many_signals_at_once(layer, graph):
    x = torch.randn(3, graph.num_nodes, 3)
    expected = torch.stack([layer(each, graph) for each in x])
    close(vmap(lambda z: layer(z, graph))(x), expected)


def test_many_weights_at_once(layer, graph):
    held = {name: p.detach() for name, p in layer.named_parameters()}
    if not held:
        pytest.skip("nothing is learned")
    stacked = {name: torch.stack([p, 2 * p, -p]) for name, p in held.items()}
    x = signal(graph)

    def answer(weights):
        return functional_call(layer, weights, (x, graph))

    expected = torch.stack([answer({n: p[i] for n, p in stacked.items()}) for i in range(3)])
    close(vmap(answer)(stacked), expected)
    gradients = torch.func.grad(lambda weights: answer(weights).square().sum())(held)
    wanted = [p.requires_grad_() for p in layer.parameters()]
    plain = torch.autograd.grad(layer(x, graph).square().sum(), wanted)
    for name, expected in zip(held, plain, strict=True):
        close(gradients[name], expected)


def test_one_bias_of_many(graph):
    layer, x = gv.GCNConv(3, 2).requires_grad_(False), signal(graph)
    bias = torch.randn(4, 2)
    out = vmap(lambda b: functional_call(layer, {"bias": b}, (x, graph)))(bias)
    plain = layer(x, graph) - layer.bias
    close(out, plain + bias[:, None])


WEIGHTED = {
    "GCN": lambda: gv.GCNConv(3, 2),
    "Cheb": lambda: gv.ChebConv(3, 2, K=3),
}


@pytest.mark.parametrize("make", WEIGHTED.values(), ids=WEIGHTED)
def test_derivatives_by_the_weights_of_edges(make):
    graph, layer = multi(), make()
    x, w = signal(graph), graph.edge_weight.double()

    def answer(weight):
        return layer(x, graph.edge_index, weight)

    expected = torch.autograd.functional.jacobian(answer, w)
    assert float(expected.abs().max()) > 0
    close(jacfwd(answer)(w), expected)
    close(jacrev(answer)(w), expected)
    close(
        hessian(lambda z: answer(z).square().sum())(w),
        torch.autograd.functional.hessian(lambda z: answer(z).square().sum(), w),
    )
    many = torch.stack([w, 2 * w, 3 * w])
    close(vmap(answer)(many), torch.stack([answer(each) for each in many]))
    close(answer(w), layer(x, gv.Graph(graph.edge_index, 6, edge_weight=w)))  # nothing was kept


def test_derivatives_by_the_attributes_of_edges():
    graph, layer = multi(), gv.GATv2Conv(3, 2, edge_dim=2)
    x, e = signal(graph), graph.edge_attr.double()

    def answer(attributes):
        return layer(x, graph.edge_index, attributes)

    expected = torch.autograd.functional.jacobian(answer, e)
    assert float(expected.abs().max()) > 0
    close(jacfwd(answer)(e), expected)
    close(jacrev(answer)(e), expected)


def test_dropout_has_its_derivative_in_forward_mode():
    layer, x, v = gv.Dropout(0.5), torch.rand(20, 30) + 1, torch.rand(20, 30)
    y, along = jvp(layer, (x,), (v,))
    kept = y != 0
    assert 0.3 < kept.double().mean() < 0.7
    close(along, torch.where(kept, 2 * v, 0))
    many = vmap(layer, randomness="different")(x.expand(3, 20, 30))
    assert not torch.equal(many[0], many[1])


PICTURES = {
    "convolution": lambda: gv.Conv2d(2, 3, 3, stride=2, padding="same"),
    "small grid": lambda: gv.Conv2d(2, 3, 3, padding="same"),
    "max": lambda: gv.MaxPool2d(2),
    "average": lambda: gv.AvgPool2d(2),
    "upsample": lambda: gv.Upsample(scale_factor=2),
    "readout": lambda: gv.Readout("max"),
}


@pytest.mark.parametrize("make", PICTURES.values(), ids=PICTURES)
def test_layers_on_grids(make):
    layer, grid = make(), gv.Grid((3, 3))
    x = torch.randn(2, 2, 3, 3)
    expected = torch.autograd.functional.jacobian(lambda z: layer(z, grid), x)
    close(jacfwd(lambda z: layer(z, grid))(x), expected)
    close(jacrev(lambda z: layer(z, grid))(x), expected)
    many = torch.randn(3, 40, 2, 3, 3).to(memory_format=torch.contiguous_format)
    close(vmap(lambda z: layer(z, grid))(many), torch.stack([layer(z, grid) for z in many]))


@pytest.mark.parametrize("transform", [jacrev, jacfwd, lambda f: vmap(f, 2, 2)])
def test_nothing_made_inside_a_transform_is_kept(transform):
    """A first call inside a transform, with an edge_index, leaves later calls as they were."""
    graph, layer = batch().without_weights(), gv.GATv2Conv(3, 2, edge_dim=2)
    edge_index, edge_attr = graph.edge_index.clone(), graph.edge_attr.double()
    x = signal(graph)[:, :, None]
    transform(lambda z: layer(z.reshape(-1, 3), edge_index, edge_attr)[..., None])(x)
    expected = layer(x[..., 0], gv.Graph(edge_index, len(x), edge_attr=edge_attr))
    close(layer(x[..., 0], edge_index, edge_attr), expected)
    inside = []

    def answer(z):
        inside.append(gv.Graph(edge_index, len(x), edge_attr=edge_attr))
        return layer(z.reshape(-1, 3), inside[-1])[..., None]

    transform(answer)(x)
    close(layer(x[..., 0], inside[-1]), expected)
