"""Tasks from networkx: names, attributes of every kind, directed and parallel edges; XML files."""

import gzip

import networkx as nx
import pytest
import torch

import gnnvision as gv
from gnnvision.data import Split, from_networkx
from gnnvision.data.graphs.xml_files import is_graph_xml, read_graph_xml


def people():
    """A graph with text names and attributes of several kinds, some of them missing."""
    graph = nx.Graph(name="people")
    graph.add_node("Ann", age=30.0, job="baker", club="red", vector=[0.5, 1.0])
    graph.add_node("Bob", age=50.5, job="smith", club="blue", vector=[0.0, 2.0])
    graph.add_node("Cem", job="baker", club="red", vector=[1.0, 1.0])
    graph.add_node("Dia", age=41.0, club="blue", vector=[0.25, 0.0])
    graph.add_node("Eva", age=22.0, job="baker", vector=[0.5, 0.5])
    graph.add_edge("Ann", "Bob", weight=2.0, tie="work")
    graph.add_edge("Bob", "Dia", weight=0.5, tie="family")
    graph.add_edge("Cem", "Eva", weight=1.0, tie="work")
    return graph


def test_names_labels_and_attributes():
    task = from_networkx(people(), label="club")
    assert task.graph.node_names == ("Ann", "Bob", "Cem", "Dia", "Eva")
    assert (task.class_names, task.y.tolist()) == (("blue", "red"), [1, 0, 1, 0, -100])
    assert task.name == "people"
    assert "1 of 5 nodes" in task.overview()["unlabeled"]
    assert task.x.isfinite().all()
    assert task.graph.num_edges == 6
    assert task.graph.edge_weight is None
    rows = {"train": ["Ann", "Cem"], "val": ["Bob"], "test": ["Dia"]}
    names = from_networkx(people(), label="club", split=rows).encoder.names
    assert "age is missing" in names
    assert {"vector[0]", "vector[1]"} <= set(names)
    gv.fit(gv.models.gcn(task.in_channels, 4, 2), task, gv.Recipe(epochs=2), progress=False)


def test_karate_trains():
    task = from_networkx(nx.karate_club_graph(), label="club")
    assert task.x.equal(torch.eye(34))
    assert "new nodes cannot be predicted" in task.overview()["features"]
    recipe = gv.Recipe(epochs=60, lr=0.05)
    result = gv.fit(gv.models.gcn(34, 16, 2), task, recipe, progress=False)
    assert result.outcomes[0].metrics["train"]["accuracy"] > 0.9


def test_edge_attributes_by_choice():
    task = from_networkx(people(), "club", edge_weight="weight", edge_type="tie")
    graph = task.graph
    weight = dict(zip(map(tuple, graph.edge_index.T.tolist()), graph.edge_weight, strict=True))
    assert (weight[0, 1], weight[1, 0], weight[1, 3]) == (2, 2, 0.5)
    assert graph.num_relations == 2
    assert from_networkx(people(), "club", edge_attr=["weight"]).graph.edge_attr.shape == (6, 1)
    with pytest.raises(ValueError, match="'edge_weight' must be one of the columns"):
        from_networkx(people(), "club", edge_weight="strength")


def test_directed_graphs_keep_their_directions():
    graph = nx.DiGraph([("a", "b"), ("b", "c")])
    task = from_networkx(graph)
    assert task.graph.edge_index.tolist() == [[0, 1], [1, 2]]
    assert task.split.sizes == {"train": 0, "val": 0, "test": 0}


def test_parallel_edges_with_other_weights_are_kept():
    graph = nx.MultiGraph()
    graph.add_edge("a", "b", weight=1.0)
    graph.add_edge("a", "b", weight=2.0)
    dense = from_networkx(graph, edge_weight="weight").graph.adjacency().to_dense()
    assert dense.tolist() == [[0, 3], [3, 0]]
    directed = nx.MultiDiGraph([("a", "b"), ("a", "b")])
    assert from_networkx(directed).graph.edge_index.tolist() == [[0], [1]]


