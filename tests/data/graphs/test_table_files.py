"""Folders of tables: nodes and edges, many graphs, and DGL's layout."""

import gzip

import pytest
import torch

import gnnvision as gv
from gnnvision.data import GraphTask, NodeTask

NODES = "id,v,topic\n가,1,red\n나,2,blue\n다,3,red\n라,4,\n"
EDGES = "source,target,w\n가,나,1\n나,다,2\n"


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "cities"
    place.mkdir()
    (place / "Nodes.CSV").write_text(NODES, encoding="utf-8")
    (place / "edges.tsv.gz").write_bytes(gzip.compress(EDGES.replace(",", "\t").encode(), mtime=0))
    return place


def test_a_folder_of_two_tables(folder):
    task = gv.data.load(folder, label="topic")
    assert isinstance(task, NodeTask)
    assert task.name == "cities"
    assert task.graph.node_names == ("가", "나", "다", "라")
    assert task.graph.num_edges == 4
    assert task.class_names == ("blue", "red")
    assert task.origin == {"name": str(folder), "label": "topic"}
    again = gv.data.load(**task.origin)
    assert again.data_hash == task.data_hash
    assert again.split == task.split
    weighted = gv.data.graphs.load(folder, label="topic", edge_weight="w", undirected=False)
    assert weighted.graph.edge_weight.tolist() == [1, 2]


def test_the_table_of_nodes_alone_and_with_the_edges_elsewhere(folder, tmp_path):
    beside = gv.data.load(folder / "Nodes.CSV", label="topic", seed=3)
    assert beside.split == gv.data.load(folder, label="topic", seed=3).split
    (tmp_path / "people.csv").write_text(NODES, encoding="utf-8")
    task = gv.data.load(
        tmp_path / "people.csv", edges=str(folder / "edges.tsv.gz"), label="topic", split="random"
    )
    assert task.name == "people"
    assert task.data_hash == gv.data.load(folder, label="topic").data_hash


def test_columns_are_recognized_by_their_names(tmp_path):
    (tmp_path / "nodes.csv").write_text("Node_ID,v,Label\n1,2,a\n2,5,b\n3,9,a\n")
    (tmp_path / "edges.csv").write_text("w,src,dst\n1,1,2\n")
    task = gv.data.load(tmp_path)
    assert (task.num_classes, task.graph.num_edges, task.in_channels) == (2, 2, 1)


def test_a_folder_of_many_graphs(tmp_path):
    (tmp_path / "nodes.csv").write_text(
        "graph_id,id,v\nb,1,5\na,1,1\na,2,2\nb,2,6\nb,3,7\nc,1,9\n"
    )
    (tmp_path / "edges.csv").write_text("graph_id,source,target\nb,1,3\na,1,2\n")
    (tmp_path / "graphs.csv").write_text(
        "graph_id,y,train_mask,val_mask,test_mask\na,0.5,1,0,0\nb,1.5,0,1,0\nc,2.5,0,0,1\n"
    )
    task = gv.data.load(tmp_path, kinds={"v": "raw"})
    assert isinstance(task, GraphTask)
    assert task.kind == "regression"
    assert task.item_names == ("a", "b", "c")
    assert task.graphs.offsets.tolist() == [0, 2, 5, 6]
    assert task.x.flatten().tolist() == [1, 2, 5, 6, 7, 9]
    assert task.graphs.edge_index.tolist() == [[0, 1, 2, 4], [1, 0, 4, 2]]
    assert task.split.sizes == {"train": 1, "val": 1, "test": 1}
    x, graph, y = next(iter(task.batches("val")))
    assert (x.flatten().tolist(), graph.num_edges, y.tolist()) == ([5, 6, 7], 2, [[1.5]])
    (tmp_path / "edges.csv").write_text("graph_id,source,target\nd,1,3\n")
    with pytest.raises(ValueError, match=r"'graph_id' must name graphs .* got 'd' in row 0"):
        gv.data.load(tmp_path)


META = """
dataset_name: star wars
edge_data:
- file_name: edges_0.csv
node_data:
- file_name: nodes_0.csv
"""


def dgl_folder(place, meta=META):
    (place / "meta.yaml").write_text(meta)
    (place / "nodes_0.csv").write_text(
        "node_id,label,train_mask,val_mask,test_mask,feat\n"
        '0,False,True,False,False,"0.25,0.5"\n'
        '1,True,False,True,False,"0.75,1"\n'
        '2,False,False,False,True,"1.5,2"\n'
    )
    (place / "edges_0.csv").write_text('src_id,dst_id,feat\n0,1,"1,2"\n1,0,"3,4"\n1,2,"5,6"\n')
    return place


