"""Graphs in files of one's own: GraphML, npz, and the layouts of TU and OGB, by their paths."""

import gzip
import shutil

import networkx as nx
import numpy as np
import pytest
import scipy.sparse
import torch

import gnnvision as gv
from gnnvision.data import GraphTask, NodeTask, Split

from .. import made_tu

RNG = np.random.default_rng(1)
N = 24
A = np.triu(RNG.random((N, N)) < 0.3, 1)
A = (A | A.T).astype(np.float32)
PAIRS = np.stack(np.nonzero(A))
X, Y = RNG.random((N, 3)).astype(np.float32), np.arange(N) % 2


def expected(**options):
    return gv.data.from_arrays(PAIRS, X, Y, **options)


# --- GraphML ------------------------------------------------------------------------------------


def test_graphml_by_its_path(tmp_path):
    path = tmp_path / "karate.graphml"
    nx.write_graphml(nx.karate_club_graph(), path)
    task = gv.data.load(path, label="club", edge_weight="weight")
    assert isinstance(task, NodeTask)
    assert (task.name, task.class_names) == ("karate", ("Mr. Hi", "Officer"))
    assert task.graph.node_names[0] == "0"
    assert task.graph.edge_weight is not None
    gv.fit(gv.models.gcn(34, 4, 2), task, gv.Recipe(epochs=2), progress=False)
    assert gv.data.load(path, label="club", seed=1).split != task.split
    directed = gv.data.load(path, label="club", undirected=False)
    assert directed.graph.num_edges == 156, "both directions"
    with pytest.raises(ValueError, match="'folds' must be left out for GraphML"):
        gv.data.load(path, label="club", folds=3)


# --- npz ----------------------------------------------------------------------------------------


def test_npz_of_a_sparse_adjacency(tmp_path):
    path = tmp_path / "adjacency.npz"
    for make in (scipy.sparse.csr_matrix, scipy.sparse.coo_array, scipy.sparse.csc_array):
        scipy.sparse.save_npz(path, make(A))
        task = gv.data.load(path)
        assert task.graph.edge_index.equal(torch.from_numpy(PAIRS))
        assert task.graph.edge_weight is None
        assert "labels" in task.overview()


@pytest.mark.parametrize("form", ["edge_index", "adj", "edges"])
def test_npz_with_named_arrays(tmp_path, form):
    path = tmp_path / "mine.npz"
    held = {"edge_index": PAIRS, "adj": A, "edges": PAIRS.T}
    train = np.arange(N) < 12
    np.savez(
        path, x=X, y=Y, train_mask=train, test_mask=~train, extra=np.ones(3), **{form: held[form]}
    )
    task = gv.data.load(path)
    assert task.data_hash == expected().data_hash
    assert task.split == Split("", np.arange(12), [], np.arange(12, N))
    assert task.overview()["unused arrays"] == "extra"
    assert gv.data.load(path, split="random", seed=2).split == expected(seed=2).split
    gv.fit(gv.models.gcn(3, 4, 2), task, gv.Recipe(epochs=1, select="last"), progress=False)


def test_npz_with_matrices_in_parts_and_objects(tmp_path):
    path = tmp_path / "amazon.npz"
    adjacency, attributes = scipy.sparse.csr_matrix(A), scipy.sparse.csr_matrix(X)
    parts = {
        f"{name}_{part}": getattr(matrix, part)
        for name, matrix in (("adj", adjacency), ("attr", attributes))
        for part in ("data", "indices", "indptr", "shape")
    }
    np.savez(path, labels=Y, class_names=np.array(["a", None], object), **parts)
    task = gv.data.load(path)
    assert task.graph.edge_index.equal(torch.from_numpy(PAIRS))
    np.testing.assert_array_equal(task.x.to_dense(), X)
    assert task.y.tolist() == Y.tolist()
    assert task.class_names == ("0", "1"), "objects are not unpickled"


