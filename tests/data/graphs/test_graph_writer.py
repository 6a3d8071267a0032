"""A graph is sorted on disk in small memory, and a build that was stopped continues."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

import gnnvision as gv
from gnnvision.data import GraphWriter
from gnnvision.data.atomic_files import NotWritable
from gnnvision.data.graphs import edge_runs, graph_writer
from gnnvision.data.graphs.graph_manifest import file_hash

SMALL = 2**16  # bytes, so that a few thousand edges are several runs


def edges_of(folder):
    """Target, source and columns of a finished graph."""
    rowptr, source = (np.load(folder / f"{name}.npy") for name in ("rowptr", "source"))
    assert rowptr[0] == 0
    assert rowptr[-1] == len(source)
    return np.repeat(np.arange(len(rowptr) - 1), np.diff(rowptr)), source


def random_edges(count=9000, nodes=700, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, nodes, count), (random.integers(0, nodes, count) ** 2) // nodes


def write(folder, source, target, blocks=7, stop=None, **options):
    """Write a graph by blocks; with `stop`, leave after this number of them."""
    options = {"memory": SMALL, **options}
    columns = options.pop("values", {})
    with GraphWriter(folder, 700, columns=[*columns], **options) as writer:
        began = writer.next_block
        parts = np.array_split(np.arange(len(source)), blocks)
        for number in range(began, blocks):
            if number == stop:
                return began
            rows = parts[number]
            writer.add_edges(
                source[rows], target[rows], **{n: v[rows] for n, v in columns.items()}
            )
        writer.finish()
    return began


def test_sorts_by_target_then_source(tmp_path: Path):
    source, target = random_edges()
    write(tmp_path / "g", source, target)
    order = np.lexsort([source, target])
    found = edges_of(tmp_path / "g")
    np.testing.assert_array_equal(found[0], target[order])
    np.testing.assert_array_equal(found[1], source[order])
    about = json.loads((tmp_path / "g/graph.json").read_text())
    assert about["num_edges"] == 9000
    assert about["self_loops"] == (source == target).sum()
    assert about["files"]["source"]["sha256"] == file_hash(tmp_path / "g/source.npy")
    assert sorted(path.name for path in (tmp_path / "g").iterdir()) == [
        "graph.json", "rowptr.npy", "source.npy",
    ]  # fmt: skip


def test_small_memory_makes_several_runs(tmp_path: Path, monkeypatch):
    sizes = []
    close = edge_runs.Merger.__init__
    monkeypatch.setattr(
        edge_runs.Merger, "__init__",
        lambda self, runs, *rest: (sizes.append([*runs.sizes]), close(self, runs, *rest))[1],
    )  # fmt: skip
    write(tmp_path / "g", *random_edges())
    assert len(sizes[0]) > 2
    assert sum(sizes[0]) == 9000


@pytest.mark.parametrize("undirected", [False, True])
@pytest.mark.parametrize("kind", ["plain", "type", "weight"])
def test_equals_the_graph_of_tables(tmp_path: Path, undirected, kind):
    """Repeated rows are removed as by `from_tables`: with types, weights, in both directions."""
    source, target = random_edges(6000, 40)
    values, table = {}, {"source": source.astype(str), "target": target.astype(str)}
    if kind == "type":
        values["edge_type"] = (source * target) % 3
        table["kind"] = [f"t{n}" for n in values["edge_type"]]
    if kind == "weight":  # symmetric, so that no two rows of an undirected edge differ
        weight = (source + target) * 0.5
        if not undirected:
            weight[::5] += 1  # parallel edges
        values["edge_weight"] = weight.astype(np.float32)
        table["w"] = weight
    write(
        tmp_path / "g", source, target, undirected=undirected, duplicates="remove", values=values
    )
    wanted = gv.data.from_tables(
        {"id": [str(n) for n in range(700)], "label": ["a", "b"] * 350, "f": range(700)}, table,
        undirected=undirected, edge_type="kind" if kind == "type" else None,
        edge_weight="w" if kind == "weight" else None,
    ).graph  # fmt: skip
    found = edges_of(tmp_path / "g")
    first, second = wanted.edge_index.numpy()
    keys = [first, second]
    if kind == "type":
        keys = [wanted.edge_type.numpy(), *keys]
    order = np.lexsort(keys)
    np.testing.assert_array_equal(found[0], second[order])
    np.testing.assert_array_equal(found[1], first[order])
    for name in values:
        held = np.load(tmp_path / f"g/{name}.npy")
        np.testing.assert_array_equal(held, getattr(wanted, name).numpy()[order])


def test_attributes_follow_their_edges(tmp_path: Path):
    source, target = random_edges()
    attributes = np.stack([source, target], 1).astype(np.float32)
    write(tmp_path / "g", source, target, values={"edge_attr": attributes}, undirected=True)
    into, out = edges_of(tmp_path / "g")
    held = np.load(tmp_path / "g/edge_attr.npy")
    np.testing.assert_array_equal(np.sort(held, 1), np.sort(np.stack([into, out], 1), 1))


@pytest.mark.parametrize("stop", [1, 3, 6])
def test_continues_after_it_was_stopped(tmp_path: Path, stop):
    source, target = random_edges()
    write(tmp_path / "whole", source, target, undirected=True)
    assert write(tmp_path / "g", source, target, undirected=True, stop=stop) == 0
    assert not (tmp_path / "g/graph.json").exists()
    began = write(tmp_path / "g", source, target, undirected=True)
    assert began == (0 if stop == 1 else stop - 1)  # the last block was still in memory
    for name in ("rowptr", "source"):
        assert file_hash(tmp_path / f"g/{name}.npy") == file_hash(tmp_path / f"whole/{name}.npy")


def test_full_disk_at_any_write(tmp_path: Path, monkeypatch):
    """One sentence, no graph.json, and the same code continues to the same bytes."""
    source, target = random_edges(4000)
    values = {"edge_weight": np.arange(4000, dtype=np.float32)}
    monkeypatch.setattr(graph_writer, "COMMITTED", 2000)
    sync, calls, full_from = os.fsync, [0], [10**9]

    def full(handle):
        calls[0] += 1
        if calls[0] > full_from[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    write(tmp_path / "whole", source, target, values=values)
    for full_from[0] in range(0, last := calls[0], 7):
        calls[0], folder = 0, tmp_path / f"g{full_from[0]}"
        with pytest.raises(NotWritable, match=r"disk of .* is full .* run the same again"):
            write(folder, source, target, values=values)
        if full_from[0] + 2 < last:  # else only the folder's own entry was not yet brought to disk
            assert not (folder / "graph.json").exists()
        full_from[0] = 10**9
        write(folder, source, target, values=values)
        for name in ("rowptr", "source", "edge_weight"):
            assert file_hash(folder / f"{name}.npy") == file_hash(tmp_path / f"whole/{name}.npy")


def test_nodes_by_blocks_continue(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(graph_writer, "COMMITTED", 100)
    x = np.random.default_rng(0).normal(size=(700, 3)).astype(np.float32)

    def build(until):
        with GraphWriter(tmp_path / "g", 700) as writer:
            began = writer.next_node
            for first in range(began, until, 100):
                ids = [f"노드 {n}" for n in range(first, first + 100)]
                writer.add_nodes(x=x[first : first + 100], y=np.arange(100) % 2, ids=ids)
            if until == 700:
                writer.finish(split=gv.data.Split("mine", [3, 5], [1], [2]))
        return began

    assert build(400) == 0
    assert build(700) == 400
    np.testing.assert_array_equal(np.load(tmp_path / "g/x.npy"), x)
    assert np.load(tmp_path / "g/train.npy").tolist() == [3, 5]
    ends = np.load(tmp_path / "g/name_ends.npy")
    held = bytes(np.load(tmp_path / "g/name_bytes.npy"))
    assert held[ends[566] : ends[567]].decode() == "노드 567"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"key": "other"}, "unfinished one with other settings"),
        ({"undirected": True}, "unfinished one with other settings"),
    ],
)
def test_another_build_is_refused(tmp_path: Path, options, match):
    write(tmp_path / "g", *random_edges(100), stop=1)
    with pytest.raises(ValueError, match=match):
        GraphWriter(tmp_path / "g", 700, memory=SMALL, **options)


def test_used_folders_are_refused(tmp_path: Path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(ValueError, match=r"be empty, got .*mine\.txt"):
        GraphWriter(tmp_path, 3)
    write(tmp_path / "g", *random_edges(10))
    with pytest.raises(ValueError, match="has a finished graph"):
        GraphWriter(tmp_path / "g", 700)
    with GraphWriter(tmp_path / "h", 3), pytest.raises(ValueError, match="another process"):
        GraphWriter(tmp_path / "h", 3)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        ({"source": [0, 3], "target": [1, 1]}, "'source' must be from 0 to 2, got 3"),
        ({"source": [0, -1], "target": [1, 1]}, "'source' must be from 0 to 2, got -1"),
        ({"source": [0], "target": [1, 1]}, "'target' must have shape"),
        ({"source": [0.5], "target": [1]}, "'source' must be integers"),
        ({"source": [0], "target": [1], "edge_type": [0]}, "'edge_type' must be left out"),
        ({"source": [0], "target": [1], "edge_weight": None}, "'edge_weight' must be given"),
        ({"source": [0], "target": [1], "edge_weight": [np.nan]}, "'edge_weight' must be finite"),
    ],
)
def test_bad_edges_are_refused(tmp_path: Path, call, match):
    columns = ["edge_weight"] if "edge_weight" in call else []
    with GraphWriter(tmp_path, 3, columns=columns) as writer:
        with pytest.raises((ValueError, TypeError), match=match):
            writer.add_edges(**call)


def test_bad_nodes_are_refused(tmp_path: Path):
    with GraphWriter(tmp_path, 3) as writer:
        writer.add_nodes(x=np.ones((2, 2)))
        with pytest.raises(ValueError, match="'x' must have num_nodes=3 rows in all, got 4"):
            writer.add_nodes(x=np.ones((2, 2)))
        with pytest.raises(ValueError, match="as before"):
            writer.add_nodes(x=np.ones((1, 3)))
        with pytest.raises(ValueError, match="NaN or infinity in row 0"):
            writer.add_nodes(x=np.full((1, 2), np.nan))
        with pytest.raises(ValueError, match="must have num_nodes=3 nodes before it is finished"):
            writer.finish()


def test_other_values_of_one_undirected_edge(tmp_path: Path):
    with GraphWriter(
        tmp_path, 3, undirected=True, duplicates="remove", columns=["edge_weight"]
    ) as writer:
        writer.add_edges([0, 1], [1, 0], edge_weight=[1.0, 2.0])
        with pytest.raises(ValueError, match="other ones between the nodes 0 and 1"):
            writer.finish()
