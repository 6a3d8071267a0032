"""New nodes with their edges, encoded as the nodes of training were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.column_sources import Columns, read_columns
from gnnvision.data.column_values import to_cells
from gnnvision.data.columns import ColumnEncoder
from gnnvision.data.graphs.edge_table import EdgeColumns, NodeIds, read_edges
from gnnvision.data.graphs.tables import structure_columns, sum_to_one
from gnnvision.domains import Graph
from gnnvision.errors import invalid

__all__ = ["NewNodes", "encode_nodes"]

_EDGE_COLUMNS = ("edge_weight", "edge_type", "edge_attr")


@dataclass(frozen=True, eq=False)
class NewNodes:
    """New nodes that join a known graph.

    Args:
        node_of_row: The node of each row of the table: below the number of known nodes for a
            node that was known before. Shape (R,).
        x: The features of the new nodes. Shape (M, C).
        graph: The known nodes, then the new ones, with all edges.
        remarks: Row of the table -> which of its cells was replaced.
        notes: What was found, as lines of text: title -> text.
    """

    node_of_row: NDArray[np.int64]
    x: Tensor
    graph: Graph
    remarks: Mapping[int, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)


def encode_nodes(
    description: Mapping[str, Any],
    known: Graph,
    nodes: Any,  # noqa: ANN401 - a path, a DataFrame or a dict of columns
    edges: Any = None,  # noqa: ANN401
) -> NewNodes:
    """Encode new nodes and join them to the known graph by their edges.

    Rows of nodes that are known already, and edges between two known nodes, change nothing: the
    known graph stays as it was in training, except that its nodes get edges from new ones.

    For a task that was not made from tables, the columns of `nodes` are "id" and "x", the features
    as a tensor or lists of numbers; those of `edges` are "source", "target" and, if the known
    graph has them, "weight" and "type".

    Args:
        description: What the task says about its inputs (`NodeTask.input_description`).
        known: The graph of training, with the ids of its nodes as `node_names`.
        nodes: The table of nodes: a path, a DataFrame or a dict of columns.
        edges: The table of edges; None if the new nodes have none.

    Raises:
        ValueError: The task has one feature for each known node; a column is missing or of
            another kind than in training; an id occurs twice; an edge names a node that is in
            neither graph nor table.
    """
    about = description.get("tables") or _without_tables(known)
    if about["features"] == "identity":
        advice = "Train with columns of features, or with features='degree'."
        got = "one feature for each node of training"
        raise invalid("nodes", "have features that new nodes also have", got, advice)
    table = read_columns(nodes, "nodes")
    if not table.num_rows:
        got = f"{table.source} without rows"
        raise invalid("nodes", "have at least one row", got, "Check the file.")
    ids = NodeIds(known.node_names or range(known.num_nodes))
    if about["id"] is None:
        first = known.num_nodes
        here = NodeIds(range(first, first + table.num_rows))
    else:
        here = NodeIds(table.require(about["id"], "id"))
    node_of_row, _ = ids.find(here.names)
    new = np.flatnonzero(node_of_row < 0)
    node_of_row[new] = len(ids) + np.arange(len(new))
    every = NodeIds([*ids.names, *(here.names[row] for row in new)])
    columns = EdgeColumns.from_dict(about)
    graph, notes = _joined(known, every, len(ids), edges, columns)
    x, remarks = _features(description, about, table, graph, new, known.num_nodes)
    if len(new) < table.num_rows:
        notes["known nodes"] = f"rows that are nodes of training: {table.num_rows - len(new):,}"
    return NewNodes(node_of_row, x, graph, remarks, notes)


def _joined(
    known: Graph,
    ids: NodeIds,
    count: int,
    edges: Any,  # noqa: ANN401
    columns: EdgeColumns,
) -> tuple[Graph, dict[str, str]]:
    """The known graph with the new nodes and their edges."""
    notes: dict[str, str] = {}
    table = None if edges is None else read_columns(edges, "edges")
    if table is None or not table.num_rows:
        notes["edges"] = "none: the new nodes are not connected"
        return _with_edges(known, ids, known.edge_index), notes
    found = read_edges(table, ids, columns)
    new = (found.edge_index >= count).any(0)
    between = int((~new).sum()) // (2 if columns.undirected else 1)
    if between:
        notes["known edges"] = f"not added, as they are between nodes of training: {between:,}"
    old = found.edge_index[:, new]
    touched = old[old < count].unique().numel()
    if touched:
        notes["degrees"] = (
            f"nodes of training with edges to new nodes: {touched:,}; their degrees, and "
            "predictions for them, differ from those in training"
        )
    notes["edges"] = f"{int(new.sum()) // (2 if columns.undirected else 1):,} of new nodes"

    def joined(name: str) -> Tensor | None:
        before, after = getattr(known, name), getattr(found, name)
        if before is None or after is None:
            return None
        return torch.cat([before, after[new].to(before.device)])

    edge_index = torch.cat([known.edge_index, old.to(known.device)], 1)
    columns_of_edges = {name: joined(name) for name in _EDGE_COLUMNS}
    return _with_edges(known, ids, edge_index, **columns_of_edges), notes


def _with_edges(known: Graph, ids: NodeIds, edge_index: Tensor, **columns: Any) -> Graph:  # noqa: ANN401
    """A graph with the relations of the known one, and its columns if there are no others."""
    if not columns:
        columns = {name: getattr(known, name) for name in _EDGE_COLUMNS}
    return Graph(
        edge_index,
        len(ids),
        num_relations=known.num_relations,
        node_names=ids.names,
        **columns,
    )


def _without_tables(known: Graph) -> dict[str, Any]:
    """The columns for a graph that was not made from tables."""
    if known.edge_attr is not None:
        got = "edge attributes that were not made from tables"
        advice = "Make the task with gnnvision.data.from_tables and edge_attr=..."
        raise invalid("edges", "have the columns of the tables in training", got, advice)
    columns = EdgeColumns(
        weight=None if known.edge_weight is None else "weight",
        type=None if known.edge_type is None else "type",
        types=tuple(map(str, range(known.num_relations or 0))),
        undirected=known.is_undirected,
    )
    return {"id": "id", "features": "x", "normalize_features": False, **columns.to_dict()}


def _features(
    description: Mapping[str, Any],
    about: Mapping[str, Any],
    table: Columns,
    graph: Graph,
    new: NDArray[np.int64],
    count: int,
) -> tuple[Tensor, dict[int, str]]:
    """The features of the new rows, and remarks on them."""
    if about["features"] == "x":
        if "x" not in table:
            got = "a task that was not made from tables"
            advice = "Pass nodes={'id': ids, 'x': features}, or make it with from_tables."
            raise invalid("nodes", "have the features in a column 'x'", got, advice)
        held = table["x"]
        if not isinstance(held, Tensor):
            held = torch.from_numpy(np.array([*held], np.float32))
        return held.to_dense().float()[torch.from_numpy(new)], {}
    encoder = ColumnEncoder.from_dict(description["encoder"])
    if about["features"] == "degree":
        x, _ = encoder.encode(structure_columns(graph.edge_index.cpu(), graph.num_nodes))
        return x[count:], {}
    rows: dict[str, Any] = {
        name: [cells[row] for row in new.tolist()]
        for name in encoder.column_names
        if name in table and (cells := [*to_cells(table[name])])
    }
    missing = [name for name in encoder.column_names if name not in rows]
    if missing:
        encoder.encode(table, argument="nodes")  # names the column that is missing
    some = Columns(rows, table.source, len(new), table.decimal_commas)
    x, remarks = encoder.encode(some, argument="nodes")
    x = sum_to_one(x) if about["normalize_features"] else x
    return x, {int(new[row]): text for row, text in remarks.items()}
