"""The columns of a large table, kept on disk and read one after the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gnnvision.data.column_sources import Columns
from gnnvision.data.graphs.npy_files import GrowingArray, map_array
from gnnvision.data.graphs.parquet_table import ParquetTable
from gnnvision.data.plain_table import BlockTable
from gnnvision.data.text_cells import TextCells
from gnnvision.errors import invalid

__all__ = ["ColumnStore", "store_columns"]

BLOCK = 2**20  # cells that are read together


class ColumnStore(Mapping[str, Any]):
    """Columns of text in files; a column is in memory while somebody uses it.

    Args:
        folder: Of the files.
        names: The columns.
        num_rows: The number of rows.
        texts: Columns whose cells stay text even if all are numbers.
    """

    def __init__(
        self, folder: Path, names: Collection[str], num_rows: int, texts: Collection[str] = ()
    ) -> None:
        self.folder, self.names, self.num_rows = folder, tuple(names), num_rows
        self.texts = {*texts}

    def cells(self, name: str) -> TextCells:
        """The cells of a column as bytes that are mapped into memory."""
        place = self.names.index(name)
        content = map_array(_file(self.folder, place, "bytes"))
        ends = map_array(_file(self.folder, place, "ends"))
        return TextCells(content, _Starts(ends), ends)  # type: ignore[arg-type]

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401
        """The cells of a column: an array if all are plain numbers, else a list of texts."""
        if name not in self.names:
            raise KeyError(name)
        if name not in self.texts and (numbers := self._numbers(name)) is not None:
            return numbers
        known: dict[str, str] = {}  # one object for equal texts
        return [
            known.setdefault(text, text) for block in self.blocks(name) for text in block.texts()
        ]

    def _numbers(self, name: str) -> Any:  # noqa: ANN401
        parts = []
        for block in self.blocks(name):
            if (values := block.numbers()) is None:
                return None
            parts.append(values)
        return np.concatenate(parts) if parts else np.zeros(0)

    def blocks(self, name: str) -> Iterator[TextCells]:
        """The cells of a column in blocks."""
        held = self.cells(name)
        for start in range(0, self.num_rows, BLOCK):
            stop = min(start + BLOCK, self.num_rows)
            starts, ends = held.starts[start:stop], np.asarray(held.ends[start:stop])
            first = int(starts[0])
            content = np.asarray(held.content[first : int(ends[-1])])
            yield TextCells(content, starts - first, ends - first)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


class _Starts:
    """Where cells begin that follow each other: where the one before ends."""

    def __init__(self, ends: Any) -> None:  # noqa: ANN401
        self.ends = ends

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, place: Any) -> Any:  # noqa: ANN401
        if isinstance(place, slice):
            start, stop, _ = place.indices(len(self.ends))
            first = [0] if start == 0 else []
            return np.concatenate(
                [np.array(first, np.int64), self.ends[max(start - 1, 0) : max(stop - 1, 0)]]
            )
        places = np.asarray(place)
        return np.where(places > 0, self.ends[np.maximum(places - 1, 0)], 0)


def _file(folder: Path, place: int, kind: str) -> Path:
    return folder / f"column-{place}-{kind}.npy"


def store_columns(
    table: BlockTable | ParquetTable,
    folder: Path,
    wanted: Collection[str],
    argument: str,
    texts: Collection[str],
    step: Callable[[int], None],
) -> Columns:
    """Read a table once, and keep some of its columns on disk.

    Args:
        table: The table.
        folder: For the files.
        wanted: The columns to keep.
        argument: The argument that gave the table, for messages.
        texts: As for `ColumnStore`.
        step: Called with the number of rows that were read since the last call.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [name for name in table.columns if name in wanted]
    files = []
    for place in range(len(names)):
        pair = [
            GrowingArray(_file(folder, place, kind), np.dtype(dtype))
            for kind, dtype in (("bytes", "u1"), ("ends", "<i8"))
        ]
        files.append(pair)
    rows = 0
    try:
        for block in table.blocks():
            for name, (content, ends) in zip(names, files, strict=True):
                packed = block[name].packed()
                ends.append(packed.ends + content.rows)
                content.append(packed.content)
            count = len(next(iter(block.values())))
            rows += count
            step(count)
        for pair in files:
            for each in pair:
                each.close()
    finally:
        for pair in files:
            for each in pair:
                each.file.close()
    if not rows:
        got = f"{table.source} without rows"
        raise invalid(argument, "have at least one row", got, "Check the file.")
    store = ColumnStore(folder, names, rows, texts)
    return Columns(store, table.source, rows, table.decimal_commas, table.notes)
