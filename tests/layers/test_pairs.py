"""The scores of pairs of nodes: their formulas, and the graph that carries the pairs."""

import copy
import pickle

import pytest
import torch
from torch.autograd import gradcheck

import gnnvision as gv

PAIRS = torch.tensor([[0, 2, 3, 3], [1, 1, 0, 3]])


@pytest.fixture
def graph():
    return gv.Graph.from_edges([(0, 1), (1, 2), (2, 3)], num_nodes=4, undirected=True)


def layers(dtype=None):
    made = (gv.PairReadout(), gv.PairReadout("bilinear", 3), gv.PairReadout("mlp", 3))
    return [layer.to(dtype or torch.get_default_dtype()) for layer in made]


def test_scores_by_their_formulas(graph):
    z = torch.randn(4, 3)
    dot, bilinear, mlp = layers()
    on = graph.with_pairs(PAIRS)
    for number, (i, j) in enumerate(PAIRS.T.tolist()):
        torch.testing.assert_close(dot(z, on)[number, 0], z[i] @ z[j])
        torch.testing.assert_close(bilinear(z, on)[number, 0], z[i] @ bilinear.weight @ z[j])
        hidden = torch.relu(mlp.mlp[0](z[i] * z[j]))
        torch.testing.assert_close(mlp(z, on)[number], mlp.mlp[2](hidden))


def test_without_pairs_the_edges_are_scored(graph):
    z = torch.randn(4, 3)
    for layer in layers():
        expected = layer(z, graph.with_pairs(graph.edge_index))
        assert layer(z, graph).equal(expected)
        assert layer(z, graph.edge_index).equal(expected)


def test_gradients(graph):
    z = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    for layer in layers(torch.float64):
        assert gradcheck(lambda x, layer=layer: layer(x, graph.with_pairs(PAIRS)), (z,))


def test_order_of_nodes_does_not_matter(graph):
    z, order = torch.randn(4, 3), torch.tensor([2, 0, 3, 1])
    place = order.argsort()
    moved = gv.Graph(place[graph.edge_index], 4).with_pairs(place[PAIRS])
    for layer in layers():
        torch.testing.assert_close(layer(z[order], moved), layer(z, graph.with_pairs(PAIRS)))


def test_no_pairs_and_no_edges():
    empty = gv.Graph.from_edges([], num_nodes=2)
    for layer in layers():
        assert layer(torch.randn(2, 3), empty).shape == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("cosine",), "'score' must be"),
        (("mlp",), "'channels' must be given for 'mlp'"),
        (("dot", 3), "'channels' must be left out for 'dot'"),
        (("bilinear", 0), "'channels' must be at least 1"),
    ],
)
def test_bad_settings(arguments, problem):
    with pytest.raises(ValueError, match=problem):
        gv.PairReadout(*arguments)


def test_bad_signals(graph):
    with pytest.raises(ValueError, match=r"'x' must have shape \(N=4, C\), got \(3, 2\)"):
        gv.PairReadout()(torch.randn(3, 2), graph)
    with pytest.raises(ValueError, match=r"'x' must have shape \(N=4, channels=3\), got \(4, 2\)"):
        gv.PairReadout("mlp", 3)(torch.randn(4, 2), graph)
    with pytest.raises(TypeError, match="Graph"):
        gv.PairReadout().out_domain(gv.Grid((3, 3)))


class TestGraphWithPairs:
    def test_it_shares_the_matrices(self, graph):
        matrix = graph.normalized_adjacency()
        other = graph.with_pairs(PAIRS)
        assert other.normalized_adjacency() is matrix
        assert other.laplacian() is graph.laplacian()
        assert graph.pairs is None
        assert other.pairs.equal(PAIRS)
        assert other.pairs is not PAIRS  # later edits have no effect

    def test_other_graphs_made_from_it_have_none(self, graph):
        other = gv.Graph.batch([graph, graph]).with_pairs(PAIRS)
        assert other.select([0]).pairs is None
        assert other.section(0, 1)[0].pairs is None
        assert graph.with_pairs(PAIRS).subgraph([0, 1]).pairs is None

    def test_copies_keep_them(self, graph):
        other = graph.with_pairs(PAIRS)
        for copied in (copy.deepcopy(other), pickle.loads(pickle.dumps(other)), other.to("cpu")):
            assert copied.pairs.equal(PAIRS)
        assert other.to("meta").pairs.device.type == "meta"
        assert "pairs=(2, 4)" in repr(other)

    @pytest.mark.parametrize(
        ("pairs", "error", "problem"),
        [
            ([[0], [1]], TypeError, "'pairs' must be a torch.Tensor"),
            (torch.zeros(2, 1), TypeError, "'pairs' must have dtype int64"),
            (torch.zeros(3, 2, dtype=torch.int64), ValueError, r"have shape \(2, P\)"),
            (torch.tensor([[0], [4]]), ValueError, "nodes from 0 to num_nodes - 1 = 3, got 4"),
            (torch.tensor([[-1], [0]]), ValueError, "got -1"),
        ],
    )
    def test_bad_pairs(self, graph, pairs, error, problem):
        with pytest.raises(error, match=problem):
            graph.with_pairs(pairs)


def test_the_graph_autoencoder_is_the_formula(graph):
    model = gv.models.gae(5, 4, 3).eval()
    x, on = torch.randn(4, 5), graph.with_pairs(PAIRS)
    a = graph.normalized_adjacency().to_dense()
    w1, w2 = (model[i].lin.weight.t() for i in (1, 4))
    z = a @ torch.relu(a @ x @ w1) @ w2
    expected = (z @ z.t())[PAIRS[0], PAIRS[1]]
    torch.testing.assert_close(model(x, on)[:, 0], expected)
    assert sum(p.numel() for p in gv.models.gae(1433).parameters()) == 1433 * 32 + 32 * 16
    built = gv.models.build(model.spec["name"], **model.spec["arguments"])
    built.load_state_dict(model.state_dict())
