"""Tasks from torch-geometric: the nodes of one `Data`, or many graphs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from gnnvision.data.graphs.features import to_features
from gnnvision.data.graphs.from_arrays import task_of_graph
from gnnvision.data.graphs.graph_task import GraphTask
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.data.split import SPLIT_NAMES, Split
from gnnvision.data.targets import Kind
from gnnvision.domains import Graph
from gnnvision.errors import invalid, one_of, wrong_type

if TYPE_CHECKING:
    from torch_geometric.data import Data, Dataset

__all__ = ["from_pyg"]

_ADVICE = "Pass a torch_geometric.data.Data, a list of them, or a dataset."
_NAME = "your torch-geometric data"


def from_pyg(
    data: Data | Dataset | Iterable[Data] | Mapping[str, Any],
    *,
    kind: Kind | None = None,
    split: Split | None = None,
    seed: int = 0,
    class_names: Sequence[str] | None = None,
    node_names: Sequence[Any] | None = None,
    name: str = "",
) -> NodeTask | GraphTask:
    """A task from torch-geometric's `Data`, or a list or dataset of graphs.

    The nodes of one `Data` with `train_mask`, `val_mask` and `test_mask` have these as their
    split; masks with several columns are one split for each seed. Several graphs with one label
    each are a `GraphTask`; with a label for each node they are one `NodeTask`. Without masks, the
    split is random and stratified by class. `edge_weight`, `edge_attr` and `edge_type` are kept.

    Integer labels are classes, columns of 0 and 1 are several labels, and other numbers are
    values to predict. Class -1 or -100 and NaN mean that a label is missing: such nodes are in no
    random split, and can be predicted.

    Args:
        data: A `Data` or `Batch`; a list or dataset of `Data`; or the datasets of a fixed split
            as {"train": ..., "val": ..., "test": ...}.
        kind: "classification", "multilabel" or "regression"; None infers it from the labels.
        split: A fixed split, which has precedence over masks.
        seed: The seed of a random split.
        class_names: The names of the classes, or of several targets.
        node_names: The names of the nodes of one `Data`, for figures and tables.
        name: Of the data; by default that of the dataset.

    Raises:
        TypeError: It is not a homogeneous `Data`, or the labels are not numbers.
        ValueError: Features, labels, masks or edges are invalid.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Data
        >>> edges = torch.tensor([[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]])
        >>> data = Data(x=torch.eye(4), edge_index=edges, y=torch.tensor([0, 0, 1, 1]))
        >>> task = from_pyg(data)
        >>> task.kind, task.num_classes, task.in_channels
        ('classification', 2, 4)
    """
    named = name or _title(data)
    if isinstance(data, Mapping) and not _is_data(data):
        graphs, split = _join_splits(data, split)
    elif _is_data(data):
        graphs = _unbatch(data)
    elif isinstance(data, Iterable) or hasattr(data, "__getitem__"):
        graphs, split = _listed(data), split or _ogb_split(data)
    else:
        raise wrong_type("data", "be torch-geometric data", data, _ADVICE)
    read = [_PygGraph.read(each, number) for number, each in enumerate(graphs)]
    if not read:
        raise invalid("data", "have at least one graph", "none", _ADVICE)
    options: dict[str, Any] = {"kind": kind, "seed": seed, "class_names": class_names}
    of_nodes = _has_node_labels(read)
    if _is_data(data) and len(read) == 1 and not of_nodes:
        got = f"shape {tuple(np.shape(read[0].y))}"
        condition = f"have one row for each of the {read[0].num_nodes:,} nodes"
        raise invalid("data.y", condition, got, "Pass a list of Data to label whole graphs.")
    if not of_nodes:
        if node_names is not None:
            got = f"{len(read):,} graphs with one label each"
            raise invalid("node_names", "be left out for several graphs", got)
        return _graph_task(read, named, split, options)
    masks = {key: _joined_masks(read, key) for key in SPLIT_NAMES}
    return _node_task(read, named, split, masks, node_names, options)


def _is_data(data: object) -> bool:
    """Whether it is a `Data`, a `Batch`, or one with several types; no dataset."""
    if isinstance(data, (list, tuple)) or hasattr(type(data), "__next__"):
        return False
    if _is_dataset(data):  # it forwards the attributes of its Data
        return False
    return any(hasattr(data, name) for name in ("edge_index", "adj_t", "edge_types"))


def _is_dataset(data: object) -> bool:
    return hasattr(type(data), "get") and hasattr(type(data), "len")


def _title(data: Any) -> str:  # noqa: ANN401
    """The name of a dataset: its own, or that of its class."""
    own = None if _is_data(data) else getattr(data, "name", None)
    if isinstance(own, str) and own:
        return own
    return type(data).__name__ if _is_dataset(data) else _NAME


def _listed(data: Any) -> list[Any]:  # noqa: ANN401
    """The items of a list, an iterator or a dataset."""
    if hasattr(data, "__len__") and hasattr(data, "__getitem__"):
        return [data[number] for number in range(len(data))]
    return list(data)


def _unbatch(data: Any) -> list[Any]:  # noqa: ANN401
    """The graphs of a `Batch`, or one `Data`."""
    if hasattr(data, "to_data_list") and getattr(data, "ptr", None) is not None:
        return list(data.to_data_list())
    batch = getattr(data, "batch", None)
    if isinstance(batch, Tensor) and len(batch) and int(batch.max()) > 0:
        advice = "Use Batch.from_data_list, or pass the list of graphs."
        raise invalid("data", "be one graph", "a Data with 'batch' but without 'ptr'", advice)
    return [data]


def _join_splits(data: Mapping[str, Any], split: Split | None) -> tuple[list[Any], Split]:
    """All graphs of the datasets of a split, and the split."""
    if split is not None:
        raise invalid("split", "be left out for datasets of a split", "both", "Pass one of them.")
    for key in data:
        one_of("data", key, SPLIT_NAMES)
    parts = {key: _listed(data[key]) if key in data else [] for key in SPLIT_NAMES}
    ends = np.cumsum([0, *(len(part) for part in parts.values())])
    rows = [np.arange(start, end) for start, end in pairwise(ends)]
    return [graph for part in parts.values() for graph in part], Split("yours", *rows)


@dataclass(frozen=True, eq=False)
class _PygGraph:
    """What a task needs of one `Data`."""

    graph: Graph
    x: Any
    y: Any
    masks: Mapping[str, Any]
    unused: str

    @property
    def num_nodes(self) -> int:
        return self.graph.num_nodes

    @classmethod
    def read(cls, data: Any, number: int) -> _PygGraph:  # noqa: ANN401
        _check(data, number)
        x, y = getattr(data, "x", None), getattr(data, "y", None)
        edge_index, weight = _edges(data)
        num_nodes = _num_nodes(data, x, y, edge_index)
        attributes = _floating(getattr(data, "edge_attr", None))
        if attributes is not None and attributes.ndim == 1:
            attributes = attributes.unsqueeze(1)
        given = _floating(getattr(data, "edge_weight", None))
        weight = weight if given is None else given
        if weight is not None and weight.ndim == 2 and weight.shape[1] == 1:
            weight = weight.squeeze(1)
        graph = Graph(
            edge_index,
            num_nodes,
            edge_weight=weight,
            edge_attr=attributes,
            edge_type=getattr(data, "edge_type", None),
        )
        masks = {key: getattr(data, f"{key}_mask", None) for key in SPLIT_NAMES}
        position = x is None and getattr(data, "pos", None) is not None
        unused = "; data.pos is not used, set data.x = data.pos if it is to be" if position else ""
        return cls(graph, x, y, masks, unused)


def _check(data: Any, number: int) -> None:  # noqa: ANN401
    where = f"data[{number}]" if number else "data"
    if hasattr(data, "edge_types"):
        advice = (
            "Use data.to_homogeneous(), which keeps the types in edge_type and pads nothing: give "
            "all node types features of the same length first."
        )
        raise wrong_type(where, "have a single type of nodes and edges", data, advice)
    if not _is_data(data):
        raise wrong_type(where, "be a torch_geometric.data.Data", data, _ADVICE)


def _edges(data: Any) -> tuple[Tensor, Tensor | None]:  # noqa: ANN401
    """`edge_index`, or the edges and weights of `adj_t`, whose rows are targets."""
    edge_index = getattr(data, "edge_index", None)
    if isinstance(edge_index, Tensor):
        return edge_index.as_subclass(Tensor), None
    transposed = getattr(data, "adj_t", None)
    if transposed is None:
        got = f"{type(data).__name__} without it"
        advice = "For a graph without edges pass torch.empty(2, 0, dtype=torch.long)."
        raise invalid("data", "have an edge_index", got, advice)
    if hasattr(transposed, "coo"):  # of torch_sparse
        row, column, weight = transposed.coo()
    else:
        entries = transposed.to_sparse_coo().coalesce()
        (row, column), weight = entries.indices(), entries.values()
    if weight is not None and bool((weight == 1).all()):
        weight = None
    return torch.stack([column, row]), _floating(weight)


def _floating(values: Any) -> Any:  # noqa: ANN401
    """A tensor in torch's default dtype; anything else unchanged."""
    if isinstance(values, Tensor) and not values.is_complex():
        return values.to(torch.get_default_dtype())
    return values


