"""A graph from two tables of a user's own: one of nodes, one of edges."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from gnnvision.data.column_sources import Columns, read_columns
from gnnvision.data.columns import ColumnEncoder
from gnnvision.data.encoded_column import ColumnKind
from gnnvision.data.graphs.edge_table import EdgeColumns, Edges, NodeIds, read_edges
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.data.graphs.table_labels import label_columns, split_columns, split_of_table
from gnnvision.data.split import Rows, Split
from gnnvision.data.targets import Kind
from gnnvision.domains import Graph
from gnnvision.errors import invalid

__all__ = [
    "MOST_DEGREES", "Features", "feature_columns", "from_tables", "node_features",
    "structure_columns", "sum_to_one",
]  # fmt: skip

MOST_DENSE = 4000  # nodes up to which one-hot features are dense
MOST_DEGREES = 32  # degrees that have a feature each


@dataclass(frozen=True, eq=False)
class Features:
    """The features of nodes and how they were made.

    Args:
        x: The features. Shape (N, C).
        encoder: Of the columns, or of the degrees; None for one feature for each node.
        kind: "columns", "degree" or "identity".
        note: As a line of an overview.
    """

    x: Tensor
    encoder: ColumnEncoder | None
    kind: Literal["columns", "degree", "identity"]
    note: str


def from_tables(
    nodes: Any,  # noqa: ANN401 - a path, a DataFrame or a dict of columns
    edges: Any = None,  # noqa: ANN401
    label: str | Sequence[str] | None = "label",
    id: str | None = "id",
    source: str = "source",
    target: str = "target",
    split: str | Split | Mapping[str, Any] | None = None,
    *,
    features: str | Sequence[str] | None = None,
    kinds: Mapping[str, ColumnKind] | None = None,
    edge_weight: str | None = None,
    edge_type: str | None = None,
    edge_attr: str | Sequence[str] = (),
    undirected: bool = True,
    kind: Literal["auto"] | Kind = "auto",
    missing: Sequence[str] = (),
    normalize_features: bool = False,
    seed: int = 0,
    name: str | None = None,
) -> NodeTask:
    """A task on the nodes of a graph, from a table of nodes and a table of edges.

    The ids of the nodes are kept as `graph.node_names`. A node without a label is in no split:
    its label can be predicted. Without `split`, the columns train_mask, val_mask and test_mask or
    the first column with only the words of a split are used if there are any; else 80 % of the
    labeled nodes are for training, 10 % for validation and 10 % for testing, at random with equal
    class proportions, and another seed gives another split. Other columns become features by a
    `ColumnEncoder`: it is fitted on the training nodes of this split, and kept for all seeds.

    Args:
        nodes: A path (csv, tsv, txt, Parquet; also with `.gz`), a DataFrame, or a dict of columns.
        edges: The same for the edges; None for a graph without edges.
        label: The column to predict, or several; None if there is none.
        id: The column of `nodes` with their ids; None numbers the rows from 0.
        source: The column of `edges` with the id of the node where an edge starts.
        target: The column of `edges` with the id of the node where it ends.
        split: A column of `nodes` with the words train, val (valid, validation, dev) and test, or
            empty cells; a mapping from "train", "val" and "test" to masks, row numbers or ids; a
            `Split`; "random", if there are also such columns; or None.
        features: The columns of `nodes` to use; None for all others. "degree" for the degrees of
            the nodes, and "identity" for one feature for each node, which cannot be predicted
            for new nodes; this is the default if there are no other columns.
        kinds: Column -> its kind, where it is not to be inferred, as in `ColumnEncoder.fit`.
        edge_weight: The column of `edges` with their weights.
        edge_type: The column of `edges` with their types.
        edge_attr: The columns of `edges` that are encoded as their attributes.
        undirected: Whether every edge goes in both directions.
        kind: "classification", "multilabel" or "regression"; "auto" infers it from the labels.
        missing: Further words for a missing label.
        normalize_features: Whether to divide the features of each node by their sum, as is
            usual for bags of words.
        seed: The seed of a random split.
        name: The name of the task; by default that of the file.

    Raises:
        FileNotFoundError: A file does not exist.
        TypeError: A table is not a path, a DataFrame or a dict of columns.
        ValueError: A table is empty; a column is not in it; an id occurs twice; an edge names an
            unknown node; masks overlap; a split has another word; labels are not of one kind.

    Example:
        >>> task = from_tables(
        ...     {"id": ["a", "b", "c"], "age": [20, 30, 40], "club": ["red", "blue", None]},
        ...     {"source": ["a", "b"], "target": ["b", "c"]},
        ...     label="club",
        ...     split={"train": ["a"], "test": ["b"]},
        ... )
        >>> task.graph.node_names, task.y.tolist(), task.graph.num_edges
        (('a', 'b', 'c'), [1, 0, -100], 4)
    """
    table = read_columns(nodes, "nodes")
    if not table.num_rows:
        got = f"{table.source} without rows"
        raise invalid("nodes", "have at least one row", got, "Check the file.")
    ids = NodeIds(range(table.num_rows) if id is None else table.require(id, "id"))
    labels = (label,) if isinstance(label, str) else tuple(label or ())
    known = label_columns(table, labels, "node", kind, missing)
    chosen = split_of_table(table, split, known, seed, ids)
    attributes = (edge_attr,) if isinstance(edge_attr, str) else tuple(edge_attr)
    columns = EdgeColumns(source, target, edge_weight, edge_type, attributes, undirected)
    found = _edges(edges, ids, columns)
    excluded = {id, *labels, *split_columns(table, split)}
    made = node_features(table, features, kinds, excluded, chosen.split.train, found)
    x = sum_to_one(made.x) if normalize_features else made.x
    details = {
        "edges": found.notes["edges"],
        "features": made.note
        + ("; the features of each node sum to 1" if normalize_features else ""),
        **{title: text for title, text in found.notes.items() if title != "edges"},
        **known.notes,
        **chosen.notes,
    }
    if table.notes:
        details["nodes table"] = "; ".join(table.notes)
    about = {
        "id": id,
        "label": list(labels),
        "features": made.kind,
        "normalize_features": normalize_features,
        **found.columns.to_dict(),
    }
    given = {
        "edges": edges, "label": label, "id": id, "source": source, "target": target,
        "split": split, "features": features, "kinds": kinds, "edge_weight": edge_weight,
        "edge_type": edge_type, "edge_attr": attributes, "undirected": undirected, "kind": kind,
        "missing": missing, "normalize_features": normalize_features, "seed": seed,
    }  # fmt: skip
    origin = _origin(nodes, given)
    return NodeTask(
        name=name or _name(nodes),
        kind=known.kind,
        in_channels=x.shape[1],
        num_outputs=known.num_outputs,
        class_names=known.names,
        split=chosen.split,
        splitter=chosen.splitter,
        seed=seed,
        details=details,
        origin=origin,
        x=x,
        y=known.y,
        graph=Graph(num_nodes=len(ids), node_names=ids.names, **found.arguments),
        encoder=made.encoder,
        tables=about,
    )


def _edges(edges: Any, ids: NodeIds, columns: EdgeColumns) -> Edges:  # noqa: ANN401
    table = None if edges is None else read_columns(edges, "edges")
    if table is not None and (len(table) or table.num_rows):
        return read_edges(table, ids, columns)
    for argument, value in (
        ("edge_weight", columns.weight),
        ("edge_type", columns.type),
        ("edge_attr", columns.attributes),
    ):
        if value:
            advice = "Pass the table of edges."
            raise invalid(argument, "be left out without edges", repr(value), advice)
    notes = {"edges": "none: the nodes are not connected"}
    return Edges(torch.zeros((2, 0), dtype=torch.int64), columns, notes=notes)


def node_features(
    table: Columns,
    features: str | Sequence[str] | None,
    kinds: Mapping[str, ColumnKind] | None,
    excluded: set[str | None],
    train: Rows,
    edges: Edges,
) -> Features:
    """The features of the nodes from their columns, or from the graph if there are none."""
    rows = train if len(train) else None
    if features in ("degree", "identity"):
        return _structure(str(features), table.num_rows, rows, edges, "")
    names = feature_columns(table, features, kinds, excluded)
    if names:
        held = Columns(
            {column: table.require(column, "features") for column in names},
            table.source, table.num_rows, table.decimal_commas,
        )  # fmt: skip
        encoder = ColumnEncoder.fit(held, rows, kinds=kinds)
        if encoder.names:
            x, remarks = encoder.encode(held, argument="nodes")
            note = encoder.summary()
            if remarks:
                row, text = next(iter(remarks.items()))
                note += f"; rows with replaced cells: {len(remarks):,}, such as row {row}: {text}"
            return Features(x, encoder, "columns", note)
        why = f"no column can be used ({encoder.summary()})"
    else:
        why = "there are no columns with features"
    return _structure("identity", table.num_rows, rows, edges, f"{why}: ")


def feature_columns(
    table: Columns,
    features: str | Sequence[str] | None,
    kinds: Mapping[str, ColumnKind] | None,
    excluded: Collection[str | None],
) -> list[str]:
    """The columns that become features: those that are named, or all others.

    Args:
        table: The table of nodes.
        features: The names, as in `from_tables`.
        kinds: Column -> its kind.
        excluded: The columns with ids, labels and the split.

    Raises:
        ValueError: A name is one of these, or `kinds` names another column than a feature.
    """
    if features is None:
        names = [name for name in table if name not in excluded]
    else:
        names = [features] if isinstance(features, str) else [*features]
        if twice := [name for name in names if name in excluded]:
            got = f"{twice[0]!r}, which is the id, a label or the split"
            raise invalid("features", "be other columns", got, "Leave it out.")
    for column in kinds or ():
        if column != "*" and column not in names:
            listed = ", ".join(map(repr, names)) or "none"
            condition = f"name columns that are features ({listed})"
            raise invalid("kinds", condition, repr(column), "Correct its name.")
    return names


def _structure(kind: str, count: int, rows: Rows | None, edges: Edges, why: str) -> Features:
    """Features that only depend on the graph."""
    if kind == "identity":
        note = (
            f"{why}one for each node (one-hot), so that new nodes cannot be predicted; "
            "features='degree' can"
        )
        place = torch.arange(count)
        x = torch.sparse_coo_tensor(
            torch.stack([place, place]), torch.ones(count), (count, count), is_coalesced=True,
            check_invariants=True,
        )  # fmt: skip
        return Features(x.to_dense() if count <= MOST_DENSE else x, None, "identity", note)
    held = structure_columns(edges.edge_index, count)
    encoder = ColumnEncoder.fit(
        held, rows, kinds={"degree": "text", "log degree": "number"}, max_values=MOST_DEGREES
    )
    return Features(encoder.encode(held)[0], encoder, "degree", f"{why}{encoder.summary()}")


def structure_columns(edge_index: Tensor, count: int) -> dict[str, Any]:
    """The degrees of all nodes as columns for an encoder."""
    degree = np.bincount(edge_index[1].numpy(), minlength=count)
    return {"degree": [*map(str, degree.tolist())], "log degree": np.log1p(degree)}


def sum_to_one(x: Tensor) -> Tensor:
    """The features of each node divided by their sum; a row of zeros stays as it is.

    Raises:
        ValueError: A feature is negative.
    """
    values = x.coalesce().values() if x.is_sparse else x
    if bool((values < 0).any()):
        advice = "It is for counts; standardized numbers need none."
        raise invalid("normalize_features", "be False for negative features", True, advice)
    if x.is_sparse:
        return x  # one feature for each node
    total = x.double().sum(1, keepdim=True)
    return (x.double() * torch.where(total == 0, 0, 1 / total)).float()


def _origin(nodes: Any, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """The arguments of `gnnvision.data.load` for two files; empty for other tables or splits."""
    files = all(isinstance(table, str | os.PathLike) for table in (nodes, given["edges"]))
    split = given["split"]
    if not files or not (split is None or isinstance(split, str)) or None in (
        given["id"], given["label"]
    ):  # fmt: skip
        return {}
    usual = {"split": None, "features": None, "kinds": None, "edge_weight": None,
             "edge_type": None, "edge_attr": (), "undirected": True, "kind": "auto",
             "missing": (), "normalize_features": False, "seed": 0}  # fmt: skip
    changed = {key: value for key, value in given.items() if value != usual.get(key, ...)}
    changed["edges"] = os.path.abspath(given["edges"])
    if split is not None and split != "random":
        changed["split_column"] = changed.pop("split")
    return {"name": os.path.abspath(nodes), **changed}


def _name(nodes: Any) -> str:  # noqa: ANN401
    """The name of the file, or of its folder for a file called nodes."""
    if not isinstance(nodes, str | os.PathLike):
        return "graph"
    path = Path(nodes)
    stem = path.name.split(".")[0]
    return (path.absolute().parent.name or stem) if stem.lower() == "nodes" else stem
