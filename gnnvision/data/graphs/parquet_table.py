"""A Parquet file that is read in blocks of rows, as text as in a CSV of the same table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnnvision._extras import require_extra
from gnnvision.data.column_sources import refuse_repeated
from gnnvision.data.column_values import is_missing, to_text
from gnnvision.data.plain_table import ROWS
from gnnvision.data.text_cells import TextCells
from gnnvision.errors import invalid

__all__ = ["ParquetTable", "open_parquet"]


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file that is read in blocks.

    Args:
        path: The file.
        columns: The names of its columns.
        whole: Those of whole numbers.
    """

    path: Path
    columns: tuple[str, ...]
    whole: frozenset[str]
    decimal_commas = False
    notes: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The file as in messages."""
        return repr(str(self.path))

    def blocks(self) -> Iterator[dict[str, TextCells]]:
        """The cells of all columns as text, block by block."""
        from pyarrow import parquet

        with parquet.ParquetFile(self.path) as file:
            for batch in file.iter_batches(batch_size=ROWS):
                yield {
                    name: TextCells.of(map(_text, batch.column(place).to_pylist()))
                    for place, name in enumerate(self.columns)
                }


def open_parquet(path: Path, argument: str) -> ParquetTable:
    """A Parquet file that is read in blocks.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
        ValueError: It is damaged, or two columns have one name.
    """
    require_extra("parquet", f"The Parquet file {argument!r}")
    from pyarrow import ArrowException, parquet, types

    try:
        schema = parquet.read_schema(path)
    except (ArrowException, OSError) as error:
        fault = str(error).splitlines()[0]
        got = f"{str(path)!r}, which cannot be read ({fault})"
        raise invalid(argument, "be a Parquet file", got, "Export it again.") from error
    names = ["index" if name.startswith("__index_level_") else name for name in schema.names]
    refuse_repeated(names, repr(str(path)), argument)
    whole = frozenset(
        name for name, kind in zip(names, schema.types, strict=True) if types.is_integer(kind)
    )
    return ParquetTable(path, tuple(names), whole)


def _text(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, list):
        return json.dumps(value)
    return "" if is_missing(value) else to_text(value)