def _num_nodes(data: Any, x: Any, y: Any, edge_index: Tensor) -> int:  # noqa: ANN401
    """The number of nodes: of the features, as stated, of the labels, or of the edges."""
    if x is not None:
        return len(x) if isinstance(x, Tensor) else int(x.size(0))
    if "num_nodes" in data:
        return int(data.num_nodes)
    least = int(edge_index.max()) + 1 if edge_index.numel() else 0
    masks = (getattr(data, f"{key}_mask", None) for key in SPLIT_NAMES)
    for values in (getattr(data, "pos", None), *masks, y):
        if isinstance(values, Tensor) and values.ndim and len(values) >= max(least, 2):
            return len(values)
    return least


def _has_node_labels(graphs: Sequence[_PygGraph]) -> bool:
    """Whether the labels are of nodes, not of whole graphs."""
    if any(mask is not None for graph in graphs for mask in graph.masks.values()):
        return True
    if all(graph.y is None for graph in graphs):
        return len(graphs) == 1
    sizes = [
        (len(graph.y) if isinstance(graph.y, Tensor) and graph.y.ndim else 1, graph.num_nodes)
        for graph in graphs
        if graph.y is not None
    ]
    return all(rows == nodes for rows, nodes in sizes) and any(rows > 1 for rows, _ in sizes)


