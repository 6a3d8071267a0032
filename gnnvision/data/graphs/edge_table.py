"""A table of edges, whose ends are the ids of nodes, as the columns of a graph."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.column_sources import Columns
from gnnvision.data.column_values import read_numbers, read_texts, to_cells, to_text
from gnnvision.data.columns import ColumnEncoder
from gnnvision.errors import invalid, nearest

__all__ = [
    "EdgeColumns",
    "Edges",
    "NodeIds",
    "describe_edges",
    "id_text",
    "order_types",
    "read_edges",
]

SHOWN = 3  # ids that a message lists


@dataclass(frozen=True)
class EdgeColumns:
    """Which columns of a table of edges are used, and for what.

    Args:
        source: The column with the id of the node where an edge starts.
        target: The column with the id of the node where it ends.
        weight: The column with its weight, if any.
        type: The column with its type, if any.
        attributes: The columns that are encoded as its attributes.
        undirected: Whether each edge goes in both directions.
        types: The types, in the order of their numbers; found in the column if empty.
        edge_encoder: The encoder of the attributes; fitted if None.
    """

    source: str = "source"
    target: str = "target"
    weight: str | None = None
    type: str | None = None
    attributes: tuple[str, ...] = ()
    undirected: bool = True
    types: tuple[str, ...] = ()
    edge_encoder: ColumnEncoder | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON types, for `from_dict`."""
        encoder = None if self.edge_encoder is None else self.edge_encoder.to_dict()
        return asdict(replace(self, edge_encoder=None)) | {"edge_encoder": encoder}

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> Self:
        """The columns that `to_dict` described."""
        found = {item.name: held[item.name] for item in fields(cls)}
        encoder = found["edge_encoder"] and ColumnEncoder.from_dict(found["edge_encoder"])
        lists = {name: tuple(held[name]) for name in ("attributes", "types")}
        return cls(**{**found, **lists, "edge_encoder": encoder})


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges between numbered nodes, sorted, in both directions if undirected.

    Args:
        edge_index: Sources and targets. Shape (2, E).
        columns: How they were read, with the types and the encoder of the attributes.
        edge_weight: Their weights, if any. Shape (E,).
        edge_type: Their types from 0, if any. Shape (E,).
        edge_attr: Their attributes, if any. Shape (E, D).
        notes: What was found, as lines of an overview: title -> text.
    """

    edge_index: Tensor
    columns: EdgeColumns
    edge_weight: Tensor | None = None
    edge_type: Tensor | None = None
    edge_attr: Tensor | None = None
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of a `Graph`, other than its nodes."""
        relations = len(self.columns.types) if self.edge_type is not None else None
        return {
            "edge_index": self.edge_index,
            "edge_weight": self.edge_weight,
            "edge_type": self.edge_type,
            "edge_attr": self.edge_attr,
            "num_relations": relations,
        }


class NodeIds:
    """The ids of nodes, and the number of each; ids that are written alike are the same.

    Args:
        cells: The ids, in order.
        argument: The argument that named them, for messages.

    Raises:
        ValueError: An id is missing, or occurs twice.
    """

    def __init__(self, cells: Any, argument: str = "id") -> None:  # noqa: ANN401
        values = [*to_cells(cells)]
        texts = [id_text(value) for value in values]
        if "" in texts:
            got = f"an empty cell in row {texts.index('')}"
            raise invalid(argument, "have a value in every row", got, "Add the id of the node.")
        self.numbers = {text: number for number, text in enumerate(texts)}
        if len(self.numbers) < len(texts):
            seen: set[str] = set()
            again = [text for text in texts if text in seen or seen.add(text)]  # type: ignore[func-returns-value]
            rows = [row for row, text in enumerate(texts) if text == again[0]]
            more = len(again) - 1
            got = f"{again[0]!r} in rows {rows[0]} and {rows[1]}"
            got += f" and {more:,} more such rows" if more else ""
            raise invalid(argument, "be different in every row", got, "Remove the repeated rows.")
        whole = all(isinstance(v, int | np.integer) and not isinstance(v, bool) for v in values)
        self.names: tuple[Hashable, ...] = tuple(map(int, values)) if whole else tuple(texts)

    def __len__(self) -> int:
        return len(self.names)

    def find(self, cells: Any) -> tuple[NDArray[np.int64], list[Any]]:  # noqa: ANN401
        """The number of each id, -1 for an unknown one, and the cells."""
        values = [*to_cells(cells)]
        known = self.numbers
        found = (known.get(v, -1) if type(v) is str else known.get(id_text(v), -1) for v in values)
        numbers = np.fromiter(found, np.int64, len(values))
        for row in np.flatnonzero(numbers < 0).tolist():
            numbers[row] = known.get(id_text(values[row]), -1)
        return numbers, values


