from typing import ClassVar

import pytest
import torch
from hypothesis import given

from gnnvision import ChebConv, Graph

from ..contracts import LinearGraphContract, WeightedGraphContract
from ..graphs import GRAPHS, make, random_graphs, undirected
from .peers import PEER_GRAPHS, assert_equals_peer


class TestContract(WeightedGraphContract):
    make_cases: ClassVar = {
        "symmetric": lambda: ChebConv(4, 2, K=3),
        "random walk": lambda: ChebConv(3, 5, K=2, normalization="rw", bias=False),
        "plain": lambda: ChebConv(4, 2, K=4, normalization=None),
    }


class TestOneTerm(LinearGraphContract):
    """K = 1 looks at the node alone."""

    columns: ClassVar = ("edge_weight",)
    make_cases: ClassVar = {"one term": lambda: ChebConv(4, 2, K=1)}

    def reads(self, layer, column):
        return False


@pytest.mark.parametrize("K", [1, 2, 4])
@pytest.mark.parametrize("normalization", ["sym", "rw", None])
@pytest.mark.parametrize("graph", PEER_GRAPHS.values(), ids=PEER_GRAPHS)
def test_equals_torch_geometric(graph, normalization, K):
    from torch_geometric.nn import ChebConv as Peer

    if graph().num_nodes == 0 or (normalization is None and graph().num_edges == 0):
        pytest.skip("torch-geometric has no answer")
    ours, theirs = ChebConv(4, 3, K, normalization), Peer(4, 3, K, normalization)
    assert_equals_peer(ours, theirs, graph(), ("edge_weight",))


@given(random_graphs())
def test_equals_torch_geometric_on_any_graph(graph):
    from torch_geometric.nn import ChebConv as Peer

    assert_equals_peer(ChebConv(2, 3, 3), Peer(2, 3, 3), graph, ("edge_weight",))


@pytest.mark.parametrize("lambda_max", [1.7, torch.tensor(2.5)])
def test_a_given_eigenvalue_equals_torch_geometric(lambda_max):
    from torch_geometric.nn import ChebConv as Peer

    ours, theirs = ChebConv(4, 3, 3, None), Peer(4, 3, 3, None)
    ours.load_state_dict(theirs.state_dict())
    graph, x = undirected(), torch.randn(5, 4)
    expected = theirs(x, graph.edge_index, lambda_max=lambda_max)
    torch.testing.assert_close(ours(x, graph, lambda_max=lambda_max), expected)
    torch.testing.assert_close(ours(x, graph.edge_index, lambda_max=lambda_max), expected)


def test_each_member_of_a_batch_has_its_eigenvalue():
    layer = ChebConv(2, 3, 3, None)
    graphs = [maker() for maker in GRAPHS.values()]
    graphs = [Graph(g.edge_index, g.num_nodes, edge_weight=g.edge_weight) for g in graphs]
    single = [g for g in graphs if g.num_graphs == 1]
    eigenvalues = torch.rand(len(single)) + 1
    x = [torch.randn(g.num_nodes, 2) for g in single]
    together = layer(torch.cat(x), Graph.batch(single), lambda_max=eigenvalues)
    alone = zip(x, single, eigenvalues, strict=True)
    apart = [layer(x, graph, lambda_max=largest) for x, graph, largest in alone]
    torch.testing.assert_close(together, torch.cat(apart))


def test_no_edges_leave_the_plain_laplacian_at_zero():
    """torch-geometric divides by a largest entry of 0 and gives NaN."""
    layer = ChebConv(2, 3, 3, None)
    x = torch.randn(4, 2)
    terms = [S.to_dense() for S in layer.operators(make([], 4))]
    eye = torch.eye(4)
    torch.testing.assert_close(torch.stack(terms), torch.stack([eye, -eye, eye]))
    torch.testing.assert_close(layer(x, make([], 4)), layer.reference(x, make([], 4)))


def test_the_polynomials_are_cosines():
    """T_k(cos t) = cos(k t), on the eigenvalues of the scaled Laplacian."""
    graph = undirected()
    T = [S.to_dense() for S in ChebConv(1, 1, 5).operators(graph)]
    value, vector = torch.linalg.eigh(T[1])
    assert value.abs().max() <= 1
    for k, S in enumerate(T):
        expected = vector @ torch.diag(torch.cos(k * torch.acos(value))) @ vector.T
        torch.testing.assert_close(S, expected)


def test_reaches_K_minus_1_edges_far():
    path = Graph.from_edges([(i, i + 1) for i in range(6)], num_nodes=7, undirected=True)
    x = torch.zeros(7, 1)
    x[0] = 1
    reached = ChebConv(1, 1, 4, bias=False)(x, path).squeeze() != 0
    assert reached.tolist() == [True] * 4 + [False] * 3


def test_refusals():
    with pytest.raises(ValueError, match="'K' must be at least 1, got 0"):
        ChebConv(4, 2, 0)
    with pytest.raises(
        ValueError, match="'normalization' must be one of None, 'sym', 'rw', got 'x'"
    ):
        ChebConv(4, 2, 2, "x")
    with pytest.raises(ValueError, match=r"'lambda_max' must be one number .* got shape \(2,\)"):
        ChebConv(4, 2, 2)(torch.ones(5, 4), undirected(), lambda_max=torch.ones(2))
