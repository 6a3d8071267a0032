"""Layers that are no sums of operators: equal to torch-geometric's, and at home everywhere."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck, gradgradcheck

import gnnvision as gv
from gnnvision import explain

from ..graphs import GRAPHS, batch, directed, make, undirected

pg = pytest.importorskip("torch_geometric.nn")

AGGREGATIONS = ["max", "mean", "sum", "add"]


def mlp():
    return nn.Sequential(nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 3))


def pairs():
    """Ours and torch-geometric's, by name."""
    made = {f"EdgeConv {a}": (gv.EdgeConv(mlp(), a), pg.EdgeConv(mlp(), a)) for a in AGGREGATIONS}
    return made | {"MaxPropagation": (gv.MaxPropagation(), pg.SimpleConv(aggr="max"))}


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
@pytest.mark.parametrize("name", pairs())
def test_equals_torch_geometric(name, graph):
    graph = graph().without_weights()
    ours, theirs = pairs()[name]
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(graph.num_nodes, 4).round(decimals=0).requires_grad_()  # with equal maxima
    expected = theirs(x, graph.edge_index)
    slope = torch.linspace(-1, 1, expected.numel()).view_as(expected)
    gradients = torch.autograd.grad((expected * slope).sum(), [x, *theirs.parameters()])
    calls = [
        lambda: ours(x, graph),
        lambda: ours(x, graph.edge_index),
        lambda: ours(x=x, edge_index=graph.edge_index),
        lambda: gv.Sequential(ours)(x, graph),
    ]
    for call in calls:
        y = call()
        torch.testing.assert_close(y, expected)
        found = torch.autograd.grad((y * slope).sum(), [x, *ours.parameters()])
        torch.testing.assert_close(found, gradients)


@pytest.mark.parametrize("name", pairs())
def test_bipartite_graphs_and_batches_of_signals(name):
    ours, theirs = pairs()[name]
    ours.load_state_dict(theirs.state_dict())
    edge_index = torch.tensor([[0, 1, 2, 2, 3], [0, 0, 1, 0, 1]])
    x = (torch.randn(4, 4), torch.randn(3, 4))
    size = () if name.startswith("Edge") else (None, (4, 3))
    torch.testing.assert_close(ours(x, edge_index), theirs(x, edge_index, *size))
    many, graph = torch.randn(2, 5, 4), undirected()
    torch.testing.assert_close(
        ours(many, graph.edge_index), torch.stack([ours(one, graph) for one in many])
    )


def test_a_maximum_by_hand():
    graph = make([(0, 1), (2, 1), (1, 3)], 4)
    x = torch.tensor([[-1.0, 5.0], [2.0, 0.0], [-3.0, 6.0], [9.0, 9.0]])
    expected = torch.tensor([[0.0, 0.0], [-1.0, 6.0], [0.0, 0.0], [2.0, 0.0]])
    torch.testing.assert_close(gv.MaxPropagation()(x, graph), expected)
    torch.testing.assert_close(gv.MaxPropagation()(x.to_sparse(), graph), expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", pairs())
def test_gradients_the_compiler_and_transforms(name):
    layer, graph = pairs()[name][0], batch().without_weights()
    x = torch.randn(graph.num_nodes, 4, requires_grad=True)
    assert gradcheck(lambda x: layer(x, graph), x, check_forward_ad=True)
    assert gradgradcheck(lambda x: layer(x, graph), x)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, graph), layer(x, graph))
    many = torch.stack([x, 2 * x]).detach()
    found = torch.func.vmap(lambda x: layer(x, graph))(many)
    torch.testing.assert_close(found, torch.stack([layer(x, graph) for x in many]))
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.testing.assert_close(copied(x, graph), layer(x, graph))


@pytest.mark.parametrize("name", pairs())
def test_permuted_nodes_and_batches(name):
    layer, graph = pairs()[name][0], undirected()
    x, order = torch.randn(5, 4), torch.randperm(5)
    torch.testing.assert_close(layer(x[order], graph.subgraph(order)), layer(x, graph)[order])
    others = [undirected(), directed().without_weights()]
    y = layer(torch.cat([x, x]), gv.Graph.batch(others))
    torch.testing.assert_close(y, torch.cat([layer(x, other) for other in others]))


def network(layer):
    return gv.Sequential(gv.GCNConv(4, 4), layer, nn.ReLU(), gv.Readout("mean"), nn.Linear(4, 2))


@pytest.mark.parametrize(
    "make",
    [lambda: gv.EdgeConv(nn.Linear(8, 4)), gv.MaxPropagation],
    ids=["EdgeConv", "MaxPropagation"],
)
def test_explained_and_summarized(make):
    graph, layer = undirected(), make()
    net = network(layer).eval()
    x = torch.randn(5, 4)
    maps = explain.feature_maps(net, x, graph, "1")
    torch.testing.assert_close(maps.values, layer(net[0](x, graph), graph).T[None].detach())
    for method in ("gradient", "grad_cam", "occlusion"):
        found = explain.attribute(
            net, x, graph, method, target=0, layer="1" if method == "grad_cam" else None
        )
        assert found.values.numel() == 5
        assert found.values.isfinite().all()
    summary = gv.summary(net, graph, channels=4)
    assert summary.total_parameters == sum(p.numel() for p in net.parameters())
    reach = {row.name: str(row.reach) for row in summary.layers}
    assert reach["0"] == "1 hop"
    assert reach["1"] == reach["2"] == "2 hops"
    assert net[:3].out_domain(graph) is graph


def test_options_and_refusals():
    layer = gv.EdgeConv(mlp())
    before = copy.deepcopy(layer.state_dict())
    layer.reset_parameters()
    assert all(not torch.equal(v, before[name]) for name, v in layer.state_dict().items())
    assert gv.EdgeConv(mlp(), flow="source_to_target", node_dim=-2).aggr == "max"
    with pytest.raises(ValueError, match="'flow' must be 'source_to_target' for EdgeConv"):
        gv.EdgeConv(mlp(), flow="target_to_source")
    assert repr(gv.EdgeConv(nn.Identity(), "mean")).startswith("EdgeConv(\n  aggr='mean'")
    x = torch.randn(5, 4)
    with pytest.raises(ValueError, match="'aggr' must be one of 'max', 'mean', 'sum', 'add', got"):
        gv.EdgeConv(mlp(), "median")
    with pytest.raises(TypeError, match=r"'nn' must be a [a-z.]*Module, got"):
        gv.EdgeConv(torch.relu)
    with pytest.raises(ValueError, match="'edge_weight' must be left out for EdgeConv"):
        layer(x, directed())
    with pytest.raises(ValueError, match=r"'x' must have shape \(N=5, C\), got \(4, 4\)"):
        layer(x[:4], undirected())
    with pytest.raises(TypeError, match="'domain' must be a Graph or an edge_index tensor"):
        layer(x)
    with pytest.raises(TypeError, match="'domain' must be a Graph for EdgeConv"):
        layer.out_domain(gv.Grid((3, 3)))
