import pytest
import torch
from hypothesis import given

from gnnvision import Graph
from gnnvision.operators import apply_each, scaled_laplacian
from gnnvision.operators.families import chebyshev

from ..algebra import assert_operator_laws
from ..graphs import GRAPHS, directed, make, random_graphs, undirected


@pytest.mark.parametrize("order", [0, 1, 2, 5])
@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_laws(graph, order):
    assert_operator_laws(chebyshev(graph(), torch.float64, order + 1)[order])


@given(random_graphs())
def test_recurrence_on_dense_matrices(graph):
    laplacian = scaled_laplacian(graph)
    L, eye = laplacian.to_dense(), torch.eye(graph.num_nodes)
    T = [eye, L, 2 * L @ L - eye, 4 * L @ L @ L - 3 * L]
    x = torch.randn(graph.num_nodes, 2)
    family = chebyshev(graph, torch.float64, 4)
    terms = apply_each(family, x)
    for k in range(4):
        torch.testing.assert_close(family[k].to_dense(), T[k])
        torch.testing.assert_close(terms[k], T[k] @ x)


@pytest.mark.parametrize("normalization", ["sym", "rw", None])
@pytest.mark.parametrize("lambda_max", [None, 3.0, torch.tensor(3.0)])
def test_scaling_by_its_formula(normalization, lambda_max):
    graph = directed()
    L = graph.laplacian(normalization).to_dense()
    bound = 2 * L.max() if lambda_max is None else lambda_max
    expected = 2 * L / bound - torch.eye(5)
    got = scaled_laplacian(graph, normalization, lambda_max)
    torch.testing.assert_close(got.to_dense(), expected.T)


def test_the_default_bound_holds_on_undirected_graphs():
    for normalization in ("sym", "rw", None):
        L = scaled_laplacian(undirected(), normalization).to_dense()
        assert torch.linalg.eigvals(L).abs().max() <= 1 + 1e-9


def test_each_member_of_a_batch_is_scaled_by_itself():
    graphs = [undirected(), make([], 2), directed(), make([], 0)]
    together = scaled_laplacian(Graph.batch(graphs), None).to_dense()
    apart = torch.block_diag(*[scaled_laplacian(g, None).to_dense() for g in graphs[:3]])
    torch.testing.assert_close(together, apart)
    bounds = torch.tensor([3.0, 4, 5, 6])
    together = scaled_laplacian(Graph.batch(graphs), None, bounds).to_dense()
    parts = zip(graphs[:3], bounds, strict=False)
    apart = torch.block_diag(*[scaled_laplacian(g, None, b).to_dense() for g, b in parts])
    torch.testing.assert_close(together, apart)


def test_a_number_is_kept_and_a_tensor_is_not():
    graph = directed()
    assert scaled_laplacian(graph, "sym", 2.0) is scaled_laplacian(graph, "sym", 2.0)
    bound = torch.tensor(2.0)
    first = scaled_laplacian(graph, "sym", bound).to_dense()
    bound.fill_(4)
    assert not torch.allclose(scaled_laplacian(graph, "sym", bound).to_dense(), first)


def test_as_many_bounds_as_members():
    with pytest.raises(ValueError, match="'lambda_max' must be one number or one for each of the"):
        scaled_laplacian(directed(), None, torch.ones(3))
