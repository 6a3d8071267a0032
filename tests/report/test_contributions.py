import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.report.contributions import contributions

PLAIN = {
    "gcn": lambda: gv.models.gcn(5, 8, 3),
    "one layer": lambda: gv.models.gcn(5, 8, 3, num_layers=1),
    "cheb": lambda: gv.Sequential(gv.ChebConv(5, 8, 3), nn.ReLU(), gv.ChebConv(8, 3, 3)),
    "sage": lambda: gv.Sequential(gv.SAGEConv(5, 8), nn.ReLU(), gv.SAGEConv(8, 3)),
}
OTHERS = {
    "gat": lambda: gv.Sequential(gv.GATv2Conv(5, 4, 2), nn.ReLU(), gv.GATv2Conv(8, 3)),
    "gin": lambda: gv.Sequential(gv.GCNConv(5, 8), gv.GINConv(nn.Sequential(nn.Linear(8, 3)))),
    "head": lambda: gv.models.classic_gcn(5, 8, 3, norm="batch", residual=True),
}


@pytest.fixture
def graph():
    edges = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (1, 3), (4, 5)]
    return gv.Graph.from_edges(edges, num_nodes=7, undirected=True)


def made(build):
    model = build().double()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.5)
    return model.train()


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("sparse", [False, True])
def test_contributions_and_the_bias_add_up_to_the_output(name, sparse, graph):
    model, x = made(PLAIN[name]), torch.rand(7, 5, dtype=torch.float64)
    x = x.to_sparse_coo() if sparse else x
    for node in range(7):
        found = contributions(model, x, graph, node, (2, 0))
        with torch.no_grad():
            output = model.eval()(x, graph)[node, [2, 0]]
        last = list(model)[-1]
        assert found.is_exact
        torch.testing.assert_close(found.rest, last.bias.detach()[[2, 0]])
        torch.testing.assert_close(found.values.sum(1) + last.bias.detach()[[2, 0]], output)
        assert node in found.sources.tolist()


def test_contributions_of_a_gcn_are_its_operator_times_the_projected_neighbor(graph):
    model, x = made(PLAIN["gcn"]), torch.rand(7, 5, dtype=torch.float64)
    found = contributions(model, x, graph, 3, (1,))
    with torch.no_grad():
        hidden = model.eval()[:-1](x, graph)
        S = graph.normalized_adjacency(dtype=torch.float64).to_dense()
        expected = S[3] * (hidden @ model[-1].matrices()[0])[:, 1]
    torch.testing.assert_close(found.values[0], expected[found.sources])
    assert found.sources.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("name", OTHERS)
def test_with_layers_after_it_the_rest_completes_the_output(name, graph):
    model, x = made(OTHERS[name]), torch.rand(7, 5, dtype=torch.float64)
    found = contributions(model, x, graph, 4, (0, 1))
    with torch.no_grad():
        output = model.eval()(x, graph)[4, :2]
    torch.testing.assert_close(found.values.sum(1) + found.rest, output)


def test_what_follows_is_counted_by_its_slope(graph):
    """Behind a linear head the contribution is the one through the product of both matrices."""
    model = made(lambda: gv.Sequential(gv.GCNConv(5, 4), nn.Linear(4, 3)))
    x = torch.rand(7, 5, dtype=torch.float64)
    found = contributions(model, x, graph, 2, (0,))
    with torch.no_grad():
        S = graph.normalized_adjacency(dtype=torch.float64).to_dense()
        both = model[0].matrices()[0] @ model[1].weight.T
    torch.testing.assert_close(found.values[0], (S[2] * (x @ both)[:, 0])[found.sources])


def test_a_network_without_a_convolution_has_none(graph):
    model = gv.Sequential(nn.Linear(5, 3))
    assert contributions(model, torch.rand(7, 5), graph, 0, (0,)) is None


@pytest.mark.parametrize("name", [*PLAIN, *OTHERS])
def test_hooks_are_removed_and_modes_restored(name, graph):
    model = made((PLAIN | OTHERS)[name])
    model[0].eval()
    before = [module.training for module in model.modules()]
    contributions(model, torch.rand(7, 5, dtype=torch.float64), graph, 0, (0, 1))
    assert [module.training for module in model.modules()] == before
    assert not any(module._forward_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
