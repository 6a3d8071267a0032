"""Decoding of the Planetoid citation graphs (Cora, CiteSeer, PubMed).

Node i has features `allx[i]` and label `ally[i]` if `allx` has such a row; test node
`test.index[j]` has `tx[j]` and `ty[j]`. All other nodes have only edges.

References:
    Yang, Cohen, Salakhutdinov (2016), https://arxiv.org/abs/1603.08861;
    Kipf, Welling (2017), https://arxiv.org/abs/1609.02907, section 5.2, for the split.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.arrays import UNLABELED, NodeArrays
from gnnvision.data.card import Card
from gnnvision.data.errors import UnsafePickleError, invalid_file
from gnnvision.data.safe_pickle import safe_loads

__all__ = ["decode_planetoid", "undirected_edges"]

_FEATURES = ("x", "tx", "allx")
_LABELS = ("y", "ty", "ally")


def decode_planetoid(raw: Mapping[str, bytes], card: Card) -> NodeArrays:
    """The arrays in the raw files of one Planetoid dataset.

    Nodes missing from the files (15 in CiteSeer) have no features, the label -100 and are in no
    split; torch-geometric gives them the label 0.

    Args:
        raw: The content of each file by its name, e.g. "ind.cora.x".
        card: The card of the dataset, with its classes and the size of its validation split.

    Raises:
        UnsafePickleError: A pickled file uses more than plain arrays. Nothing was executed.
        ValueError: A file is damaged, or the files are inconsistent.
    """
    prefix = f"ind.{card.name}."
    files = {name: _unpickle(raw, prefix + name) for name in (*_FEATURES, *_LABELS, "graph")}
    test = _test_index(raw[prefix + "test.index"])
    try:
        return _assemble(files, test, card)
    except ValueError as error:
        raise ValueError(f"The files of {card.name!r} are inconsistent: {error}") from error


def undirected_edges(pairs: NDArray[np.int64], num_nodes: int) -> NDArray[np.int64]:
    """Both directions of each edge, sorted, without self-loops and duplicates.

    Args:
        pairs: Source and target nodes, from 0. Shape (2, E).
        num_nodes: The number of nodes N.

    Raises:
        ValueError: A node is outside 0..N - 1.
    """
    if pairs.size and (pairs.min() < 0 or pairs.max() >= num_nodes):
        raise ValueError(f"an edge has node {pairs.max()}, but there are {num_nodes} nodes")
    row, col = pairs[:, pairs[0] != pairs[1]]
    keys = np.unique(np.concatenate([row * num_nodes + col, col * num_nodes + row]))
    return np.stack([keys // num_nodes, keys % num_nodes])


def _unpickle(raw: Mapping[str, bytes], name: str) -> Any:  # noqa: ANN401
    """The content of one pickled file, with a check of its type."""
    try:
        content = safe_loads(raw[name])
    except UnsafePickleError as error:
        raise UnsafePickleError(f"{name}: {error}") from error
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    ending = name.rsplit(".", 1)[-1]
    if ending in _FEATURES:
        fits = type(content).__name__ == "csr_matrix"
    elif ending in _LABELS:
        fits = isinstance(content, np.ndarray) and content.ndim == 2
    else:
        fits = isinstance(content, dict)
    if not fits:
        condition = (
            "contain the csr matrix, label matrix or dict of neighbors that its name implies"
        )
        raise invalid_file(name, condition, type(content).__name__)
    return content


def _test_index(text: bytes) -> NDArray[np.int64]:
    try:
        index = np.array([int(word) for word in text.split()], dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"test.index must contain one number per line: {error}.") from None
    if len(np.unique(index)) != len(index):
        raise ValueError("test.index must list each node once. Download the file again.")
    return index


def _assemble(files: Mapping[str, Any], test: NDArray[np.int64], card: Card) -> NodeArrays:
    from scipy.sparse import csr_matrix, vstack

    num_train, num_known = files["x"].shape[0], files["allx"].shape[0]
    num_val = card.split_rule("public").num_val or 0
    for x, y in zip(_FEATURES, _LABELS, strict=True):
        if files[x].shape[0] != files[y].shape[0]:
            raise ValueError(f"{x} and {y} differ in rows")
        if files[x].shape[1] != files["allx"].shape[1]:
            raise ValueError(f"{x} and allx differ in columns")
        if files[y].shape[1] != len(card.class_names):
            raise ValueError(f"{y} does not have {len(card.class_names)} columns, one per class")
    if len(test) != files["tx"].shape[0]:
        raise ValueError(f"test.index lists {len(test)} nodes, tx has {files['tx'].shape[0]}")
    if len(test) and test.min() < num_known:
        raise ValueError(f"test.index lists node {test.min()}, which is also in allx")
    if num_train + num_val > num_known:
        raise ValueError(f"allx has {num_known} rows, {num_train} + {num_val} are needed")
    if not np.array_equal(files["y"], files["ally"][:num_train]):
        raise ValueError("y is not the beginning of ally")

    edges, largest = _neighbors(files["graph"])
    num_nodes = max(num_known, largest + 1, int(test.max()) + 1 if len(test) else 0)
    if num_nodes > 2 * (num_known + len(test)):
        raise ValueError(
            f"they refer to node {num_nodes - 1}, but describe {num_known + len(test)} nodes"
        )

    rows = np.concatenate([np.arange(num_known), test])  # the node of each row of allx, tx
    coo = vstack([files["allx"], files["tx"]]).tocoo()
    features = csr_matrix((coo.data, (rows[coo.row], coo.col)), (num_nodes, coo.shape[1]))
    features.sum_duplicates()
    features.eliminate_zeros()
    labels = np.full(num_nodes, UNLABELED, dtype=np.int64)
    labels[rows] = _labels(np.concatenate([files["ally"], files["ty"]]))
    nameless = np.array([], dtype=np.str_)
    return NodeArrays(
        edge_index=undirected_edges(edges, num_nodes),
        feature_indptr=features.indptr.astype(np.int64),
        feature_indices=features.indices.astype(np.int64),
        feature_data=features.data,
        feature_shape=np.array(features.shape),
        y=labels,
        train=np.arange(num_train),
        val=np.arange(num_train, num_train + num_val),
        test=np.sort(test),
        node_names=nameless,
        class_names=np.array(card.class_names),
        feature_names=nameless,
    )


def _labels(one_hot: NDArray[Any]) -> NDArray[np.int64]:
    """Class indices of one-hot rows; -100 for a row of zeros."""
    if not np.isin(one_hot, (0, 1)).all() or (one_hot.sum(axis=1) > 1).any():
        raise ValueError("a row of ally or ty is not one-hot")
    return np.where(one_hot.any(axis=1), one_hot.argmax(axis=1), UNLABELED)


def _neighbors(graph: Mapping[Any, Any]) -> tuple[NDArray[np.int64], int]:
    """The edges in a dict of neighbor lists, shape (2, E), and the largest node."""
    for node, near in graph.items():
        if type(node) is not int or not isinstance(near, list):
            raise ValueError(f"graph has the neighbors {near!r:.40} for node {node!r:.40}")
        if not all(type(other) is int for other in near):
            raise ValueError(f"the neighbors of node {node} are not all integers")
    try:
        nodes = np.fromiter(graph, np.int64, len(graph))
        sizes = np.fromiter((len(near) for near in graph.values()), np.int64, len(graph))
        others = np.fromiter((o for near in graph.values() for o in near), np.int64, sizes.sum())
    except OverflowError:
        raise ValueError("graph has a node beyond 64 bits") from None
    if min(nodes.min(initial=0), others.min(initial=0)) < 0:
        raise ValueError("graph has a negative node")
    largest = max(int(nodes.max(initial=-1)), int(others.max(initial=-1)))
    return np.stack([np.repeat(nodes, sizes), others]), largest
