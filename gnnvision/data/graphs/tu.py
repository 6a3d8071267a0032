"""Graph classification datasets in the text format of the TU Dortmund collection.

Nodes are numbered from 1 across all graphs, graph by graph. `DS_A.txt` has a line
"source, target" for each edge, `DS_graph_indicator.txt` the graph of each node,
`DS_graph_labels.txt` the class of each graph; labels and attributes of nodes and edges are in
optional files with a line for each node, or for each line of `DS_A.txt`.

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

from gnnvision.data.errors import invalid_file

__all__ = ["OPTIONAL", "REQUIRED", "VALUES", "TuGraphs", "read_tu"]

REQUIRED = ("A", "graph_indicator", "graph_labels")
OPTIONAL = ("node_labels", "node_attributes", "edge_labels", "edge_attributes")
VALUES = "graph_attributes"  # for a regression, in place of graph_labels
MAX_INTEGER = 2**53  # larger integers are not exact in float64
MAX_LABELS = 1000  # distinct labels of nodes or edges

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class TuGraphs:
    """All graphs of a dataset as one disjoint union.

    Args:
        edge_index: Source and target of each edge, from 0, sorted. Shape (2, E).
        offsets: The first node of each graph, and the end. Shape (G + 1,).
        x: Node features: one-hot labels, then attributes. Shape (N, C).
        edge_attr: Edge features: one-hot labels, then attributes. Shape (E, D).
        y: The class of each graph, from 0. Shape (G,). Or its values. Shape (G, T).
        classes: The label of each class in the file, ascending; empty for values.
        remarks: Notes about duplicate and one-directional edges.
    """

    edge_index: NDArray[np.int64]
    offsets: NDArray[np.int64]
    x: NDArray[np.float32]
    edge_attr: NDArray[np.float32]
    y: NDArray[np.int64] | NDArray[np.float32]
    classes: tuple[int, ...]
    remarks: tuple[str, ...] = ()

    def hash(self) -> str:
        """The SHA-256 of the arrays, in hexadecimal."""
        digest = hashlib.sha256()
        for array in (self.edge_index, self.offsets, self.x, self.edge_attr, self.y):
            little = array.astype(array.dtype.newbyteorder("<"))
            digest.update(f"{array.shape};".encode() + little.tobytes())
        return digest.hexdigest()


def read_tu(files: Mapping[str, bytes], name: str) -> TuGraphs:
    """The graphs in the files of one dataset.

    Labels are one-hot encoded over the values that occur. Without labels and attributes, the
    feature of all nodes, or edges, is a single 1. Duplicate edges are merged, and edges without
    their reverse stay one-directional; `remarks` has their numbers.

    Args:
        files: The content of each file by its name, e.g. "MUTAG_A.txt"; all of `REQUIRED`, and
            any of `OPTIONAL`. For a regression, `VALUES` in place of "graph_labels".
        name: The prefix of these names, e.g. "MUTAG".

    Raises:
        ValueError: A file is damaged, or the files are inconsistent. The message names the file
            and the line.
    """
    tables = {
        key: _TuFile(f"{name}_{key}.txt", files[f"{name}_{key}.txt"])
        for key in (*REQUIRED, *OPTIONAL, VALUES)
        if f"{name}_{key}.txt" in files
    }
    member = tables["graph_indicator"].column()
    classes: tuple[int, ...] = ()
    labels: NDArray[np.int64] | NDArray[np.float32]
    if "graph_labels" in tables:
        present, labels = np.unique(tables["graph_labels"].column(), return_inverse=True)
        labels, classes = labels.astype(np.int64), tuple(present.tolist())
    else:
        labels = tables[VALUES].numbers(float)
    tables["graph_indicator"].check_range(member[:, None], len(labels), "graph")
    back = np.diff(member) < 0
    if back.any():
        tables["graph_indicator"].refuse(int(back.argmax()) + 1, "list graph by graph")
    pairs = tables["A"].numbers(int, 2)
    tables["A"].check_range(pairs, len(member), "node")
    pairs = pairs - 1
    crossing = member[pairs[:, 0]] != member[pairs[:, 1]]
    if crossing.any():
        tables["A"].refuse(int(crossing.argmax()), "connect nodes of the same graph")
    x = _feature_matrix(tables, "node", len(member), "graph_indicator")
    edge_attr = _feature_matrix(tables, "edge", len(pairs), "A")
    edge_index, edge_attr, remarks = _merge_duplicates(pairs, edge_attr, len(member), tables["A"])
    sizes = np.bincount(member - 1, minlength=len(labels))
    return TuGraphs(
        edge_index=edge_index,
        offsets=np.concatenate([[0], np.cumsum(sizes)]),
        x=x,
        edge_attr=edge_attr,
        y=labels,
        classes=classes,
        remarks=remarks,
    )


class _TuFile:
    """One of the text files."""

    def __init__(self, file: str, content: bytes) -> None:
        self.file = file
        self.lines = content.rstrip().splitlines()

    def refuse(self, row: int, condition: str) -> NoReturn:
        """Raise ValueError about the line with the row number `row`, from 0."""
        line = self.lines[row][:60].decode(errors="replace")
        advice = "Correct the line, or download the file again."
        raise invalid_file(f"{self.file}, line {row + 1},", condition, repr(line), advice)

    def numbers(self, kind: type[int] | type[float], columns: int | None = None) -> Array:
        """The numbers in all lines, as an array (lines, columns)."""
        rows = []
        for row, line in enumerate(self.lines):
            try:
                cells = [kind(cell) for cell in line.split(b",")]
            except ValueError:
                cells = []
            # NaN and infinity fail the comparison; Python would read 1_0 as 10.
            if not cells or b"_" in line or not all(abs(cell) < MAX_INTEGER for cell in cells):
                number = "integers" if kind is int else "numbers"
                self.refuse(row, f"contain {number} separated by commas")
            columns = len(cells) if columns is None else columns
            if len(cells) != columns:
                self.refuse(row, f"contain {columns} numbers")
            rows.append(cells)
        dtype = np.int64 if kind is int else np.float32
        return np.array(rows, dtype).reshape(len(rows), columns or 0)

    def column(self) -> NDArray[np.int64]:
        """The integer in each line, for a file with one column."""
        numbers: NDArray[np.int64] = self.numbers(int, 1)[:, 0]
        return numbers

    def check_range(self, numbers: Array, most: int, what: str) -> None:
        """Raise ValueError if a line has a number that is not from 1 to `most`."""
        outside = ((numbers < 1) | (numbers > most)).any(1)
        if outside.any():
            self.refuse(int(outside.argmax()), f"refer to a {what} from 1 to {most}")


def _feature_matrix(tables: Mapping[str, _TuFile], item: str, count: int, listed: str) -> Array:
    """The features of all nodes or edges: one-hot labels and attributes."""
    blocks: list[Array] = []
    for key in (f"{item}_labels", f"{item}_attributes"):
        if key not in tables:
            continue
        if len(tables[key].lines) != count:
            condition = f"have {count} lines, as many as {tables[listed].file}"
            got, advice = len(tables[key].lines), "Correct the files, or download both again."
            raise invalid_file(tables[key].file, condition, got, advice)
        if key.endswith("labels"):
            blocks += [_one_hot(column, tables[key]) for column in tables[key].numbers(int).T]
        else:
            blocks.append(tables[key].numbers(float))
    return np.concatenate(blocks or [np.ones((count, 1))], 1, dtype=np.float32)


def _one_hot(labels: NDArray[np.int64], table: _TuFile) -> Array:
    values, index = np.unique(labels, return_inverse=True)
    if len(values) > MAX_LABELS:
        condition = f"have at most {MAX_LABELS} different labels"
        advice = "Numeric values belong in a file of attributes."
        raise invalid_file(table.file, condition, len(values), advice)
    one_hot = np.zeros((len(labels), len(values)), np.float32)
    one_hot[np.arange(len(labels)), index] = 1
    return one_hot


def _merge_duplicates(
    pairs: NDArray[np.int64], attributes: Array, num_nodes: int, listed: _TuFile
) -> tuple[NDArray[np.int64], Array, tuple[str, ...]]:
    """The sorted unique edges, their features, and remarks about them."""
    keys = pairs[:, 0] * num_nodes + pairs[:, 1]
    unique, first, place = np.unique(keys, return_index=True, return_inverse=True)
    differs = (attributes != attributes[first][place]).any(1)
    if differs.any():
        listed.refuse(
            int(differs.argmax()), "have the same values as the earlier line with this edge"
        )
    edges = np.stack([unique // max(num_nodes, 1), unique % max(num_nodes, 1)])
    single = int((~np.isin(edges[1] * num_nodes + edges[0], unique)).sum())
    remarks = []
    if len(unique) < len(keys):
        repeated = len(keys) - len(unique)
        remarks.append(
            f"{repeated} of {len(keys)} lines of {listed.file} repeat an edge and were merged"
        )
    if single:
        remarks.append(
            f"{single} of {len(unique)} edges have no reverse edge and are one-directional"
        )
    return edges, attributes[first], tuple(remarks)
