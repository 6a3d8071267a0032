"""New nodes with their edges: encoded as in training, joined to the known graph."""

import json

import pytest
import torch

from gnnvision.data import from_tables
from gnnvision.data.graphs.new_nodes import encode_nodes

NODES = {
    "id": ["가", "나", "다", "라"],
    "age": [10.0, 20, 30, 40],
    "color": ["red", "red", "blue", "blue"],
    "club": ["p", "q", "p", "q"],
}
EDGES = {
    "source": ["가", "나", "다"],
    "target": ["나", "다", "라"],
    "w": [1.0, 2, 3],
    "kind": ["road", "rail", "road"],
}
COLUMNS = {"edge_weight": "w", "edge_type": "kind", "edge_attr": ["w"]}
SPLIT = {"train": [0, 1, 2], "test": [3]}


def trained(**options):
    return from_tables(NODES, EDGES, "club", split=SPLIT, **COLUMNS, **options)


def described(task):
    return json.loads(json.dumps(task.input_description()))  # as a checkpoint has it


def test_new_nodes_are_those_of_one_large_table():
    """The features and the edges are those of a task on all nodes with the same training."""
    task = trained()
    new = {"id": ["마", "바"], "age": [25.0, 35], "color": ["blue", "red"]}
    edges = {
        "source": ["마", "바"],
        "target": ["가", "마"],
        "w": [4.0, 5],
        "kind": ["rail", "road"],
    }
    found = encode_nodes(described(task), task.graph, new, edges)
    assert found.node_of_row.tolist() == [4, 5]
    assert not found.remarks
    merged = {name: [*NODES[name], *new.get(name, ["", ""])] for name in NODES}
    joined = {name: [*EDGES[name], *edges[name]] for name in EDGES}
    whole = from_tables(merged, joined, "club", split=SPLIT, edge_weight="w", edge_type="kind")
    assert torch.equal(torch.cat([task.x, found.x]), whole.x)
    assert found.graph.node_names == whole.graph.node_names
    assert found.graph.num_relations == whole.graph.num_relations
    for values in ("edge_weight", "edge_type"):
        dense = [
            torch.zeros(6, 6).index_put(tuple(g.edge_index), getattr(g, values).float())
            for g in (found.graph, whole.graph)
        ]
        assert torch.equal(*dense)
    assert found.graph.edge_attr.shape == (10, 1)
    assert found.notes["edges"] == "2 of new nodes"
    assert found.notes["degrees"].startswith("nodes of training with edges to new nodes: 1;")


def test_known_rows_and_edges_change_nothing():
    task = trained()
    found = encode_nodes(described(task), task.graph, NODES, EDGES)
    assert found.node_of_row.tolist() == [0, 1, 2, 3]
    assert found.x.shape == (0, task.in_channels)
    assert torch.equal(found.graph.edge_index, task.graph.edge_index)
    assert found.notes["known edges"] == "not added, as they are between nodes of training: 3"
    assert found.notes["known nodes"] == "rows that are nodes of training: 4"


def test_new_nodes_may_have_no_edges():
    task = trained()
    found = encode_nodes(
        described(task), task.graph, {"id": ["마"], "age": [""], "color": ["green"]}
    )
    assert found.graph.num_nodes == 5
    assert torch.equal(found.graph.edge_weight, task.graph.edge_weight)
    assert found.notes["edges"] == "none: the new nodes are not connected"
    assert "'age' is missing" in found.remarks[0]
    assert task.encoder.names[-1] == "color=other"
    assert found.x[0, -1] == 1


def test_degrees_are_counted_with_the_new_edges():
    task = from_tables(NODES, EDGES, "club", features="degree", split=SPLIT)
    new = {"id": ["마"]}
    edges = {"source": ["마", "마"], "target": ["가", "나"]}
    found = encode_nodes(described(task), task.graph, new, edges)
    assert torch.equal(found.x[0], task.x[1])  # two edges, as 나 had


def test_ids_of_rows_without_ids_follow_the_known_ones():
    nodes = {"age": [1.0, 2, 3], "club": ["p", "q", "p"]}
    task = from_tables(
        nodes, {"source": [0], "target": [1]}, "club", id=None, split={"train": [0, 1]}
    )
    found = encode_nodes(
        described(task), task.graph, {"age": [2.0]}, {"source": [3], "target": [0]}
    )
    assert found.node_of_row.tolist() == [3]
    assert found.graph.edge_index[:, -2:].tolist() == [[0, 3], [3, 0]]


@pytest.mark.parametrize(
    ("nodes", "edges", "message"),
    [
        ({"color": None}, {}, "'nodes' must have the column 'color', got 'id', 'age'"),
        ({"age": ["old", "new"]}, {}, "'nodes' must have numbers in 'age', got 'old' in row 0"),
        ({"id": ["마", "마"]}, {}, "'id' must be different in every row"),
        ({"id": None}, {}, "'id' must be one of the columns 'age', 'color'"),
        ({}, {"target": ["사"]}, "'edges' must name nodes .* got '사' in row 0"),
        (
            {},
            {"kind": ["sea"]},
            "'edge_type' must be one of the types of training, 'rail'",
        ),
        ({}, {"w": None}, "'edge_weight' must be one of the columns"),
    ],
)
def test_bad_input_is_one_sentence(nodes, edges, message):
    task = trained()
    new = {"id": ["마", "바"], "age": [1.0, 2], "color": ["red", "red"]} | nodes
    ends = {"source": ["마"], "target": ["가"], "w": [1.0], "kind": ["road"]} | edges
    new, ends = ({k: v for k, v in t.items() if v is not None} for t in (new, ends))
    with pytest.raises(ValueError, match=message):
        encode_nodes(described(task), task.graph, new, ends)


def test_tasks_that_cannot_have_new_nodes_say_so():
    task = from_tables(NODES, EDGES, "club", features="identity")
    with pytest.raises(ValueError, match="'nodes' must have features that new nodes also have"):
        encode_nodes(described(task), task.graph, NODES)
    with pytest.raises(ValueError, match="got a task that was not made from tables"):
        encode_nodes({}, task.graph, NODES)
    with pytest.raises(ValueError, match="'nodes' must have at least one row"):
        encode_nodes(described(trained()), task.graph, {})
