"""The structure-blind baseline: a formula of the sum of features, and blind indeed."""

import torch

import gnnvision as gv


def batch(first, second):
    return gv.Graph.batch(
        [
            gv.Graph.from_edges(first, num_nodes=3, undirected=True),
            gv.Graph.from_edges(second, num_nodes=2, undirected=True),
        ]
    )


def test_its_formula():
    model = gv.models.graph_baseline(4, 3, 6).eval()
    x, graphs = torch.randn(5, 4), batch([(0, 1)], [(0, 1)])
    first, second = model[1], model[4]
    sums = torch.stack([x[:3].sum(0), x[3:].sum(0)])
    expected = torch.relu(sums @ first.weight.T + first.bias) @ second.weight.T + second.bias
    assert torch.allclose(model(x, graphs), expected, atol=1e-6)
    assert sum(p.numel() for p in model.parameters()) == 4 * 6 + 6 + 6 * 3 + 3


def test_it_sees_no_edges():
    model = gv.models.graph_baseline(4, 3, 6).eval()
    x = torch.randn(5, 4)
    with_edges = model(x, batch([(0, 1), (1, 2), (0, 2)], [(0, 1)]))
    assert model(x, batch([], [])).equal(with_edges)


def test_it_sees_no_order_of_the_nodes():
    model = gv.models.graph_baseline(4, 3, 6).eval()
    x, graphs = torch.randn(5, 4), batch([], [])
    assert torch.allclose(model(x[[2, 0, 1, 4, 3]], graphs), model(x, graphs), atol=1e-6)


def test_a_graph_without_nodes_has_an_answer():
    model = gv.models.graph_baseline(4, 3, 6).eval()
    empty = gv.Graph(torch.empty(2, 0, dtype=torch.int64), 0)
    expected = model[4](model[1].bias.relu())
    assert torch.allclose(model(torch.empty(0, 4), empty)[0], expected, atol=1e-6)


def test_it_is_built_by_its_name():
    model = gv.models.build("graph-baseline", in_channels=4, num_outputs=2, dropout=0.5)
    again = gv.models.build(model.spec["name"], **model.spec["arguments"])
    again.load_state_dict(model.state_dict())
    x, graphs = torch.randn(5, 4), batch([], [])
    assert again.eval()(x, graphs).equal(model.eval()(x, graphs))
