"""Tables in text files, read as spreadsheets write them, and written with columns added."""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TextIO

from gnnvision.data.molecules.cells import number as read_number
from gnnvision.data.paths import nearest_names, refuse_special
from gnnvision.data.text_files import decode_text

__all__ = ["Table", "parse_table", "read_table"]

DELIMITERS = ",;\t|"
MOLECULES = ("smiles", "mol", "canonical_smiles", "structure")  # names of columns, in lower case
SMILES_NAMES = ("smiles", "SMILES", "Smiles", "mol", "canonical_smiles", "structure")
TITLE_LINES = 20  # so far down a header is looked for
SEP = re.compile(r"\s*\"?sep=(.)\"?[,;\t|]*\s*", re.I)
_SAVE = "Save it as 'CSV UTF-8' where it was made."
_OTHERS = {
    b"PK\x03\x04": ("a workbook or a zip archive", "Save it as 'CSV UTF-8', or unpack it."),
    b"\xd0\xcf\x11\xe0": ("a workbook of an old Excel", _SAVE),
    b"PAR1": ("a Parquet file", _SAVE),
    b"\x89HDF": ("an HDF5 file", _SAVE),
    b"%PDF": ("a PDF file", _SAVE),
    b"<": ("a web page or XML", "Fetch the file itself, or save it as 'CSV UTF-8'."),
    b'{"': ("JSON", _SAVE),
    b"[{": ("JSON", _SAVE),
    b"{\\rtf": ("a text with formatting (RTF)", _SAVE),
}
MOST_BYTES = 2**31  # of a table; a compressed one may pretend to be small


@dataclass(frozen=True)
class Table:
    """The header and the rows of a table, all as text.

    Args:
        columns: the names in the header, in order; not always unique.
        rows: the cells of each row, as many as there are columns.
        delimiter: what stands between cells.
        problems: what is wrong with the form of a row, by its number from 0.
        notes: how the file was understood, where that is not plain.
        encoding: of the file's text.
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
            what: the argument that named it, for the error.

        Raises:
            ValueError: if there is no such column, or more than one.
        """
        found = [place for place, known in enumerate(self.columns) if known == name]
        if not found:
            near = difflib.get_close_matches(name, self.columns, n=1)
            advice = f"Did you mean {near[0]!r}?" if near else "Choose one."
            raise ValueError(
                f"'{what}' must be one of the columns {', '.join(map(repr, self.columns))}, got "
                f"{name!r}. {advice}"
            )
        if len(found) > 1:
            raise ValueError(
                f"'{what}' must name one column, got {name!r}, which the header has "
                f"{len(found)} times. Rename the others in the file."
            )
        return [row[found[0]] for row in self.rows]

    def smiles_column(self) -> str:
        """The column that holds the molecules by its name.

        Raises:
            ValueError: if none is called so.
        """
        found = [name for name in SMILES_NAMES if name in self.columns]
        if not found:
            raise ValueError(
                f"'smiles' must name one of the columns {', '.join(map(repr, self.columns))}, got "
                f"none, and none is called 'smiles'. {self._advice()}"
            )
        return found[0]

    def _advice(self) -> str:
        if any(read_number(name) is not None for name in self.columns):
            return "If the first line is a row, add a header above it, such as 'smiles,y'."
        return "Name the one that holds the molecules."

    def write(self, file: TextIO, more: Mapping[str, Sequence[str]]) -> None:
        """All rows and columns as they were read, then more columns.

        Args:
            file: where to, opened with newline="".
            more: the cells of the new columns, by their names. A name that the table has
                already is written with an underscore before it.
        """
        names = []
        for name in more:
            while name in self.columns or name in names:
                name = f"_{name}"
            names.append(name)
        header = [*self.columns, *names]
        # In quotes, a mark in a name is not taken for what stands between cells.
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
    r"""The table in a file of comma-separated values, perhaps compressed by gzip.

    Commas, semicolons, tabs or bars stand between the cells; quotes, line breaks in quotes
    (kept as "\n") and a byte-order mark are understood, blank lines passed over. A line of
    empty cells is a row.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no table as text. What is neither UTF-8 nor has a byte-order mark is
            read in an old encoding, which `notes` names.
    """
    if path.is_dir():
        raise ValueError(f"'csv' must be a file, got the folder {str(path)!r}. Name a file in it.")
    if not path.exists():
        raise FileNotFoundError(
            f"'csv' must be a file that exists, got {str(path)!r}. {nearest_names(path)}"
        )
    refuse_special(path, "csv")
    return parse_table(path.read_bytes(), str(path))


