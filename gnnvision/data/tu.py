"""Graph classification sets in the text layout of the TU Dortmund collection.

Nodes are numbered from 1 through all graphs, one graph after the other. `DS_A.txt` has a line
"source, target" for each edge, `DS_graph_indicator.txt` the graph of each node,
`DS_graph_labels.txt` the class of each graph; labels and attributes of nodes and edges may follow
in files of their own, a line for each node, or for each line of `DS_A.txt`.

References:
    Morris et al., "TUDataset: A collection of benchmark datasets for learning with graphs",
    2020, https://arxiv.org/abs/2007.08663.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

__all__ = ["OPTIONAL", "REQUIRED", "TuGraphs", "read_tu"]

REQUIRED = ("A", "graph_indicator", "graph_labels")
OPTIONAL = ("node_labels", "node_attributes", "edge_labels", "edge_attributes")
LARGEST = 2**53  # beyond, whole numbers are not exact
MOST_KINDS = 1000  # of labels; with more they are no labels

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class TuGraphs:
    """All graphs of a set, side by side.

    Args:
        edge_index: Source and target of each edge, from 0, sorted. Shape (2, E).
        offsets: Where the nodes of each graph begin, and the end. Shape (G + 1,).
        x: What is known of each node: its label one-hot, then its attributes. Shape (N, C).
        edge_attr: Likewise of each edge. Shape (E, D).
        y: The class of each graph, from 0. Shape (G,).
        classes: The label that each class has in the file, ascending.
        remarks: What is odd about the edges.
    """

    edge_index: NDArray[np.int64]
    offsets: NDArray[np.int64]
    x: NDArray[np.float32]
    edge_attr: NDArray[np.float32]
    y: NDArray[np.int64]
    classes: tuple[int, ...]
    remarks: tuple[str, ...] = ()

    def hash(self) -> str:
        """SHA-256 over the arrays, in hexadecimal."""
        digest = hashlib.sha256()
        for array in (self.edge_index, self.offsets, self.x, self.edge_attr, self.y):
            little = array.astype(array.dtype.newbyteorder("<"))
            digest.update(f"{array.shape};".encode() + little.tobytes())
        return digest.hexdigest()


def read_tu(files: Mapping[str, bytes], name: str) -> TuGraphs:
    """The graphs in the files of one set.

    Labels are made one-hot over the values that occur, so gaps between them do not matter.
    Where there are neither labels nor attributes, all nodes, or all edges, are of one kind: a
    column of ones. An edge that is listed twice counts once, one without its reverse goes one way
    only; `remarks` says how many there are.

    Args:
        files: The content of each file by its name, e.g. "MUTAG_A.txt"; those of `REQUIRED`,
            and of `OPTIONAL` what there is.
        name: The beginning of these names, e.g. "MUTAG".

    Raises:
        ValueError: A file is damaged, or the files do not fit one another. The message names
            the file and the line.
    """
    part = {
        key: _Part(f"{name}_{key}.txt", files[f"{name}_{key}.txt"])
        for key in (*REQUIRED, *OPTIONAL)
        if f"{name}_{key}.txt" in files
    }
    member, labels = part["graph_indicator"].column(), part["graph_labels"].column()
    part["graph_indicator"].check_range(member[:, None], len(labels), "graph")
    back = np.diff(member) < 0
    if back.any():
        part["graph_indicator"].refuse(int(back.argmax()) + 1, "name one graph after the other")
    pairs = part["A"].numbers(int, 2)
    part["A"].check_range(pairs, len(member), "node")
    pairs = pairs - 1
    astray = member[pairs[:, 0]] != member[pairs[:, 1]]
    if astray.any():
        part["A"].refuse(int(astray.argmax()), "join nodes of one graph")
    x = _described(part, "node", len(member), "graph_indicator")
    edge_attr = _described(part, "edge", len(pairs), "A")
    edge_index, edge_attr, remarks = _merged(pairs, edge_attr, len(member), part["A"])
    classes, y = np.unique(labels, return_inverse=True)
    sizes = np.bincount(member - 1, minlength=len(labels))
    return TuGraphs(
        edge_index=edge_index,
        offsets=np.concatenate([[0], np.cumsum(sizes)]),
        x=x,
        edge_attr=edge_attr,
        y=y.astype(np.int64),
        classes=tuple(classes.tolist()),
        remarks=remarks,
    )


class _Part:
    """One of the files."""

    def __init__(self, file: str, content: bytes) -> None:
        self.file = file
        self.lines = content.rstrip().splitlines()

    def refuse(self, row: int, condition: str) -> NoReturn:
        """Say what is wrong with the line of a row, counted from 0."""
        raise ValueError(
            f"{self.file}, line {row + 1}, must {condition}, got "
            f"{self.lines[row][:60].decode(errors='replace')!r}. Fetch the file again."
        )

    def numbers(self, kind: type[int] | type[float], columns: int | None = None) -> Array:
        """The numbers in all lines: (lines, columns)."""
        rows = []
        for row, line in enumerate(self.lines):
            try:
                cells = [kind(cell) for cell in line.split(b",")]
            except ValueError:
                cells = []
            # NaN and infinity are not below; Python reads 1_0 as 10.
            if not cells or b"_" in line or not all(abs(cell) < LARGEST for cell in cells):
                number = "whole numbers" if kind is int else "numbers"
                self.refuse(row, f"hold {number} with commas between them")
            columns = len(cells) if columns is None else columns
            if len(cells) != columns:
                self.refuse(row, f"hold {columns} of them")
            rows.append(cells)
        dtype = np.int64 if kind is int else np.float32
        return np.array(rows, dtype).reshape(len(rows), columns or 0)

    def column(self) -> NDArray[np.int64]:
        """The one whole number in each line."""
        numbers: NDArray[np.int64] = self.numbers(int, 1)[:, 0]
        return numbers

    def check_range(self, numbers: Array, most: int, what: str) -> None:
        """Refuse a line with a number that is not from 1 to `most`."""
        outside = ((numbers < 1) | (numbers > most)).any(1)
        if outside.any():
            self.refuse(int(outside.argmax()), f"name a {what} from 1 to {most}")


def _described(part: Mapping[str, _Part], item: str, count: int, listed: str) -> Array:
    """What the files say of each node or edge."""
    blocks: list[Array] = []
    for key in (f"{item}_labels", f"{item}_attributes"):
        if key not in part:
            continue
        if len(part[key].lines) != count:
            raise ValueError(
                f"{part[key].file} must have as many lines as {part[listed].file}, {count}, got "
                f"{len(part[key].lines)}. Fetch both files again."
            )
        if key.endswith("labels"):
            blocks += [_one_hot(column, part[key]) for column in part[key].numbers(int).T]
        else:
            blocks.append(part[key].numbers(float))
    return np.concatenate(blocks or [np.ones((count, 1))], 1, dtype=np.float32)


def _one_hot(labels: NDArray[np.int64], part: _Part) -> Array:
    values, place = np.unique(labels, return_inverse=True)
    if len(values) > MOST_KINDS:
        raise ValueError(
            f"{part.file} must hold at most {MOST_KINDS} different labels, got {len(values)}. "
            "Numbers that are no labels belong into a file of attributes."
        )
    one_hot = np.zeros((len(labels), len(values)), np.float32)
    one_hot[np.arange(len(labels)), place] = 1
    return one_hot


def _merged(
    pairs: NDArray[np.int64], attributes: Array, num_nodes: int, listed: _Part
) -> tuple[NDArray[np.int64], Array, tuple[str, ...]]:
    """The edges in order, each one once, and what is odd about them."""
    keys = pairs[:, 0] * num_nodes + pairs[:, 1]
    unique, first, place = np.unique(keys, return_index=True, return_inverse=True)
    differs = (attributes != attributes[first][place]).any(1)
    if differs.any():
        listed.refuse(int(differs.argmax()), "agree with the line that names the same edge before")
    edges = np.stack([unique // max(num_nodes, 1), unique % max(num_nodes, 1)])
    single = int((~np.isin(edges[1] * num_nodes + edges[0], unique)).sum())
    remarks = []
    if len(unique) < len(keys):
        repeated = len(keys) - len(unique)
        remarks.append(
            f"lines of {listed.file} that repeat an edge, which counts once: {repeated} of "
            f"{len(keys)}"
        )
    if single:
        remarks.append(
            f"edges without their reverse, which go one way only: {single} of {len(unique)}"
        )
    return edges, attributes[first], tuple(remarks)