def test_a_folder_in_dgl_s_layout(tmp_path):
    task = gv.data.load(dgl_folder(tmp_path), edge_attr="feat")
    assert isinstance(task, NodeTask)
    assert task.name == "star wars"
    assert task.class_names == ("False", "True")
    assert task.x.tolist() == [[0.25, 0.5], [0.75, 1], [1.5, 2]]
    assert task.graph.edge_index.tolist() == [[0, 1, 1], [1, 0, 2]]
    assert task.graph.edge_attr.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert [getattr(task.split, name).tolist() for name in ("train", "val", "test")] == [
        [0],
        [1],
        [2],
    ]
    assert gv.data.load(tmp_path, undirected=True).graph.num_edges == 4


def test_dgl_s_types_of_edges_and_its_many_graphs(tmp_path):
    meta = META.replace(
        "- file_name: edges_0.csv",
        "- file_name: edges_0.csv\n  etype: [user, follows, user]\n"
        "- file_name: edges_1.csv\n  etype: [user, knows, user]",
    )
    dgl_folder(tmp_path, meta)
    (tmp_path / "edges_1.csv").write_text("src_id,dst_id\n2,0\n")
    task = gv.data.load(tmp_path)
    assert task.graph.edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 0]]
    assert task.graph.edge_type.tolist() == [0, 0, 0, 1]
    assert "(follows, knows)" in task.overview()["edge types"]
    for name in ("nodes_0", "edges_0"):
        lines = (tmp_path / f"{name}.csv").read_text().splitlines()
        kept = [f"graph_id,{lines[0]}", *(f"{g},{line}" for g in (0, 1) for line in lines[1:])]
        (tmp_path / f"{name}.csv").write_text("\n".join(kept))
    (tmp_path / "graphs.csv").write_text("graph_id,label\n0,red\n1,blue\n")
    (tmp_path / "meta.yaml").write_text(META + "graph_data:\n  file_name: graphs.csv\n")
    many = gv.data.load(tmp_path, features="feat")
    assert isinstance(many, GraphTask)
    assert many.graphs.offsets.tolist() == [0, 3, 6]
    assert many.graphs.edge_index.tolist() == [[0, 1, 1, 3, 4, 4], [1, 0, 2, 4, 3, 5]]
    assert torch.equal(many.x[:3], many.x[3:])


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ("a: [", r"'name' must have a valid meta\.yaml.*cannot be read"),
        ("a: 1", r"'name' must have a meta\.yaml with node_data and edge_data"),
        (META.replace("nodes_0", "../nodes_0"), "'name' must list only files of its folder"),
        (META + "- file_name: x.csv\n  ntype: item\n", "'name' must be a folder with one type"),
        (
            "node_data: []\nedge_data: 3",
            "'name' must list tables with their file_name",
        ),
        ("node_data: !!python/object/apply:os.getcwd []\nedge_data: 3", "cannot be read"),
    ],
)
def test_a_bad_meta_yaml_is_one_sentence(tmp_path, meta, message):
    with pytest.raises(ValueError, match=message):
        gv.data.load(dgl_folder(tmp_path, meta))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "'label' must name one of the columns 'id', 'v', 'topic', got none"),
        ({"label": "topics"}, "Did you mean label='topic'"),
        ({"label": "topic", "dense": True}, "'dense' must be left out for a folder of tables"),
        (
            {"label": "topic", "split": "kfold"},
            "'split' must be one of 'public', 'random'",
        ),
        ({"label": "topic", "split": "column"}, "'split_column' must name the column"),
        (
            {"label": "topic", "split": "random", "split_column": "v"},
            "'split_column' must be",
        ),
        ({"label": "topic", "edges": "x.csv"}, "'edges' must be left out for a folder"),
    ],
)
def test_bad_options_are_one_sentence(folder, options, message):
    with pytest.raises(ValueError, match=message):
        gv.data.load(folder, **options)


def test_two_tables_of_nodes_are_refused(folder):
    (folder / "nodes.tsv").write_text(NODES)
    with pytest.raises(ValueError, match=r"one table of nodes, got 'Nodes\.CSV' and 'nodes\.tsv'"):
        gv.data.load(folder, label="topic")


def test_options_of_tables_do_not_apply_to_named_data():
    for name, value in (("label", "x"), ("edge_weight", "w"), ("undirected", True)):
        with pytest.raises(ValueError, match=f"'{name}' must be left out for node tasks"):
            gv.data.load("karate", **{name: value})
