"""Read CSV and similar text tables, and write them with columns added."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TextIO

from gnnvision.data.cells import parse_number
from gnnvision.data.paths import nearest_names, refuse_special
from gnnvision.data.text_files import decode_text
from gnnvision.errors import invalid, nearest

__all__ = ["Table", "parse_table", "read_table"]

DELIMITERS = ",;\t|"
MOLECULES = ("smiles", "mol", "canonical_smiles", "structure")  # names of columns, in lower case
SMILES_NAMES = ("smiles", "SMILES", "Smiles", "mol", "canonical_smiles", "structure")
TITLE_LINES = 20  # the header is searched in this many lines
SEP = re.compile(r"\s*\"?sep=(.)\"?[,;\t|]*\s*", re.I)
SMI_COLUMNS, SMI_NOTE = ("smiles", "name"), "one SMILES and one name per line"
_SAVE = "Export it as 'CSV UTF-8'."
_OTHERS = {
    b"PK\x03\x04": ("a workbook or a zip archive", "Export it as 'CSV UTF-8', or unpack it."),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", _SAVE),
    b"PAR1": ("a Parquet file", _SAVE),
    b"\x89HDF": ("an HDF5 file", _SAVE),
    b"%PDF": ("a PDF file", _SAVE),
    b"<": ("a web page or XML", "Download the file itself, or export it as 'CSV UTF-8'."),
    b'{"': ("JSON", _SAVE),
    b"[{": ("JSON", _SAVE),
    b"{\\rtf": ("formatted text (RTF)", _SAVE),
}
MOST_BYTES = 2**31  # of an uncompressed table


@dataclass(frozen=True)
class Table:
    """The header and the rows of a table, all as text.

    Args:
        columns: the names in the header, in order; they may repeat.
        rows: the cells of each row, one per column.
        delimiter: the character between cells.
        problems: row index (from 0) -> what is wrong with the format of the row.
        notes: assumptions made in reading the file.
        encoding: of the file.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(repr=False)
    delimiter: str = ","
    problems: Mapping[int, str] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = field(default=(), repr=False, compare=False)
    encoding: str = field(default="utf-8", repr=False, compare=False)

    def column(self, name: str, what: str = "column") -> list[str]:
        """The cells of one column.

        Args:
            name: its name, as in the header.
            what: the argument that named it, for error messages.

        Raises:
            ValueError: if there is no such column, or more than one.
        """
        found = [place for place, known in enumerate(self.columns) if known == name]
        if not found:
            near = nearest(name, self.columns)
            advice = f"Did you mean {near[0]!r}?" if near else "Choose one."
            known = ", ".join(map(repr, self.columns))
            raise invalid(what, f"be one of the columns {known}", repr(name), advice)
        if len(found) > 1:
            got = f"{name!r}, which is in the header {len(found)} times"
            raise invalid(what, "name one column", got, "Rename the others in the file.")
        return [row[found[0]] for row in self.rows]

    def smiles_column(self) -> str:
        """The name of the SMILES column, recognized by its name.

        Raises:
            ValueError: if no column has such a name.
        """
        found = [name for name in SMILES_NAMES if name in self.columns]
        if not found:
            known = ", ".join(map(repr, self.columns))
            got = "none, and no column is called 'smiles'"
            raise invalid("smiles", f"name one of the columns {known}", got, self._advice())
        return found[0]

    def _advice(self) -> str:
        if any(parse_number(name) is not None for name in self.columns):
            return "If the first line is data, add a header above it, such as 'smiles,y'."
        return "Name the SMILES column."

    def write(self, file: TextIO, more: Mapping[str, Sequence[str]]) -> None:
        """Write the table as it was read, followed by more columns.

        Args:
            file: open for writing, with newline="".
            more: name -> cells of the new columns. Names that exist already get an underscore
                as prefix.
        """
        names = []
        for name in more:
            while name in self.columns or name in names:
                name = f"_{name}"
            names.append(name)
        header = [*self.columns, *names]
        # Quoted, a delimiter inside a name does not separate cells.
        mixed = any(mark in name for name in header for mark in DELIMITERS)
        csv.writer(
            file,
            delimiter=self.delimiter,
            lineterminator="\n",
            quoting=csv.QUOTE_ALL if mixed else csv.QUOTE_MINIMAL,
        ).writerow(header)
        writer = csv.writer(file, delimiter=self.delimiter, lineterminator="\n")
        for row, *new in zip(self.rows, *more.values(), strict=True):
            writer.writerow([*row, *new])


