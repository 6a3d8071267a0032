"""A graph built from files in blocks is the one that `gnnvision.data.load` reads into memory."""

import csv
import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision.data.graphs import build_nodes
from gnnvision.data.graphs.build_graph import build_graph

SMALL = 2**16
NODES = 120


def names(kind):
    """Ids that a table may have."""
    return {
        "number": [str(n) for n in range(NODES)],
        "sparse": [str(n * n + 5) for n in range(NODES)],
        "text": [f"node-{n}" for n in range(NODES)],
        "korean": [f" 노드 {n}" if n % 3 else f"n{n}" for n in range(NODES)],
        "quoted": [f"n, {n}" if n % 3 else f'"{n}" é' for n in range(NODES)],
    }[kind]


def write_tables(folder, ids, delimiter=",", ending="\n", seed=0):
    """Two tables with columns of every kind."""
    draw = random.Random(seed)
    options = {"delimiter": delimiter, "lineterminator": ending}
    with (folder / "nodes.csv").open("w", newline="") as file:
        writer = csv.writer(file, **options)
        writer.writerow(["id", "label", "age", "score", "color", "flag", "part", "same"])
        for n, name in enumerate(ids):
            writer.writerow([
                name, draw.choice(["ten", "nine", "둘", ""]), draw.choice(["", f"{n}"]),
                f"{draw.random():.3f}", draw.choice(["red", "blue", "초록"]),
                draw.choice(["yes", "no"]), draw.choice(["train", "train", "val", "test", ""]),
                "x",
            ])  # fmt: skip
    with (folder / "edges.csv").open("w", newline="") as file:
        writer = csv.writer(file, **options)
        writer.writerow(["source", "target", "w", "kind", "year"])
        for _ in range(1500):
            a, b = draw.randrange(NODES), draw.randrange(NODES)
            row = [(a + b) * 0.5, f"t{(a * b) % 12}", 1990 + (a + b) % 30]
            writer.writerow([ids[a], ids[b], *row])


def same(folder, **options):
    """Assert that the task on disk is the one in memory, and return both."""
    stored, known = gv.data.load(folder / "out"), gv.data.load(folder / "nodes.csv", **options)
    graph = gv.Graph.from_stored(stored.graph)
    columns = [
        name for name in ("edge_type", "edge_weight") if getattr(known.graph, name) is not None
    ]
    for place in (graph, known.graph):
        assert place.num_nodes == len(stored.graph.node_names)

    def sort(graph):
        keys = [getattr(graph, name).numpy() for name in columns]
        order = np.lexsort([*keys, *graph.edge_index.numpy()])
        held = [graph.edge_index.T, *(getattr(graph, name) for name in columns)]
        held += [] if graph.edge_attr is None else [graph.edge_attr]
        return [values.numpy()[order] for values in held]

    for found, wanted in zip(sort(graph), sort(known.graph), strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert graph.num_relations == known.graph.num_relations
    assert torch.equal(stored.x, known.x)
    torch.testing.assert_close(stored.y, known.y, rtol=0, atol=0, equal_nan=True)
    assert stored.split == known.split
    assert stored.with_seed(3).split == known.with_seed(3).split
    assert (stored.class_names, stored.kind) == (known.class_names, known.kind)
    assert tuple(stored.graph.node_names) == known.graph.node_names
    assert json.dumps(stored.tables) == json.dumps(known.tables)
    assert stored.encoder == known.encoder
    details = dict(stored.details)
    details.pop("on disk")
    assert details == known.details
    return stored, known


def build(folder, **options):
    tables = folder / "edges.csv", folder / "nodes.csv", folder / "out"
    return build_graph(*tables, memory=SMALL, **options)


@pytest.mark.parametrize("ids", ["number", "sparse", "text", "korean", "quoted"])
def test_ids_of_every_kind(tmp_path: Path, ids):
    write_tables(tmp_path, names(ids))
    assert build(tmp_path)
    same(tmp_path)
    assert not build(tmp_path)  # it is there
    assert sorted(
        path.suffix for path in (tmp_path / "out").iterdir() if path.suffix != ".npy"
    ) == [".json"]


@pytest.mark.parametrize(
    "options",
    [
        {"edge_weight": "w", "edge_type": "kind"},
        {"edge_attr": ("w", "year"), "undirected": False},
        {"label": "score", "split": "random", "seed": 1},
        {"label": ("age", "score")},
        {"split_column": "part", "features": ("age", "color")},
        {"features": "degree"},
        {"features": "score", "normalize_features": True, "missing": (), "kind": "classification"},
    ],
)
def test_options_of_tables(tmp_path: Path, options):
    if options.get("normalize_features"):
        options = {**options, "features": ("flag",), "label": "color"}
    write_tables(tmp_path, names("text"))
    build(tmp_path, **options)
    stored, _ = same(tmp_path, **options)
    assert stored.graph.num_edges > 1000


@pytest.mark.parametrize(("delimiter", "ending"), [(";", "\n"), ("\t", "\r\n"), (",", "\r\n")])
def test_text_tables_of_every_form(tmp_path: Path, delimiter, ending):
    write_tables(tmp_path, names("korean"), delimiter, ending)
    build(tmp_path)
    same(tmp_path)


def test_small_blocks(tmp_path: Path, monkeypatch):
    """Blocks of a few hundred bytes: what spans two of them is read once."""
    monkeypatch.setattr("gnnvision.data.plain_table.CHUNK", 700)
    monkeypatch.setattr(build_nodes, "ROWS", 64)
    monkeypatch.setattr("gnnvision.data.graphs.column_store.BLOCK", 50)
    write_tables(tmp_path, names("korean"))
    build(tmp_path, edge_weight="w")
    same(tmp_path, edge_weight="w")


def test_parquet(tmp_path: Path):
    pytest.importorskip("pyarrow")
    from pyarrow import csv as arrow
    from pyarrow import parquet

    write_tables(tmp_path, names("sparse"))
    for table in ("nodes", "edges"):
        parquet.write_table(
            arrow.read_csv(tmp_path / f"{table}.csv"), tmp_path / f"{table}.parquet"
        )
        (tmp_path / f"{table}.csv").unlink()
    build_graph(
        tmp_path / "edges.parquet", tmp_path / "nodes.parquet", tmp_path / "out", memory=SMALL
    )
    (tmp_path / "nodes.parquet").rename(tmp_path / "nodes.pq")
    (tmp_path / "nodes.csv").unlink(missing_ok=True)
    stored = gv.data.load(tmp_path / "out")
    known = gv.data.load(tmp_path / "nodes.pq", edges=str(tmp_path / "edges.parquet"))
    assert tuple(stored.graph.node_names) == known.graph.node_names
    assert stored.graph.node_names[2] == 9
    assert torch.equal(stored.x, known.x)
    torch.testing.assert_close(stored.y, known.y, rtol=0, atol=0, equal_nan=True)
    graph = gv.Graph.from_stored(stored.graph)
    assert torch.equal(graph.to_dense(), known.graph.to_dense())


@pytest.mark.parametrize("at", ["nodes read", "nodes written", "edges read", "edges sorted"])
def test_a_build_that_was_stopped_continues(tmp_path: Path, monkeypatch, at):
    monkeypatch.setattr("gnnvision.data.plain_table.CHUNK", 20_000)
    write_tables(tmp_path, names("text"))

    def stop(what, count):
        if what == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, step=stop)
    assert not (tmp_path / "out/graph.json").exists()
    done = []
    build(tmp_path, step=lambda what, count: done.append(what))
    assert ("nodes read" in done) == (at in ("nodes read", "nodes written"))
    same(tmp_path)


