"""Graph datasets in the TU text format: features, and errors by file and line."""

import numpy as np
import pytest

from gnnvision.data.graphs.tu import read_tu

from .. import made_tu


def read(**changes):
    return read_tu(made_tu.files("TINY", **changes), "TINY")


def edges(graphs):
    return list(zip(*graphs.edge_index.tolist(), strict=True))


def test_what_the_files_say():
    graphs = read()
    assert graphs.offsets.tolist() == [0, 3, 5, 6, 8]
    assert edges(graphs) == [(0, 1), (1, 0), (1, 2), (2, 1), (3, 4), (4, 3)]
    assert graphs.y.tolist() == [1, 0, 0, 1]
    assert graphs.classes == (-1, 1)
    # Labels 0, 3 and 7, one-hot over those that occur.
    assert graphs.x.tolist() == np.eye(3)[[0, 1, 0, 2, 0, 1, 1, 0]].tolist()
    assert graphs.edge_attr.tolist() == np.eye(2)[[0, 0, 1, 1, 0, 0]].tolist()
    assert graphs.remarks == ()
    assert {graphs.x.dtype, graphs.edge_attr.dtype} == {np.dtype(np.float32)}


def test_graphs_without_edges_and_isolated_nodes_stay():
    graphs = read()
    degree = np.bincount(graphs.edge_index[0], minlength=8)
    assert degree.tolist() == [1, 2, 1, 1, 1, 0, 0, 0]
    assert np.diff(graphs.offsets).tolist() == [3, 2, 1, 2]
    nothing = read(A="", edge_labels="")
    assert nothing.edge_index.shape == (2, 0)
    assert len(nothing.edge_attr) == 0
    assert nothing.x.tolist() == graphs.x.tolist()


def test_a_graph_may_be_without_nodes():
    graphs = read(graph_indicator="1 1 1 2 2 4 5 5", graph_labels="1 -1 -1 -1 1")
    assert np.diff(graphs.offsets).tolist() == [3, 2, 0, 1, 2]
    assert len(graphs.y) == 5


def test_attributes_follow_the_labels():
    rows = [f"{i / 2}, {-i}" for i in range(8)]
    graphs = read(node_attributes="\n".join(rows), edge_attributes="\n".join("123123"))
    assert graphs.x.shape == (8, 5)
    assert graphs.x[:, 3].tolist() == [i / 2 for i in range(8)]
    assert graphs.x[:, 4].tolist() == [-i for i in range(8)]
    # Lines of A in their order: 1-2, 2-1, 2-3, 3-2, 4-5, 5-4.
    assert graphs.edge_attr[:, 2].tolist() == [1, 2, 3, 1, 2, 3]


def test_several_columns_of_labels_are_each_one_hot():
    graphs = read(node_labels="\n".join(f"{i % 2}, {9 if i else 5}" for i in range(8)))
    assert graphs.x.tolist() == [[1, 0, 1, 0]] + [[1 - i % 2, i % 2, 0, 1] for i in range(1, 8)]


def test_without_labels_all_are_of_one_kind():
    graphs = read(node_labels=None, edge_labels=None)
    assert graphs.x.tolist() == [[1]] * 8
    assert graphs.edge_attr.tolist() == [[1]] * 6


def test_edges_in_any_order_are_the_same_set():
    lines = made_tu.SPLIT_NAMES["A"].splitlines()
    labels = made_tu.SPLIT_NAMES["edge_labels"].split()
    shuffled = [5, 0, 3, 1, 4, 2]
    graphs = read(
        A="\r\n".join(lines[i] for i in shuffled),
        edge_labels="\n".join(labels[i] for i in shuffled) + "\n\n",
    )
    assert edges(graphs) == edges(read())
    assert graphs.edge_attr.tolist() == read().edge_attr.tolist()
    assert graphs.hash() == read().hash()


def test_an_edge_listed_twice_counts_once_and_is_remarked_on():
    lines, labels = made_tu.SPLIT_NAMES["A"], made_tu.SPLIT_NAMES["edge_labels"]
    graphs = read(A=lines + "\n2, 1", edge_labels=labels + "\n4")
    assert edges(graphs) == edges(read())
    (remark,) = graphs.remarks
    assert remark == "1 of 7 lines of TINY_A.txt repeat an edge and were merged"
    with pytest.raises(
        ValueError, match=r"TINY_A\.txt, line 7, must have the same values as the earlier line"
    ):
        read(A=lines + "\n2, 1", edge_labels=labels + "\n6")


