"""Tasks from arrays: edge pairs, adjacency matrices of every kind, and what is refused."""

import numpy as np
import pytest
import scipy.sparse
import torch

import gnnvision as gv
from gnnvision.data import Split, from_arrays

RNG = np.random.default_rng(0)
N = 30
UPPER = np.triu(RNG.random((N, N)) < 0.2, 1)
A = (UPPER | UPPER.T).astype(int)
PAIRS = np.stack(np.nonzero(A))
X, Y = RNG.random((N, 4)), np.arange(N) % 3


def test_it_trains():
    task = from_arrays(PAIRS, X, Y, class_names=["a", "b", "c"], node_names=range(100, 100 + N))
    assert (task.in_channels, task.class_names) == (4, ("a", "b", "c"))
    assert task.graph.node_names[:2] == (100, 101)
    result = gv.fit(gv.models.gcn(4, 8, 3), task, gv.Recipe(epochs=2), progress=False)
    assert result.outcomes[0].metrics["test"]["accuracy"] <= 1


@pytest.mark.parametrize(
    "matrix",
    [
        A,
        torch.tensor(A),
        scipy.sparse.csr_array(A),
        scipy.sparse.coo_matrix(A),
        scipy.sparse.csc_matrix(A),
        torch.tensor(A).to_sparse_csr(),
        A.astype(bool),
    ],
    ids=["dense", "tensor", "csr", "coo", "csc", "torch", "bool"],
)
def test_every_adjacency_is_the_same_graph(matrix):
    task = from_arrays(adjacency=matrix, x=X, y=Y)
    assert task.data_hash == from_arrays(PAIRS, X, Y).data_hash
    if not isinstance(matrix, np.ndarray) and matrix is not None and hasattr(matrix, "tocoo"):
        assert from_arrays(matrix, X, Y).data_hash == task.data_hash


def test_the_rows_of_an_adjacency_are_sources():
    one = np.zeros((3, 3))
    one[0, 2] = 1
    for matrix in (one, scipy.sparse.csc_array(one)):
        graph = from_arrays(adjacency=matrix, y=[0, 1, 0]).graph
        assert graph.edge_index.tolist() == [[0], [2]]
        assert graph.edge_weight is None


def test_a_correlation_matrix_becomes_weights():
    series = RNG.standard_normal((200, N))
    correlation = np.corrcoef(series.T)
    strong = np.where(abs(correlation) > 0.1, correlation, 0)
    np.fill_diagonal(strong, 0)
    task = from_arrays(adjacency=strong, x=series.T, y=Y)
    np.testing.assert_allclose(task.graph.adjacency().to_dense(), strong, rtol=1e-6)


def test_entries_of_a_sparse_matrix_that_repeat_are_summed_and_zeros_are_no_edges():
    repeated = scipy.sparse.coo_array(([1.0, 2, 0], ([0, 0, 1], [1, 1, 2])), (3, 3))
    graph = from_arrays(repeated, y=[0, 1, 0]).graph
    assert (graph.edge_index.tolist(), graph.edge_weight.tolist()) == ([[0], [1]], [3])
    assert repeated.nnz == 3, "the argument is not changed"


def test_edge_columns():
    edges = PAIRS.shape[1]
    weight = RNG.random((edges, 1))
    graph = from_arrays(
        PAIRS, X, Y, edge_weight=weight, edge_attr=RNG.random((edges, 2)), edge_type=[0] * edges
    ).graph
    np.testing.assert_allclose(graph.edge_weight, weight[:, 0], rtol=1e-6)
    assert (graph.edge_attr.shape, graph.num_relations) == ((edges, 2), 1)


def test_masks_and_sparse_features():
    train, test = np.arange(N) < 20, np.arange(N) >= 25
    task = from_arrays(PAIRS, scipy.sparse.csr_array(X), Y, train_mask=train, test_mask=test)
    assert task.split == Split("", np.arange(20), [], np.arange(25, N))
    assert task.x.is_sparse
    np.testing.assert_allclose(task.x.to_dense(), X, rtol=1e-6)


def test_the_number_of_nodes():
    edges = np.array([[0, 1], [1, 0]])
    assert from_arrays(edges, y=[0, 1, 1]).graph.num_nodes == 3
    assert from_arrays(edges).graph.num_nodes == 2
    assert from_arrays(edges, num_nodes=5).graph.num_nodes == 5
    many = from_arrays(np.zeros((2, 0), int), num_nodes=2000)
    assert many.x.is_sparse
    assert many.x.shape == (2000, 2000)


@pytest.mark.parametrize(
    ("options", "error", "fault"),
    [
        ({}, ValueError, "'edge_index' must be given, or 'adjacency' in its place, got neither"),
        ({"edge_index": PAIRS, "adjacency": A}, ValueError, "in its place, got both"),
        ({"edge_index": PAIRS.T}, ValueError, r"'edge_index' must have shape \(2, E\)"),
        ({"edge_index": PAIRS * 1.0}, TypeError, "'edge_index' must be integers, got float64"),
        ({"edge_index": np.array([["a"], ["b"]])}, TypeError, "use from_tables for ids"),
        ({"edge_index": PAIRS, "y": Y[:5]}, ValueError, "'edge_index' must have nodes|one row"),
        ({"adjacency": A[:5]}, ValueError, r"'adjacency' must have shape \(N, N\), got \(5, 30\)"),
        ({"adjacency": A.astype(str)}, TypeError, "'adjacency' must have real numbers"),
        ({"adjacency": A * np.nan}, ValueError, "'edge_weight' must be finite"),
        ({"adjacency": A, "num_nodes": 3}, ValueError, "'num_nodes' must be 30, got 3"),
        ({"adjacency": A, "edge_weight": [1]}, ValueError, "'edge_weight' must be left out with"),
        ({"adjacency": A, "x": X[:3]}, ValueError, r"'x' must have shape \(N=30, C\), got \(3,"),
        ({"adjacency": A, "x": [["a"]] * N}, TypeError, "'x' must be numbers.*from_tables"),
    ],
)
def test_what_is_refused(options, error, fault):
    with pytest.raises(error, match=fault):
        from_arrays(**options)