def read_table(path: Path) -> Table:
    r"""Read a delimited text file, optionally compressed with gzip.

    The delimiter is a comma, semicolon, tab or bar. Quotes, line breaks in quotes (read as "\n")
    and a byte-order mark are supported, and blank lines are skipped. A line of empty cells is a
    row. A file that is neither UTF-8 nor has a byte-order mark is read in a legacy encoding,
    which `notes` names.

    Args:
        path: of the file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not a text table.
    """
    check_file(path)
    return parse_table(path.read_bytes(), str(path))


def check_file(path: Path) -> None:
    """Raise FileNotFoundError or ValueError unless the path is an existing file."""
    if path.is_dir():
        raise invalid("csv", "be a file", f"the folder {str(path)!r}", "Name a file in it.")
    if not path.exists():
        raise FileNotFoundError(
            f"'csv' must be a file that exists, got {str(path)!r}. {nearest_names(path)}"
        )
    refuse_special(path, "csv")


def parse_table(content: bytes, name: str) -> Table:
    """As `read_table`, from the content of the file.

    Args:
        content: the bytes of the file.
        name: its name, for error messages.
    """
    refuse_other_formats(content, name)
    text, encoding, notes = _decode(content, name)
    if is_smi(name):
        rows = tuple(smi_rows(io.StringIO(text), name))
        return Table(SMI_COLUMNS, rows, notes=(SMI_NOTE, *notes), encoding=encoding)
    if "\0" in text:
        raise _no_text(name)
    start = find_start(text, notes)
    columns, blocks = read_rows(io.StringIO(text, newline=""), start, name, notes, None)
    cells, problems = next(iter([*blocks]), ([], {}))
    return Table(columns, tuple(cells), start.delimiter, problems, tuple(notes), encoding)


@dataclass(frozen=True)
class Start:
    """Where the header of a table is.

    Args:
        lines: the number of lines above it.
        delimiter: the character between cells.
    """

    lines: int
    delimiter: str


Rows = tuple[list[tuple[str, ...]], dict[int, str]]  # the cells of each row, and the problems


def find_start(text: str, notes: list[str]) -> Start:
    r"""Find the header in the text, or the start of the text, of a table.

    Args:
        text: with line ends "\n".
        notes: assumptions are appended.
    """
    blank = len(text) - len(text.lstrip("\n"))
    first = text[blank:].partition("\n")[0]
    if sep := SEP.fullmatch(first):  # a line for Excel
        notes.append(f"the line {first.strip()!r} names the delimiter")
        return Start(blank + 1, sep[1])
    return _skip_titles(text, notes)


def read_rows(
    lines: Iterable[str], start: Start, name: str, notes: list[str], most: int | None
) -> tuple[tuple[str, ...], Iterator[Rows]]:
    """The names of the columns, and the rows in blocks.

    Args:
        lines: of the whole file.
        start: where the header is.
        name: of the file, for messages.
        notes: assumptions are appended, when the last block has been read.
        most: the largest number of rows of a block; None for all in one.

    Raises:
        ValueError: if there is no header; in reading a block, if a quote is not closed.
    """
    numbered = _numbered(lines, start, name)
    header = next(numbered, None)
    if header is None:
        raise invalid("csv", "have a header and rows", f"{name!r}, which is empty")
    columns = tuple(cell.strip() for cell in header[1])
    if not any(columns):
        raise _no_text(name)
    return columns, _blocks(numbered, len(columns), start.delimiter, notes, most)


