"""A folder in the csv layout of the Open Graph Benchmark.

`raw/edge.csv.gz` has the source and the target of each edge, numbered within its graph,
`raw/num-node-list.csv.gz` and `raw/num-edge-list.csv.gz` the sizes of the graphs,
`raw/node-feat.csv.gz` and `raw/edge-feat.csv.gz` features, `raw/node-label.csv.gz` or
`raw/graph-label.csv.gz` labels. `split/NAME/train.csv.gz`, `valid.csv.gz` and `test.csv.gz` have
the row numbers of a split. No file has a header.

References:
    Hu et al., "Open Graph Benchmark: Datasets for machine learning on graphs", 2020,
    https://arxiv.org/abs/2005.00687.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gnnvision.data.errors import invalid_file
from gnnvision.data.graphs.adjacency import with_directions
from gnnvision.data.graphs.from_arrays import task_of_graph
from gnnvision.data.graphs.graph_task import GraphTask
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.data.graphs.options import GraphOptions
from gnnvision.data.graphs.tu_folder import split_graphs
from gnnvision.data.split import Split
from gnnvision.domains import Graph
from gnnvision.errors import invalid

__all__ = ["is_ogb", "read_ogb_folder"]

OPTIONS = frozenset(("undirected", "kind", "folds"))
MAX_BYTES = 1 << 33  # of an unpacked file
KNOWN = ("edge", "num-node-list", "num-edge-list", "node-feat", "edge-feat", "node-label",
         "graph-label", "edge-weight")  # fmt: skip
_ADVICE = "Export it again."
Array = NDArray[Any]


def is_ogb(path: Path) -> bool:
    """Whether a path is a folder with edge.csv and num-node-list.csv, or their `.gz`, in raw/."""
    return path.is_dir() and any(
        _file(folder, "edge") and _file(folder, "num-node-list") for folder in (path / "raw", path)
    )


def read_ogb_folder(path: Path, options: GraphOptions, requested: str) -> NodeTask | GraphTask:
    """The task of a folder in OGB's csv layout: of nodes for one graph, of graphs for many.

    Raises:
        ValueError: A file is missing or damaged, the files do not agree, or an option does not
            apply.
    """
    options.only(OPTIONS, "a folder in OGB's layout")
    raw = path / "raw" if _file(path / "raw", "edge") else path
    node_counts = _table(raw, "num-node-list", int, 1)[:, 0]
    edge_counts = _edge_counts(raw, len(node_counts))
    pairs = _table(raw, "edge", int, 2)
    if int(edge_counts.sum()) != len(pairs):
        got = f"{len(pairs):,} lines for {int(edge_counts.sum()):,} edges"
        raise invalid_file(
            "edge.csv", "have the edges that num-edge-list.csv counts", got, _ADVICE
        )
    offsets = np.concatenate([[0], np.cumsum(node_counts)])
    member = np.repeat(np.arange(len(node_counts)), edge_counts)
    outside = ((pairs < 0) | (pairs >= node_counts[member][:, None])).any(1)
    if outside.any():
        row = int(outside.argmax())
        condition = f"number the nodes of graph {member[row]} from 0 to "
        condition += f"{node_counts[member[row]] - 1}"
        got = f"{pairs[row].tolist()} in line {row + 1}"
        raise invalid_file("edge.csv", condition, got, _ADVICE)
    columns: dict[str, Any] = {}
    for column, name in (("edge_attr", "edge-feat"), ("edge_weight", "edge-weight")):
        values = _optional(raw, name, len(pairs))
        if values is not None:
            columns[column] = torch.from_numpy(values[:, 0] if column == "edge_weight" else values)
    index = torch.from_numpy((pairs + offsets[member][:, None]).T.copy())
    graph = Graph(index, int(offsets[-1]), offsets=torch.from_numpy(offsets), **columns)
    graph, notes = with_directions(graph, options.undirected)
    unused = sorted({_stem(file) for file in raw.iterdir() if _stem(file)} - {*KNOWN})
    if unused:
        notes["unused files"] = ", ".join(unused)
    x = _optional(raw, "node-feat", graph.num_nodes)
    kind = None if options.kind == "auto" else options.kind
    task: NodeTask | GraphTask
    if len(node_counts) > 1 or not _file(raw, "node-label"):
        y, split = _labels(raw, "graph-label", len(node_counts)), _split(path, options)
        task = GraphTask.from_graphs(
            graph, y, None if x is None else torch.from_numpy(x), kind=kind, split=split,
            seed=options.seed, name=path.name,
        )  # fmt: skip
        task = split_graphs(replace(task, details={**task.details, **notes}), options)
        return task
    if options.split not in ("public", "random"):
        advice = "Other splits are for many graphs."
        raise invalid("split", "be 'public' or 'random'", repr(options.split), advice)
    y = _labels(raw, "node-label", graph.num_nodes)
    single = task_of_graph(
        graph, x, y, split=_split(path, options), kind=kind, seed=options.seed, name=path.name
    )
    return replace(single, details={**single.details, **notes})


def _stem(file: Path) -> str:
    """The name of a table without its endings; "" for another file."""
    name = file.name.removesuffix(".gz")
    return name.removesuffix(".csv") if name.endswith(".csv") else ""


def _file(folder: Path, name: str) -> Path | None:
    places = (folder / f"{name}.csv.gz", folder / f"{name}.csv")
    return next((place for place in places if place.is_file()), None)


def _edge_counts(raw: Path, graphs: int) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = _table(raw, "num-edge-list", int, 1)[:, 0]
    if len(counts) != graphs:
        condition = f"have {graphs:,} lines, as many as num-node-list.csv"
        raise invalid_file("num-edge-list.csv", condition, len(counts), _ADVICE)
    return counts


def _table(folder: Path, name: str, kind: type, columns: int | None = None) -> Array:
    """The numbers of a table. Shape (lines, columns)."""
    place = _file(folder, name)
    if place is None:
        condition, advice = f"have {name}.csv or {name}.csv.gz", "Add it."
        raise invalid_file(repr(str(folder)), condition, "no such file", advice)
    content = _content(place)
    if not content.strip():
        return np.zeros((0, columns or 1), kind)
    try:
        array: Array = np.loadtxt(
            io.BytesIO(content), dtype=kind, delimiter=",", ndmin=2, comments=None
        )  # fmt: skip
    except (ValueError, OverflowError) as error:
        raise invalid_file(place.name, "contain numbers", f"an error: {error}", _ADVICE) from None
    if columns is not None and array.shape[1] != columns:
        raise invalid_file(place.name, f"have {columns} columns", array.shape[1], _ADVICE)
    if kind is int and columns == 1 and (array < 0).any():
        raise invalid_file(place.name, "have no negative number", int(array.min()), _ADVICE)
    return array


def _content(place: Path) -> bytes:
    content = place.read_bytes()
    if not place.name.endswith(".gz"):
        return content
    try:
        with gzip.open(io.BytesIO(content)) as packed:
            content = packed.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise invalid_file(place.name, "be complete", f"an error: {error}") from None
    if len(content) > MAX_BYTES:
        raise invalid_file(place.name, f"be at most {MAX_BYTES >> 30} GiB", "more", "Unpack it.")
    return content


def _optional(folder: Path, name: str, rows: int) -> NDArray[np.float32] | None:
    """Features, if there are any."""
    if _file(folder, name) is None:
        return None
    array = _table(folder, name, float)
    if len(array) != rows:
        raise invalid_file(f"{name}.csv", f"have {rows:,} lines", f"{len(array):,}", _ADVICE)
    return array.astype(np.float32)


def _labels(folder: Path, name: str, rows: int) -> Array:
    """Labels, as integers where all are; NaN where one is missing."""
    array = _optional(folder, name, rows)
    if array is None:
        condition, advice = f"have {name}.csv or {name}.csv.gz", "Add it."
        raise invalid_file(repr(str(folder)), condition, "no such file", advice)
    known = array[~np.isnan(array)]
    single = array.shape[1] == 1
    if single and (known == np.round(known)).all():  # classes
        return np.where(np.isnan(array), -100, array).astype(np.int64)[:, 0]
    return array


def _split(path: Path, options: GraphOptions) -> Split | None:
    """The split in the folder split/NAME, of which there must be at most one."""
    if options.split != "public":
        return None
    folders: Sequence[Path] = sorted(p for p in (path / "split").glob("*") if p.is_dir())
    if not folders:
        return None
    if len(folders) > 1:
        names = ", ".join(folder.name for folder in folders)
        advice = "Move the others away, or use split='random'."
        raise invalid_file(repr(str(path / "split")), "have one split", names, advice)
    rows = [_table(folders[0], name, int, 1)[:, 0] for name in ("train", "valid", "test")]
    return Split(folders[0].name, *rows)