def id_text(value: object) -> str:
    """An id as text without surrounding whitespace, in Unicode's composed form; "" if missing."""
    text = value if isinstance(value, str) else to_text(value)
    return unicodedata.normalize("NFC", text.strip())


def read_edges(table: Columns, ids: NodeIds, columns: EdgeColumns) -> Edges:
    """Read a table of edges.

    Repeated edges are one edge, and self loops are kept; both are counted in the notes.

    Args:
        table: The table.
        ids: The ids of the nodes.
        columns: The columns to use.

    Raises:
        ValueError: An edge names an unknown node, or two rows of one edge differ in their weight
            or attributes; a column is not in the table, or has no value in some row.
    """
    ends = []
    for argument, name in (("source", columns.source), ("target", columns.target)):
        numbers, cells = ids.find(table.require(name, argument))
        _refuse_unknown(numbers, cells, name, table.source, ids)
        ends.append(numbers)
    source, target = ends
    weight = None if columns.weight is None else _weights(table, columns.weight)
    types, kind = columns.types, None
    if columns.type is not None:
        types, kind = _types(table, columns.type, types)
    encoder, attr = columns.edge_encoder, None
    if columns.attributes:
        held = Columns(
            {name: table.require(name, "edge_attr") for name in columns.attributes},
            table.source, table.num_rows, table.decimal_commas,
        )  # fmt: skip
        encoder = encoder or ColumnEncoder.fit(held)
        attr = encoder.encode(held, argument="edges")[0].numpy()
    used = replace(columns, types=types, edge_encoder=encoder)
    keep, parallel = _distinct(source, target, kind, (weight, attr), columns.undirected)
    loops = int((source[keep] == target[keep]).sum())
    notes = describe_edges(table, used, len(keep), len(source) - len(keep), loops, parallel)
    both = [keep, keep[source[keep] != target[keep]]] if columns.undirected else [keep]
    forth = np.concatenate([source[both[0]], *(target[rows] for rows in both[1:])])
    back = np.concatenate([target[both[0]], *(source[rows] for rows in both[1:])])
    rows = np.concatenate(both)
    order = np.lexsort([back, forth])
    rows = rows[order]

    def at_rows(values: NDArray[Any] | None) -> Tensor | None:
        return None if values is None else torch.from_numpy(values[rows])

    index = torch.from_numpy(np.stack([forth[order], back[order]]))
    return Edges(index, used, at_rows(weight), at_rows(kind), at_rows(attr), notes)


def _refuse_unknown(
    numbers: NDArray[np.int64], cells: Sequence[Any], column: str, source: str, ids: NodeIds
) -> None:
    unknown = np.flatnonzero(numbers < 0).tolist()
    if not unknown:
        return
    row = unknown[0]
    text = id_text(cells[row])
    more = f" and {len(unknown) - 1:,} more such cells" if len(unknown) > 1 else ""
    got = f"{text!r} in row {row} of the column {column!r} of {source}{more}"
    if not text:
        got = f"an empty cell in row {row} of the column {column!r} of {source}{more}"
    near = nearest(text, ids.numbers, cutoff=0.8) if len(ids) <= 10_000 else []
    advice = f"Did you mean {near[0]!r}?" if near else "Add the node, or remove the edge."
    raise invalid("edges", "name nodes of the graph", got, advice)


def _weights(table: Columns, name: str) -> NDArray[np.float32]:
    read = read_numbers(to_cells(table.require(name, "edge_weight")), table.decimal_commas)
    if read.missing.any():
        row = int(read.missing.argmax())
        cell = read.unreadable.get(row, "an empty cell")
        advice = "Fill it in, or leave out edge_weight."
        raise invalid(
            "edge_weight", "have a number in every row", f"{cell} in row {row} of {name!r}", advice
        )
    return read.values.astype(np.float32)


