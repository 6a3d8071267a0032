"""A task on the nodes of a graph from arrays: edges, features, labels and masks."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gnnvision.data.graphs.adjacency import graph_of_adjacency, is_sparse
from gnnvision.data.graphs.choose_split import choose_split
from gnnvision.data.graphs.features import identity_features, to_features
from gnnvision.data.graphs.labels import read_labels
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.data.split import Split
from gnnvision.data.targets import Kind
from gnnvision.domains import Graph
from gnnvision.errors import invalid, wrong_dtype

__all__ = ["from_arrays", "task_of_graph"]


def from_arrays(
    edge_index: Any = None,  # noqa: ANN401 - an array, a tensor or a sparse matrix
    x: Any = None,  # noqa: ANN401
    y: Any = None,  # noqa: ANN401
    *,
    adjacency: Any = None,  # noqa: ANN401
    edge_weight: Any = None,  # noqa: ANN401
    edge_attr: Any = None,  # noqa: ANN401
    edge_type: Any = None,  # noqa: ANN401
    num_nodes: int | None = None,
    train_mask: Any = None,  # noqa: ANN401
    val_mask: Any = None,  # noqa: ANN401
    test_mask: Any = None,  # noqa: ANN401
    kind: Kind | None = None,
    split: Split | None = None,
    seed: int = 0,
    class_names: Sequence[str] | None = None,
    node_names: Sequence[Hashable] | None = None,
    name: str = "your graph",
) -> NodeTask:
    """A task on the nodes of one graph, from arrays, tensors or scipy sparse matrices.

    Edges are used as they are given: for an undirected graph, list both directions, or pass a
    symmetric `adjacency`. Labels and masks are read as in `from_pyg`: a label of -1, -100 or NaN
    is missing, and without masks the split is random and stratified by class.

    Args:
        edge_index: Source and target of each edge, from 0; or a sparse adjacency matrix.
        x: The features of the nodes; None for one feature for each node.
        y: The labels of the nodes; None if there are none.
        adjacency: In place of `edge_index`: the adjacency matrix, dense or sparse. Entries other
            than 1 become weights, such as correlations.
        edge_weight: A weight for each edge.
        edge_attr: Attributes of each edge.
        edge_type: The type of each edge, from 0.
        num_nodes: The number of nodes, if neither `x` nor `y` has a row for each.
        train_mask: Whether each node is for training; or several masks in columns, one for each
            seed.
        val_mask: Whether each node is for validation.
        test_mask: Whether each node is for testing.
        kind: "classification", "multilabel" or "regression"; None infers it from the labels.
        split: A fixed split, which has precedence over masks.
        seed: The seed of a random split.
        class_names: The names of the classes, or of several targets.
        node_names: The names of the nodes, for figures and tables.
        name: Of the data.

    Shapes:
        edge_index (2, E), x (N, C), y (N,) or (N, T), adjacency (N, N), edge_weight (E,) or
        (E, 1), edge_attr (E,) or (E, D), edge_type (E,), masks (N,) or (N, S).

    Raises:
        TypeError: An argument does not have numbers.
        ValueError: The shapes do not agree, or edges, features, labels or masks are invalid.

    Example:
        >>> import numpy as np
        >>> path = np.array([[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]])
        >>> task = from_arrays(adjacency=path, x=np.eye(4), y=[0, 0, 1, 1])
        >>> task.graph.num_edges, task.class_names
        (6, ('0', '1'))
    """
    if is_sparse(edge_index) and adjacency is None:
        edge_index, adjacency = None, edge_index
    if (edge_index is None) == (adjacency is None):
        got = "neither" if adjacency is None else "both"
        advice = "Pass one of them; for a graph without edges, numpy.zeros((2, 0), int)."
        raise invalid("edge_index", "be given, or 'adjacency' in its place", got, advice)
    columns: dict[str, Any] = {}
    if edge_weight is not None:
        weight = _numbers("edge_weight", edge_weight)
        columns["edge_weight"] = weight.squeeze(1) if weight.shape[1:] == (1,) else weight
    if edge_attr is not None:
        attributes = _numbers("edge_attr", edge_attr)
        columns["edge_attr"] = attributes.unsqueeze(1) if attributes.ndim == 1 else attributes
    if edge_type is not None:
        columns["edge_type"] = _indices("edge_type", edge_type)
    if node_names is not None:
        columns["node_names"] = tuple(node_names)
    if adjacency is not None:
        for column in columns.keys() - {"node_names"}:
            advice = "Its entries are the weights; pass 'edge_index' for the rest."
            raise invalid(column, "be left out with 'adjacency'", "both", advice)
        graph = graph_of_adjacency(adjacency, **columns)
    else:
        pairs = _indices("edge_index", edge_index)
        count = num_nodes if num_nodes is not None else _count(x, y, node_names, pairs)
        graph = Graph(pairs, count, **columns)
    if num_nodes is not None and num_nodes != graph.num_nodes:
        advice = "Leave it out: the adjacency matrix has a row for each node."
        raise invalid("num_nodes", f"be {graph.num_nodes}", num_nodes, advice)
    masks = {"train": train_mask, "val": val_mask, "test": test_mask}
    return task_of_graph(
        graph, x, y, masks=masks, kind=kind, split=split, seed=seed,
        class_names=class_names, name=name,
    )  # fmt: skip


def task_of_graph(
    graph: Graph,
    x: Any,  # noqa: ANN401
    y: Any,  # noqa: ANN401
    *,
    masks: Mapping[str, Any] | None = None,
    kind: Kind | None = None,
    split: Split | None = None,
    seed: int = 0,
    class_names: Sequence[str] | None = None,
    name: str = "your graph",
    x_name: str = "x",
    unused: str = "",
) -> NodeTask:
    """A task on the nodes of a graph with features, labels and masks; see `from_arrays`.

    Args:
        graph: The graph, or the disjoint union of several.
        x: The features; None for one feature for each node.
        y: The labels; None if there are none.
        masks: "train", "val", "test" -> a boolean for each node, or several in columns.
        kind: Of the labels; None infers it.
        split: A fixed split.
        seed: The seed of a random split.
        class_names: The names of the classes or targets.
        name: Of the data.
        x_name: What the features are called in messages.
        unused: A remark on the features, for a graph without them.
    """
    labels = read_labels(y, graph.num_nodes, "node", kind, class_names)
    chosen = choose_split(labels, seed, split=split, masks=masks)
    details = {**labels.notes, **chosen.notes}
    if x is None:
        features = identity_features(graph.num_nodes)
        details["features"] = (
            f"none, so each node has its own feature, and new nodes cannot be predicted{unused}"
        )
    else:
        features = to_features(x, graph.num_nodes, x_name)
    return NodeTask(
        name=name,
        kind=labels.kind,
        in_channels=features.shape[1],
        num_outputs=labels.num_outputs,
        class_names=labels.names,
        split=chosen.split,
        splitter=chosen.splitter,
        seed=seed,
        details=details,
        x=features,
        graph=graph,
        y=labels.y,
    )


def _numbers(name: str, values: Any) -> Tensor:  # noqa: ANN401
    array = _array(values)
    if array.dtype.kind not in "biuf":
        raise wrong_dtype(name, "be numbers", array.dtype, "Convert text with float().")
    return torch.from_numpy(array.astype(np.float64)).to(torch.get_default_dtype())


def _indices(name: str, values: Any) -> Tensor:  # noqa: ANN401
    array = _array(values)
    if array.size == 0 and array.ndim == 2:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        advice = "Number nodes and types from 0; use from_tables for ids that are text."
        raise wrong_dtype(name, "be integers", array.dtype, advice)
    return torch.from_numpy(array.astype(np.int64))


def _array(values: Any) -> Any:  # noqa: ANN401
    return np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values)


def _count(x: Any, y: Any, names: Sequence[Hashable] | None, edge_index: Tensor) -> int:  # noqa: ANN401
    """The number of nodes: the rows of features, labels or names, or what the edges need."""
    for values in (x, y, names):
        if values is not None:
            return int(values.shape[0] if hasattr(values, "shape") else len(values))
    return int(edge_index.max()) + 1 if edge_index.numel() else 0
