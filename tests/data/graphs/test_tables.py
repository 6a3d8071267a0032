"""Graphs from a user's own tables: what is read, what is said, and what is refused."""

import math

import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision.data import Split, from_tables

CITIES = {
    "id": ["서울", "부산", "대구", "인천", "광주", "대전"],
    "인구": ["9.4", "3.3", "2.4", "3.0", "1.4", "1.4"],
    "지역": ["수도권", "영남", "영남", "수도권", "호남", ""],
}
ROADS = {
    "source": ["서울", "서울", "부산", "대전", "대전"],
    "target": ["인천", "대전", "대구", "광주", "대구"],
    "km": [27.0, 140, 88, 140, 120],
}


def cities(nodes=None, edges=None, label="지역", **options):
    return from_tables(CITIES | (nodes or {}), ROADS | (edges or {}), label, **options)


def test_text_ids_and_a_missing_label():
    task = cities(split={"train": ["서울", "부산", "광주"], "test": ["대구", "인천"]})
    assert task.graph.node_names == tuple(CITIES["id"])
    assert task.class_names == ("수도권", "영남", "호남")
    assert task.y.tolist() == [0, 1, 1, 0, 2, -100]
    assert task.split.train.tolist() == [0, 1, 4]
    assert task.split.test.tolist() == [2, 3]
    x = np.array([float(value) for value in CITIES["인구"]])
    mean, std = x[[0, 1, 4]].mean(), x[[0, 1, 4]].std()
    assert np.allclose(task.x[:, 0], (x - mean) / std)
    assert task.graph.is_undirected
    assert task.graph.num_edges == 10
    lines = task.overview()
    assert lines["edges"] == "5 undirected edges 'source' - 'target'"
    assert lines["edge columns"].startswith("'km' not used; use them with edge_weight")
    assert lines["unlabeled"] == "1 of 6 nodes; they are in no split and can be predicted"
    assert "standardized" in lines["features"]


def test_it_trains_and_says_what_prediction_needs():
    task = cities(split={"train": [0, 1, 4], "val": [2], "test": [3]}, edge_weight="km")
    model = gv.models.gcn(1, 4, 3)
    result = gv.fit(model, task, gv.Recipe(epochs=2, lr=0.01), seeds=1)
    assert 0 <= result.outcomes[0].metrics["test"]["accuracy"] <= 1
    about = task.input_description()
    assert about["tables"]["id"] == "id"
    assert about["tables"]["weight"] == "km"
    assert gv.data.ColumnEncoder.from_dict(about["encoder"]) == task.encoder


@pytest.mark.parametrize("kind", ["csv", "frame", "parquet"])
def test_every_source_gives_the_same_task(tmp_path, kind):
    pandas = pytest.importorskip("pandas")
    nodes, edges = pandas.DataFrame(CITIES), pandas.DataFrame(ROADS)
    sources = (nodes, edges)
    if kind == "csv":
        sources = (tmp_path / "cities.csv", str(tmp_path / "roads.tsv.gz"))
        nodes.to_csv(sources[0], index=False)
        edges.to_csv(sources[1], index=False, sep="\t")
    elif kind == "parquet":
        pytest.importorskip("pyarrow")
        sources = (tmp_path / "cities.parquet", tmp_path / "roads.parquet")
        nodes.to_parquet(sources[0])
        edges.to_parquet(sources[1])
    task = from_tables(*sources, label="지역", edge_weight="km")
    assert task.data_hash == cities(edge_weight="km").data_hash
    assert task.name == ("graph" if kind == "frame" else "cities")
    if kind == "frame":
        assert task.origin == {}
        return
    again = gv.data.load(**task.origin)
    assert (again.data_hash, again.split) == (task.data_hash, task.split)
    assert again.origin == task.origin


def test_columns_of_edges_become_weights_types_and_attributes():
    edges = {"road": ["rail", "road", "rail", "road", "road"], "lanes": ["2", "4", "", "6", "4"]}
    task = cities(edges=edges, edge_weight="km", edge_type="road", edge_attr=["lanes", "road"])
    graph = task.graph
    index = graph.edge_index
    seoul_incheon = (index[0] == 0) & (index[1] == 3)
    assert graph.edge_weight[seoul_incheon].tolist() == [27]
    assert graph.edge_type[seoul_incheon].tolist() == [0]
    assert graph.num_relations == 2
    assert graph.edge_attr.shape == (10, 5)  # lanes, lanes missing, two words and all others
    assert torch.equal(graph.edge_weight[(index[0] == 3) & (index[1] == 0)],
                       graph.edge_weight[seoul_incheon])  # fmt: skip
    lines = task.overview()
    assert lines["edge types"] == "'road': 2 types (rail, road)"
    assert "edge columns" not in lines


