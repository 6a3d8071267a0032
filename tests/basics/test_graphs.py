"""Graphs, matrices and entries that are worked out step by step."""

import pytest
import torch

from gnnvision import Graph
from gnnvision.basics import (
    graph_from_edges,
    graph_steps,
    matrix_text,
    molecule_features,
    node_features,
    normalized_entry,
    product_entry,
)


def test_names_are_in_order_and_an_edge_that_is_listed_twice_is_one():
    graph = graph_from_edges(["b - a", "a-c", "a-b"])
    assert graph.node_names == ("b", "a", "c")
    assert graph.num_edges == 4
    assert graph.is_undirected


@pytest.mark.parametrize(
    ("edges", "sentence"),
    [
        (["A-A"], "'edges' must connect two different nodes, got 'A-A'"),
        (["AB"], "'edges' must be two names with a hyphen between them, got 'AB'"),
        (["A-B-C"], "two names with a hyphen"),
        ([""], "two names with a hyphen"),
        ([], "'edges' must have at least one edge"),
        ([f"0-{k}" for k in range(1, 13)], "at most 12 nodes, .* got 13"),
    ],
)
def test_wrong_edges(edges, sentence):
    with pytest.raises(ValueError, match=sentence):
        graph_from_edges(edges)


def test_wrong_molecules():
    with pytest.raises(ValueError, match="'smiles' must be a valid SMILES, got 'C1'"):
        molecule_features("C1")
    with pytest.raises(ValueError, match=r"at most 12 heavy atoms, .* got 13"):
        molecule_features("CC(=O)Oc1ccccc1C(=O)O")


def test_attributes():
    x, columns = node_features(graph_from_edges(["A-B", "B-C", "C-A", "C-D"]))
    assert columns == ("degree", "triangles")
    assert x.tolist() == [[2, 1], [2, 1], [3, 1], [1, 0]]
    _, x, columns = molecule_features(" ClCC#N ")
    assert columns == ("C", "N", "O", "other", "H")
    assert x.tolist() == [[0, 0, 0, 1, 0], [1, 0, 0, 0, 2], [1, 0, 0, 0, 0], [0, 1, 0, 0, 0]]


def test_entries_are_those_of_the_matrices():
    graph = graph_from_edges(["A-B", "B-C", "C-A", "C-D"])
    x, columns = node_features(graph)
    A_hat = graph.normalized_adjacency().to_dense()
    for i in range(4):
        for j in range(4):
            assert float(normalized_entry(graph, i, j)) == pytest.approx(float(A_hat[i, j]))
        for j in range(2):
            entry = product_entry(A_hat, x, i, j)
            assert float(entry) == pytest.approx(float((A_hat @ x)[i, j]))
    steps = graph_steps(graph, x, columns).matrices
    assert torch.allclose(steps["Â = D^(-1/2) (A + I) D^(-1/2)"], A_hat)
    assert float(steps["softmax(z): probabilities"].sum()) == pytest.approx(1)


def test_a_product_with_negative_numbers_and_with_zeros_only():
    left, right = torch.tensor([[2.0, -1.0], [0, 0]]), torch.tensor([[-3.0], [1.0]])
    assert str(product_entry(left, right, 0, 0)) == "2·(-3) + (-1)·1\n= (-6) + (-1) = -7"
    assert str(product_entry(left, right, 1, 0)) == "0"


def test_numbers_stand_below_one_another():
    text = matrix_text(torch.tensor([[0.25, -1.0], [10.0, 0.0]]), ["가", "b"], ["x", "long"])
    assert text.splitlines() == ["      x  long", "가  0.25    -1", "b    10     0"]
    assert matrix_text(torch.tensor([1.0, 0.5])) == "1  0.5"


def test_all_steps_as_text():
    graph, x, columns = molecule_features("CCO")
    text = str(graph_steps(graph, x, columns))
    assert "    C0  C1  O2\nC0   0   1   0" in text
    assert "W₁: weights\nC       0.5  -0.5\nN         0     1" in text
    bare = Graph.from_edges([(0, 1)], num_nodes=2, undirected=True)
    assert "0  0  1" in str(graph_steps(bare, torch.eye(2), ("a", "b")))
