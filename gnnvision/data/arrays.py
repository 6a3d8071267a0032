"""The arrays of a node dataset: one form for files, the cache and embedded datasets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import IO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.npz import unpack_arrays

__all__ = ["UNLABELED", "NodeArrays", "hash_tensors", "read_npz", "write_npz"]

UNLABELED = -100  # the default ignore_index of torch.nn.functional.cross_entropy
_NAMES = ("node_names", "class_names", "feature_names")


@dataclass(frozen=True, eq=False)
class NodeArrays:
    """A graph, sparse node features, node labels and the public split, validated.

    Args:
        edge_index: int64 (2, E): both directions of each edge, sorted by row then column,
            without self-loops and duplicates.
        feature_indptr: int64 (N + 1,): the start of each node in the next two arrays (CSR).
        feature_indices: int64 (nnz,): columns, ascending within a node.
        feature_data: float32 (nnz,): values.
        feature_shape: int64 (2,): N and F.
        y: int64 (N,): labels from 0; -100 for an unlabeled node.
        train: int64: the training nodes of the public split.
        val: int64: the validation nodes.
        test: int64: the test nodes.
        node_names: Unicode (N,), or empty.
        class_names: Unicode (C,), or empty.
        feature_names: Unicode (F,), or empty.

    Raises:
        ValueError: The arrays are inconsistent.
    """

    edge_index: NDArray[np.int64]
    feature_indptr: NDArray[np.int64]
    feature_indices: NDArray[np.int64]
    feature_data: NDArray[np.float32]
    feature_shape: NDArray[np.int64]
    y: NDArray[np.int64]
    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]
    node_names: NDArray[np.str_]
    class_names: NDArray[np.str_]
    feature_names: NDArray[np.str_]

    def __post_init__(self) -> None:
        for item in fields(self):
            kind = "U" if item.name in _NAMES else "iufb"
            array = np.asarray(getattr(self, item.name))
            _require(array.dtype.kind in kind, f"{item.name} has type {array.dtype}")
            if kind != "U":
                wanted = np.float32 if item.name == "feature_data" else np.int64
                array = np.ascontiguousarray(array, dtype=wanted)
            object.__setattr__(self, item.name, array)
        self._check_shapes()
        self._check_values()

    def _check_shapes(self) -> None:
        _require(self.feature_shape.shape == (2,), "feature_shape is not (N, F)")
        _require(bool((self.feature_shape >= 0).all()), "feature_shape is negative")
        n, f = self.num_nodes, self.num_features
        two_rows = self.edge_index.ndim == 2 and len(self.edge_index) == 2
        _require(two_rows, "edge_index is not (2, E)")
        _require(self.y.shape == (n,), f"y has shape {self.y.shape}, not ({n},)")
        _require(self.feature_indptr.shape == (n + 1,), "feature_indptr is not (N + 1,)")
        _require(
            self.feature_indices.ndim == 1
            and self.feature_indices.shape == self.feature_data.shape,
            "feature_indices and feature_data differ in length",
        )
        for name, length in (("node_names", n), ("feature_names", f)):
            size = getattr(self, name).shape
            _require(size in {(length,), (0,)}, f"{name} has shape {size}, not ({length},)")

    def _check_values(self) -> None:
        n, f = self.num_nodes, self.num_features
        pointer, column = self.feature_indptr, self.feature_indices
        _require(
            pointer[0] == 0 and pointer[-1] == len(column),
            "feature_indptr has wrong ends",
        )
        _require(bool((np.diff(pointer) >= 0).all()), "feature_indptr decreases")
        _require(_within(column, f), f"a feature index is outside 0..{f - 1}")
        ascending = np.diff(self.feature_rows() * f + column) > 0
        _require(bool(ascending.all()), "feature indices are not ascending within a node")
        _require(bool(np.isfinite(self.feature_data).all()), "a feature is NaN or infinite")
        row, col = self.edge_index
        _require(_within(self.edge_index, n), f"an edge has a node outside 0..{n - 1}")
        _require(bool((np.diff(row * n + col) > 0).all()), "edges are not sorted and unique")
        _require(bool((row != col).all()), "an edge is a self-loop")
        order = np.lexsort((row, col))
        both = np.array_equal(self.edge_index[::-1, order], self.edge_index)
        _require(both, "an edge is stored in one direction only")
        labeled = self.y[self.y != UNLABELED]
        _require(bool((labeled >= 0).all()), "a label is negative")
        for name in ("train", "val", "test"):
            nodes = getattr(self, name)
            _require(nodes.ndim == 1 and _within(nodes, n), f"{name} is outside 0..{n - 1}")
            _require(bool((self.y[nodes] >= 0).all()), f"{name} has an unlabeled node")

    @property
    def num_nodes(self) -> int:
        """The number of nodes N."""
        return int(self.feature_shape[0])

    @property
    def num_features(self) -> int:
        """The number of features F."""
        return int(self.feature_shape[1])

    def feature_rows(self) -> NDArray[np.int64]:
        """The node of each stored feature, int64 (nnz,)."""
        return np.repeat(np.arange(self.num_nodes), np.diff(self.feature_indptr))

    def normalized(self) -> NodeArrays:
        """A copy in which the features of each node sum to 1, unless they sum to 0.

        As in Kipf and Welling (2017). torch-geometric's `NormalizeFeatures` differs for sums
        below 1, which it leaves unchanged.
        """
        rows = self.feature_rows()
        total = np.bincount(rows, weights=self.feature_data, minlength=self.num_nodes)
        scale = np.divide(1.0, total, out=np.zeros_like(total), where=total != 0)
        return replace(self, feature_data=(self.feature_data * scale[rows]).astype(np.float32))

    def features(self, dense: bool = False) -> Tensor:
        """The features as a coalesced sparse COO tensor (N, F), or as a dense tensor."""
        indices = torch.from_numpy(np.stack([self.feature_rows(), self.feature_indices]))
        sparse = torch.sparse_coo_tensor(
            indices,
            torch.from_numpy(self.feature_data.copy()),
            (self.num_nodes, self.num_features),
            is_coalesced=True,
            check_invariants=True,
        )
        return sparse.to_dense() if dense else sparse

    def hash(self) -> str:
        """The SHA-256 of the graph, the features and the labels, in hexadecimal."""
        digest = hashlib.sha256()
        for item in fields(self):
            if item.name not in (*_NAMES, "train", "val", "test"):
                array = getattr(self, item.name)
                digest.update(f"{item.name} {array.dtype.str} {array.shape};".encode())
                digest.update(array.tobytes())
        return digest.hexdigest()


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """The SHA-256 of tensors and their names, shapes and types, in hexadecimal.

    Args:
        tensors: Dense or sparse COO tensors by name.
    """
    digest = hashlib.sha256()
    for name, tensor in tensors.items():
        held = tensor.detach()
        digest.update(f"{name} {held.dtype} {tuple(held.shape)};".encode())
        sparse = held.layout is torch.sparse_coo
        held = held.coalesce() if sparse else held
        for values in (held.indices(), held.values()) if sparse else (held,):
            digest.update(np.ascontiguousarray(values.cpu().numpy()).tobytes())
    return digest.hexdigest()


def read_npz(data: bytes) -> NodeArrays:
    """Read the arrays that `write_npz` stored; object arrays raise an error.

    Raises:
        ValueError: `data` is not such a file, or its arrays are inconsistent.
    """
    known = [item.name for item in fields(NodeArrays)]
    arrays = unpack_arrays(data)
    missing = [name for name in known if name not in arrays]
    if missing:
        raise ValueError(
            f"The npz archive cannot be read: {missing[0]} is not a file in the archive"
        )
    return NodeArrays(**{name: arrays[name] for name in known})


def write_npz(file: IO[bytes], arrays: NodeArrays) -> None:
    """Write the arrays to a file for `read_npz`."""
    np.savez(file, **{item.name: getattr(arrays, item.name) for item in fields(arrays)})


def _within(index: NDArray[np.int64], size: int) -> bool:
    return index.size == 0 or bool(index.min() >= 0 and index.max() < size)


def _require(condition: bool, fault: str) -> None:
    if not condition:
        raise ValueError(
            f"The arrays of the dataset are inconsistent: {fault}. Download the file again."
        )