def test_directed_repeated_and_self_edges_are_counted():
    edges = {
        "source": ["서울", "인천", "부산", "부산"],
        "target": ["인천", "서울", "부산", "대구"],
    }
    edges["km"] = [27, 27, 0, 88]
    both = cities(edges=edges)
    assert both.graph.num_edges == 5
    assert "3 undirected" in both.overview()["edges"]
    assert "1 repeated row is ignored; 1 self loop is kept" in both.overview()["edges"]
    one_way = cities(edges=edges, undirected=False)
    assert one_way.graph.edge_index.tolist() == [[0, 1, 1, 3], [3, 1, 2, 0]]
    assert "4 directed edges 'source' -> 'target'" in one_way.overview()["edges"]
    edges["km"] = [27, 28, 0, 88]
    with pytest.raises(ValueError, match=r"same weight and attributes .* rows 0 and 1"):
        cities(edges=edges, edge_weight="km")
    assert cities(edges=edges, edge_weight="km", undirected=False).graph.num_edges == 4


@pytest.mark.parametrize("edges", [None, {}, {"source": [], "target": []}])
def test_a_graph_without_edges_works_and_is_said(edges):
    task = from_tables(CITIES, edges, "지역")
    assert task.graph.num_edges == 0
    assert task.overview()["edges"] == "none: the nodes are not connected"
    model = gv.models.gcn(task.in_channels, 4, 3)
    assert model(task.x, task.graph).isfinite().all()


def test_a_random_split_is_stratified_and_varies_with_the_seed():
    nodes = {"id": range(200), "v": np.arange(200.0), "label": ["a", "b"] * 95 + [None] * 10}
    task = from_tables(nodes)
    assert task.split.sizes == {"train": 152, "val": 19, "test": 19}
    assert set(np.concatenate([task.split.train, task.split.val, task.split.test])) == {
        *range(190)
    }
    again = task.with_seed(1)
    assert again.split != task.split
    assert again.split == from_tables(nodes, seed=1).split
    for name in ("train", "val", "test"):
        counts = torch.bincount(again.y[getattr(again.split, name).copy()])
        assert abs(int(counts[0] - counts[1])) <= 1
    assert again.encoder == task.encoder


def test_a_split_column_masks_and_a_column_called_split():
    words = ["Training", "valid", "test", "dev", "", "train"]
    named = cities({"fold": words}, split="fold")
    assert (named.split.train.tolist(), named.split.val.tolist()) == ([0], [1, 3])
    assert named.encoder.column_names == ("인구",)
    assert named.overview()["excluded"] == "1 unlabeled rows of the split"
    assert cities({"split": words}).split == named.split
    masks = {
        "train_mask": [1, 0, 0, 0, 0, 0],
        "val_mask": [False, True, False, True, False, False],
        "test_mask": ["no", "no", "yes", "no", "no", "no"],
    }
    by_masks = cities(masks)
    assert by_masks.split == named.split
    assert by_masks.encoder.column_names == ("인구",)
    assert "'train_mask', 'val_mask', 'test_mask'" in by_masks.overview()["split columns"]
    assert by_masks.with_seed(3).split == named.split
    drawn = cities(masks, split="random")
    assert drawn.split.sizes == {"train": 3, "val": 1, "test": 1}
    assert drawn.encoder.column_names == ("인구",)
    given = Split("mine", [0], [1, 3], [2])
    assert cities(split=given).split == named.split
    arrays = {"train": np.arange(6) == 0, "val": [1, 3], "test": ["대구"]}
    assert cities(split=arrays).split == named.split


@pytest.mark.parametrize(
    ("cells", "options", "kind", "names", "y"),
    [
        (["0", "1", "1", "0", "1", ""], {}, "classification", ("0", "1"), [0, 1, 1, 0, 1, -100]),
        (["no", "yes", "yes", "no", "no", "yes"], {}, "classification", ("no", "yes"),
         [0, 1, 1, 0, 0, 1]),
        ([1, 2, 3, 1, 2, 10], {"kind": "classification"}, "classification",
         ("1", "2", "3", "10"), [0, 1, 2, 0, 1, 3]),
        ([1, 2, 3, 1, 2, 3], {}, "classification", ("1", "2", "3"), [0, 1, 2, 0, 1, 2]),
        ([0, 1, 2, 0, 1, math.nan], {}, "classification", ("0", "1", "2"), [0, 1, 2, 0, 1, -100]),
        ([1, 2, 3, 1, 2, 3], {"kind": "regression"}, "regression", ("v",),
         [[1], [2], [3], [1], [2], [3]]),
        (["0.5", "1", "2", "", "4", "5"], {}, "regression", ("v",),
         [[0.5], [1], [2], [None], [4], [5]]),
    ],
)  # fmt: skip
def test_kinds_of_labels(cells, options, kind, names, y):
    task = from_tables(CITIES | {"v": cells}, ROADS, "v", **options)
    assert (task.kind, task.class_names) == (kind, names)
    found = [[None if v != v else v for v in row] if isinstance(row, list) else row
             for row in task.y.tolist()]  # fmt: skip
    assert found == y
    known = [n for n, v in enumerate(y) if v not in (-100, [None])]
    assert sum(task.split.sizes.values()) == len(known)
    read_as_classes = not options and 2 in cells[1:3]
    assert ("read as classes" in task.overview().get("interpreted as", "")) == read_as_classes


