"""Columns of a table as features of a network: an encoder that is stored and enforced.

The kind of each column is inferred: numbers are standardized with the mean and the standard
deviation of the training rows, words are one-hot encoded with one column for rare and unseen
words, booleans are 0 and 1, lists of numbers are taken as they are, and an indicator column
marks missing values.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from gnnvision.data.cells import parse_number
from gnnvision.data.column_values import (
    Cells,
    ReadColumn,
    read_booleans,
    read_lists,
    read_numbers,
    resembles_number,
    to_cells,
)
from gnnvision.data.encoded_column import SHOWN, ColumnKind, EncodedColumn
from gnnvision.errors import invalid, nearest, one_of, wrong_type

__all__ = ["ColumnEncoder"]

MOSTLY = 0.5  # a column with a larger share of cells of a kind is of that kind
MIN_COUNT = 2  # a word needs this number of training rows for a column of its own
MAX_VALUES = 100  # words of one column
_TITLES = {
    "number": "numbers",
    "raw": "numbers",
    "boolean": "booleans (yes or no, 0 or 1)",
    "text": "text",
    "list": "lists of numbers",
    "standardized list": "lists of numbers",
}


@dataclass(frozen=True)
class ColumnEncoder:
    """Encodes the columns of a table as features.

    Args:
        columns: How each column is encoded, in order.

    Example:
        >>> table = {"age": [20, 40, None], "color": ["red", "red", "blue"]}
        >>> encoder = ColumnEncoder.fit(table)
        >>> print("; ".join(encoder.names))
        age; age is missing; color=red; color=other
        >>> x, remarks = encoder.encode(table)
        >>> x.tolist()
        [[-1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]
    """

    columns: tuple[EncodedColumn, ...]

    @classmethod
    def fit(
        cls,
        columns: Mapping[str, Any],
        rows: ArrayLike | Tensor | None = None,
        *,
        kinds: Mapping[str, ColumnKind] | None = None,
        min_count: int = MIN_COUNT,
        max_values: int = MAX_VALUES,
    ) -> Self:
        """The encoder of columns, with the statistics of the training rows.

        Args:
            columns: Column name -> its cells: text, numbers, booleans, lists of numbers.
            rows: The indices of the training rows; by default all.
            kinds: Column name -> its kind, where it is not to be inferred; "*" for all others.
            min_count: A word that occurs in fewer training rows shares the feature "other".
            max_values: The largest number of words of a column that have a feature each.

        Raises:
            TypeError: `columns` is not a mapping.
            ValueError: A column has another length, or its cells are not of the kind in `kinds`;
                `kinds` names an unknown column or kind.
        """
        table, count = _checked(columns)
        chosen = dict(kinds or {})
        for name, kind in chosen.items():
            if name != "*":
                one_of("kinds", name, table)
            one_of("kinds", kind, get_args(ColumnKind))
        every: NDArray[np.int64] = np.arange(count) if rows is None else np.asarray(rows)
        commas = getattr(columns, "decimal_commas", False)
        found = []
        for name, cells in table.items():
            wanted = chosen.get(name, chosen.get("*"))
            code = EncodedColumn(name, wanted) if wanted else _inferred(name, cells, commas)
            found.append(
                _with_statistics(code, cells, every, commas, wanted is None, min_count, max_values)
            )
        return cls(tuple(found))

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each feature."""
        return tuple(name for column in self.columns for name in column.names)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns of a table that `encode` needs."""
        return tuple(column.name for column in self.columns if column.kind != "unused")

    def encode(
        self, columns: Mapping[str, Any], *, argument: str = "columns"
    ) -> tuple[Tensor, dict[int, str]]:
        """The features of the rows of a table.

        Args:
            columns: Column name -> cells; columns that the encoder does not know are ignored.
            argument: The argument that gave the columns, for error messages.

        Returns:
            The features, float32; and row index -> which of its cells was replaced, because it
            could not be read or is missing where no training row was.

        Shapes:
            Output: (N, F).

        Raises:
            ValueError: A column is not in the table, or is of another kind than in training.
        """
        used = [column for column in self.columns if column.kind != "unused"]
        for column in used:
            if column.name not in columns:
                raise _no_column(argument, column.name, columns)
        wanted = {column.name: columns[column.name] for column in used}
        table, count = _checked(wanted, argument)
        if not used and columns:
            count = _checked({name: columns[name] for name in [*columns][:1]}, argument)[1]
        commas = getattr(columns, "decimal_commas", False)
        out = np.zeros((count, len(self.names)), np.float32)
        remarks: dict[int, list[str]] = {}
        start = 0
        for column in used:
            cells = table[column.name]
            read = column.read(cells, commas)
            _check_kind(column, cells, read, argument)
            block = column.features(read)
            out[:, start : start + block.shape[1]] = block
            start += block.shape[1]
            for row, text in _remarks(column, read):
                remarks.setdefault(row, []).append(text)
        return torch.from_numpy(out), {row: "; ".join(remarks[row]) for row in sorted(remarks)}

    def describe(self) -> str:
        """How the columns are encoded, one line for each."""
        return "\n".join(column.describe() for column in self.columns)

    def summary(self) -> str:
        """How the columns are encoded, as one line that groups the columns of a wide table."""
        if len(self.columns) <= 2 * SHOWN:
            return "; ".join(column.describe() for column in self.columns)
        groups: dict[str, list[str]] = {}
        for column in self.columns:
            groups.setdefault(column.kind, []).append(repr(column.name))
        texts = []
        for kind, names in groups.items():
            more = ", ..." if len(names) > SHOWN else ""
            word = "not used" if kind == "unused" else kind
            texts.append(f"{len(names):,} {word} ({', '.join(names[:SHOWN])}{more})")
        return f"{len(self.names):,} features: {'; '.join(texts)}"

    def to_dict(self) -> dict[str, Any]:
        """The encoder as JSON types, for `from_dict`."""
        return {"version": 1, "columns": [asdict(column) for column in self.columns]}

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> Self:
        """The encoder that `to_dict` described.

        Raises:
            ValueError: It is of a later version.
        """
        if held["version"] != 1:
            got = f"an encoder of version {held['version']}"
            raise invalid("encoder", "be of version 1", got, "Install a later gnnvision.")
        found: list[Any] = [
            {k: tuple(v) if isinstance(v, list) else v for k, v in each.items()}
            for each in held["columns"]
        ]
        return cls(tuple(EncodedColumn(**each) for each in found))

    @property
    def hash(self) -> str:
        """The SHA-256 of the encoder, in hexadecimal."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()


def _checked(
    columns: Mapping[str, Any], argument: str = "columns"
) -> tuple[dict[str, Cells], int]:
    """The cells of all columns and the number of rows."""
    if not isinstance(columns, Mapping):
        advice = "Pass {'name': [values, ...], ...}; read a file with gnnvision.data.read_columns."
        raise wrong_type(argument, "be a mapping from names to columns", columns, advice)
    table = {str(name): to_cells(column) for name, column in columns.items()}
    lengths = {name: len(cells) for name, cells in table.items()}
    count = next(iter(lengths.values()), 0)
    for name, length in lengths.items():
        if length != count:
            got = f"{length} in {name!r} and {count} in {next(iter(lengths))!r}"
            raise invalid(argument, "have the same number of rows in all columns", got)
    return table, count


def _inferred(name: str, cells: Cells, commas: bool) -> EncodedColumn:
    """The kind of a column, from all of its cells."""
    held = cells.values
    if isinstance(held, np.ndarray) and held.dtype.kind in "mM":
        return EncodedColumn(name, "unused", note="dates; convert them to numbers to use them")
    if isinstance(held, np.ndarray) and held.ndim > 1:
        return EncodedColumn(name, "list")
    numbers = read_numbers(cells, commas)
    known = len(cells) - _empty(numbers)
    if not known:
        return EncodedColumn(name, "unused", note="all cells are missing")
    if not numbers.unreadable:
        binary = np.isin(numbers.values[~numbers.missing], (0, 1)).all()
        return EncodedColumn(name, "boolean" if binary else "number")
    booleans = read_booleans(cells)
    if not booleans.unreadable:
        return EncodedColumn(name, "boolean")
    if len(numbers.unreadable) < MOSTLY * known:
        return EncodedColumn(name, "number")
    lists = read_lists(cells)
    if len(lists.unreadable) < MOSTLY * known:
        return EncodedColumn(name, "list")
    faults = [(cell, fault) for cell in cells if (fault := resembles_number(cell))]
    if len(faults) > MOSTLY * known:
        cell, fault = faults[0]
        return EncodedColumn(name, "unused", note=f"its cells resemble numbers: {cell!r}, {fault}")
    return EncodedColumn(name, "text")


def _with_statistics(
    code: EncodedColumn,
    cells: Cells,
    rows: NDArray[np.int64],
    commas: bool,
    inferred: bool,
    min_count: int,
    max_values: int,
) -> EncodedColumn:
    """The encoding with the statistics of the training rows."""
    name, kind = code.name, code.kind
    if kind == "unused":
        return code
    lists = kind in ("list", "standardized list")
    read = read_lists(cells) if lists else code.read(cells, commas)
    if not inferred and len(read.unreadable) > MOSTLY * (len(cells) - _empty(read)):
        raise _other_kind("kinds", EncodedColumn(name, kind), read, "Choose another kind.")
    missing = read.missing[rows]
    if missing.all():
        return EncodedColumn(name, "unused", note="it has no value in the training rows")
    note = ""
    if read.unreadable:
        note = f"unreadable, counted as missing: {_cells(read.unreadable)}"
    marks = bool(missing.any())
    if kind == "text":
        counts = Counter(read.values[row] for row in rows[~missing].tolist())
        common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:max_values]
        values = tuple(sorted(word for word, times in common if times >= min_count))
        if inferred and not values:
            different = f"{len(counts):,} different texts in {len(rows):,} training rows"
            return EncodedColumn(name, "unused", note=f"{different}, none of them repeated")
        if inferred and len(counts) == 1 and not marks:
            return EncodedColumn(name, "unused", note="it is the same in all training rows")
        numeric = any(parse_number(w) is not None for w in set(read.values) - {None})
        return EncodedColumn(
            name, kind, values=values, marks_missing=marks, numeric_words=numeric, note=note
        )
    known = read.values[rows].reshape(len(rows), -1)[~missing]
    mean, std = known.mean(axis=0), known.std(axis=0)
    constant = (known == known[:1]).all(axis=0)
    if inferred and constant.all() and not marks and len(rows) > 1:
        if kind != "boolean":  # one that varies elsewhere still has the scale of the others
            return EncodedColumn(name, "unused", note="it is the same in all training rows")
        if (read.values[~read.missing] == known[0]).all():
            return EncodedColumn(name, "unused", note="it is the same in all rows")
    if kind not in ("number", "standardized list"):
        mean, std = np.zeros_like(mean), np.ones_like(std)
    std = np.where(constant | (std == 0), 1, std)
    return EncodedColumn(
        name, kind, tuple(mean.tolist()), tuple(std.tolist()), marks_missing=marks, note=note
    )


