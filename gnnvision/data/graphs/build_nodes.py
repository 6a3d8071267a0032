"""The nodes of a graph on disk from a table that is read in blocks, one column after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gnnvision.data.column_sources import Columns
from gnnvision.data.column_values import to_cells
from gnnvision.data.columns import ColumnEncoder
from gnnvision.data.graphs.column_store import ColumnStore, store_columns
from gnnvision.data.graphs.graph_writer import GraphWriter
from gnnvision.data.graphs.npy_files import map_array
from gnnvision.data.graphs.options import GraphOptions
from gnnvision.data.graphs.parquet_table import ParquetTable
from gnnvision.data.graphs.table_files import split_argument as split_given
from gnnvision.data.graphs.table_labels import (
    MASKS,
    label_columns,
    split_columns,
    split_of_table,
)
from gnnvision.data.graphs.tables import feature_columns, sum_to_one
from gnnvision.data.plain_table import BlockTable
from gnnvision.data.split_column import has_split_words
from gnnvision.data.text_cells import TextCells
from gnnvision.errors import invalid

__all__ = ["ROWS", "NodeTable"]

ROWS = 2**16  # nodes that are written together


@dataclass(frozen=True, eq=False)
class NodeTable:
    """The table of the nodes of a graph on disk.

    Args:
        source: The table.
        id: The column with the ids.
        label: The columns to predict.
        options: As for tables in memory.
        step: Called with a text and the number of rows that were done since the last call.
    """

    source: BlockTable | ParquetTable
    id: str
    label: tuple[str, ...]
    options: GraphOptions
    step: Callable[[str, int], None]

    def write(self, place: Path, writer_of: Callable[[int], GraphWriter]) -> dict[str, Any]:
        """Write features, targets, ids and the split; what was found, as JSON types.

        Args:
            place: A folder for the columns while they are read.
            writer_of: The writer of a graph with this number of nodes.

        Raises:
            ValueError: As `from_tables`.
        """
        source, options = self.source, self.options
        split = split_given(options)
        texts = {name for name in (self.id, *self.label, split) if name is not None}
        structure = _named(options) == "degree"
        count = partial(self.step, "nodes read")
        table = store_columns(source, place, source.columns, "nodes", texts, count)
        store: ColumnStore = table.columns  # type: ignore[assignment]
        store.texts |= {
            name for name, kind in (options.kinds or {}).items() if kind in ("text", "boolean")
        }
        words = _split_column(store) if split in (None, "random") else None
        split = words if split is None else split
        store.texts |= {words} if words is not None else set()
        labels = label_columns(table, self.label, "node", options.kind, options.missing)
        chosen = split_of_table(_only(table, split), split, labels, options.seed)
        train = chosen.split.train
        excluded = {self.id, words, *self.label, *split_columns(_only(table, split), split)}
        encoder, note = None, ""
        encoded: list[Path] = []
        if not structure:
            if _named(options) == "identity":
                raise _no_features("features='identity'")
            names = feature_columns(table, options.features, options.kinds, excluded)
            encoder = self._fit(table, names, train, place, encoded)
            if not encoder.names:
                raise _no_features(f"{source.source} ({encoder.summary() or 'no other columns'})")
            note = encoder.summary()
        ids, whole = store.cells(self.id), self.id in getattr(source, "whole", ())
        with writer_of(table.num_rows) as writer:
            for start in range(writer.next_node, table.num_rows, ROWS):
                stop = min(start + ROWS, table.num_rows)
                x = None if structure else _features(encoded, start, stop, options)
                y = labels.y[start:stop] if self.label else None
                writer.add_nodes(x=x, y=y, ids=_block(ids, start, stop, whole))
                self.step("nodes written", stop - start)
            writer.sync_nodes()
            writer.write_split(chosen.split)
        if options.normalize_features:
            note += "; the features of each node sum to 1"
        details = {**labels.notes, **chosen.notes}
        if table.notes:
            details["nodes table"] = "; ".join(table.notes)
        return {
            "num_nodes": table.num_rows, "kind": labels.kind, "class_names": [*labels.names],
            "split": chosen.split.name, "details": details, "note": note,
            "encoder": encoder and encoder.to_dict(),
            "features": "degree" if structure else "columns",
        }  # fmt: skip

    def _fit(
        self, table: Columns, names: Sequence[str], train: NDArray[np.int64], place: Path,
        encoded: list[Path],
    ) -> ColumnEncoder:  # fmt: skip
        """The encoder of the columns, fitted one after the other; their features go to files."""
        kinds, found = self.options.kinds or {}, []
        rows = train if len(train) else None
        for number, name in enumerate(names):
            held = Columns({name: table.require(name, "features")}, table.source, table.num_rows,
                           table.decimal_commas)  # fmt: skip
            kind = kinds.get(name, kinds.get("*"))
            one = ColumnEncoder.fit(held, rows, kinds=None if kind is None else {name: kind})
            column = one.columns[0]
            found.append(column)
            if column.kind != "unused":
                read = column.read(to_cells(held[name]), table.decimal_commas)
                path = place / f"features-{number}.npy"
                encoded.append(path)
                out = np.lib.format.open_memmap(
                    path, "w+", np.float32, (table.num_rows, len(column.names))
                )
                for start in range(0, table.num_rows, ROWS):
                    part = replace(read, values=read.values[start : start + ROWS], unreadable={})
                    out[start : start + ROWS] = column.features(part)
                del out
            self.step("columns encoded", 1)
        return ColumnEncoder(tuple(found))


def _named(options: GraphOptions) -> str | tuple[str, ...] | None:
    """The features as they were named; a single name as such."""
    given = options.features
    return given[0] if isinstance(given, tuple) and len(given) == 1 else given


def _no_features(got: str) -> ValueError:
    return invalid(
        "features", "be columns of the table of nodes, or 'degree'", got,
        "Use --features degree: one feature for each node would be as large as N × N.",
    )  # fmt: skip


def _split_column(store: ColumnStore) -> str | None:
    """The first column that only has the words of a split; None if there are masks or none."""
    if any(name in store for name in MASKS):
        return None
    for name in store:
        first = next(store.blocks(name))
        some = TextCells(first.content, first.starts[:100], first.ends[:100]).texts()
        words = {text.strip().lower() for text in some} - {""}
        if words and not has_split_words([*words, "train", "test"]):
            continue
        if has_split_words(t for block in store.blocks(name) for t in set(block.texts())):
            return name
    return None


def _only(table: Columns, split: str | None) -> Columns:
    """The columns that may define a split, so that no others are read."""
    names = [name for name in table if name in MASKS or name == split]
    return Columns(_Some(table, names), table.source, table.num_rows, table.decimal_commas)


class _Some(Mapping[str, Any]):
    """Some columns of a table, which are read when they are used."""

    def __init__(self, table: Columns, names: Sequence[str]) -> None:
        self.table, self.names = table, names

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401
        if name not in self.names:
            raise KeyError(name)
        return self.table[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def _features(
    encoded: Sequence[Path], start: int, stop: int, options: GraphOptions
) -> NDArray[np.float32]:
    parts = [np.asarray(map_array(path)[start:stop]) for path in encoded]
    x = np.concatenate(parts, 1)
    if options.normalize_features:
        x = sum_to_one(torch.from_numpy(x)).numpy()
    return x


def _block(ids: TextCells, start: int, stop: int, whole: bool) -> list[str] | NDArray[np.int64]:
    """Some ids, as whole numbers if their column has these."""
    ends = np.asarray(ids.ends[start:stop])
    block = TextCells(ids.content, ids.starts[start:stop], ends).stripped()
    numbers = block.integers() if whole else None
    return block.texts() if numbers is None else numbers
