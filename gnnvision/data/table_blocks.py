"""Read a text table in blocks of rows, in memory that does not grow with the table."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from gnnvision.data.table import (
    SMI_COLUMNS,
    SMI_NOTE,
    Rows,
    Table,
    check_file,
    find_start,
    is_smi,
    read_rows,
    read_table,
    refuse_other_formats,
    smi_rows,
)
from gnnvision.data.text_files import MARKS
from gnnvision.errors import at_least, invalid

__all__ = ["divide_table", "open_table", "read_blocks"]

HEAD = 2**20  # characters in which the header is searched
CHUNK = 2**20  # bytes that are decoded at once


def read_blocks(path: Path, rows: int = 20_000) -> Iterator[Table]:
    r"""The rows of a table in blocks, each a `Table` with the header of the file.

    The formats and the errors are those of `read_table`, and a file can be of any size. A file in
    a legacy encoding is read whole, since all of it decides which encoding that is. Notes on the
    format are in the last block, and the row numbers of `problems` count from the start of each
    block.

    Args:
        path: a text table, optionally compressed with gzip.
        rows: the largest number of rows of a block.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not a text table.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "some.csv")
        >>> _ = file.write_text("smiles,y\nC,1\nCC,2\nCCC,3\n")
        >>> [len(block.rows) for block in read_blocks(file, rows=2)]
        [2, 1]
    """
    at_least("rows", rows, 1)
    check_file(path)
    encoding = _encoding(path)
    if encoding is None:
        return divide_table(read_table(path), rows)
    return _streamed(path, encoding, rows)


def divide_table(table: Table, rows: int) -> Iterator[Table]:
    """The blocks of a table in memory, as of `read_blocks`."""
    for first in range(0, max(len(table.rows), 1), rows):
        here = range(first, first + rows)
        yield Table(
            table.columns,
            table.rows[first : first + rows],
            table.delimiter,
            {row - first: text for row, text in table.problems.items() if row in here},
            table.notes if first + rows >= len(table.rows) else (),
            table.encoding,
        )


def _streamed(path: Path, encoding: str, most: int) -> Iterator[Table]:
    name, notes = str(path), list[str]()
    with open_table(path) as binary, io.TextIOWrapper(binary, encoding) as file:
        blocks: Iterable[Rows]
        columns: tuple[str, ...]
        if is_smi(name):
            notes.append(SMI_NOTE)
            columns, delimiter = SMI_COLUMNS, ","
            blocks = _smi_blocks(file, name, most)
        else:
            head = file.read(HEAD)
            start = find_start(head, notes)
            delimiter = start.delimiter
            columns, blocks = read_rows(_lines(head, file), start, name, notes, most)
        known = encoding.removesuffix("-sig")
        held: Rows | None = None
        for block in blocks:  # one late, since the last one has the notes
            if held is not None:
                yield Table(columns, tuple(held[0]), delimiter, held[1], (), known)
            held = block
        cells, problems = held or ([], {})
        yield Table(columns, tuple(cells), delimiter, problems, tuple(notes), known)


def _smi_blocks(file: Iterable[str], name: str, most: int) -> Iterator[Rows]:
    rows = smi_rows(file, name)
    while part := [*islice(rows, most)]:
        yield [*part], {}


def _lines(head: str, file: Iterable[str]) -> Iterator[str]:
    """The lines of a file whose beginning has been read already."""
    rest = iter(file)
    for line in io.StringIO(head):
        yield line if line.endswith("\n") else line + next(rest, "")
    yield from rest


def open_table(path: Path) -> BinaryIO:
    """A table opened as bytes, unpacked if it is compressed with gzip."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")  # type: ignore[return-value]


def _encoding(path: Path) -> str | None:
    """The encoding of a file in UTF-8 or with a byte-order mark; None for any other."""
    try:
        with open_table(path) as file:
            chunk = file.read(CHUNK)
            refuse_other_formats(chunk, str(path))
            encoding = next((known for mark, known in MARKS if chunk.startswith(mark)), "utf-8")
            decoder = codecs.getincrementaldecoder(encoding)()
            while chunk:
                if "\0" in decoder.decode(chunk):
                    return None  # refused by `read_table`
                chunk = file.read(CHUNK)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    except (OSError, EOFError, zlib.error) as error:
        got = f"{str(path)!r}, which cannot be unpacked ({error})"
        raise invalid("csv", "be complete", got, "Download it again.") from None
    return encoding
