"""Every family and every expression of operators equals its dense form, on every graph."""

import pytest
import torch

from gnnvision.operators import I, adjacency, arriving, families, leaving, normalized_adjacency

from ..algebra import assert_operator_laws
from ..graphs import GRAPHS

FAMILIES = {
    "gcn": families.gcn,
    "plain": lambda g, d: families.gcn(g, d, normalize=False),
    "mean and self": lambda g, d: families.sum_and_self(g, d, "mean", weighted=True),
    "power": lambda g, d: families.power(g, d, K=3),
    "powers": lambda g, d: families.powers(g, d, K=2),
    "pagerank": lambda g, d: families.personalized_pagerank(g, d, K=3, alpha=0.2),
    "chebyshev": lambda g, d: families.chebyshev(g, d, K=4),
    "relations": lambda g, d: families.relations(g, d, num_relations=3),
}
EXPRESSIONS = {
    "sum": lambda A, B: (A + B, A.to_dense() + B.to_dense()),
    "difference": lambda A, B: (A - 2 * B, A.to_dense() - 2 * B.to_dense()),
    "product": lambda A, B: (A @ B, A.to_dense() @ B.to_dense()),
    "power": lambda A, B: (A**3, torch.linalg.matrix_power(A.to_dense(), 3)),
    "no power": lambda A, B: (B**0, torch.eye(B.shape[0])),
    "transpose": lambda A, B: ((A @ B + A).T, (A.to_dense() @ B.to_dense() + A.to_dense()).T),
    "negative": lambda A, B: (-(A.T @ A), -(A.to_dense().T @ A.to_dense())),
}


@pytest.fixture(params=GRAPHS)
def graph(request):
    return GRAPHS[request.param]()


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_families(graph, family):
    for S in family(graph, torch.float64):
        assert S.dtype is torch.float64
        assert_operator_laws(S)
        sites = torch.arange(graph.num_nodes).flip(0)[:2]
        torch.testing.assert_close(S.rows(sites).to_dense(), S.to_dense()[sites])


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_expressions(graph, expression):
    A, B = adjacency(graph), 0.5 * normalized_adjacency(graph) + I(graph)
    S, expected = expression(A, B)
    torch.testing.assert_close(S.to_dense(), expected)
    assert_operator_laws(S)
    sites = torch.arange(graph.num_nodes).flip(0)[:2]
    torch.testing.assert_close(S.rows(sites).to_dense(), expected[sites])


def test_rectangular_products(graph):
    S = leaving(graph).T @ arriving(graph)
    source, target = graph.edge_index
    torch.testing.assert_close(S.to_dense(), (source[:, None] == target[None]).double())
    assert_operator_laws(S)
