"""A graph on disk is a task; damaged and hostile folders are refused in one sentence."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision.data import ChecksumError, GraphWriter
from gnnvision.data.graphs.graph_folder import check_graph_folder
from gnnvision.data.graphs.graph_manifest import file_hash


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The graph of 34 members of a club, with ids of text."""
    task = gv.data.load("karate")
    place = tmp_path_factory.mktemp("graph") / "club"
    with GraphWriter(place, 34, undirected=False) as writer:
        writer.add_edges(*task.graph.edge_index)
        writer.add_nodes(x=task.x.to_dense(), y=task.y, ids=[f"회원 {n}" for n in range(34)])
        writer.finish(split=task.split, class_names=task.class_names)
    return place


@pytest.fixture
def copy(folder, tmp_path):
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def rewrite(folder, name, array, honest=False):
    """Replace a file; with `honest`, graph.json states its shape and hash."""
    np.save(folder / f"{name}.npy", array)
    if honest:
        about = json.loads((folder / "graph.json").read_text())
        about["files"][name] = {
            "dtype": array.dtype.str, "shape": [*array.shape],
            "sha256": file_hash(folder / f"{name}.npy"),
        }  # fmt: skip
        (folder / "graph.json").write_text(json.dumps(about))


def test_the_task_is_that_in_memory(folder):
    task, known = gv.data.load(folder), gv.data.load("karate")
    graph = gv.Graph.from_stored(task.graph)
    assert torch.equal(graph.to_dense(), known.graph.to_dense())
    assert torch.equal(task.x, known.x.to_dense())
    assert torch.equal(task.y, known.y)
    assert task.split == known.split
    assert (task.class_names, task.name) == (known.class_names, "club")
    assert task.graph.node_names[33] == "회원 33"
    assert list(task.graph.node_names[2:4]) == ["회원 2", "회원 3"]
    assert task.graph.node_names.find("회원 7") == 7
    assert task.graph.node_names.find("회원") == -1
    assert task.overview()["on disk"].startswith("0.0 MiB in ")
    assert gv.data.load(folder).data_hash == task.data_hash


def test_values_are_read_when_asked_for(copy):
    """After loading, what is written into a file is seen; what a user writes is never kept."""
    task, path = gv.data.load(copy), copy / "x.npy"
    with path.open("r+b") as file:
        file.seek(-4, 2)
        file.write(np.float32(5).tobytes())
    assert task.x[-1, -1] == 5
    before = file_hash(path)
    task.x[0] = 7
    assert file_hash(path) == before
    assert gv.data.load(copy).x[0, 0] != 7


def test_random_splits_follow_the_seed(folder):
    fixed, drawn = gv.data.load(folder, seed=1), gv.data.load(folder, split="random", seed=1)
    assert fixed.split == gv.data.load(folder).split
    assert drawn.split_name == "random"
    assert drawn.split == gv.data.load(folder, split="random").with_seed(1).split
    assert drawn.split != drawn.with_seed(2).split


def test_check_counts_edges(folder):
    found = gv.data.check(folder)
    assert found.facts["edges"] == "156, in the directions that were written"
    assert found.facts["homophily"] == gv.data.check("karate").facts["homophily"]
    assert check_graph_folder(folder)["num_edges"] == 156


def test_an_unfinished_graph_is_named(tmp_path):
    GraphWriter(tmp_path, 3).close()
    with pytest.raises(FileNotFoundError, match=r"was not finished: it has no graph\.json"):
        gv.data.load(tmp_path)


