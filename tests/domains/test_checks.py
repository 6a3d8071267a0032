import pytest
import torch

from gnnvision import Graph

EDGES = torch.tensor([[0, 1, 2], [1, 2, 0]])

REFUSED = {
    "a list": (TypeError, [[0], [1]], 3, {}, "'edge_index' must be a torch.Tensor, got list"),
    "floats": (TypeError, EDGES.float(), 3, {}, "'edge_index' must have dtype int64, got"),
    "booleans": (TypeError, EDGES.bool(), 3, {}, "'edge_index' must have dtype int64, got"),
    "three rows": (
        ValueError, EDGES.T, 3, {},
        r"'edge_index' must have shape \(2, E\), got \(3, 2\)",
    ),
    "one axis": (
        ValueError, EDGES[0], 3, {}, r"'edge_index' must have shape \(2, E\), got \(3,\)",
    ),
    "too large": (
        ValueError, EDGES, 2, {},
        "'edge_index' must have nodes from 0 to num_nodes - 1 = 1, got edge 1 from 1 to 2",
    ),
    "negative": (ValueError, EDGES - 1, 3, {}, "got edge 0 from -1 to 0. Node indices start at 0"),
    "no nodes": (ValueError, EDGES, 0, {}, "'edge_index' must have nodes from 0 to"),
    "num_nodes of a kind": (TypeError, EDGES, 3.0, {}, "'num_nodes' must be an integer, got 3.0"),
    "num_nodes of truth": (TypeError, EDGES, True, {}, "'num_nodes' must be an integer, got True"),
    "num_nodes below 0": (ValueError, EDGES, -1, {}, "'num_nodes' must be at least 0, got -1"),
    "weights in a list": (
        TypeError, EDGES, 3, {"edge_weight": [1.0] * 3},
        "'edge_weight' must be a torch.Tensor, got list",
    ),
    "whole weights": (
        TypeError, EDGES, 3, {"edge_weight": torch.ones(3).long()},
        "'edge_weight' must be floating point, got torch.int64",
    ),
    "too few weights": (
        ValueError, EDGES, 3, {"edge_weight": torch.ones(2)},
        r"'edge_weight' must have shape \(E=3,\), got \(2,\)",
    ),
    "weights in a column": (
        ValueError, EDGES, 3, {"edge_weight": torch.ones(3, 1)},
        r"'edge_weight' must have shape \(E=3,\), got \(3, 1\)",
    ),
    "a missing weight": (
        ValueError, EDGES, 3, {"edge_weight": torch.tensor([1, torch.nan, 1])},
        r"'edge_weight' must be finite, got nan at \[1\]",
    ),
    "an infinite weight": (
        ValueError, EDGES, 3, {"edge_weight": torch.tensor([1, 1, -torch.inf])},
        r"'edge_weight' must be finite, got -inf at \[2\]",
    ),
    "attributes in a row": (
        ValueError, EDGES, 3, {"edge_attr": torch.ones(3)},
        r"'edge_attr' must have shape \(E=3, D\), got \(3,\)",
    ),
    "attributes of nodes": (
        ValueError, EDGES, 3, {"edge_attr": torch.ones(4, 2)},
        r"'edge_attr' must have shape \(E=3, D\), got \(4, 2\)",
    ),
    "missing attributes": (
        ValueError, EDGES, 3, {"edge_attr": torch.tensor([[1.0], [torch.nan], [0]])},
        r"'edge_attr' must be finite, got nan at \[1, 0\]",
    ),
    "relations of a kind": (
        TypeError, EDGES, 3, {"edge_type": torch.zeros(3)},
        "'edge_type' must have dtype int64, got torch.float32",
    ),
    "too few relations": (
        ValueError, EDGES, 3, {"edge_type": torch.zeros(2).long()},
        r"'edge_type' must have shape \(E=3,\), got \(2,\)",
    ),
    "a negative relation": (
        ValueError, EDGES, 3, {"edge_type": torch.tensor([0, -1, 1])},
        "'edge_type' must be from 0 to num_relations - 1 = 1, got -1",
    ),
    "a relation too many": (
        ValueError, EDGES, 3, {"edge_type": torch.tensor([0, 2, 1]), "num_relations": 2},
        "'edge_type' must be from 0 to num_relations - 1 = 1, got 2",
    ),
    "relations uncalled for": (
        ValueError, EDGES, 3,
        {"num_relations": 2}, "'num_relations' must be given together with 'edge_type'",
    ),
    "too few names": (
        ValueError, EDGES, 3, {"node_names": ("a", "b")},
        "'node_names' must have one name for each of the 3 nodes, got 2",
    ),
    "offsets of a kind": (
        TypeError, EDGES, 3, {"offsets": [0, 3]}, "'offsets' must be a torch.Tensor, got list",
    ),
    "offsets that end early": (
        ValueError, EDGES, 3, {"offsets": torch.tensor([0, 2])},
        r"'offsets' must increase from 0 to num_nodes = 3, got \[0, 2\]",
    ),
    "offsets that fall": (
        ValueError, EDGES, 3,
        {"offsets": torch.tensor([0, 4, 3])}, "'offsets' must increase from 0",
    ),
    "no offsets": (
        ValueError, EDGES, 3, {"offsets": torch.tensor([0])}, "'offsets' must increase from 0",
    ),
    "an edge between members": (
        ValueError, EDGES, 3, {"offsets": torch.tensor([0, 2, 3])},
        "'edge_index' must have no edges between graphs of the batch, got edge 1 from 1 to 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("error", "edge_index", "num_nodes", "columns", "message"), REFUSED.values(), ids=REFUSED
)
def test_refused_with_a_reason(error, edge_index, num_nodes, columns, message):
    with pytest.raises(error, match=message):
        Graph(edge_index, num_nodes, **columns)


def test_taken_as_it_is():
    graph = Graph(EDGES.int(), 3, edge_type=torch.tensor([0, 4, 1], dtype=torch.int32))
    assert graph.edge_index.dtype is graph.edge_type.dtype is torch.int64
    assert graph.num_relations == 5
    nothing = Graph(torch.empty(2, 0).long(), 0, edge_type=torch.empty(0).long())
    assert nothing.num_relations == 0
    negative = Graph(EDGES, 3, edge_weight=torch.tensor([-1.0, 0, 2]))
    assert negative.edge_weight.tolist() == [-1, 0, 2]
    empty_members = Graph(EDGES, 3, offsets=torch.tensor([0, 0, 3, 3]))
    assert empty_members.num_graphs == 3


@pytest.mark.gpu
def test_columns_on_another_device_are_refused():
    with pytest.raises(ValueError, match="'edge_weight' must be on cuda:0 as edge_index, got cpu"):
        Graph(EDGES.cuda(), 3, edge_weight=torch.ones(3))
