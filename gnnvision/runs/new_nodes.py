"""New nodes with their edges, added to the graph of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gnnvision.data import NodeTask
from gnnvision.data.column_sources import read_columns
from gnnvision.data.columns import ColumnEncoder
from gnnvision.domains import Graph
from gnnvision.errors import invalid, nearest

__all__ = ["Added", "NewNodes", "add_nodes", "read_nodes"]

_SHOWN = 3


@dataclass(frozen=True, eq=False)
class NewNodes:
    """The table of new nodes: a row for each, of which some may be nodes of the training graph.

    Args:
        ids: of each row.
        x: the features. Shape (rows, C).
        reasons: why a row has no prediction; "" if it has one.
        changes: which cell of a row was replaced; "" for none.
        fresh: the rows that are not in the training graph. Shape (new nodes,).
        labels: the known label of each row; "" for none.
        before: the user's other columns.
        notes: what was found, a sentence each.
    """

    ids: list[str]
    x: Tensor
    reasons: list[str]
    changes: list[str]
    fresh: Tensor
    labels: list[str]
    before: dict[str, list[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Added:
    """The training graph with new nodes after its own.

    Args:
        graph: the whole graph.
        first: the index of the first new node.
        number: the index of each node by its id.
        notes: what changed, a sentence each.
    """

    graph: Graph
    first: int
    number: Mapping[str, int]
    notes: tuple[str, ...]


def read_nodes(
    source: Any,  # noqa: ANN401
    tables: Mapping[str, Any],
    given: Mapping[str, Any],
    task: NodeTask,
) -> NewNodes:
    """The ids and the features of a table of new nodes.

    Args:
        source: a path, a DataFrame or a dict of columns. Without an encoder, the features are
            its column "x".
        tables: the names of the columns: "id", "label".
        given: the description of the input in the checkpoint, with the encoder if there is one.
        task: of the run.

    Raises:
        ValueError: if the table is empty, a column is missing, an id occurs twice, or a label was
            not seen in training.
    """
    columns = dict(read_columns(source, "nodes"))
    ids = _cells(columns, str(tables["id"]), "nodes")
    if not ids:
        raise invalid("nodes", "have at least one row", "an empty table", "Give new nodes.")
    seen: dict[str, int] = {}
    for row, name in enumerate(ids):
        if not name:
            raise invalid("nodes", "have an id in each row", f"none in row {row}", "Add it.")
        if name in seen:
            got = f"{name!r} in rows {seen[name]} and {row}"
            raise invalid("nodes", "have each id once", got, "Remove one of them.")
        seen[name] = row
    reasons, changes = [""] * len(ids), [""] * len(ids)
    encoder = given.get("encoder")
    if encoder is not None:
        used = {name: cells for name, cells in columns.items() if name != tables["id"]}
        x, replaced = ColumnEncoder.from_dict(encoder).encode(used, argument="nodes")
        for row, text in replaced.items():
            changes[row] = text
    else:
        x = _features(columns, len(ids), task)
    bad = ~x.isfinite().all(1)
    for row in bad.nonzero().squeeze(1).tolist():
        reasons[row] = reasons[row] or "its features contain NaN or infinity"
    names = task.graph.node_names or range(task.graph.num_nodes)
    known = set(map(str, names))
    fresh = [row for row, name in enumerate(ids) if name not in known]
    notes = []
    if again := len(ids) - len(fresh):
        notes.append(
            f"{again:,} of {len(ids):,} rows are nodes of the training graph: their features are "
            "those of the training."
        )
    label = tables.get("label")
    labels = _labels(columns, label, task)
    skipped = {tables["id"], label, "x"}
    before = {n: [_text(cell) for cell in c] for n, c in columns.items() if n not in skipped}
    return NewNodes(
        ids, x, reasons, changes, torch.tensor(fresh, dtype=torch.int64), labels, before,
        tuple(notes),
    )  # fmt: skip


def _features(columns: Mapping[str, Any], rows: int, task: NodeTask) -> Tensor:
    """The column "x" as features, for a run whose features were not made from a table."""
    if "x" not in columns:
        condition = f"have features 'x' of shape (rows, {task.in_channels}) as in training"
        got = f"the columns {', '.join(map(repr, columns))}"
        advice = "This run was not trained on tables: pass nodes={'id': ids, 'x': features}."
        raise invalid("nodes", condition, got, advice)
    held = columns["x"]
    x = held if isinstance(held, Tensor) else torch.as_tensor(np.asarray(list(held), np.float32))
    x = x.to_dense().float()
    if tuple(x.shape) != (rows, task.in_channels):
        condition = f"have features 'x' of shape ({rows}, {task.in_channels}) as in training"
        raise invalid("nodes", condition, tuple(x.shape), "Give the same features.")
    return x


def _labels(columns: Mapping[str, Any], label: object, task: NodeTask) -> list[str]:
    """The known labels, none of which may be new for a classification."""
    if not isinstance(label, str) or label not in columns:
        return [""] * len(next(iter(columns.values())))
    cells = [_text(cell).strip() for cell in columns[label]]
    if task.kind == "classification":
        for row, cell in enumerate(cells):
            if cell and cell not in task.class_names:
                known = ", ".join(map(repr, task.class_names[:8]))
                condition = f"have labels that training has seen, such as {known}"
                got = f"{cell!r} in row {row} of {label!r}"
                raise invalid("nodes", condition, got, "Leave it empty, or train again.")
    return cells


def add_nodes(
    graph: Graph,
    names: Sequence[str],
    new: NewNodes,
    edges: Any,  # noqa: ANN401
    tables: Mapping[str, Any],
) -> Added:
    """The graph with new nodes and edges.

    In an undirected graph an edge is added in both directions. Edges that the graph already has
    between two of its nodes are not added again.

    Args:
        graph: of the training.
        names: the ids of its nodes.
        new: the new nodes.
        edges: a path, a DataFrame or a dict of columns; None for nodes without edges.
        tables: the names of the columns: "source", "target", "weight", "type", "attributes".

    Raises:
        ValueError: if a column is missing, or an edge names an unknown node.
    """
    first = graph.num_nodes
    number = {name: place for place, name in enumerate(names)}
    for place, row in enumerate(new.fresh.tolist()):
        number[new.ids[row]] = first + place
    total = first + len(new.fresh)
    columns = {} if edges is None else dict(read_columns(edges, "edges"))
    ends = [
        _ends(columns, str(tables.get(end) or end), number) if columns else []
        for end in ("source", "target")
    ]
    pairs = torch.tensor(ends, dtype=torch.int64).reshape(2, -1)
    old = (pairs < first).all(0)
    keep, skipped = torch.ones(pairs.shape[1], dtype=torch.bool), 0
    if bool(old.any()):
        have = graph.edge_index.cpu()
        there = torch.isin(pairs[0] * total + pairs[1], have[0] * total + have[1])
        keep = ~(old & there)
        skipped = int((old & there).sum())
    more = _edge_columns(graph, columns, tables, keep)
    pairs = pairs[:, keep]
    undirected = tables.get("undirected")
    if undirected if undirected is not None else graph.is_undirected:
        pairs, order = _both_ways(pairs, total)
        more = {name: value[order] for name, value in more.items()}
    held: dict[str, Any] = {
        name: torch.cat([getattr(graph, name).cpu(), value.to(getattr(graph, name).dtype)])
        for name, value in more.items()
    }
    whole = Graph(
        torch.cat([graph.edge_index.cpu(), pairs], 1),
        total,
        num_relations=graph.num_relations,
        **held,
    )
    return Added(whole, first, number, _changes(pairs, first, skipped))


def _changes(pairs: Tensor, first: int, skipped: int) -> tuple[str, ...]:
    touched = pairs[pairs < first].unique().numel()
    notes = []
    if touched:
        notes.append(
            f"The new edges changed the degrees of {touched:,} nodes of the training graph; a "
            "prediction for these can differ from that before."
        )
    if skipped:
        notes.append(f"{skipped:,} edges were left out, as the training graph has them.")
    return tuple(notes)


def _both_ways(pairs: Tensor, total: int) -> tuple[Tensor, Tensor]:
    """Each edge once in each direction, and the row of the table that each comes from."""
    rows = torch.arange(pairs.shape[1])
    both = torch.cat([pairs, pairs.flip(0)], 1)
    rows = torch.cat([rows, rows])
    key = (both[0] * total + both[1]).numpy()
    _, kept = np.unique(key, return_index=True)
    order = torch.from_numpy(np.sort(kept))
    return both[:, order], rows[order]


def _edge_columns(
    graph: Graph, columns: Mapping[str, Any], tables: Mapping[str, Any], keep: Tensor
) -> dict[str, Tensor]:
    """The weights, types and attributes of the new edges, if the graph has them."""
    found: dict[str, Tensor] = {}
    if graph.edge_weight is not None:
        found["edge_weight"] = _numbers(columns, str(tables.get("weight") or "weight"), keep)
    if graph.edge_type is not None:
        name = str(tables.get("type") or "type")
        cells = _cells(columns, name, "edges") if columns else []
        words = [str(word) for word in tables.get("types") or range(graph.num_relations or 0)]
        numbers = {word: place for place, word in enumerate(words)}
        for cell in cells:
            if cell not in numbers:
                condition = f"have types that training has seen: {', '.join(words[:8])}"
                raise invalid("edges", condition, f"{cell!r} in {name!r}", "Leave it out.")
        values = torch.tensor([numbers[cell] for cell in cells], dtype=torch.int64)
        found["edge_type"] = values[keep]
    if graph.edge_attr is not None:
        listed = tables.get("attributes") or ()
        if listed:
            each = [_numbers(columns, str(name), keep) for name in listed]
            found["edge_attr"] = torch.stack(each, 1)
        elif "edge_attr" in columns:
            found["edge_attr"] = torch.as_tensor(columns["edge_attr"]).float()[keep]
        else:
            condition = "have edge_attr, as the graph of the training"
            raise invalid("edges", condition, "no such column", "Add it.")
    return found


def _numbers(columns: Mapping[str, Any], name: str, keep: Tensor) -> Tensor:
    if not columns:
        return torch.empty(0)
    values = []
    for row, cell in enumerate(_cells(columns, name, "edges")):
        try:
            value = float(cell)
        except ValueError:
            value = float("nan")
        if not np.isfinite(value):
            got = f"{cell!r} in row {row}"
            raise invalid("edges", f"have numbers in column {name!r}", got, "Correct it.")
        values.append(value)
    return torch.tensor(values)[keep]


def _ends(columns: Mapping[str, Any], name: str, number: Mapping[str, int]) -> list[int]:
    out, unknown = [], []
    for row, cell in enumerate(_cells(columns, name, "edges")):
        place = number.get(cell)
        if place is None:
            unknown.append(f"{cell!r} in row {row} of {name!r}")
        out.append(-1 if place is None else place)
    if unknown:
        more = f" and {len(unknown) - _SHOWN:,} more" if len(unknown) > _SHOWN else ""
        condition = "name nodes of the training graph or new nodes"
        got = f"{', '.join(unknown[:_SHOWN])}{more}"
        raise invalid("edges", condition, got, "Add them to the nodes, or remove these edges.")
    return out


def _cells(columns: Mapping[str, Any], name: str, what: str) -> list[str]:
    """One column as text.

    Raises:
        ValueError: if it is missing.
    """
    if name not in columns:
        near = nearest(name, columns)
        advice = f"Did you mean {near[0]!r}?" if near else "Name it as in training."
        got = ", ".join(map(repr, columns)) or "an empty table"
        raise invalid(what, f"have a column {name!r}", got, advice)
    return [_text(cell).strip() for cell in columns[name]]


def _text(cell: object) -> str:
    """A cell as text; "" for a missing one, and whole numbers without a decimal point."""
    if isinstance(cell, Tensor):
        cell = cell.item()
    if cell is None or (isinstance(cell, (float, np.floating)) and bool(np.isnan(cell))):
        return ""
    return str(cell)