def _types(
    table: Columns, name: str, known: Sequence[str]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    texts = read_texts(to_cells(table.require(name, "edge_type")))
    if texts.missing.any():
        got = f"an empty cell in row {int(texts.missing.argmax())} of {name!r}"
        raise invalid("edge_type", "have a value in every row", got, "Fill it in.")
    types = tuple(known) or order_types({*texts.values})
    place = {text: number for number, text in enumerate(types)}
    for row, text in enumerate(texts.values):
        if text not in place:
            condition = f"be one of the types of training, {', '.join(map(repr, types))}"
            got = f"{text!r} in row {row} of {name!r}"
            raise invalid("edge_type", condition, got, "Remove the edge.")
    return types, np.array([place[text] for text in texts.values], np.int64)


def order_types(texts: Collection[str]) -> tuple[str, ...]:
    """The types of edges in the order of their numbers."""
    return tuple(sorted(texts, key=lambda t: (len(t), t) if t.isdigit() else (0, t)))


def _distinct(
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    kind: NDArray[np.int64] | None,
    values: Sequence[NDArray[Any] | None],
    undirected: bool,
) -> tuple[NDArray[np.int64], int]:
    """The first row of each distinct edge, and the number of parallel edges that are kept."""
    first, second = source, target
    if undirected:
        first, second = np.minimum(source, target), np.maximum(source, target)
    keys = np.stack([first, second, np.zeros_like(first) if kind is None else kind], axis=1)
    if not len(keys):
        return np.zeros(0, np.int64), 0
    _, start, which = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    of_row = start[which.ravel()]
    same = np.ones(len(keys), bool)
    for each in values:
        if each is not None:
            equal = each == each[of_row]
            same &= equal if equal.ndim == 1 else equal.all(axis=1)
    if undirected and not same.all():
        row = int((~same).argmax())
        raise invalid(
            "edges",
            "have the same weight and attributes in all rows of one undirected edge",
            f"other ones in rows {int(of_row[row])} and {row}",
            "Combine the rows, or use undirected=False to keep them as two edges.",
        )
    keep = np.flatnonzero((of_row == np.arange(len(keys))) | ~same)
    return keep, int((~same).sum())


def describe_edges(
    table: Iterable[str], used: EdgeColumns, count: int, repeated: int, loops: int, parallel: int
) -> dict[str, str]:
    """How a table of edges was read, as lines of an overview.

    Args:
        table: The names of its columns.
        used: Those that are used.
        count: The number of edges.
        repeated: The number of rows that repeat an edge.
        loops: The number of self loops.
        parallel: The number of parallel edges that are kept.
    """
    arrow = "-" if used.undirected else "->"
    text = f"{count:,} {'undirected' if used.undirected else 'directed'} edges "
    text += f"{used.source!r} {arrow} {used.target!r}"
    if repeated:
        text += f"; {repeated:,} repeated {'row is' if repeated == 1 else 'rows are'} ignored"
    if loops:
        text += f"; {loops:,} self {'loop is' if loops == 1 else 'loops are'} kept"
    if parallel:
        text += f"; parallel edges with other values are kept ({parallel:,})"
    notes = {"edges": text if count else "none: the nodes are not connected"}
    if used.weight is not None:
        notes["edge weights"] = repr(used.weight)
    if used.type is not None:
        shown = ", ".join(used.types[:SHOWN]) + (", ..." if len(used.types) > SHOWN else "")
        notes["edge types"] = f"{used.type!r}: {len(used.types)} types ({shown})"
    if used.edge_encoder is not None and used.attributes:
        notes["edge attributes"] = used.edge_encoder.summary()
    taken = {used.source, used.target, used.weight, used.type, *used.attributes}
    if more := [repr(name) for name in table if name not in taken]:
        notes["edge columns"] = (
            f"{', '.join(more[: 2 * SHOWN])}{', ...' if len(more) > 2 * SHOWN else ''} not used; "
            "use them with edge_weight, edge_type or edge_attr"
        )
    return notes
