import pytest
import torch

import gnnvision as gv
from gnnvision.cli.load_inputs import load_inspected
from gnnvision.cli.predictions import canvas, prediction_text
from gnnvision.cli.report_inputs import explained_input
from gnnvision.report.layer_nodes import GraphCanvas, NodesCanvas
from gnnvision.runs.graphs import num_kinds

from .checkpoints import graphs_in, of_graphs, of_nodes


@pytest.fixture
def graphs(tmp_path, monkeypatch):
    """The run folder of a network for graphs of a set that is under the data root."""
    monkeypatch.setenv("GNNVISION_DATA", str(graphs_in(tmp_path / "data")))
    return str(of_graphs(tmp_path / "run"))


def test_nodes_by_number(tmp_path):
    found = load_inspected(str(of_nodes(tmp_path / "run")), ["33", "0"])
    assert [one.node for one in found.inputs] == [33, 0]
    assert found.inputs[0].domain is found.inputs[1].domain
    assert found.task.graph.num_nodes == 34
    assert "Officer" in prediction_text(found, found.inputs[0])
    assert isinstance(canvas(found, found.inputs[0]), NodesCanvas)


def test_a_node_that_is_not_there(tmp_path):
    with pytest.raises(
        ValueError, match=r"must be a node of .*, a number from 0 to 33.*, got '34'"
    ):
        load_inspected(str(of_nodes(tmp_path / "run")), ["34"])


def test_graphs_by_number_from_1(graphs):
    found = load_inspected(graphs, ["1", "graph 188", "64"])
    assert [one.name for one in found.inputs] == ["graph 1", "graph 188", "graph 64"]
    assert [one.domain.num_nodes for one in found.inputs] == [3, 2, 2]
    assert [one.kinds for one in found.inputs] == [(0, 1, 2), (0, 1), (0, 1)]
    assert (found.kind_names, found.feature_names) == (
        ("0", "1", "2"), ("kind 0", "kind 1", "kind 2")
    )  # fmt: skip
    first = found.inputs[0]
    assert first.domain.edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    torch.testing.assert_close(first.x, torch.eye(3, dtype=torch.float32))
    # The same as in a batch of the whole set.
    task = gv.data.load("mutag")
    whole = found.model(task.x, task.graphs)
    torch.testing.assert_close(found.model(first.x, first.domain)[0], whole[0])
    best = whole[0].softmax(0)
    text = f"Prediction: “{found.output_names[int(best.argmax())]}” {100 * best.max():.0f} %"
    assert prediction_text(found, first).startswith(text)


def test_what_is_known_of_a_graph_is_said(graphs):
    found = load_inspected(graphs, ["1", "181", "188"])
    assert [one.notes for one in found.inputs] == [
        (
            "in the dataset its class is “not mutagenic”, and it is in the validation split "
            "of the run",
        ),
        ("in the dataset its class is “mutagenic”, and it is in the test split of the run",),
        ("in the dataset its class is “mutagenic”",),
    ]
    held = canvas(found, found.inputs[0])
    assert isinstance(held, GraphCanvas)
    asked = explained_input(found, found.inputs[0])
    assert asked.site is None
    assert asked.notes[0].startswith("in the dataset")
    assert "1 node of type 0, 1 node of type 1, 1 node of type 2" in asked.notes[1]


@pytest.mark.parametrize("given", ["0", "189", "-1", "CCO", "a.png", "graph", "1.5"])
def test_a_graph_that_is_not_there(graphs, given):
    with pytest.raises(ValueError, match=f"graph of MUTAG, a number from 1 to 188, got '{given}'"):
        load_inspected(graphs, [given])


def test_another_edition_of_the_set(tmp_path, graphs):
    run = of_graphs(tmp_path / "other", columns=7)
    with pytest.raises(
        ValueError,
        match="take the 3 node features of the local files of MUTAG, got a network that takes 7",
    ):
        load_inspected(str(run), ["1"])


@pytest.mark.parametrize(
    ("x", "count"),
    [
        ([[1, 0, 0.5], [0, 1, 2.0], [1, 0, 1.0]], 2),
        ([[1, 0, 1], [0, 1, 0], [1, 0, 1]], 2),
        ([[0.3, 1.0], [0.4, 0.0]], 0),
        ([[1.0], [1.0]], 1),
        ([[0, 0], [1, 0]], 0),
    ],
)
def test_how_many_columns_are_kinds(x, count):
    assert num_kinds(torch.tensor(x)) == count
