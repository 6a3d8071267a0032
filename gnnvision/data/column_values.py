"""One column of a table of features, read as numbers, booleans, words or lists of numbers.

A column can be a list of text cells, a list of Python values, an array, a tensor, a pandas
Series or an Arrow column. Numbers in text are read as `cells.parse_number` reads them, and
missing values as `cells.missing_matcher` finds them. Neither pandas nor pyarrow is imported.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.cells import (
    YES_OR_NO,
    is_sign_column,
    missing_matcher,
    number_problem,
    parse_number,
    with_decimal_points,
)

__all__ = [
    "Cells",
    "ReadColumn",
    "is_missing",
    "read_booleans",
    "read_lists",
    "read_numbers",
    "read_texts",
    "resembles_number",
    "to_cells",
    "to_text",
]

_IS_MISSING = missing_matcher()
_NUMBER_CHARACTERS = frozenset("0123456789+-.eE")
_SEPARATORS = re.compile(r"\s*[,;]\s*|\s+")
_MISSING_TYPES = ("NAType", "NaTType")  # of pandas
_LARGEST = 3e38  # of float32


@dataclass(frozen=True)
class Cells:
    """The cells of a column, each distinct text once.

    Args:
        values: An array of numbers, booleans or dates, or a list of any other values.
        codes: The place in `values` of each row's cell; None if the cells are `values`.
    """

    values: NDArray[Any] | list[Any]
    codes: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.values if self.codes is None else self.codes)

    def __iter__(self) -> Iterator[Any]:
        if self.codes is None:
            return iter(self.values)
        return map(self.values.__getitem__, self.codes.tolist())

    def expand(self, read: ReadColumn) -> ReadColumn:
        """What was read of the distinct cells, for each row."""
        if self.codes is None:
            return read
        unreadable = {}
        if read.unreadable:
            for row in np.flatnonzero(np.isin(self.codes, [*read.unreadable])).tolist():
                unreadable[row] = read.unreadable[int(self.codes[row])]
        return ReadColumn(read.values[self.codes], unreadable)


@dataclass(frozen=True)
class ReadColumn:
    """A column that was read as one kind.

    Args:
        values: float64 (N,) or (N, D) with NaN for missing values; or texts, None if missing.
        unreadable: row index -> the cell that is neither missing nor of this kind.
    """

    values: NDArray[Any]
    unreadable: dict[int, str] = field(default_factory=dict)

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Whether each value is missing or unreadable. Shape (N,)."""
        if self.values.dtype.kind == "O":
            return np.array([value is None for value in self.values], dtype=bool)
        empty = np.isnan(self.values)
        found: NDArray[np.bool_] = empty if empty.ndim == 1 else empty.any(axis=1)
        return found


def to_cells(column: Any) -> Cells:  # noqa: ANN401 - any kind of column
    """The cells of a column: an array of one type where it has one, a list of values otherwise."""
    values = _values(column)
    if isinstance(values, list) and set(map(type, values)) == {str}:
        place = {text: n for n, text in enumerate(dict.fromkeys(values))}
        if len(place) < len(values):
            codes = np.fromiter(map(place.__getitem__, values), np.int64, len(values))
            return Cells([*place], codes)
    return Cells(values)


def _values(column: Any) -> NDArray[Any] | list[Any]:  # noqa: ANN401
    if isinstance(column, Tensor):
        column = column.detach().cpu().numpy()
    elif hasattr(column, "to_numpy"):  # pandas and pyarrow
        column = column.to_numpy()
    if not isinstance(column, np.ndarray):
        column = list(column)
        if not column or not all(
            isinstance(value, Real) or isinstance(value, np.number | np.bool_) for value in column
        ):
            return [*column]
        column = np.array(column)
    array: NDArray[Any] = column
    if array.dtype.kind in "biufMm":
        return array
    return [*array.tolist()] if array.ndim == 1 else [*array]


def is_missing(value: object) -> bool:
    """Whether a cell is missing: empty, NaN, None, pandas' NA, or a word such as "n/a"."""
    if isinstance(value, str):
        return _IS_MISSING(value)
    if value is None or type(value).__name__ in _MISSING_TYPES:
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def to_text(value: object) -> str:
    """A cell as text: whole numbers without a decimal point, missing values as ""."""
    if isinstance(value, str):
        return value
    if is_missing(value):
        return ""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value)


def resembles_number(value: object) -> str:
    """What is wrong with a text that resembles a number (a unit, a date); "" for other cells."""
    return number_problem(value) if isinstance(value, str) else ""


def read_numbers(cells: Cells, decimal_commas: bool = False) -> ReadColumn:
    """Read a column as numbers.

    Args:
        cells: The column.
        decimal_commas: Whether text may have decimal commas; they are read only where they are
            unambiguous.
    """
    values = cells.values
    if isinstance(values, np.ndarray):
        return _finite(values)
    if decimal_commas and all(isinstance(cell, str) for cell in values):
        known = [place for place, cell in enumerate(values) if not _IS_MISSING(cell)]
        if (points := with_decimal_points([values[place] for place in known])) is not None:
            values = [*values]
            for place, cell in zip(known, points, strict=True):
                values[place] = cell
    quick = _plain_numbers(values)
    return cells.expand(_finite(quick) if quick is not None else _each(values, _number))


def _finite(array: NDArray[Any]) -> ReadColumn:
    if array.dtype.kind not in "biuf" or array.ndim != 1:
        return _each([*array], _number)
    values = array.astype(np.float64)
    with np.errstate(invalid="ignore"):
        large = np.flatnonzero(np.abs(values) >= _LARGEST)
    unreadable = {int(row): repr(float(values[row])) for row in large}
    values[large] = np.nan
    return ReadColumn(values, unreadable)