def _empty(read: ReadColumn) -> int:
    """The number of missing cells, without unreadable ones."""
    return int(read.missing.sum()) - len(read.unreadable)


def _check_kind(column: EncodedColumn, cells: Cells, read: ReadColumn, argument: str) -> None:
    """Raise ValueError if most cells are of another kind than in training."""
    known = len(cells) - _empty(read)
    if len(read.unreadable) > MOSTLY * known:
        raise _other_kind(argument, column, read, "Use the same kind of column as in training.")
    if column.kind != "text" or not known:
        return
    words = [value for value in read.values if value is not None]
    numbers = all(parse_number(word) is not None for word in words)
    if numbers and not column.numeric_words:
        got = f"numbers such as {words[0]}"
        advice = "Use the same kind of column as in training."
        raise invalid(argument, f"have words in {column.name!r}, as in training", got, advice)


def _other_kind(argument: str, column: EncodedColumn, read: ReadColumn, advice: str) -> ValueError:
    words = _TITLES[column.kind]
    if column.mean and column.kind in ("list", "standardized list"):
        words = f"lists of {len(column.mean)} numbers"
    return invalid(argument, f"have {words} in {column.name!r}", _cells(read.unreadable), advice)


def _cells(unreadable: Mapping[int, str]) -> str:
    """The first unreadable cell of a column, and how many others there are."""
    row, cell = min(unreadable.items())
    more = len(unreadable) - 1
    return f"{cell} in row {row}" + (f" and {more:,} more" if more else "")


def _no_column(argument: str, name: str, columns: Sequence[str] | Mapping[str, Any]) -> ValueError:
    known = [*map(str, columns)]
    near = nearest(name, known, cutoff=0.6)  # of two syllables, one in common is too few
    shown = ", ".join(map(repr, known[: 2 * SHOWN])) or "no columns"
    more = f" and {len(known) - 2 * SHOWN} more" if len(known) > 2 * SHOWN else ""
    advice = f"Did you mean {near[0]!r}? Rename it." if near else "The model was trained with it."
    return invalid(argument, f"have the column {name!r}", f"{shown}{more}", advice)


def _remarks(column: EncodedColumn, read: ReadColumn) -> list[tuple[int, str]]:
    """The rows in which a cell was replaced, and what it was."""
    found = [
        (row, f"{column.name!r} is {cell}, which counts as missing")
        for row, cell in read.unreadable.items()
    ]
    if not column.marks_missing:
        zero = "0" if column.kind in ("raw", "list", "boolean", "text") else "the mean"
        found += [
            (int(row), f"{column.name!r} is missing, in training it never was; {zero} is used")
            for row in np.flatnonzero(read.missing)
            if int(row) not in read.unreadable
        ]
    return found
