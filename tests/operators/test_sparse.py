import pytest
import torch
from hypothesis import given

from gnnvision import Graph
from gnnvision.operators import (
    Sparse,
    adjacency,
    laplacian,
    mean_adjacency,
    normalized_adjacency,
)
from gnnvision.operators.families import relations
from gnnvision.operators.sparse import stacked_relations

from ..algebra import assert_operator_laws
from ..graphs import GRAPHS, RELATIONS, directed, multi, random_graphs

MAKERS = {
    "adjacency": adjacency,
    "mean": mean_adjacency,
    "normalized": normalized_adjacency,
    "laplacian": laplacian,
    "symmetric laplacian": lambda graph: laplacian(graph, "sym"),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_laws(graph, make):
    assert_operator_laws(make(graph()))


@given(random_graphs())
def test_targets_receive(graph):
    """Operators are the transposes of the graph's matrices, whose rows are sources."""
    pairs = [
        (adjacency(graph), graph.adjacency()),
        (normalized_adjacency(graph), graph.normalized_adjacency()),
        (laplacian(graph, "rw"), graph.laplacian("rw")),
    ]
    for S, matrix in pairs:
        torch.testing.assert_close(S.to_dense(), matrix.to_dense().T)


def test_unweighted_adjacency_counts_edges():
    graph = multi()
    count = torch.zeros(6, 6).index_put(
        tuple(graph.edge_index.flip(0)), torch.ones(9), accumulate=True
    )
    torch.testing.assert_close(adjacency(graph, weighted=False).to_dense(), count)


def test_relations_together_and_apart():
    graph = multi()
    for mean in (False, True):
        together = stacked_relations(graph, RELATIONS, mean).to_dense()
        aggr = "mean" if mean else "sum"
        apart = [S.to_dense() for S in relations(graph, torch.float64, RELATIONS, aggr, False)]
        torch.testing.assert_close(together.view(6, RELATIONS, 6), torch.stack(apart, 1))
        for S in relations(graph, torch.float64, RELATIONS + 1, aggr):
            assert_operator_laws(S)


def test_derived_once():
    graph = directed()
    for make in MAKERS.values():
        S = make(graph)
        assert make(graph) is S
        assert S.T is S.T
        assert S.to(torch.float32) is S.to(torch.float32)
        assert S.to(S.value.dtype) is S


def test_a_learned_weight_is_differentiated_through_the_transpose():
    weight = torch.rand(5, requires_grad=True)
    graph = Graph(directed().edge_index, 5, edge_weight=weight)
    S = adjacency(graph)
    with torch.no_grad():
        S.T  # noqa: B018 - made before a gradient is wanted
    x = torch.randn(5, 2)
    (grad,) = torch.autograd.grad((S.T @ x).square().sum(), weight)
    again = adjacency(graph).T @ x
    torch.testing.assert_close(grad, torch.autograd.grad(again.square().sum(), weight)[0])


def test_a_matrix_of_other_precision_follows_the_signal():
    S = adjacency(directed())
    assert (S @ torch.randn(5, 2).float()).dtype is torch.float32
    assert S.to_dense().dtype is torch.float64
    assert S.to_dense(torch.float32).dtype is torch.float32
    assert repr(S) == "Sparse(shape=(5, 5), entries=5)"
    assert isinstance(S, Sparse)