def test_options_of_tables_do_not_apply(folder):
    with pytest.raises(ValueError, match="'label' must be left out for a graph on disk"):
        gv.data.load(folder, label="y")
    with pytest.raises(ValueError, match="must be held in memory for this"):
        gv.data.load(folder, task="links")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda f: (f / "source.npy").unlink(), r"source\.npy' is missing"),
        (lambda f: (f / "source.npy").write_bytes(b"\x93NUMPY"), "must be a .npy file"),
        (lambda f: (f / "x.npy").write_bytes((f / "x.npy").read_bytes()[:-4]), "bytes of values"),
        (lambda f: rewrite(f, "source", np.zeros(3, np.int32)), r"must have shape \(156,\)"),
        (lambda f: rewrite(f, "x", np.zeros((34, 34))), "must have values of type float32"),
        (lambda f: rewrite(f, "source", np.zeros(9, np.int64), True), "have the type, shape"),
        (lambda f: rewrite(f, "y", np.zeros(9, np.int64), True), "have a shape of 'y' that fits"),
        (lambda f: rewrite(f, "train", np.array([0, 99]), True), "have nodes below 34"),
        (lambda f: rewrite(f, "rowptr", np.arange(35), True), "go from 0 to the number of edges"),
        (
            lambda f: np.save(f / "y.npy", np.array([print] * 34), allow_pickle=True),
            "must have numbers, got values of type object",
        ),
        (lambda f: (f / "graph.json").write_text("[" * 100_000), "must be JSON"),
        (lambda f: (f / "graph.json").write_text("{}"), "state the format"),
    ],
)
def test_damaged_folders(copy, change, match):
    change(copy)
    with pytest.raises((ValueError, FileNotFoundError), match=match):
        gv.data.load(copy)


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("version", 2, "Install a later gnnvision"),
        ("num_nodes", -1, "have in 'num_nodes' a number from 1"),
        ("num_nodes", 2**31 + 1, "have in 'num_nodes' a number from 1"),
        ("num_nodes", True, "have in 'num_nodes'"),
        ("num_edges", 10**30, "have in 'num_edges'"),
        ("kind", "magic", "have in 'kind' one of"),
        ("class_names", "ab", "have in 'class_names' a list of texts"),
        ("files", {"../x": {}}, "name the file 'rowptr'"),
        ("files", None, "have in 'files' a mapping"),
    ],
)
def test_hostile_facts(copy, key, value, match):
    about = json.loads((copy / "graph.json").read_text())
    (copy / "graph.json").write_text(json.dumps({**about, key: value}))
    with pytest.raises(ValueError, match=match):
        gv.data.load(copy)


@pytest.mark.parametrize(
    ("name", "change", "match"),
    [
        ("source", lambda a: np.where(a == 3, 34, a), r"be from 0 to 33, got 34 in row"),
        ("source", lambda a: np.where(a == 3, -1, a), r"be from 0 to 33, got -1 in row"),
        ("rowptr", lambda a: a[[0, 2, 1, *range(3, 35)]], "must be sorted"),
        ("train", lambda a: a[::-1].copy(), "must be sorted"),
        ("y", lambda a: a + 5, "have classes below 2, or -100, got 5 to 6"),
        ("x", lambda a: np.where(a == 1, np.nan, a), "must be finite"),
    ],
)
def test_values_are_checked_on_demand(copy, name, change, match):
    held = np.load(copy / f"{name}.npy")
    rewrite(copy, name, change(held).astype(held.dtype), honest=True)
    with pytest.raises(ValueError, match=match):
        check_graph_folder(copy)


def test_checksums(copy):
    content = bytearray((copy / "x.npy").read_bytes())
    content[-1] ^= 1
    (copy / "x.npy").write_bytes(content)
    gv.data.load(copy)
    with pytest.raises(ChecksumError, match=r"x\.npy' must have the SHA-256"):
        check_graph_folder(copy)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("source", lambda a: np.where(a == 0, 99, a)),
        ("source", lambda a: np.where(a == 0, -1, a)),
        ("rowptr", lambda a: np.where(np.arange(35) == 1, 2**60, a)),
        ("rowptr", lambda a: np.where(np.arange(35) == 1, -5, a)),
    ],
)
def test_damaged_edges_are_named_when_they_are_drawn(copy, name, change):
    held = np.load(copy / f"{name}.npy")
    rewrite(copy, name, change(held).astype(held.dtype), honest=True)
    graph = gv.data.load(copy).graph
    with pytest.raises(ValueError, match=r"must have edges between its nodes.* graph check"):
        graph.frontier(range(34), fanouts=(-1, 5), key=0)
