"""Read target columns: regression values, binary labels or classes."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.arrays import UNLABELED
from gnnvision.data.cells import (
    DOUBTFUL,
    MISSING,
    YES_OR_NO,
    is_sign_column,
    missing_matcher,
    number_problem,
    parse_bound,
    parse_number,
    with_decimal_points,
)
from gnnvision.errors import invalid, wrong_type

__all__ = ["MISSING", "Kind", "Targets", "advice_on_limits", "numeric_columns", "read_targets"]

Kind = Literal["regression", "multilabel", "classification"]
MOST_CLASSES = 100
MOSTLY = 0.5  # a column with a larger share of numbers is numeric, with some invalid cells
MIXED = 1 / 3  # a column with a larger share of numbers is not one of class names
FEW_NUMBERS = 20  # so few different whole numbers may be class indices
SHOWN = 3  # cells quoted in an error message
LIMITS = "Read '<5' and '>5' as limits with bounds=True (--bounds). "  # what an error advises
AS_CLASSES = "kind='classification' (--kind classification)"


@dataclass(frozen=True)
class Targets:
    """The targets of all rows.

    Args:
        kind: regression, multilabel or classification.
        names: of the columns of `y`, or of the classes.
        y: floating point (rows, targets) with NaN for missing targets; for classification int64
            (rows,) with -100 for them.
        remarks: row index -> which cell could not be read.
        notes: column -> how it was interpreted, and the option that changes this.
        limits: for cells such as "<5", whose `y` is NaN, the limit; NaN elsewhere. Shape (rows,
            targets); None if there are none.
        sides: the side of the limit on which the value is: -1 below, 1 above; 0 elsewhere.
    """

    kind: Kind
    names: tuple[str, ...]
    y: Tensor
    remarks: Mapping[int, str]
    notes: Mapping[str, str] = field(default_factory=dict)
    limits: Tensor | None = None
    sides: Tensor | None = None

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether a row has at least one target, or a limit of one. Shape (rows,)."""
        y = self.y
        if self.kind == "classification":
            return (y >= 0).numpy()
        here = ~y.isnan() if self.sides is None else ~y.isnan() | (self.sides != 0)
        return here.any(1).numpy()


@dataclass(frozen=True)
class _Column:
    """A target column: its numeric values (NaN elsewhere) and the rows with other text."""

    name: str
    cells: Sequence[str]
    values: NDArray[np.float64]
    unreadable: list[int]  # rows with text that is neither a number nor missing
    is_missing: Callable[[str], bool]
    bounds: Mapping[int, tuple[float, int]] = field(default_factory=dict)  # row -> limit, side

    @property
    def present(self) -> int:
        return int((~np.isnan(self.values)).sum()) + len(self.bounds)

    def quoted(self, rows: Sequence[int]) -> str:
        shown = [f"{self.cells[row]!r} in row {row}" for row in rows[:SHOWN]]
        more = f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else ""
        return f"{', '.join(shown)}{more} of {self.name!r}"


def read_targets(
    columns: Mapping[str, Sequence[str]],
    kind: Literal["auto"] | Kind = "auto",
    missing: Sequence[str] = (),
    *,
    decimal_commas: bool = False,
    bounds: bool = False,
) -> Targets:
    """Read the targets from columns of text.

    Columns of 0 and 1, true and false, yes and no, active and inactive and so on are binary
    labels; columns of numbers are regression targets; columns of words are classes. Empty cells,
    "NA", "#N/A", "nan" and so on are missing. Other text in a numeric column also counts as
    missing, with a remark.

    Args:
        columns: column name -> cells.
        kind: of all targets; "auto" infers it.
        missing: further words for a missing target; `*` matches any characters.
        decimal_commas: whether numbers may have decimal commas, as in a table whose delimiter is
            not a comma; they are read only where they are unambiguous.
        bounds: whether "<5", "<=5", ">5" and ">=5" are limits of regression targets. An estimate
            such as "~5" is not.

    Raises:
        ValueError: if there are no targets, they are of different kinds, or not of `kind`; or if
            a column is ambiguous: numbers with units or limits, numbers mixed with words, a word
            that may be a class or a missing value.
    """
    if not columns:
        raise invalid("targets", "name at least one column", "none", "Name one.")
    _check_words(columns, missing)
    is_missing = missing_matcher(missing)
    notes: dict[str, str] = {}
    if decimal_commas and kind != "classification":
        columns = {
            name: _convert_commas(name, cells, is_missing, notes)
            for name, cells in columns.items()
        }
    if bounds and kind not in ("auto", "regression"):
        advice = "Use kind='regression'."
        raise invalid("bounds", f"be left out for kind={kind!r}", bounds, advice)
    read = [_read(name, cells, is_missing, missing, bounds) for name, cells in columns.items()]
    for column in read:
        if column.bounds and column.present == len(column.bounds):
            got = f"only limits in {column.name!r}"
            raise invalid("targets", "have exact values too", got)
        if not column.present and not column.unreadable:
            got = f"{len(column.cells)} empty cells in {column.name!r}"
            raise invalid("targets", "have values", got, "Choose another column.")
    if kind == "classification":
        if len(columns) > 1:
            raise invalid("targets", "be one column of classes", len(columns), "Name one.")
        return _classes(read[0], certain=True)
    if kind != "regression":
        read = [_yes_or_no(column, notes) for column in read]
    for column in read:
        if column.present <= MOSTLY * (column.present + len(column.unreadable)):
            _refuse_numbers(column)
            if kind != "auto" or len(columns) > 1:
                alone = ", or only this one to predict its classes" if len(columns) > 1 else ""
                raise invalid(
                    "targets",
                    "contain numbers",
                    f"{column.cells[column.unreadable[0]]!r} and other text in {column.name!r}",
                    f"Choose another column{alone}.",
                )
            _refuse_mixture(column)
            return _classes(column, certain=False)
    remarks: dict[int, str] = {}
    for column in read:
        for row in column.unreadable:
            fault = number_problem(column.cells[row]) if bounds else ""
            text = f"{column.name!r} is {column.cells[row]!r}, {fault or 'which is not a number'}"
            remarks.setdefault(row, text)
    y = np.stack([column.values for column in read], 1)
    limited = any(column.bounds for column in read)
    binary = not limited and bool(np.isin(y[~np.isnan(y)], (0, 1)).all())
    if kind == "multilabel" and not binary:
        condition = "contain only 0 and 1 for kind='multilabel'"
        raise invalid("targets", condition, "other numbers", "Use kind='regression'.")
    chosen: Kind = kind if kind != "auto" else "multilabel" if binary else "regression"
    if chosen == "regression" and kind == "auto":
        for column in read:
            _note_whole_numbers(column, notes, alone=len(read) == 1)
    found = Targets(chosen, tuple(columns), torch.from_numpy(y).float(), remarks, notes)
    if not limited:
        return found
    limits, sides = _limits(read, y.shape)
    return replace(found, limits=limits, sides=sides)