def test_other_data_are_not_continued(tmp_path: Path):
    write_tables(tmp_path, names("text"))

    def stop(what, count):
        if what == "edges sorted":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, step=stop)
    with pytest.raises(ValueError, match="unfinished one with other settings or from other data"):
        build(tmp_path, label="color")


def test_edges_alone(tmp_path: Path):
    (tmp_path / "edges.csv").write_text("src,dst\n0,3\n3,1\n3,3\n")
    build_graph(tmp_path / "edges.csv", None, tmp_path / "out", memory=SMALL)
    task = gv.data.load(tmp_path / "out")
    assert (task.graph.num_nodes, task.graph.num_edges) == (4, 5)
    assert task.split.sizes == {"train": 0, "val": 0, "test": 0}
    assert task.encoder.names[-1] == "log degree"


@pytest.mark.parametrize("what", ["npz", "pt", "graphml"])
def test_other_formats(tmp_path: Path, what):
    known = gv.data.load("karate")
    path = tmp_path / f"club.{what}"
    masks = {
        name: np.isin(np.arange(34), getattr(known.split, name))
        for name in ("train", "val", "test")
    }
    arrays = {"edge_index": known.graph.edge_index.numpy(), "y": known.y.numpy(),
              "x": known.x.to_dense().numpy()}  # fmt: skip
    arrays |= {f"{name}_mask": mask for name, mask in masks.items()}
    if what == "npz":
        np.savez(path, **arrays)
    elif what == "pt":
        torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, path)
    else:
        import networkx

        club = networkx.karate_club_graph()
        for node in club:
            club.nodes[node]["age"] = node % 5
        networkx.write_graphml(club, path)
    options = {"label": "club"} if what == "graphml" else {}
    build_graph(path, None, tmp_path / "out", memory=SMALL, **options)
    task = gv.data.load(tmp_path / "out")
    wanted = gv.data.load(path, **options) if what != "pt" else known
    assert torch.equal(gv.Graph.from_stored(task.graph).to_dense(), wanted.graph.to_dense())
    assert torch.equal(task.y, wanted.y)
    assert task.split == wanted.split
    assert task.overview()["graph"].startswith("34 nodes, 78 edges")


@pytest.mark.parametrize(
    ("nodes", "edges", "match"),
    [
        ("id,label,f\na,p,1\na,q,2\n", "source,target\na,a\n", "'id' must be different in every"),
        ("id,label,f\na,p,1\n,q,2\n", "source,target\na,a\n", "an empty cell in row 1"),
        ("id,label,f\na,p,1\nb,q,2\n", "source,target\na,b\na,c\n", "got 'c' in row 1 of the"),
        ("id,label,f\na,p,1\nb,q\n", "source,target\na,b\n", "line 3 has 2 cells"),
        ("id,label\na,p\nb,q\n", "source,target\na,b\n", "Use --features degree"),
        ("id,label,f\na,p,1\nb,q,2\n", "source,aim\na,b\n", "'target' must name one of"),
        ("id,label,f\n", "source,target\na,b\n", "must have at least one row"),
    ],
)
def test_wrong_tables_are_named(tmp_path: Path, nodes, edges, match):
    (tmp_path / "nodes.csv").write_text(nodes)
    (tmp_path / "edges.csv").write_text(edges)
    with pytest.raises(ValueError, match=match):
        build(tmp_path)
    assert not (tmp_path / "out/graph.json").exists()


def test_a_pickle_is_not_read(tmp_path: Path):
    torch.save({"edge_index": object()}, tmp_path / "bad.pt")
    with pytest.raises(ValueError, match=r"torch\.load\(weights_only=True\) reads"):
        build_graph(tmp_path / "bad.pt", None, tmp_path / "out")
