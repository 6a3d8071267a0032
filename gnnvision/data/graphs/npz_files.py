"""Graphs in npz files: of `scipy.sparse.save_npz`, or with named arrays.

Object arrays, which would have to be unpickled, are never read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.errors import invalid_file
from gnnvision.data.graphs.adjacency import graph_of_adjacency, with_directions
from gnnvision.data.graphs.from_arrays import task_of_graph
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.data.graphs.options import GraphOptions
from gnnvision.data.npz import unpack_arrays
from gnnvision.data.split import SPLIT_NAMES
from gnnvision.domains import Graph
from gnnvision.errors import one_of

__all__ = ["is_npz", "read_npz_file"]

OPTIONS = frozenset(("undirected", "kind", "label"))
Array = NDArray[Any]

# The names of arrays in use, in the order of preference.
EDGES = ("edge_index", "edges")
ADJACENCY = ("adj", "adjacency", "adj_matrix", "A")
FEATURES = ("x", "features", "node_features", "attr", "attr_matrix", "feat", "X")
LABELS = ("y", "labels", "node_labels", "label")
NODE_NAMES, CLASS_NAMES = ("node_names",), ("class_names",)
COLUMNS = ("edge_weight", "edge_attr", "edge_type")
MASKS = {name: (f"{name}_mask", f"{name}_masks") for name in SPLIT_NAMES}
MOST_GAPS, LEAST_GAPS = 100, 1_000_000  # nodes without edges: for each end of an edge, and more
SPARSE = ("data", "indices", "indptr", "shape")


def is_npz(path: Path) -> bool:
    """Whether a path is an npz file by its name."""
    return path.name.lower().endswith(".npz") and not path.is_dir()


def read_npz_file(path: Path, options: GraphOptions, requested: str) -> NodeTask:
    """The task in an npz file.

    It has a matrix of `scipy.sparse.save_npz`, which is the adjacency; or arrays named
    edge_index (2, E), or edges (E, 2), or adj (N, N), and x, y and train_mask, val_mask and
    test_mask; or sparse matrices in parts, adj_data, adj_indices, adj_indptr, adj_shape and
    attr_data and so on, and labels.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, or has no edges; an array or an option is invalid.
    """
    options.only(OPTIONS, "npz files")
    one_of("split", options.split, ("public", "random"))
    arrays = _Arrays(path, unpack_arrays(path.read_bytes(), skip_objects=True))
    graph, notes = with_directions(arrays.graph(), options.undirected)
    masks = {
        name: arrays.mask(found, graph.num_nodes)
        for name, words in MASKS.items()
        if (found := arrays.take(words)) is not None
    }
    x = arrays.matrix(FEATURES)
    label = (options.label,) if isinstance(options.label, str) else options.label
    if label and label[0] not in arrays.held:
        one_of("label", label[0], list(arrays.held))
    y = arrays.take(label or LABELS)
    task = task_of_graph(
        graph,
        x,
        y,
        masks={} if options.split == "random" else masks,
        kind=None if options.kind == "auto" else options.kind,
        seed=options.seed,
        class_names=arrays.texts(CLASS_NAMES),
        name=path.stem,
    )
    unused = [name for name in arrays.held if name not in arrays.used]
    if unused:
        notes["unused arrays"] = ", ".join(unused)
    object.__setattr__(task, "details", {**task.details, **notes})
    return task


class _Arrays:
    """The arrays of a file, and which of them were used."""

    def __init__(self, path: Path, held: Mapping[str, Array]) -> None:
        self.path, self.held = path, held
        self.used: set[str] = set()

    def take(self, names: Sequence[str]) -> Array | None:
        """The first of these arrays that there is."""
        for name in names:
            if name in self.held:
                self.used.add(name)
                return self.held[name]
        return None

    def texts(self, names: Sequence[str]) -> tuple[str, ...] | None:
        array = self.take(names)
        if array is None or array.dtype.kind != "U" or not array.size:
            return None
        return tuple(array.tolist())

    def matrix(self, names: Sequence[str]) -> Any:  # noqa: ANN401
        """A dense array, or a sparse matrix whose parts have these names."""
        for name in names:
            if f"{name}_indptr" in self.held:
                parts = [self.take([f"{name}_{part}"]) for part in SPARSE]
                return self._sparse(name, parts)
        array = self.take(names)
        if array is not None and array.ndim == 0:
            raise self._error(f"have rows in {names[0]!r}", "a single value")
        return array

    def _sparse(self, name: str, parts: Sequence[Array | None]) -> Any:  # noqa: ANN401
        from scipy.sparse import csr_array

        data, indices, indptr, shape = parts
        if data is None or indices is None or indptr is None or shape is None:
            missing = [
                f"{name}_{part}" for part, a in zip(SPARSE, parts, strict=True) if a is None
            ]
            raise self._error(f"have {missing[0]!r}", "only other parts of this matrix")
        try:
            matrix = csr_array((data, indices, indptr), shape=tuple(shape.tolist()))
            matrix.check_format(full_check=True)
        except (ValueError, TypeError) as error:
            raise self._error(
                f"contain a sparse matrix in {name!r}", f"an error: {error}"
            ) from None
        return matrix

    def graph(self) -> Graph:
        """The graph, from any form of its edges."""
        names = self.texts(NODE_NAMES)
        options: dict[str, Any] = {} if names is None else {"node_names": names}
        if {"format", "shape", "data"} <= self.held.keys():
            self.used |= self.held.keys()
            return graph_of_adjacency(self._scipy(), **options)
        pairs = self.take(EDGES)
        if pairs is None:
            adjacency = self.matrix(ADJACENCY)
            if adjacency is None:
                known = ", ".join(self.held) or "no arrays"
                raise self._error(f"have one of {', '.join((*EDGES, *ADJACENCY))}", known)
            return graph_of_adjacency(adjacency, **options)
        import torch

        if pairs.dtype.kind not in "iu" or pairs.ndim != 2 or 2 not in pairs.shape:
            got = f"{pairs.dtype} of shape {pairs.shape}"
            raise self._error("have integer edges of shape (2, E)", got)
        if "edge_index" not in self.held and pairs.shape[1] == 2:
            pairs = pairs.T  # "edges" has a row for each edge
        for column in COLUMNS:
            values = self.take((column,))
            if values is not None:
                kept = values.astype(np.int64 if column == "edge_type" else np.float32)
                if column == "edge_weight":
                    kept = kept.reshape(-1)
                elif column == "edge_attr" and kept.ndim == 1:
                    kept = kept[:, None]
                options[column] = torch.from_numpy(kept)
        count = self._num_nodes(pairs)
        index = torch.from_numpy(np.ascontiguousarray(pairs, dtype=np.int64))
        return Graph(index, count, **options)

    def _num_nodes(self, pairs: Array) -> int:
        for name in (*FEATURES, *LABELS, *NODE_NAMES):
            if f"{name}_shape" in self.held:
                return int(self.held[f"{name}_shape"][0])
            if name in self.held and self.held[name].ndim:
                return len(self.held[name])
        last = int(pairs.max()) if pairs.size else -1
        if last > MOST_GAPS * pairs.size + LEAST_GAPS:  # each of them would take memory
            got = f"node {last:,} in {pairs.size // 2:,} edges"
            raise self._error("number the nodes without such gaps, or have features 'x'", got)
        return last + 1

    def _scipy(self) -> Any:  # noqa: ANN401
        """The matrix of `scipy.sparse.save_npz`, with its indices checked."""
        from scipy.sparse import load_npz

        try:
            matrix: Any = load_npz(BytesIO(self.path.read_bytes()))
            if hasattr(matrix, "check_format"):
                matrix.check_format(full_check=True)
            return matrix.tocsr()
        except Exception as error:  # scipy raises many types
            raise self._error("contain a sparse matrix", f"an error: {error}") from None

    def mask(self, array: Array, num_nodes: int) -> Array:
        """A mask with a row for each node; masks in rows, one for each split, are transposed."""
        array = array.astype(bool) if array.dtype.kind in "iu" else array
        rows = array.ndim == 2 and array.shape[0] != num_nodes == array.shape[1]
        return array.T if rows else array

    def _error(self, condition: str, got: str) -> ValueError:
        advice = "Write it with numpy.savez or scipy.sparse.save_npz."
        return invalid_file(repr(str(self.path)), condition, got, advice)
