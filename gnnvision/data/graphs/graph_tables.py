"""Many graphs from three tables of a user's own: of nodes, of edges and of graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from gnnvision.data.column_sources import Columns
from gnnvision.data.column_values import to_cells
from gnnvision.data.encoded_column import ColumnKind
from gnnvision.data.graphs.edge_table import EdgeColumns, NodeIds, id_text, read_edges
from gnnvision.data.graphs.graph_task import GraphTask
from gnnvision.data.graphs.table_labels import label_columns, split_of_table
from gnnvision.data.graphs.tables import node_features
from gnnvision.data.targets import Kind
from gnnvision.domains import Graph
from gnnvision.errors import invalid

__all__ = ["graphs_from_tables"]


def graphs_from_tables(
    nodes: Columns,
    edges: Columns,
    graphs: Columns,
    label: str | Sequence[str],
    id: str,
    source: str,
    target: str,
    split: str | None,
    *,
    graph_id: str,
    features: str | Sequence[str] | None = None,
    kinds: Mapping[str, ColumnKind] | None = None,
    edge_weight: str | None = None,
    edge_type: str | None = None,
    edge_attr: Sequence[str] = (),
    undirected: bool = True,
    kind: Literal["auto"] | Kind = "auto",
    missing: Sequence[str] = (),
    seed: int = 0,
    name: str,
) -> GraphTask:
    """A task on graphs, whose nodes and edges name the graph to which they belong.

    Args:
        nodes: The table of nodes; ids are different within a graph.
        edges: The table of edges.
        graphs: The table of graphs, with their labels.
        label: The columns of `graphs` to predict.
        id: The column of `nodes` with their ids.
        source: The column of `edges` with the id of the node where an edge starts.
        target: The column of `edges` with the id of the node where it ends.
        split: As in `from_tables`, for graphs.
        graph_id: The column of all three tables with the id of the graph.
        features: As in `from_tables`.
        kinds: As in `from_tables`.
        edge_weight: As in `from_tables`.
        edge_type: As in `from_tables`.
        edge_attr: As in `from_tables`.
        undirected: As in `from_tables`.
        kind: As in `from_tables`.
        missing: As in `from_tables`.
        seed: The seed of a random split.
        name: The name of the task.

    Raises:
        ValueError: As in `from_tables`; or a node or an edge names an unknown graph.
    """
    for argument, table in (("nodes", nodes), ("graphs", graphs)):
        if not table.num_rows:
            got = f"{table.source} without rows"
            raise invalid(argument, "have at least one row", got, "Check the file.")
    labels = (label,) if isinstance(label, str) else tuple(label)
    names = NodeIds(graphs.require(graph_id, "graph_id"), "graph_id")
    graph_of_node = _graph_of(nodes, graph_id, names)
    graph_of_edge = _graph_of(edges, graph_id, names)
    order = np.argsort(graph_of_node, kind="stable")
    nodes = Columns(
        {name: _rows(nodes[name], order) for name in nodes},
        nodes.source, nodes.num_rows, nodes.decimal_commas, nodes.notes,
    )  # fmt: skip
    graph_of_node = graph_of_node[order]
    ids = NodeIds(_joined(names, graph_of_node, nodes.require(id, "id")))
    ends = {
        end: _joined(names, graph_of_edge, edges.require(end, "source"))
        for end in (source, target)
    }
    edges = Columns(
        {**edges, **ends}, edges.source, edges.num_rows, edges.decimal_commas, edges.notes
    )
    known = label_columns(graphs, labels, "graph", kind, missing)
    chosen = split_of_table(graphs, split, known, seed, names)
    columns = EdgeColumns(source, target, edge_weight, edge_type, tuple(edge_attr), undirected)
    taken = Columns(
        {name: cells for name, cells in edges.items() if name != graph_id},
        edges.source, edges.num_rows, edges.decimal_commas,
    )  # fmt: skip
    found = read_edges(taken, ids, columns)
    train = np.flatnonzero(np.isin(graph_of_node, chosen.split.train))
    structure = features if features is not None else _usual_features(nodes, {id, graph_id})
    made = node_features(nodes, structure, kinds, {id, graph_id}, train, found)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(graph_of_node, minlength=len(names)))])
    details = {
        "features": made.note,
        **found.notes,
        **known.notes,
        **chosen.notes,
    }
    return GraphTask(
        name=name,
        kind=known.kind,
        in_channels=made.x.shape[1],
        num_outputs=known.num_outputs,
        class_names=known.names,
        split=chosen.split,
        splitter=chosen.splitter,
        seed=seed,
        details=details,
        graphs=Graph(num_nodes=len(ids), offsets=torch.from_numpy(offsets), **found.arguments),
        x=made.x,
        y=known.y,
        item_names=tuple(map(str, names.names)),
    )


def _usual_features(nodes: Columns, excluded: set[str]) -> str | None:
    """The degrees if the nodes have no columns: they differ from graph to graph in number."""
    return None if set(nodes) - excluded else "degree"


def _graph_of(table: Columns, column: str, names: NodeIds) -> NDArray[np.int64]:
    numbers, cells = names.find(table.require(column, "graph_id"))
    if (numbers < 0).any():
        row = int((numbers < 0).argmax())
        got = f"{id_text(cells[row])!r} in row {row} of {table.source}"
        raise invalid("graph_id", "name graphs that are in the table of graphs", got, "Add it.")
    return numbers


def _rows(column: Any, order: NDArray[np.int64]) -> Any:  # noqa: ANN401
    cells = to_cells(column)
    if isinstance(cells.values, np.ndarray):
        return cells.values[order]
    values = [*cells]
    return [values[row] for row in order.tolist()]


def _joined(names: NodeIds, graph: NDArray[np.int64], cells: Any) -> list[str]:  # noqa: ANN401
    """The ids of nodes with those of their graphs, which are different for all nodes."""
    texts = [id_text(value) for value in to_cells(cells)]
    return [
        f"{names.names[number]}/{text}" if text else ""
        for number, text in zip(graph.tolist(), texts, strict=True)
    ]