def test_an_edge_without_its_reverse_goes_one_way_and_is_remarked_on():
    graphs = read(A="1, 2\n2, 1\n2, 3", edge_labels=None)
    assert edges(graphs) == [(0, 1), (1, 0), (1, 2)]
    assert graphs.remarks == ("1 of 3 edges have no reverse edge and are one-directional",)


@pytest.mark.parametrize("changed", ["A", "graph_labels", "node_labels", "edge_labels"])
def test_the_hash_is_of_all_that_is_read(changed):
    other = {"A": "1, 2\n2, 1\n1, 3\n3, 1\n4, 5\n5, 4", "graph_labels": "1 1 -1 1"}
    other |= {"node_labels": "3 3 0 7 0 3 3 0", "edge_labels": "4 4 4 4 6 6"}
    assert read(**{changed: other[changed]}).hash() != read().hash()


@pytest.mark.parametrize(
    ("part", "content", "fault"),
    [
        ("A", "1, 2\n2; 1", r"TINY_A\.txt, line 2, must contain integers .* got '2; 1'"),
        ("A", "1, 2\n\n2, 1", r"TINY_A\.txt, line 2, must contain integers"),
        ("A", "1, 2, 3", r"TINY_A\.txt, line 1, must contain 2 numbers, got '1, 2, 3'"),
        ("A", "1, 2\n2", r"TINY_A\.txt, line 2, must contain 2 numbers"),
        ("A", "1_0, 2", r"TINY_A\.txt, line 1, must contain integers"),
        ("A", "1, 2.0", r"TINY_A\.txt, line 1, must contain integers"),
        ("A", "1, 2\n9, 2", r"TINY_A\.txt, line 2, must refer to a node from 1 to 8, got '9, 2'"),
        ("A", "0, 1", r"TINY_A\.txt, line 1, must refer to a node from 1 to 8"),
        ("A", f"1, {10**30}", r"TINY_A\.txt, line 1, must contain integers"),
        (
            "A",
            "1, 2\n3, 4",
            r"TINY_A\.txt, line 2, must connect nodes of the same graph, got '3, 4'",
        ),
        ("A", "\x00\xff", r"TINY_A\.txt, line 1, must contain integers"),
        (
            "graph_indicator",
            "1 1 1 2 2 3 4 5",
            r"TINY_graph_indicator\.txt, line 8, must refer to a graph from 1 to 4, got '5'",
        ),
        (
            "graph_indicator",
            "1 1 1 2 2 4 3 4",
            r"TINY_graph_indicator\.txt, line 7, must list graph by graph, got '3'",
        ),
        ("graph_labels", "1 a 1 1", r"TINY_graph_labels\.txt, line 2, must contain integers"),
        ("graph_labels", "1 1 1", r"line 7, must refer to a graph from 1 to 3, got '4'"),
        (
            "node_labels",
            "1 2 3",
            r"_node_labels\.txt must have 8 lines, as many as TINY_graph_indicator\.txt, got 3",
        ),
        (
            "edge_labels",
            "1 2",
            r"TINY_edge_labels\.txt must have 6 lines, as many as TINY_A\.txt, got 2",
        ),
        (
            "node_attributes",
            "1 2 nan 4 5 6 7 8",
            r"_node_attributes\.txt, line 3, must contain numbers separated by commas, got 'nan'",
        ),
        ("node_attributes", "1 2 3 4 1e999 6 7 8", "line 5, must contain numbers"),
    ],
)
def test_damage_is_refused_by_file_and_line(part, content, fault):
    changes = {part: content}
    if part == "A":
        changes["edge_labels"] = None
    with pytest.raises(ValueError, match=fault):
        read(**changes)


def test_labels_that_are_none_are_refused(monkeypatch):
    monkeypatch.setattr("gnnvision.data.graphs.tu.MAX_LABELS", 2)
    with pytest.raises(ValueError, match=r"TINY_node_labels\.txt must have at most 2 different"):
        read()