def _limits(read: Sequence[_Column], shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    limits, sides = torch.full(shape, torch.nan), torch.zeros(shape)
    for place, column in enumerate(read):
        for row, (limit, side) in column.bounds.items():
            limits[row, place], sides[row, place] = limit, side
    return limits, sides


def numeric_columns(
    columns: Mapping[str, Sequence[str]],
    missing: Sequence[str] = (),
    *,
    decimal_commas: bool = False,
    bounds: bool = False,
) -> tuple[str, ...]:
    """The columns of which most cells are numbers, and that are not just the row numbers.

    Args:
        columns: column name -> cells.
        missing: as for `read_targets`; words that do not occur in a column do not matter.
        decimal_commas: as for `read_targets`.
        bounds: as for `read_targets`.
    """
    is_missing = missing_matcher(missing)
    found = []
    for name, cells in columns.items():
        given = _convert_commas(name, cells, is_missing, {}) if decimal_commas else cells
        column = _read(name, given, is_missing, missing, bounds)
        numbering = np.arange(len(cells))
        counted = any(np.array_equal(column.values, numbering + first) for first in (0, 1))
        if column.present > MOSTLY * (column.present + len(column.unreadable)) and not counted:
            found.append(name)
    return tuple(found)


def _check_words(columns: Mapping[str, Sequence[str]], missing: Sequence[str]) -> None:
    """Check that each word for a missing target occurs, since otherwise it is misspelled."""
    if isinstance(missing, str):
        raise wrong_type("missing", "be a sequence of words", missing, f"Pass ({missing!r},).")
    for word in missing:
        rule = missing_matcher([word])
        if not word.strip() or not any(rule(cell) for cells in columns.values() for cell in cells):
            condition = f"contain words that occur in {', '.join(map(repr, columns))}"
            advice = "Write it as in the table, or omit it."
            raise invalid("missing", condition, repr(word), advice)


def _read(
    name: str,
    cells: Sequence[str],
    is_missing: Callable[[str], bool],
    missing: Collection[str],
    bounds: bool,
) -> _Column:
    out = np.full(len(cells), np.nan)
    unreadable = []
    limits = {}
    if is_sign_column(cells, is_missing) and "-" not in missing:
        known, is_missing = is_missing, lambda cell: cell.strip() != "-" and known(cell)
    for row, cell in enumerate(cells):
        if is_missing(cell):
            continue
        value = parse_number(cell)
        if value is not None:
            out[row] = value
        elif bounds and (limit := parse_bound(cell)) is not None:
            limits[row] = limit
        else:
            unreadable.append(row)
    return _Column(name, cells, out, unreadable, is_missing, limits)


def _convert_commas(
    name: str, cells: Sequence[str], is_missing: Callable[[str], bool], notes: dict[str, str]
) -> Sequence[str]:
    """The cells of a column with decimal commas replaced by points, if that is unambiguous."""
    known = [row for row, cell in enumerate(cells) if not is_missing(cell)]
    read = with_decimal_points([cells[row] for row in known])
    if read is None:
        return cells
    notes[name] = "commas are decimal commas"
    out = list(cells)
    for row, cell in zip(known, read, strict=True):
        out[row] = cell
    return out


def _yes_or_no(column: _Column, notes: dict[str, str]) -> _Column:
    """Convert a column of one yes/no pair to ones and zeros; leave any other unchanged."""
    if column.present or not column.unreadable:
        return column
    words = {row: column.cells[row].strip().lower() for row in column.unreadable}
    for yes, no in YES_OR_NO:
        if set(words.values()) <= {yes, no}:
            values = column.values.copy()
            for row, word in words.items():
                values[row] = float(word == yes)
            notes[column.name] = f"{yes!r} is 1, {no!r} is 0"
            return _Column(column.name, column.cells, values, [], column.is_missing)
    return column


def _refuse_numbers(column: _Column) -> None:
    """Refuse a column of numbers with units or limits, which would become classes."""
    faults = {
        row: fault for row in column.unreadable if (fault := number_problem(column.cells[row]))
    }
    if len(faults) + column.present <= MOSTLY * (column.present + len(column.unreadable)):
        return
    rows = list(faults)
    fault = faults[rows[0]]
    limits = advice_on_limits([column.cells[row] for row in rows])
    if "decimal comma" in fault:
        raise invalid(
            "targets",
            "contain numbers with a decimal point",
            f"{column.cells[rows[0]]!r} in {column.name!r}",
            "Export the table with decimal points and without thousands separators, or use "
            f"{AS_CLASSES} if these are class names.",
        )
    raise invalid(
        "targets",
        "contain plain numbers",
        f"{column.quoted(rows)}: {fault}",
        f"{limits}Correct the table, list the cells that are missing values with missing=... "
        f"(--missing; '<*' matches every cell that starts with '<'), or use {AS_CLASSES} if these "
        "are class names.",
    )


def advice_on_limits(cells: Sequence[str]) -> str:
    """The advice to read limits as such, if some cells that could not be read are limits."""
    return LIMITS if any(parse_bound(cell) is not None for cell in cells) else ""


def _refuse_mixture(column: _Column) -> None:
    if column.present > MIXED * (column.present + len(column.unreadable)):
        raise invalid(
            "targets",
            "contain either numbers or words",
            f"{column.present:,} numbers and {column.quoted(column.unreadable)}",
            "Correct the table, list the words that are missing values with missing=... "
            f"(--missing), or use {AS_CLASSES} if all are class names.",
        )


def _note_whole_numbers(column: _Column, notes: dict[str, str], alone: bool) -> None:
    """Add a note if numbers may be class indices, saying that they are read as measurements."""
    known = column.values[~np.isnan(column.values)]
    different = np.unique(known)
    if len(different) <= FEW_NUMBERS and (different == np.round(different)).all():
        shown = ", ".join(f"{value:g}" for value in different[:6])
        more = ", ..." if len(different) > 6 else ""
        settle = f"; if they are class indices, use {AS_CLASSES}" if alone else ""
        before = f"{notes[column.name]}; " if column.name in notes else ""
        notes[column.name] = (
            f"{before}whole numbers {shown}{more}, read as measured values{settle}"
        )


def _classes(column: _Column, *, certain: bool) -> Targets:
    """Make each distinct text a class; canonically equal texts (NFC, NFD) are one.

    Args:
        column: the cells.
        certain: whether the user said that these are classes; then no word is ambiguous.
    """
    labels = [
        None if column.is_missing(cell) else unicodedata.normalize("NFC", cell.strip())
        for cell in column.cells
    ]
    counts = Counter(label for label in labels if label is not None)
    classes = sorted(counts)
    if not 2 <= len(classes) <= MOST_CLASSES:
        condition = f"be numbers, or from 2 to {MOST_CLASSES} classes"
        got = f"{len(classes)} different texts in {column.name!r}"
        raise invalid("targets", condition, got, "Choose another column.")
    if not certain:
        _refuse_doubtful(column, classes, labels)
    place = {label: n for n, label in enumerate(classes)}
    y = [UNLABELED if label is None else place[label] for label in labels]
    return Targets("classification", tuple(classes), torch.tensor(y), {})


def _refuse_doubtful(
    column: _Column, classes: Sequence[str], labels: Sequence[str | None]
) -> None:
    """Refuse words that may be missing values, and two spellings of one word."""
    for label in classes:
        if label.lower() in DOUBTFUL:
            raise ValueError(
                f"'missing' must settle whether {label!r} in row {labels.index(label)} of "
                f"{column.name!r} is a class or a missing value. Use missing=({label!r},) "
                f"(--missing {label!r}) if it is missing, or {AS_CLASSES} if it is a class."
            )
    spellings: dict[str, str] = {}
    for label in classes:
        plain = " ".join(unicodedata.normalize("NFKC", label).casefold().split())
        if plain in spellings:
            got = f"{spellings[plain]!r} and {label!r} in {column.name!r}"
            advice = f"Correct the table, or use {AS_CLASSES} if they are two classes."
            raise invalid("targets", "spell each class in one way", got, advice)
        spellings[plain] = label
