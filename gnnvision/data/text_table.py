"""A table in memory, such as a DataFrame, with its cells as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gnnvision.data.column_sources import read_columns
from gnnvision.data.table import Table

__all__ = ["to_text_table"]


def to_text_table(source: Any, argument: str = "source") -> Table:  # noqa: ANN401
    """The columns of a table as text, "" for missing cells.

    Args:
        source: A pandas, polars or Arrow table, a dict of columns, a `Table`, or the path of a
            file that `gnnvision.data.read_columns` reads.
        argument: The argument that named it, for error messages.

    Raises:
        TypeError: It is not a table.

    Example:
        >>> to_text_table({"file": ["a.png", "b.png"], "age": [3.5, None]}).rows
        (('a.png', '3.5'), ('b.png', ''))
    """
    if isinstance(source, Table):
        return source
    columns = read_columns(source, argument)
    rows = tuple(zip(*(map(_text, _cells(column)) for column in columns.values()), strict=True))
    delimiter = ";" if columns.decimal_commas else ","
    return Table(tuple(columns), rows, delimiter, {}, columns.notes)


def _cells(column: Any) -> Sequence[Any]:  # noqa: ANN401
    listed: list[Any] = column.tolist() if hasattr(column, "tolist") else list(column)
    return listed


def _text(cell: object) -> str:
    """A cell as text; "" for None, NaN and pandas' NA."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType") or cell != cell:
        return ""
    return str(cell)