def test_npz_with_one_direction_and_ten_splits(tmp_path):
    path = tmp_path / "roman.npz"
    once = PAIRS.T[PAIRS[0] < PAIRS[1]]
    masks = {f"{n}_masks": np.zeros((10, N), bool) for n in ("train", "val", "test")}
    for row in range(10):
        masks["train_masks"][row, row : row + 4] = True
        masks["val_masks"][row, 20:22] = masks["test_masks"][row, 22:] = True
    np.savez(path, edges=once, node_features=X, node_labels=Y, **masks)
    task = gv.data.load(path)
    assert task.graph.num_edges == len(once)
    assert "undirected=True adds it" in task.overview()["directions"]
    both = gv.data.load(path, undirected=True)
    assert both.graph.edge_index.equal(torch.from_numpy(PAIRS))
    assert both.overview()["directions"] == f"{len(once)} reverse edges were added"
    assert both.with_seed(3).split.train.tolist() == [3, 4, 5, 6]


def test_reverse_edges_have_the_values_of_their_edges(tmp_path):
    path = tmp_path / "weighted.npz"
    np.savez(path, edge_index=[[0, 2], [1, 1]], edge_weight=[0.5, 2.0], edge_type=[1, 0])
    graph = gv.data.load(path, undirected=True).graph
    assert graph.edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    assert graph.edge_weight.tolist() == [0.5, 0.5, 2, 2]
    assert graph.edge_type.tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize(
    ("arrays", "options", "fault"),
    [
        ({"x": X}, {}, "must have one of edge_index, edges, adj"),
        ({"edge_index": PAIRS * 1.5}, {}, "must have integer edges of shape"),
        ({"edge_index": np.array([[0], [99]]), "x": X}, {}, "'edge_index' must have nodes from 0"),
        ({"adj_data": [1.0], "adj_indptr": [0, 1]}, {}, "must have 'adj_indices'"),
        (
            {"adj_data": [1.0], "adj_indices": [7], "adj_indptr": [0, 1], "adj_shape": [1, 1]},
            {},
            "must contain a sparse matrix in 'adj'",
        ),
        (
            {
                "format": b"csr",
                "shape": [2, 2],
                "data": [1.0],
                "indices": [9],
                "indptr": [0, 1, 1],
            },
            {},
            "must contain a sparse matrix, got an error",
        ),
        ({"edge_index": PAIRS}, {"split": "kfold"}, "'split' must be one of 'public', 'random'"),
        ({"edge_index": PAIRS, "y": Y}, {"label": "z"}, "'label' must be one of"),
        ({"edge_index": PAIRS}, {"edge_type": "kind"}, "'edge_type' must be left out for npz"),
    ],
)
def test_npz_that_is_refused(tmp_path, arrays, options, fault):
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=fault):
        gv.data.load(path, **options)


def test_damaged_npz(tmp_path):
    path = tmp_path / "bad.npz"
    path.write_bytes(b"PK but not an archive")
    with pytest.raises(ValueError, match="npz archive cannot be read"):
        gv.data.load(path)


# --- TU -----------------------------------------------------------------------------------------


@pytest.fixture
def rings(tmp_path):
    folder = tmp_path / "rings"
    made_tu.write(folder / "raw", "RINGS", **made_tu.rings())
    return folder


def test_a_tu_folder_by_its_path(rings):
    task = gv.data.load(rings)
    assert isinstance(task, GraphTask)
    assert (task.name, task.graphs.num_graphs, task.class_names) == ("RINGS", 60, ("0", "1"))
    assert task.split.sizes == {"train": 48, "val": 6, "test": 6}
    assert "one-directional" not in str(task.overview())
    by_file = gv.data.load(rings / "raw" / "RINGS_A.txt")
    assert by_file.data_hash == gv.data.load(rings / "raw").data_hash == task.data_hash
    gv.fit(gv.models.molecule_gcn(1, 2, 4), task, gv.Recipe(epochs=1), progress=False)