def _plain_numbers(cells: Sequence[Any]) -> NDArray[np.float64] | None:
    """All cells as numbers, if all are text without anything but the characters of numbers."""
    try:
        if not set("".join(cells)) <= _NUMBER_CHARACTERS:
            return None
        return np.array(cells, dtype=np.str_).astype(np.float64) if cells else np.zeros(0)
    except (TypeError, ValueError):  # another kind of cell, an empty one, or a text such as "1-2"
        return None


def _each(cells: Sequence[Any] | NDArray[Any], read: Callable[[Any], float | None]) -> ReadColumn:
    values = np.full(len(cells), np.nan)
    unreadable: dict[int, str] = {}
    for row, cell in enumerate(cells):
        if is_missing(cell):
            continue
        value = read(cell)
        if value is None:
            unreadable[row] = _quoted(cell)
        else:
            values[row] = value
    return ReadColumn(values, unreadable)


def _number(cell: Any) -> float | None:  # noqa: ANN401
    if isinstance(cell, str):
        return parse_number(cell)
    if isinstance(cell, Real | np.number | np.bool_) and abs(float(cell)) < _LARGEST:
        return float(cell)
    return None


def read_booleans(cells: Cells) -> ReadColumn:
    """Read a column as booleans: 0 and 1, true and false, yes and no, and so on."""
    held = cells.values
    if isinstance(held, np.ndarray) and held.dtype.kind in "biuf" and held.ndim == 1:
        values = held.astype(np.float64)
        other = np.flatnonzero(~np.isin(values, (0, 1)) & ~np.isnan(values))
        unreadable = {int(row): to_text(held[row]) for row in other}
        values[other] = np.nan
        return ReadColumn(values, unreadable)
    words = {yes: 1.0 for yes, _ in YES_OR_NO} | {no: 0.0 for _, no in YES_OR_NO}

    def read(cell: Any) -> float | None:  # noqa: ANN401
        if isinstance(cell, str) and (word := cell.strip().lower()) in words:
            return words[word]
        value = _number(cell)
        return value if value in (0, 1) else None

    column = _each(held, read)
    if _has_signs(held):
        for place, cell in enumerate(held):
            if cell.strip() == "-":
                column.values[place] = 0.0
    return cells.expand(column)


def _has_signs(values: Sequence[Any] | NDArray[Any]) -> bool:
    """Whether a column has the signs + and -, where a dash is a value."""
    texts = [cell for cell in values if isinstance(cell, str)]
    return len(texts) == len(values) and is_sign_column(texts, _IS_MISSING)


def read_texts(cells: Cells) -> ReadColumn:
    """Read a column as words in Unicode's composed form; every cell can be read."""
    signs = _has_signs(cells.values)
    out = np.empty(len(cells.values), dtype=object)
    for place, cell in enumerate(cells.values):
        text = to_text(cell)
        if (signs and text.strip() == "-") or not _IS_MISSING(text):
            out[place] = unicodedata.normalize("NFC", text.strip())
    return cells.expand(ReadColumn(out))


def read_lists(cells: Cells, size: int | None = None) -> ReadColumn:
    """Read a column as lists of numbers of one length, such as "[0.1, 0.2]" or "0.1,0.2".

    Args:
        cells: The column.
        size: The length D of the lists; by default the most frequent one.
    """
    held = cells.values
    if isinstance(held, np.ndarray) and held.dtype.kind in "biuf" and held.ndim == 2:
        found: list[NDArray[np.float64] | None] = [*held.astype(np.float64)]
    else:
        found = [None if is_missing(cell) else _list(cell) for cell in held]
    lengths = [len(each) for each in found if each is not None]
    if size is None:
        size = max(1, Counter(lengths).most_common(1)[0][0]) if lengths else 1
    values = np.full((len(found), size), np.nan)
    unreadable: dict[int, str] = {}
    for row, each in enumerate(found):
        if each is not None and len(each) == size and np.isfinite(each).all():
            values[row] = each
        elif each is not None and len(each) != size:
            unreadable[row] = f"a list of {len(each)} numbers"
        elif not is_missing(held[row]):
            unreadable[row] = _quoted(held[row])
    return cells.expand(ReadColumn(values, unreadable))


def _list(cell: Any) -> NDArray[np.float64] | None:  # noqa: ANN401
    """A cell as an array of numbers, NaN where one cannot be read; None if it is not a list."""
    if isinstance(cell, str):
        text = cell.strip()
        inside = text[1:-1].strip() if text[:1] + text[-1:] in ("[]", "()") else text
        parts = _SEPARATORS.split(inside) if inside else []
        if inside == text and len(parts) < 2:
            return None
        quick = _plain_numbers(parts)
        if quick is not None:
            return np.where(np.abs(quick) < _LARGEST, quick, np.nan)
        numbers = [parse_number(part) for part in parts]
        if None in numbers:
            return None
        return np.array(numbers, dtype=np.float64)
    if isinstance(cell, Tensor):
        cell = cell.detach().cpu().numpy()
    if not isinstance(cell, list | tuple | np.ndarray):
        return None
    try:
        array = np.asarray(cell)
    except ValueError:  # lists of different lengths
        return None
    return array.astype(np.float64) if array.ndim == 1 and array.dtype.kind in "biuf" else None


def _quoted(cell: object) -> str:
    text = repr(cell) if isinstance(cell, str) else f"{cell}"
    return text if len(text) <= 60 else f"{text[:57]}..."
