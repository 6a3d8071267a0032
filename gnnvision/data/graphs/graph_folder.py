"""A graph in the folder that a `GraphWriter` wrote, as a task whose arrays stay on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.columns import ColumnEncoder
from gnnvision.data.errors import invalid_file
from gnnvision.data.graphs.choose_split import choose_split
from gnnvision.data.graphs.graph_manifest import (
    ADVICE,
    MANIFEST,
    Manifest,
    file_hash,
    read_manifest,
)
from gnnvision.data.graphs.labels import Labels
from gnnvision.data.graphs.node_names import NodeNames
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.data.graphs.npy_files import map_array
from gnnvision.data.graphs.options import GraphOptions
from gnnvision.data.split import SPLIT_NAMES, Split
from gnnvision.domains import StoredGraph
from gnnvision.errors import one_of

__all__ = ["check_graph_folder", "is_graph_folder", "read_graph_folder"]

UNFINISHED = "build.json"
BLOCK = 2**22  # values that are checked together


def is_graph_folder(path: Path) -> bool:
    """Whether a folder has a graph of a `GraphWriter`, finished or not."""
    return path.is_dir() and ((path / MANIFEST).is_file() or (path / UNFINISHED).is_file())


def read_graph_folder(path: Path, options: GraphOptions, requested: str) -> NodeTask:
    """The task of a graph on disk.

    Sizes and types of all files are checked, and the classes of the nodes in the split; the other
    values are not, see `check_graph_folder`.

    Raises:
        FileNotFoundError: The graph is unfinished, or a file is missing.
        ValueError: A file is damaged, or an option does not apply.
    """
    options.only((), "a graph on disk")
    one_of("split", options.split, ("public", "random"))
    held = read_manifest(path)
    maps = {name: _mapped(held, name) for name in held.files}
    if "x" not in maps:
        name, advice = repr(str(path)), "Build it with features, such as --features degree."
        raise invalid_file(name, "have features of the nodes", "none", advice)
    kind, y = held["kind"], _targets(held, maps)
    names = _names(maps)
    graph = StoredGraph(
        torch.from_numpy(maps["rowptr"]),
        torch.from_numpy(maps["source"]),
        num_relations=held["num_relations"],
        node_names=names,
        is_undirected=held["undirected"],
        **{
            name: torch.from_numpy(maps[name])
            for name in ("edge_weight", "edge_attr", "edge_type")
            if name in maps
        },
    )
    classes = tuple(held["class_names"])
    labels = Labels(kind, y, classes)
    split, splitter = _split(held, maps, labels, options)
    if kind == "classification":
        for part in SPLIT_NAMES:
            _check_classes(held, y.numpy()[getattr(split, part)])
    about = held["about"]
    encoder = about.get("encoder")
    return NodeTask(
        name=held["name"] or path.name,
        requested=requested,
        kind=kind,
        in_channels=maps["x"].shape[1],
        num_outputs=len(classes),
        class_names=classes,
        split=split,
        splitter=splitter,
        seed=options.seed,
        data_hash=held.data_hash,
        details=_details(held),
        x=torch.from_numpy(maps["x"]),
        y=y,
        graph=graph,
        encoder=encoder and ColumnEncoder.from_dict(encoder),
        tables=about.get("tables"),
    )


def _mapped(held: Manifest, name: str) -> NDArray[Any]:
    entry = held.files[name]
    return map_array(held.path(name), entry["dtype"], tuple(entry["shape"]))


def _targets(held: Manifest, maps: dict[str, NDArray[Any]]) -> Tensor:
    """The targets; without any, all nodes are unlabeled."""
    classes = held["kind"] == "classification"
    if "y" not in maps:
        return torch.full((held["num_nodes"],), -100)
    y = maps["y"]
    if (y.dtype.kind == "i", y.ndim) != (classes, 1 if classes else 2):
        got = f"{y.dtype} of shape {y.shape}"
        name = repr(str(held.path("y")))
        raise invalid_file(name, f"have targets of a {held['kind']}", got, ADVICE)
    return torch.from_numpy(y)


def _names(maps: dict[str, NDArray[Any]]) -> NodeNames | None:
    if "ids" in maps:
        return NodeNames(maps["ids"])
    if "name_ends" in maps and "name_bytes" in maps:
        return NodeNames(text=maps["name_bytes"], ends=maps["name_ends"])
    return None


def _split(
    held: Manifest, maps: dict[str, NDArray[Any]], labels: Labels, options: GraphOptions
) -> tuple[Split, Callable[[int], Split] | None]:
    """The split on disk, or a random one of the labeled nodes."""
    drawn = held["split"] is None or held["split"] == "random" or options.split == "random"
    splitter = partial(_random_split, labels) if drawn else None
    if splitter and (options.split == "random" or options.seed or held["split"] is None):
        return splitter(options.seed), splitter
    rows = []
    for name in SPLIT_NAMES:
        nodes = maps[name]
        if len(nodes) and not 0 <= int(nodes[0]) <= int(nodes[-1]) < held["num_nodes"]:
            condition = f"have nodes below {held['num_nodes']:,} in their order"
            got = f"{nodes[0]} to {nodes[-1]}"
            raise invalid_file(repr(str(held.path(name))), condition, got, ADVICE)
        rows.append(nodes)
    return Split(held["split"], *rows), splitter


def _random_split(labels: Labels, seed: int) -> Split:
    return choose_split(labels, seed).split


def _details(held: Manifest) -> dict[str, str]:
    details = dict(held["about"].get("details") or {})
    size = sum(held.path(name).stat().st_size for name in held.files)
    details["on disk"] = (
        f"{size / 2**20:,.1f} MiB in {str(held.folder)!r}, read where it is needed; `gnnvision "
        "graph check` verifies it"
    )
    return {str(title): str(text) for title, text in details.items()}


def check_graph_folder(path: Path, step: Callable[[int], None] = lambda count: None) -> Manifest:
    """Verify the checksums and all values of a graph on disk.

    Args:
        path: The folder.
        step: Called with the number of bytes that were read since the last call.

    Raises:
        ChecksumError: A file is damaged.
        FileNotFoundError: The graph is unfinished, or a file is missing.
        ValueError: A value is out of range.
    """
    from gnnvision.data.errors import ChecksumError

    held = read_manifest(path)
    maps = {name: _mapped(held, name) for name in held.files}
    for name, entry in held.files.items():
        found = file_hash(held.path(name), step)
        if found != entry["sha256"]:
            raise ChecksumError(
                f"{str(held.path(name))!r} must have the SHA-256 {entry['sha256']}, got {found}. "
                f"{ADVICE}"
            )
    nodes, edges = held["num_nodes"], held["num_edges"]
    relations = held["num_relations"] or 0
    for name, low, high in (
        ("source", 0, nodes), ("edge_type", 0, relations), ("rowptr", 0, edges + 1),
        *((part, 0, nodes) for part in SPLIT_NAMES),
    ):  # fmt: skip
        if name in maps:
            _check_range(held, name, maps[name], low, high)
    for name in ("rowptr", "name_ends", *SPLIT_NAMES):
        if name in maps:
            _check_order(held, name, maps[name], strict=name in SPLIT_NAMES)
    rowptr = maps["rowptr"]
    if int(rowptr[0]) or int(rowptr[-1]) != edges:
        got = f"{int(rowptr[0])} to {int(rowptr[-1])}"
        name = repr(str(held.path("rowptr")))
        raise invalid_file(name, f"go from 0 to {edges:,}, the number of edges", got, ADVICE)
    if held["kind"] == "classification" and "y" in maps:
        for _, block in _blocks(maps["y"]):
            _check_classes(held, block)
    for name in ("x", "edge_weight", "edge_attr"):
        for start, block in _blocks(maps[name]) if name in maps else ():
            if not np.isfinite(block).all():
                got = f"NaN or infinity after row {start:,}"
                raise invalid_file(repr(str(held.path(name))), "be finite", got, ADVICE)
    return held


def _blocks(array: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    rows = max(1, BLOCK // max(1, int(np.prod(array.shape[1:]))))
    for start in range(0, len(array), rows):
        yield start, np.asarray(array[start : start + rows])


def _check_classes(held: Manifest, y: NDArray[Any]) -> None:
    known = y[y != -100]
    if len(known) and not 0 <= known.min() <= known.max() < len(held["class_names"]):
        condition = f"have classes below {len(held['class_names'])}, or -100"
        got = f"{known.min()} to {known.max()}"
        raise invalid_file(repr(str(held.path("y"))), condition, got, ADVICE)


def _check_range(held: Manifest, name: str, array: NDArray[Any], low: int, high: int) -> None:
    for start, block in _blocks(array):
        bad = np.flatnonzero((block < low) | (block >= high))
        if len(bad):
            row = start + int(bad[0])
            condition = f"be from {low} to {high - 1:,}"
            got = f"{array[row]} in row {row:,}"
            raise invalid_file(repr(str(held.path(name))), condition, got, ADVICE)


def _check_order(held: Manifest, name: str, array: NDArray[Any], strict: bool) -> None:
    last = -1
    for start, block in _blocks(array):
        steps = np.diff(block, prepend=last)
        bad = np.flatnonzero(steps < (1 if strict else 0))
        if len(bad) and (start + bad[0] or strict):
            row = start + int(bad[0])
            got = f"{array[row]} in row {row:,} after a larger one"
            raise invalid_file(repr(str(held.path(name))), "be sorted", got, ADVICE)
        last = int(block[-1])