def test_splits_of_a_tu_folder(rings):
    folds = gv.data.load(rings, split="kfold", folds=5)
    assert folds.split.sizes == {"train": 36, "val": 12, "test": 12}
    tests = [folds.with_seed(seed).split.test for seed in range(5)]
    assert sorted(np.concatenate(tests)) == list(range(60))
    assert gv.data.load(rings, split="stratified").split.sizes["test"] == 6
    assert gv.data.load(rings, split="random", seed=1).split != gv.data.load(rings).split
    with pytest.raises(ValueError, match="'folds' must be left out"):
        gv.data.load(rings, folds=5)


def test_values_of_graphs(tmp_path):
    made_tu.write(tmp_path, "VALUES", graph_labels=None, graph_attributes="0.5\n1.5\n2.25\n3.0")
    task = gv.data.load(tmp_path)
    assert (task.kind, task.y[:, 0].tolist()) == ("regression", [0.5, 1.5, 2.25, 3])
    made_tu.write(tmp_path, "VALUES", graph_attributes="0.5\n1.5\n2.25\n3.0")
    assert gv.data.load(tmp_path).kind == "classification"
    assert gv.data.load(tmp_path, kind="regression").y.equal(task.y)


def test_a_tu_folder_with_faults(tmp_path, rings):
    made_tu.write(tmp_path / "one", "ONE", A="1, 2\n2, 1\n1, 2", edge_labels=None)
    task = gv.data.load(tmp_path / "one")
    assert "repeat an edge and were merged" in task.overview()["edges"]
    made_tu.write(tmp_path / "one", "TWO")
    with pytest.raises(ValueError, match="must have one dataset, got ONE_A"):
        gv.data.load(tmp_path / "one")
    made_tu.write(tmp_path / "bad", "BAD", A="1, 2\n9, 2", edge_labels=None)
    with pytest.raises(ValueError, match=r"BAD_A\.txt, line 2, must refer to a node from 1 to 8"):
        gv.data.load(tmp_path / "bad")
    made_tu.write(tmp_path / "none", "NONE", graph_labels=None)
    with pytest.raises(ValueError, match="must have NONE_graph_labels"):
        gv.data.load(tmp_path / "none")


def test_mutag_by_its_path(real_data, tmp_path):
    raw = real_data / "MUTAG" / "MUTAG" / "raw"
    if not raw.is_dir():
        pytest.skip("needs MUTAG")
    task = gv.data.load(raw)
    with pytest.warns(UserWarning, match="repeat an edge"):
        known = gv.data.load("mutag", root=real_data)
    assert task.data_hash == known.__class__.from_graphs(known.graphs, known.y, known.x).data_hash


# --- OGB ----------------------------------------------------------------------------------------


def pack(place, rows):
    place.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(",".join(map(str, np.atleast_1d(row))) + "\n" for row in rows)
    place.write_bytes(gzip.compress(lines.encode(), mtime=0))


def one_graph(folder, **changes):
    files = {
        "raw/edge": PAIRS.T,
        "raw/num-node-list": [N],
        "raw/num-edge-list": [PAIRS.shape[1]],
        "raw/node-feat": X,
        "raw/node-label": Y,
        "raw/node_year": Y,
        "split/time/train": np.arange(12),
        "split/time/valid": np.arange(12, 18),
        "split/time/test": np.arange(18, N),
    }
    for name, rows in (files | changes).items():
        if rows is not None:
            pack(folder / f"{name}.csv.gz", rows)
    return folder


def test_ogb_of_nodes(tmp_path):
    task = gv.data.load(one_graph(tmp_path / "papers"))
    assert isinstance(task, NodeTask)
    assert task.name == "papers"
    assert task.data_hash == expected().data_hash
    assert task.split == Split("", np.arange(12), np.arange(12, 18), np.arange(18, N))
    assert task.overview()["unused files"] == "node_year"
    assert gv.data.load(tmp_path / "papers", split="random").split == expected().split


