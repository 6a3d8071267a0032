import pytest
import torch
from hypothesis import given
from torch.autograd import gradcheck

from gnnvision import Graph
from gnnvision.domains.matrix import Entries

from ..graphs import GRAPHS, make, multi, negative, random_graphs, undirected


def dense(graph):
    """The adjacency matrix, edge by edge."""
    out = torch.zeros(graph.num_nodes, graph.num_nodes)
    for e, (i, j) in enumerate(graph.edge_index.T.tolist()):
        out[i, j] += 1 if graph.edge_weight is None else graph.edge_weight[e]
    return out


def power(d, exponent):
    return torch.tensor([v**exponent if v > 0 else 0.0 for v in d.tolist()])


def formulas(graph):
    """Each matrix written out on the blackboard."""
    A, eye = dense(graph), torch.eye(graph.num_nodes)
    B = A - A.diag().diag()
    d = B.sum(1)
    half, inverse = power(d, -0.5), power(d, -1)
    return {
        "adjacency": A,
        None: d.diag() - B,
        "sym": eye - half[:, None] * B * half,
        "rw": eye - inverse[:, None] * B,
    }


@pytest.mark.parametrize("maker", GRAPHS.values(), ids=GRAPHS)
def test_matrices_equal_the_blackboard(maker):
    graph = maker()
    expected = formulas(graph)
    torch.testing.assert_close(graph.adjacency().to_dense(), expected["adjacency"])
    torch.testing.assert_close(graph.to_dense(), expected["adjacency"])
    torch.testing.assert_close(graph.degree(), expected["adjacency"].sum(1))
    torch.testing.assert_close(graph.degree("in"), expected["adjacency"].sum(0))
    for normalization in (None, "sym", "rw"):
        matrix = graph.laplacian(normalization)
        assert matrix.is_sparse
        assert matrix.is_coalesced()
        torch.testing.assert_close(matrix.to_dense(), expected[normalization])
        assert matrix.to_dense().isfinite().all()


@pytest.mark.parametrize("weight", [1.0, 2.0])
@pytest.mark.parametrize("maker", GRAPHS.values(), ids=GRAPHS)
def test_normalized_adjacency_equals_the_blackboard(maker, weight):
    graph = maker()
    A = dense(graph)
    lone = (A.diag() == 0).double() * weight
    for add, matrix in ((True, A + lone.diag()), (False, A)):
        half = power(matrix.sum(0), -0.5)
        got = graph.normalized_adjacency(add_self_loops=add, self_loop_weight=weight)
        torch.testing.assert_close(got.to_dense(), half[:, None] * matrix * half)


@given(random_graphs())
def test_equals_torch_geometric(graph):
    from torch_geometric.nn.conv.gcn_conv import gcn_norm
    from torch_geometric.utils import degree, get_laplacian, to_dense_adj

    def as_matrix(edge_index, weight):
        return to_dense_adj(edge_index, edge_attr=weight, max_num_nodes=graph.num_nodes)[0]

    given = (graph.edge_index, graph.edge_weight)
    normal = gcn_norm(*given, num_nodes=graph.num_nodes, dtype=torch.float64)
    torch.testing.assert_close(graph.normalized_adjacency().to_dense(), as_matrix(*normal))
    for normalization in (None, "sym", "rw"):
        theirs = get_laplacian(*given, normalization, torch.float64, graph.num_nodes)
        torch.testing.assert_close(graph.laplacian(normalization).to_dense(), as_matrix(*theirs))
    if graph.edge_weight is None:
        counted = degree(graph.edge_index[0], graph.num_nodes, torch.float64)
        torch.testing.assert_close(graph.degree(), counted)


@given(random_graphs(weighted=True))
def test_equals_networkx(graph):
    import networkx as nx

    lower = Graph.from_dense(torch.triu(graph.to_dense(), 1) + torch.triu(graph.to_dense(), 1).T)
    theirs = lower.to_networkx()
    ours = lower.laplacian().to_dense().numpy()
    torch.testing.assert_close(ours, nx.laplacian_matrix(theirs).toarray().astype(float))
    if (lower.degree() > 0).all():  # networkx leaves 0 on the diagonal of a node alone
        normal = nx.normalized_laplacian_matrix(theirs).toarray()
        torch.testing.assert_close(lower.laplacian("sym").to_dense().numpy(), normal)
    counted = torch.tensor([d for _, d in theirs.degree(weight="weight")], dtype=torch.float64)
    torch.testing.assert_close(lower.degree(), counted)


def test_laws_of_the_laplacian():
    graph = undirected()
    L = graph.laplacian().to_dense()
    torch.testing.assert_close(L.sum(1), torch.zeros(5))
    assert torch.linalg.eigvalsh(L).min() > -1e-9
    eigenvalues = torch.linalg.eigvalsh(graph.laplacian("sym").to_dense())
    assert -1e-9 < eigenvalues.min()
    assert eigenvalues.max() <= 2 + 1e-9
    x = torch.randn(5)
    source, target = graph.edge_index
    torch.testing.assert_close(x @ L @ x, (x[source] - x[target]).square().sum() / 2)


def test_the_last_of_several_loops_is_kept():
    graph = make([(0, 0), (0, 1), (0, 0)], 2, [5.0, 1.0, 3.0])
    expected = torch.tensor([[3.0, 1], [0, 1]])
    half = expected.sum(0) ** -0.5
    got = graph.normalized_adjacency().to_dense()
    torch.testing.assert_close(got, half[:, None] * expected * half)


def test_gradients_where_degrees_vanish_are_finite():
    graph = negative()

    def run(weight):
        other = Graph(graph.edge_index, 4, edge_weight=weight)
        matrices = [
            other.normalized_adjacency(add_self_loops=False),
            other.laplacian("sym"),
            other.laplacian("rw"),
        ]
        return torch.stack([m.to_dense() for m in matrices])

    weight = graph.edge_weight.clone().requires_grad_()
    run(weight).sum().backward()
    assert weight.grad.isfinite().all()
    many = multi()

    def smooth(weight):
        other = Graph(many.edge_index, 6, edge_weight=weight)
        return other.normalized_adjacency().to_dense()

    assert gradcheck(smooth, (many.edge_weight.clone().requires_grad_(),))


def test_precision_is_that_of_the_weights_or_as_asked():
    graph = multi()
    assert graph.adjacency().dtype is torch.float64
    assert graph.laplacian("sym", torch.float32).dtype is torch.float32
    single = Graph(graph.edge_index, 6, edge_weight=graph.edge_weight.float())
    assert single.adjacency().dtype is torch.float32
    assert single.degree(dtype=torch.float64).dtype is torch.float64
    torch.set_default_dtype(torch.float32)  # the fixture of this folder sets it back
    assert undirected().normalized_adjacency().dtype is torch.float32


def test_entries_at_one_place_add_up():
    place = torch.tensor([1, 0, 1])
    matrix = Entries(2, place, place, torch.tensor([1.0, 2, 3])).to_sparse()
    assert matrix._nnz() == 2
    assert matrix.to_dense().tolist() == [[2, 0], [0, 4]]


def test_refusals():
    with pytest.raises(ValueError, match="'direction' must be one of 'out', 'in', got 'up'"):
        undirected().degree("up")
    with pytest.raises(
        ValueError, match="'normalization' must be one of None, 'sym', 'rw', got 'row'"
    ):
        undirected().laplacian("row")