def parse_table(content: bytes, name: str) -> Table:
    """As `read_table`, from the bytes of the file.

    Args:
        content: what is in the file.
        name: its name, for errors.
    """
    _refuse_other(content, name)
    text, encoding, notes = _text(content, name)
    if name.lower().removesuffix(".gz").endswith(".smi"):
        return _smi(text, encoding, notes, name)
    first, _, rest = text.lstrip("\n").partition("\n")
    if said := SEP.fullmatch(first):  # a line for Excel; a blank one instead keeps the count
        delimiter, text = said[1], "\n" * (len(text) - len(text.lstrip("\n")) + 1) + rest
        notes.append(f"the line {first.strip()!r} names the delimiter")
    else:
        text, delimiter = _below_titles(text, notes)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines: list[tuple[int, list[str]]] = []
    start = 1
    try:
        for cells in reader:
            # Of one column, a line of blanks is a row with an empty cell.
            alone = bool(lines) and len(lines[0][1]) == 1
            if any(cell.strip() for cell in cells) or len(cells) > 1 or (cells and alone):
                lines.append((start, cells))
            start = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"'csv' must be a table, got {name!r}, which breaks off in the row that begins in "
            f"line {start} ({error}). Look for a quote that is opened and not closed."
        ) from None
    if not lines:
        raise ValueError(f"'csv' must hold a header and rows, got nothing in {name!r}.")
    columns = tuple(cell.strip() for cell in lines[0][1])
    if "\0" in text or not any(columns):
        raise ValueError(
            f"'csv' must be a text table, got {name!r}, which is none. Export it anew."
        )
    width, rows, problems, trailing = len(columns), [], {}, 0
    for number, (line, cells) in enumerate(lines[1:]):
        if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
            trailing += 1  # nothing is lost with cells that are empty
        elif len(cells) > width:
            problems[number] = (
                f"line {line} has {len(cells)} cells where the header has {width}: perhaps a "
                f"{delimiter!r} without quotes"
            )
        elif len(cells) < width:
            problems[number] = f"line {line} has {len(cells)} cells where the header has {width}"
        rows.append((*cells[:width], *[""] * (width - len(cells))))
    if trailing:
        notes.append(f"{trailing:,} rows end in more {delimiter!r} than the header, all empty")
    return Table(columns, tuple(rows), delimiter, problems, tuple(notes), encoding)


def _refuse_other(content: bytes, name: str) -> None:
    """What is named like a table and begins like something else is called what it is."""
    start = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    for mark, (what, advice) in _OTHERS.items():
        if start.startswith(mark):
            raise ValueError(
                f"'csv' must be a text table, got {name!r}, which is {what}. {advice}"
            )


def _below_titles(text: str, notes: list[str]) -> tuple[str, str]:
    """The text with lines of a title above the header left blank, and its delimiter."""
    header = _header(text)
    delimiter = max(DELIMITERS, key=lambda mark: _unquoted(header).count(mark))
    lines = list(islice(io.StringIO(text), TITLE_LINES))
    for place, line in enumerate(lines):
        mark = max(DELIMITERS, key=lambda mark: _unquoted(line).count(mark))
        cells = [cell.strip(' \n"').lower() for cell in line.split(mark)]
        if len(cells) > 1 and any(cell in MOLECULES for cell in cells):
            titles = [title.strip().strip(DELIMITERS) for title in lines[:place]]
            if any(titles):
                shown = "; ".join(title for title in titles if title)[:60]
                notes.append(f"above the header in line {place + 1}, not read: {shown!r}")
                return "\n" * place + text[sum(map(len, lines[:place])) :], mark
            break
        is_comment = line.startswith("#") and cells[0].lstrip("# ") not in MOLECULES
        if any(cell in MOLECULES for cell in cells) or (
            sum(map(bool, cells)) > 1 and not is_comment
        ):
            break  # a header, or a row of one
    return text, delimiter


def _smi(text: str, encoding: str, notes: list[str], name: str) -> Table:
    """A SMILES and perhaps a name a line, as chemists' programs write them, without a header."""
    rows: list[tuple[str, ...]] = []
    for line in text.split("\n"):
        smiles, *rest = line.strip().split(None, 1) or [""]
        if smiles and not (not rows and smiles.lower() in MOLECULES):
            extended = bool(rest) and rest[0].startswith("|")  # refused as a SMILES, with a reason
            rows.append((line.strip(), "") if extended else (smiles, "".join(rest)))
    if not rows:
        raise ValueError(f"'csv' must hold a SMILES a line, got nothing in {name!r}.")
    notes = ["a SMILES and a name a line", *notes]
    return Table(("smiles", "name"), tuple(rows), ",", {}, tuple(notes), encoding)


def _text(content: bytes, name: str) -> tuple[str, str, list[str]]:
    """The text with plain line ends, its encoding, and what is to be said of that."""
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(content)) as packed:
                content = packed.read(MOST_BYTES + 1)
                _refuse_other(content, name)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(
                f"'csv' must be whole, got {name!r}, which cannot be unpacked ({error}). "
                "Fetch it again."
            ) from None
    if len(content) > MOST_BYTES:
        raise ValueError(
            f"'csv' must be at most {MOST_BYTES // 2**30} GiB, got more in {name!r}. Split it."
        )
    text, encoding, note = decode_text(content, "csv", name)
    return text.replace("\r\n", "\n").replace("\r", "\n"), encoding, [note] if note else []


def _header(text: str) -> str:
    """The first line that is not blank, and those that a quote goes on in."""
    held: list[str] = []
    quotes = 0
    for line in io.StringIO(text):
        if held or line.strip():
            held.append(line)
            quotes += line.count('"')
        if held and quotes % 2 == 0:
            break
    return "".join(held)


def _unquoted(line: str) -> str:
    """What stands outside of quotes."""
    return "".join(line.split('"')[::2])