def _numbered(lines: Iterable[str], start: Start, name: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of the header and of each row, with the number of its first line."""
    reader = csv.reader(islice(lines, start.lines, None), delimiter=start.delimiter, strict=True)
    line, alone, first = start.lines + 1, False, True
    try:
        for cells in reader:
            # In a table of one column, a line of blanks is a row with an empty cell.
            if len(cells) > 1 or (cells and (alone or cells[0].strip())):
                yield line, cells
                first, alone = False, alone or (first and len(cells) == 1)
            line = start.lines + reader.line_num + 1
    except csv.Error as error:
        raise invalid(
            "csv",
            "be a table",
            f"{name!r}, which ends inside the row that starts in line {line} ({error})",
            "Look for a quote that is opened and not closed.",
        ) from None


def _blocks(
    numbered: Iterator[tuple[int, list[str]]],
    width: int,
    delimiter: str,
    notes: list[str],
    most: int | None,
) -> Iterator[Rows]:
    trailing = 0
    while part := list(islice(numbered, most)):
        rows, problems = [], {}
        for number, (line, cells) in enumerate(part):
            if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
                trailing += 1  # dropping empty cells loses nothing
            elif len(cells) != width:
                problems[number] = (
                    f"line {line} has {len(cells)} cells, but the header has {width}"
                    + (f": perhaps an unquoted {delimiter!r}" if len(cells) > width else "")
                )
            rows.append((*cells[:width], *[""] * (width - len(cells))))
        yield rows, problems
    if trailing:
        notes.append(f"{trailing:,} rows have empty cells beyond the header; they are ignored")


def _no_text(name: str) -> ValueError:
    got = f"{name!r}, which has null bytes or an empty header"
    return invalid("csv", "be a text table", got, "Export it again.")


def refuse_other_formats(content: bytes, name: str) -> None:
    """Refuse content that starts like another file format, and name the format."""
    start = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    for mark, (what, advice) in _OTHERS.items():
        if start.startswith(mark):
            raise invalid("csv", "be a text table", f"{name!r}, which is {what}", advice)


def _skip_titles(text: str, notes: list[str]) -> Start:
    """The start of a table that may have title lines above its header."""
    header = _header_line(text)
    delimiter = max(DELIMITERS, key=lambda mark: _unquoted(header).count(mark))
    lines = list(islice(io.StringIO(text), TITLE_LINES))
    for place, line in enumerate(lines):
        mark = max(DELIMITERS, key=lambda mark: _unquoted(line).count(mark))
        cells = [cell.strip(' \n"').lower() for cell in line.split(mark)]
        if len(cells) > 1 and any(cell in MOLECULES for cell in cells):
            titles = [title.strip().strip(DELIMITERS) for title in lines[:place]]
            if any(titles):
                shown = "; ".join(title for title in titles if title)[:60]
                notes.append(f"ignored text above the header in line {place + 1}: {shown!r}")
                return Start(place, mark)
            break
        is_comment = line.startswith("#") and cells[0].lstrip("# ") not in MOLECULES
        if any(cell in MOLECULES for cell in cells) or (
            sum(map(bool, cells)) > 1 and not is_comment
        ):
            break  # a header, or a row
    return Start(0, delimiter)


def is_smi(name: str) -> bool:
    """Whether a file of this name has one SMILES and one name per line, without a header."""
    return name.lower().removesuffix(".gz").endswith(".smi")


def smi_rows(lines: Iterable[str], name: str) -> Iterator[tuple[str, str]]:
    """The SMILES and the name in each line of a .smi file."""
    first = True
    for line in lines:
        smiles, *rest = line.strip().split(None, 1) or [""]
        if smiles and not (first and smiles.lower() in MOLECULES):
            first = False
            # Extended SMILES become invalid rows with a reason.
            extended = bool(rest) and rest[0].startswith("|")
            yield (line.strip(), "") if extended else (smiles, "".join(rest))
    if first:
        raise invalid("csv", "have one SMILES per line", f"{name!r}, which is empty")


def _decode(content: bytes, name: str) -> tuple[str, str, list[str]]:
    """The text with normalized line ends, its encoding, and notes on these."""
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(content)) as packed:
                content = packed.read(MOST_BYTES + 1)
                refuse_other_formats(content, name)
        except (OSError, EOFError, zlib.error) as error:
            got = f"{name!r}, which cannot be unpacked ({error})"
            raise invalid("csv", "be complete", got, "Download it again.") from None
    if len(content) > MOST_BYTES:
        largest = f"be at most {MOST_BYTES // 2**30} GiB"
        raise invalid("csv", largest, f"more in {name!r}", "Split the file.")
    text, encoding, note = decode_text(content, "csv", name)
    return text.replace("\r\n", "\n").replace("\r", "\n"), encoding, [note] if note else []


def _header_line(text: str) -> str:
    """The first line that is not blank, with the lines that its quoted cells span."""
    lines: list[str] = []
    quotes = 0
    for line in io.StringIO(text):
        if lines or line.strip():
            lines.append(line)
            quotes += line.count('"')
        if lines and quotes % 2 == 0:
            break
    return "".join(lines)


def _unquoted(line: str) -> str:
    """The text outside of quotes."""
    return "".join(line.split('"')[::2])