def test_several_label_columns():
    nodes = {"port": [0, 1, 0, 1, 0, 0], "capital": ["1", "0", "0", "0", "0", "NA"]}
    task = cities(nodes, label=["port", "capital"])
    assert (task.kind, task.class_names) == ("multilabel", ("port", "capital"))
    assert task.y[:, 0].tolist() == nodes["port"]
    assert task.y[5, 1].isnan()
    numbers = cities({"a": [1.5, 2, 3, 4, 5, 6], "b": [0, 1, 2, 3, 4, 5]}, label=["a", "b"])
    assert numbers.kind == "regression"
    mean, std = numbers.target_statistics
    train = numbers.y[numbers.split.train.copy()]
    assert torch.allclose(mean, train.mean(0))
    assert torch.allclose(std, train.std(0, correction=0))


def test_no_label_is_for_other_tasks():
    task = cities(label=None)
    assert (task.num_outputs, task.split.sizes["train"]) == (0, 0)
    assert task.encoder.column_names == ("인구", "지역")
    assert task.overview()["labels"] == "none; everything is unlabeled"


def test_features_by_choice_and_without_columns():
    one = cities({"v": [1, 2, 3, 4, 5, 6]}, features="v", kinds={"v": "raw"})
    assert one.x.flatten().tolist() == [1, 2, 3, 4, 5, 6]
    identity = from_tables({k: CITIES[k] for k in ("id", "지역")}, ROADS, "지역")
    assert torch.equal(identity.x, torch.eye(6))
    assert (
        "there are no columns with features: one for each node" in identity.overview()["features"]
    )
    degree = cities(features="degree")
    assert "degree" in degree.overview()["features"]
    assert degree.encoder.column_names == ("degree", "log degree")
    assert degree.x.shape[0] == 6


def test_rows_of_counts_are_normalized():
    nodes = {"id": ["a", "b", "c"], "w0": [1, 0, 0], "w1": [1, 0, 1], "label": ["p", "q", "p"]}
    split = {"train": [0, 1, 2]}
    task = from_tables(nodes, split=split, normalize_features=True)
    assert task.x.tolist() == [[0.5, 0.5], [0, 0], [0, 1]]
    with pytest.raises(ValueError, match="'normalize_features' must be False for negative"):
        from_tables({**nodes, "w0": [1.5, 2, 0.0]}, split=split, normalize_features=True)


def test_ids_that_are_written_alike_are_the_same():
    nodes = {"id": np.array([1, 2, 30]), "label": ["p", "q", "p"]}
    task = from_tables(nodes, {"source": ["1", " 2"], "target": [2.0, "30"]})
    assert task.graph.node_names == (1, 2, 30)
    assert task.graph.edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    decomposed = "\u1109\u1165\u110b\u116e\u11af"
    task = cities(edges={"source": [decomposed, *ROADS["source"][1:]]})
    assert task.graph.edge_index.tolist() == cities().graph.edge_index.tolist()
    numbered = from_tables({"label": ["p", "q", "p"]}, {"source": [0], "target": [2]}, id=None)
    assert numbered.graph.edge_index.tolist() == [[0, 2], [2, 0]]


MASKS = {f"{name}_mask": [1, 0, 0, 0, 0, 0] for name in ("train", "val")}