def test_names_of_any_kind():
    grid = nx.grid_2d_graph(3, 3)
    assert from_networkx(grid).graph.node_names[4] == (1, 1)
    alike = nx.path_graph([1, "1", 2])
    task = from_networkx(alike, split={"train": [1], "test": ["1"]})
    assert task.graph.node_names == (1, "1", 2)
    assert task.split == Split("", [0], [], [1])
    assert from_networkx(alike).graph.edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]


def test_attributes_with_the_names_of_our_columns():
    graph = nx.Graph()
    graph.add_node("a", id=7, club="red")
    graph.add_node("b", id=9, club="blue")
    graph.add_edge("a", "b", source=1, target=2)
    task = from_networkx(graph, "club", edge_attr="source")
    assert task.graph.num_edges == 2
    assert task.encoder.column_names == ("id",)


def test_a_split_by_names():
    split = {"train": ["Ann", "Bob"], "val": ["Cem"], "test": ["Dia"]}
    assert from_networkx(people(), "club", split=split).split == Split("", [0, 1], [2], [3])


@pytest.mark.parametrize(
    ("graph", "label", "error", "fault"),
    [
        ([(0, 1)], None, TypeError, "'graph' must be a networkx graph, got list"),
        (nx.Graph(), None, ValueError, "'nodes' must have at least one row, got the networkx"),
        (people(), "clubs", ValueError, "'label' must be one of the columns .*Did you mean"),
    ],
)
def test_what_is_refused(graph, label, error, fault):
    with pytest.raises(error, match=fault):
        from_networkx(graph, label)


# --- files --------------------------------------------------------------------------------------


def plain(graph):
    """Without lists, which GraphML cannot hold."""
    for _, data in graph.nodes(data=True):
        data.pop("vector", None)
    return graph


@pytest.mark.parametrize("ending", [".graphml", ".gexf", ".graphml.gz", ".GEXF.gz"])
def test_files_are_the_same_graph(tmp_path, ending):
    path = tmp_path / f"people{ending}"
    graph = plain(people())
    write = nx.write_graphml if "graphml" in ending else nx.write_gexf
    plain_path = tmp_path / "plain"
    write(graph, plain_path)
    content = plain_path.read_bytes()
    path.write_bytes(gzip.compress(content, mtime=0) if ending.endswith(".gz") else content)
    assert is_graph_xml(path)
    read = read_graph_xml(path)
    assert set(read.nodes) == set(graph.nodes)
    task = from_networkx(read, "club", features=["age"], edge_weight="weight")
    assert (
        task.data_hash
        == from_networkx(graph, "club", features=["age"], edge_weight="weight").data_hash
    )


BOMB = """<?xml version="1.0"?>
<!DOCTYPE graphml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<graphml><graph edgedefault="directed"><node id="&b;"/></graph></graphml>"""
FILE = """<?xml version="1.0"?>
<!DOCTYPE graphml [<!ENTITY a SYSTEM "secret.txt">]>
<graphml><graph edgedefault="directed"><node id="n">&a;</node></graph></graphml>"""


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (BOMB.encode(), "must declare no entities, got 'a'"),
        (BOMB.replace('1.0"?', '1.0" encoding="utf-16"?').encode("utf-16"), "no entities"),
        (FILE.encode(), "must declare no entities, got 'a'"),
        (b"", "must be well-formed XML"),
        (b"<graphml><graph>", "must be well-formed XML"),
        (b"<html></html>", "must be a graph in GraphML"),
        (b"\x1f\x8bnot gzip", "must be complete"),
    ],
)
def test_damaged_and_dangerous_files_are_refused(tmp_path, content, fault):
    path = tmp_path / "some.graphml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=fault):
        read_graph_xml(path)


def test_a_file_that_unpacks_to_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr("gnnvision.data.graphs.xml_files.MAX_BYTES", 1000)
    path = tmp_path / "some.gexf.gz"
    path.write_bytes(gzip.compress(b" " * 2000, mtime=0))
    with pytest.raises(ValueError, match="must be at most"):
        read_graph_xml(path)
