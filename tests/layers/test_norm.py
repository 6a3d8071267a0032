import pytest
import torch
from torch import nn
from torch.autograd import gradcheck

import gnnvision as gv

from ..graphs import GRAPHS, batch, undirected

pg = pytest.importorskip("torch_geometric.nn")


def pair(eps=1e-5):
    ours, theirs = gv.GraphNorm(4, eps), pg.GraphNorm(4, eps)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.randn(4))
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("eps", [1e-5, 0.3])
def test_equals_torch_geometric(name, eps):
    graph = GRAPHS[name]()
    ours, theirs = pair(eps)
    x = torch.randn(graph.num_nodes, 4, requires_grad=True)
    index, number = graph.graph_index, graph.num_graphs
    expected = theirs(x, index, number)
    slope = torch.linspace(-1, 1, x.numel()).view_as(x)
    gradients = torch.autograd.grad((expected * slope).sum(), [x, *theirs.parameters()])
    calls = [
        lambda: ours(x, graph),
        lambda: ours(x, index, number),
        lambda: ours(x, batch=index, batch_size=number),
        lambda: gv.Sequential(ours)(x, graph),
    ]
    for call in calls:
        y = call()
        torch.testing.assert_close(y, expected)
        found = torch.autograd.grad((y * slope).sum(), [x, *ours.parameters()])
        torch.testing.assert_close(found, gradients)


def test_the_same_call_forms_as_torch_geometric():
    ours, theirs = pair()
    x, index = torch.randn(6, 4), torch.tensor([1, 0, 3, 0, 1, 1])  # not sorted, and 2 is empty
    torch.testing.assert_close(ours(x, index), theirs(x, index))
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours(x.to_sparse()), theirs(x))
    assert repr(ours) == repr(theirs)
    model = pg.models.GCN(4, 8, 2, 3, norm=gv.GraphNorm(8))
    peer = pg.models.GCN(4, 8, 2, 3, norm="graph_norm")
    peer.load_state_dict(model.state_dict())
    graph = batch()
    x = torch.randn(graph.num_nodes, 4)
    torch.testing.assert_close(
        model(x, graph.edge_index, batch=graph.graph_index),
        peer(x, graph.edge_index, batch=graph.graph_index),
    )


def test_on_a_grid_it_is_instance_normalization():
    x, norm = torch.randn(2, 4, 5, 6), gv.GraphNorm(4)
    expected = nn.InstanceNorm2d(4)(x)
    torch.testing.assert_close(norm(x, gv.Grid((5, 6))), expected)
    torch.testing.assert_close(norm(x), expected)
    assert norm.out_domain(gv.Grid((5, 6))) == gv.Grid((5, 6))


@pytest.mark.slow
def test_gradients_and_the_compiler():
    ours, graph = pair()[0], batch()
    x = torch.randn(graph.num_nodes, 4, requires_grad=True)
    assert gradcheck(lambda x: ours(x, graph), x)
    compiled = torch.compile(ours, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, graph), ours(x, graph))
    many = torch.stack([x, 2 * x]).detach()
    torch.testing.assert_close(
        torch.func.vmap(lambda x: ours(x, graph))(many),
        torch.stack([ours(x, graph) for x in many]),
    )


def test_what_it_refuses():
    norm, x, graph = gv.GraphNorm(4), torch.randn(5, 4), undirected()
    with pytest.raises(ValueError, match="'x' must have 5 sites and in_channels=4 channels"):
        norm(torch.randn(5, 3), graph)
    with pytest.raises(ValueError, match="'x' must have 5 sites"):
        norm(torch.randn(6, 4), graph)
    with pytest.raises(ValueError, match=r"'batch' must be an int64 index of shape \(5,\)"):
        norm(x, graph.edge_index)
    with pytest.raises(TypeError, match="'domain' must be a domain, or the index of the graph"):
        norm(x, [0, 0, 0, 0, 0])
    with pytest.raises(ValueError, match="'in_channels' must be at least 1"):
        gv.GraphNorm(0)