def many_graphs(folder, **changes):
    sizes, counts = [3, 1, 2, 2] * 5, [4, 0, 1, 2] * 5
    edges = [[0, 1], [1, 0], [1, 2], [2, 1], [0, 1], [0, 1], [1, 0]] * 5
    files = {
        "raw/edge": edges,
        "raw/num-node-list": sizes,
        "raw/num-edge-list": counts,
        "raw/node-feat": np.arange(40)[:, None],
        "raw/edge-feat": np.arange(70).reshape(35, 2),
        "raw/graph-label": [[1, 0, "nan"], [0, 1, 1], [1, 1, 0], [0, 0, 1]] * 5,
    }
    for name, rows in (files | changes).items():
        if rows is not None:
            pack(folder / f"{name}.csv.gz", rows)
    return folder


def test_ogb_of_graphs(tmp_path):
    folder = many_graphs(tmp_path / "mol")
    task = gv.data.load(folder)
    assert isinstance(task, GraphTask)
    assert (task.kind, task.y.shape, task.graphs.num_graphs) == ("multilabel", (20, 3), 20)
    assert task.y[0, 2].isnan()
    assert task.graphs.edge_index[:, 4].tolist() == [4, 5]
    assert task.graphs.edge_attr.shape == (35, 2)
    assert "5 of 35 edges have no reverse" in task.overview()["directions"]
    both = gv.data.load(folder, undirected=True).graphs
    assert both.num_edges == 40
    assert both.num_graphs == 20
    classes = many_graphs(tmp_path / "classes", **{"raw/graph-label": [0, 1] * 10})
    trained = gv.data.load(classes)
    gv.fit(gv.models.molecule_gcn(1, 2, 4), trained, gv.Recipe(epochs=1), progress=False)
    assert gv.data.load(classes, split="kfold", folds=4).split.sizes["test"] == 5
    unpacked = folder / "raw" / "edge.csv"
    with gzip.open(folder / "raw" / "edge.csv.gz") as source, unpacked.open("wb") as target:
        shutil.copyfileobj(source, target)
    (folder / "raw" / "edge.csv.gz").unlink()
    assert gv.data.load(folder).data_hash == task.data_hash


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"raw/edge": [[0, 1], [1, 99]]}, "edge.csv must have the edges that num-edge-list"),
        (
            {"raw/edge": [[0, 99]], "raw/num-edge-list": [1]},
            r"number the nodes of graph 0 from 0 to 23, got \[0, 99\] in line 1",
        ),
        ({"raw/num-edge-list": [1, 2]}, "num-edge-list.csv must have 1 lines"),
        ({"raw/node-feat": X[:3]}, "node-feat.csv must have 24 lines, got 3"),
        ({"raw/node-feat": [["a"]] * N}, "node-feat.csv.gz must contain numbers"),
        ({"raw/edge": [[0, 1, 2]]}, "edge.csv.gz must have 2 columns, got 3"),
        ({"raw/num-node-list": [-1]}, "must have no negative number, got -1"),
        ({"raw/node-label": None}, "must have graph-label.csv"),
        ({"split/random/train": [1]}, "must have one split, got random, time"),
        ({"split/time/train": [12]}, "'val' must share no index with 'train'"),
    ],
)
def test_ogb_folders_with_faults(tmp_path, changes, fault):
    with pytest.raises(ValueError, match=fault):
        gv.data.load(one_graph(tmp_path / "bad", **changes))


def test_ogb_files_that_are_damaged(tmp_path):
    folder = one_graph(tmp_path / "bad")
    (folder / "raw" / "edge.csv.gz").write_bytes(b"\x1f\x8bnothing")
    with pytest.raises(ValueError, match=r"edge\.csv\.gz must be complete"):
        gv.data.load(folder)