@pytest.mark.parametrize(
    ("nodes", "edges", "options", "message"),
    [
        ({}, {"target": ["인천", "대전", "대구", "강릉", "춘천"]}, {},
         "'edges' must name nodes .* got '강릉' in row 3 of the column 'target' .* 1 more"),
        ({}, {"target": ["인천", "대전", "대구", "", "대구"]}, {}, "got an empty cell in row 3"),
        ({"id": ["a", "b", "a", "b", "c", "d"]}, {}, {},
         "'id' must be different in every row, got 'a' in rows 0 and 2 and 1 more"),
        ({"id": ["a", None, "c", "d", "e", "f"]}, {}, {}, "'id' must have a value .* row 1"),
        ({}, {}, {"id": "name"}, "'id' must be one of the columns 'id', '인구', '지역' of a dict"),
        ({}, {}, {"label": "지녁"}, "'label' must be one of .* Did you mean label='지역'"),
        ({}, {}, {"source": "src"}, "'source' must be one of the columns 'source', 'target'"),
        ({}, {}, {"edge_weight": "miles"}, "'edge_weight' must be one of the columns"),
        ({}, {"km": [1, 2, "x", 4, 5]}, {"edge_weight": "km"},
         "'edge_weight' must have a number in every row, got 'x' in row 2"),
        ({}, {"km": ["a", "", "b", "c", "d"]}, {"edge_type": "km"}, "'edge_type' must have"),
        ({}, {}, {"features": ["age"]}, "'features' must be one of the columns"),
        ({}, {}, {"features": ["인구", "지역"]}, "'features' must be other columns, got '지역'"),
        ({}, {}, {"kinds": {"인구수": "raw"}}, "'kinds' must name columns that are features"),
        ({}, {}, {"kinds": {"인구": "list"}}, "'kinds' must have lists of numbers in '인구'"),
        ({"fold": ["train", "test", "holdout", "", "", ""]}, {}, {"split": "fold"},
         "'split' must have train, val or test in every cell, got 'holdout' in row 2 of 'fold'"),
        ({}, {}, {"split": "fold"}, "'split' must be one of the columns"),
        ({}, {}, {"split": 3}, "'split' must be a column, a mapping, a Split or None"),
        ({}, {}, {"split": {"training": [0]}}, "'split' must map 'train', 'val', 'test'"),
        ({}, {}, {"split": {"train": [0, 9]}}, "'split' must have row numbers from 0 to 5, got 9"),
        ({}, {}, {"split": {"train": ["파리"]}}, "'split' must have ids .* got '파리'"),
        ({}, {}, {"split": {"train": [0, 1], "test": [1, 2]}}, "'test_mask' must share no item"),
        ({}, {}, {"split": {"train": np.ones(3, bool)}}, "'split' must have one value for each"),
        (MASKS, {}, {}, "'val_mask' must share no item with train_mask, got 1 in both"),
        ({"train_mask": ["yes", "?", "no", "no", "no", "no"]}, {}, {}, "'train_mask' must be"),
        ({"지역": [""] * 6}, {}, {}, "'label' must have values, got 6 empty cells"),
        ({"v": ["1.5", "x", "y", "z", "2", "3"]}, {}, {"label": "v", "kind": "regression"},
         "'label' must contain"),
        ({"인구": [1, 2]}, {}, {}, "'nodes' must have the same number of rows in all columns"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(nodes, edges, options, message):
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        cities(nodes, edges, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_cora_exported_to_csv_is_cora(tmp_path, real_data):
    """Features, edges, labels and split; benchmarks/own_tables.py trains on both."""
    cora = gv.data.load("cora", root=real_data, dense=True)
    words = cora.x.gt(0).int().tolist()
    split = np.full(len(words), "", dtype=object)
    for name in ("train", "val", "test"):
        split[getattr(cora.split, name)] = name
    lines = ["id," + ",".join(f"w{n}" for n in range(cora.in_channels)) + ",topic,split"]
    lines += [
        f"문서 {n},{','.join(map(str, row))},{cora.class_names[label]},{split[n]}"
        for n, (row, label) in enumerate(zip(words, cora.y.tolist(), strict=True))
    ]
    (tmp_path / "nodes.csv").write_text("\n".join(lines), encoding="utf-8")
    pairs = [f"문서 {i},문서 {j}" for i, j in cora.graph.edge_index.t().tolist() if i < j]
    (tmp_path / "edges.csv").write_text("\n".join(["source,target", *pairs]), encoding="utf-8")
    own = gv.data.load(tmp_path, label="topic", kinds={"*": "boolean"}, normalize_features=True)
    assert torch.equal(own.x, cora.x)
    assert torch.equal(own.graph.edge_index, cora.graph.edge_index)
    assert own.split == cora.split
    names = [own.class_names[label] for label in own.y.tolist()]
    assert names == [cora.class_names[label] for label in cora.y.tolist()]
    assert own.graph.node_names[5] == "문서 5"


def test_an_empty_table_is_refused(tmp_path):
    (tmp_path / "nodes.csv").write_text("id,label\n")
    with pytest.raises(ValueError, match=r"'nodes' must have at least one row, got .*nodes\.csv"):
        from_tables(tmp_path / "nodes.csv")
    with pytest.raises(ValueError, match="'nodes' must have at least one row"):
        from_tables({})
    with pytest.raises(ValueError, match="'edge_weight' must be left out without edges"):
        from_tables(CITIES, None, "지역", edge_weight="km")
