"""Tables as columns: from a file of text or Parquet, a DataFrame, or a dict of columns."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gnnvision._extras import require_extra
from gnnvision.data.paths import existing_path
from gnnvision.data.table import MOST_BYTES, Table, parse_table
from gnnvision.errors import invalid, nearest, wrong_type

__all__ = ["Columns", "is_table_file", "read_columns", "refuse_repeated"]

SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".parquet", ".pq")
_PARQUET, _GZIP = b"PAR1", b"\x1f\x8b"
MOST_CELLS = 2**28  # of a Parquet file, in which a column of one value takes a few bytes
MOST_PACKED = 100  # cells for each byte of a larger one
SHOWN = 12  # columns that an error message lists


@dataclass(frozen=True)
class Columns(Mapping[str, Any]):
    """The columns of a table by their names.

    Args:
        columns: Column name -> its cells, one for each row.
        source: What was read, for messages: a quoted path, or "a DataFrame".
        num_rows: The number of rows.
        decimal_commas: Whether numbers may have decimal commas: the delimiter is not a comma.
        notes: Assumptions made in reading.
    """

    columns: Mapping[str, Any] = field(repr=False)
    source: str
    num_rows: int
    decimal_commas: bool = False
    notes: tuple[str, ...] = field(default=(), repr=False)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def require(self, name: str, argument: str) -> Any:  # noqa: ANN401
        """The cells of a column.

        Args:
            name: Its name.
            argument: The argument that named it, for the message.

        Raises:
            ValueError: There is no such column.
        """
        if name in self.columns:
            return self.columns[name]
        known = [*self.columns]
        listed = ", ".join(map(repr, known[:SHOWN])) + (", ..." if len(known) > SHOWN else "")
        near = nearest(name, known)
        advice = f"Did you mean {argument}={near[0]!r}?" if near else "Choose one of them."
        raise invalid(
            argument, f"be one of the columns {listed} of {self.source}", repr(name), advice
        )


def is_table_file(path: Path) -> bool:
    """Whether the ending of a file is one that `read_columns` reads."""
    return path.name.lower().removesuffix(".gz").endswith(SUFFIXES)


def read_columns(source: Any, argument: str = "columns") -> Columns:  # noqa: ANN401
    """Read a table as columns.

    Args:
        source: The path of a text table (csv, tsv, txt: any delimiter and encoding) or a Parquet
            file, both also with `.gz`; a DataFrame of pandas or polars; an Arrow table; or a
            mapping from names to columns. Parquet needs pyarrow.
        argument: The argument that gave it, for error messages.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: A Parquet file is read without pyarrow.
        TypeError: `source` is none of these.
        ValueError: The file is not a table, has a malformed row, or two columns of one name; or
            the columns have different lengths.

    Example:
        >>> table = read_columns({"id": ["a", "b"], "age": [20, 30]})
        >>> list(table), table.num_rows
        (['id', 'age'], 2)
    """
    if isinstance(source, Columns):
        return source
    if isinstance(source, str | os.PathLike):
        return _from_file(source, argument)
    if isinstance(source, Table):
        return _from_table(source, "a table", argument)
    if isinstance(source, Mapping):
        return _checked(source, "a dict of columns", argument)
    if hasattr(source, "column_names") and hasattr(source, "column"):  # pyarrow
        return _from_arrow(source, "an Arrow table", argument)
    if hasattr(source, "columns") and hasattr(source, "__getitem__"):
        return _from_frame(source, argument)
    advice = "Convert it to a dict {'name': [values, ...], ...}."
    raise wrong_type(argument, "be a path, a DataFrame or a dict of columns", source, advice)


def _from_file(path: str | os.PathLike[str], argument: str) -> Columns:
    place = existing_path(path, "a file", argument)
    if place.is_dir():
        raise invalid(argument, "be a file", f"the folder {str(path)!r}", "Name a file in it.")
    content, name = place.read_bytes(), repr(os.fspath(path))
    if content[:4] == _PARQUET:
        return _from_parquet(content, name, argument)
    if content[:2] == _GZIP and place.name.lower().endswith((".parquet.gz", ".pq.gz")):
        try:
            with gzip.open(io.BytesIO(content)) as packed:
                content = packed.read(MOST_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            got = f"{name}, which cannot be unpacked ({error})"
            raise invalid(argument, "be complete", got, "Download it again.") from None
        if len(content) > MOST_BYTES:
            most = f"be at most {MOST_BYTES // 2**30} GiB"
            raise invalid(argument, most, f"more in {name}", "Unpack the file.")
        return _from_parquet(content, name, argument)
    return _from_table(parse_table(content, str(path)), name, argument)


def _from_table(table: Table, source: str, argument: str) -> Columns:
    if table.problems:
        text = next(iter(table.problems.values()))
        width = f"have {len(table.columns)} cells in each row"
        raise invalid(argument, width, f"{source}, where {text}", "Correct the table.")
    refuse_repeated(table.columns, source, argument)
    notes = list(table.notes)
    if "" in table.columns:
        notes.append("a column without a name is not used")
    cells = zip(*table.rows, strict=True) if table.rows else iter([()] * len(table.columns))
    columns = {name: [*each] for name, each in zip(table.columns, cells, strict=True) if name}
    commas = table.delimiter != ","
    return Columns(columns, source, len(table.rows), commas, tuple(notes))


def _from_parquet(content: bytes, source: str, argument: str) -> Columns:
    require_extra("parquet", f"The Parquet file {argument!r}")
    from pyarrow import ArrowException, BufferReader, parquet

    try:
        file = parquet.ParquetFile(BufferReader(content))
        about = file.metadata
        cells = about.num_rows * about.num_columns
        if cells > max(MOST_CELLS, MOST_PACKED * len(content)):
            most = f"have at most {MOST_CELLS:,} cells, or {MOST_PACKED} for each byte"
            advice = "Split the file, or leave out columns."
            raise invalid(argument, most, f"{cells:,} in {source}", advice)
        columns = [about.schema.column(place) for place in range(about.num_columns)]
        texts = [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]
        # A value that repeats a million times in the file stays one value in memory.
        file = parquet.ParquetFile(BufferReader(content), read_dictionary=texts)
        table = file.read()
        table.validate(full=True)
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        fault = str(error).partition("\n")[0]
        got = f"{source}, which cannot be read ({fault})"
        raise invalid(argument, "be a Parquet file", got, "Export it again.") from error
    return _from_arrow(table, source, argument)


def _from_arrow(table: Any, source: str, argument: str) -> Columns:  # noqa: ANN401
    names = [str(name) for name in table.column_names]
    refuse_repeated(names, source, argument)
    columns = {}
    for place, name in enumerate(names):
        column = table.column(place)
        if name.startswith("__index_level_") and "index" not in names:  # of a DataFrame
            name = "index"
        columns[name] = _cells(column)
    return Columns(columns, source, int(table.num_rows))


def _cells(column: Any) -> Any:  # noqa: ANN401
    """The cells of a column of Arrow."""
    if hasattr(column.type, "value_type") and hasattr(column.type, "index_type"):  # a dictionary
        found: list[Any] = []
        for chunk in column.chunks:
            words = [*chunk.dictionary.to_pylist(), None]
            found += [words[-1 if at is None else at] for at in chunk.indices.to_pylist()]
        return found
    # Arrow turns integers with missing values into floats, which changes large ids.
    return column.to_pylist() if column.null_count else column.to_numpy()


def _from_frame(frame: Any, argument: str) -> Columns:  # noqa: ANN401
    source = f"a {type(frame).__name__}"
    names = [str(name) for name in frame.columns]
    refuse_repeated(names, source, argument)
    columns = {name: frame[key] for name, key in zip(names, frame.columns, strict=True)}
    index = getattr(frame, "index", None)
    if index is not None and type(index).__name__ != "RangeIndex":
        name = str(getattr(index, "name", None) or "index")
        if name not in columns and type(index).__name__ != "MultiIndex":
            columns = {name: index, **columns}
    return _checked(columns, source, argument)


def _checked(columns: Mapping[Any, Any], source: str, argument: str) -> Columns:
    lengths = {}
    for name, column in columns.items():
        if isinstance(column, str | bytes) or not hasattr(column, "__len__"):
            advice = f"Pass a list with one value for each row in {str(name)!r}."
            raise wrong_type(argument, "have columns of values", column, advice)
        lengths[str(name)] = len(column)
    first = next(iter(lengths), "")
    for name, length in lengths.items():
        if length != lengths[first]:
            got = f"{lengths[first]:,} in {first!r} and {length:,} in {name!r}"
            raise invalid(argument, "have the same number of rows in all columns", got)
    named = {str(name): column for name, column in columns.items()}
    return Columns(named, source, lengths.get(first, 0))


def refuse_repeated(names: list[str] | tuple[str, ...], source: str, argument: str) -> None:
    """Raise ValueError if two columns have one name."""
    for name, times in Counter(names).items():
        if name and times > 1:
            got = f"{name!r} {times} times in {source}"
            raise invalid(argument, "have each column once", got, "Rename the others.")