def _joined_masks(graphs: Sequence[_PygGraph], key: str) -> Tensor | None:
    """The mask of the nodes of all graphs; None if none has it."""
    masks = [graph.masks[key] for graph in graphs]
    if all(mask is None for mask in masks):
        return None
    if any(mask is None for mask in masks):
        number = next(n for n, mask in enumerate(masks) if mask is None)
        raise invalid("data", f"have {key}_mask in every graph", f"none in graph {number}")
    return torch.cat([torch.as_tensor(mask) for mask in masks])


def _ogb_split(data: Any) -> Split | None:  # noqa: ANN401
    """The split of a dataset with OGB's `get_idx_split`."""
    if not hasattr(data, "get_idx_split"):
        return None
    rows = data.get_idx_split()
    return Split("public", *(np.asarray(rows[theirs]) for theirs in ("train", "valid", "test")))


def _node_task(
    graphs: Sequence[_PygGraph],
    name: str,
    split: Split | None,
    masks: Mapping[str, Any],
    node_names: Sequence[Any] | None,
    options: Mapping[str, Any],
) -> NodeTask:
    """The nodes of one graph, or of the disjoint union of several."""
    graph = graphs[0].graph if len(graphs) == 1 else Graph.batch([g.graph for g in graphs])
    n = graph.num_nodes
    if len(graphs) > 1 and isinstance(split, Split):  # of the graphs
        owner = graph.graph_index.numpy()
        rows = (np.flatnonzero(np.isin(owner, getattr(split, key))) for key in SPLIT_NAMES)
        split = Split(split.name, *rows)
    if node_names is not None:
        graph = Graph(
            graph.edge_index, n, edge_weight=graph.edge_weight, edge_attr=graph.edge_attr,
            edge_type=graph.edge_type, node_names=tuple(node_names), offsets=graph.offsets,
        )  # fmt: skip
    bare = any(each.x is None for each in graphs)
    return task_of_graph(
        graph,
        None if bare else _features(graphs),
        None if graphs[0].y is None else _stack([each.y for each in graphs]),
        masks=masks,
        split=split,
        name=name,
        x_name="data.x",
        unused=graphs[0].unused,
        **options,
    )


def _stack(values: Sequence[Any]) -> Any:  # noqa: ANN401
    return values[0] if len(values) == 1 else torch.cat(list(values))


def _features(graphs: Sequence[_PygGraph]) -> Tensor:
    found = [to_features(g.x, g.num_nodes, "data.x") for g in graphs]
    for number, x in enumerate(found):
        if x.shape[1] != found[0].shape[1]:
            got = f"{found[0].shape[1]} in graph 0 and {x.shape[1]} in graph {number}"
            raise invalid("data.x", "have the same number of features in all graphs", got)
    return found[0] if len(found) == 1 else torch.cat(found)


def _graph_task(
    graphs: Sequence[_PygGraph], name: str, split: Split | None, options: Mapping[str, Any]
) -> GraphTask:
    """Whole graphs, each with its label."""
    rows = []
    for number, each in enumerate(graphs):
        row = np.full(1, np.nan) if each.y is None else np.asarray(each.y)
        if row.ndim > 1 and len(row) != 1:
            got = f"shape {tuple(row.shape)} in graph {number} of {each.num_nodes} nodes"
            condition = "be one row of targets, or one row for each node"
            raise invalid("data.y", condition, got)
        rows.append(row.reshape(-1))
    widths = {len(row) for row, each in zip(rows, graphs, strict=True) if each.y is not None}
    if len(widths) > 1:
        got = f"from {min(widths)} to {max(widths)}"
        raise invalid("data.y", "have the same number of targets in all graphs", got)
    width = widths.pop() if widths else 1
    missing = -1 if all(row.dtype.kind in "biu" for row, g in zip(rows, graphs, strict=True)
                        if g.y is not None) else np.nan  # fmt: skip
    y = np.stack([np.full(width, missing) if g.y is None else row
                  for row, g in zip(rows, graphs, strict=True)])  # fmt: skip
    bare = [number for number, each in enumerate(graphs) if each.x is None]
    if bare and len(bare) < len(graphs):
        got = f"graph {bare[0]} without it"
        raise invalid("data.x", "be in all graphs or in none", got, "Give it to all of them.")
    return GraphTask.from_graphs(
        [each.graph for each in graphs],
        y if any(each.y is not None for each in graphs) else None,
        None if bare else [each.x for each in graphs],
        split=split,
        name=name,
        **options,
    )
