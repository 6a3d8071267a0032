"""What a table says is to be predicted: numbers, yes or no, or one of several classes."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.arrays import UNLABELED
from gnnvision.data.molecules.cells import (
    DOUBTFUL,
    MISSING,
    YES_OR_NO,
    are_signs,
    missing_rule,
    number,
    number_fault,
    with_points,
)

__all__ = ["MISSING", "Kind", "Targets", "read_targets"]

Kind = Literal["regression", "multilabel", "classification"]
MOST_CLASSES = 100
MOSTLY = 0.5  # a column with more numbers than this is one of numbers, with mistakes in it
MIXED = 1 / 3  # a column with more numbers than this is not one of words
FEW_NUMBERS = 20  # different whole numbers that may be the numbers of classes
SHOWN = 3  # cells that an error names
AS_CLASSES = "kind='classification' (--kind classification)"


@dataclass(frozen=True)
class Targets:
    """The targets of all rows.

    Args:
        kind: what they are.
        names: of the columns of `y`, or of the classes.
        y: floating point (rows, targets) with NaN where a target is missing; for classes int64
            (rows,) with -100 there.
        remarks: what was not understood in a row, by its number.
        notes: how a column was understood, by its name, and the option that changes it.
    """

    kind: Kind
    names: tuple[str, ...]
    y: Tensor
    remarks: Mapping[int, str]
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Column:
    """One target as it was read: its numbers, NaN elsewhere, and what is neither."""

    name: str
    cells: Sequence[str]
    values: NDArray[np.float64]
    odd: list[int]  # rows that hold something else
    is_missing: Callable[[str], bool]

    @property
    def present(self) -> int:
        return int((~np.isnan(self.values)).sum())

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
) -> Targets:
    """The targets in some columns of text.

    A column of zeros and ones is yes or no, and so is one of true and false, yes and no, active
    and inactive or the like; one of numbers is a measurement, one of words a class. Empty cells,
    "NA", "#N/A", "nan" and the like are missing; so is what is no number among numbers, with a
    remark.

    Args:
        columns: the cells of each target, by its name.
        kind: of all targets; "auto" finds out.
        missing: more words that mean that a target is not known; `*` stands for anything.
        decimal_commas: whether commas in numbers may be decimal ones, as in a table whose cells
            are not separated by commas; they are read where they can be nothing else.

    Raises:
        ValueError: if there are no targets, they are of different kinds, or not of `kind`; if
            what a column holds is doubtful: numbers with units or limits, numbers and words, a
            word that may be a class or mean that nothing is known.
    """
    if not columns:
        raise ValueError("'targets' must name at least one column, got none. Name one.")
    _check_words(columns, missing)
    is_missing = missing_rule(missing)
    notes: dict[str, str] = {}
    if decimal_commas and kind != "classification":
        columns = {
            name: _points(name, cells, is_missing, notes) for name, cells in columns.items()
        }
    read = [_read(name, cells, is_missing, missing) for name, cells in columns.items()]
    for column in read:
        if not column.present and not column.odd:
            raise ValueError(
                f"'targets' must hold values, got {len(column.cells)} rows without any in "
                f"{column.name!r}. Choose another column."
            )
    if kind == "classification":
        if len(columns) > 1:
            raise ValueError(
                f"'targets' must be one column of classes, got {len(columns)}. Name one."
            )
        return _classes(read[0], sure=True)
    if kind != "regression":
        read = [_yes_or_no(column, notes) for column in read]
    for column in read:
        if column.present <= MOSTLY * (column.present + len(column.odd)):
            _refuse_numbers(column)
            if kind != "auto" or len(columns) > 1:
                raise ValueError(
                    f"'targets' must hold numbers, got {column.cells[column.odd[0]]!r} and others "
                    f"in {column.name!r}. Choose another column"
                    f"{', or this one alone for its classes' if len(columns) > 1 else ''}."
                )
            _refuse_mixture(column)
            return _classes(column, sure=False)
    remarks: dict[int, str] = {}
    for column in read:
        for row in column.odd:
            said = f"{column.name!r} is {column.cells[row]!r}, which is no number"
            remarks.setdefault(row, said)
    y = np.stack([column.values for column in read], 1)
    binary = bool(np.isin(y[~np.isnan(y)], (0, 1)).all())
    if kind == "multilabel" and not binary:
        raise ValueError(
            "'targets' must hold 0 and 1 for kind='multilabel', got other numbers too. Use "
            "kind='regression'."
        )
    chosen: Kind = kind if kind != "auto" else "multilabel" if binary else "regression"
    if chosen == "regression" and kind == "auto":
        for column in read:
            _note_whole_numbers(column, notes, alone=len(read) == 1)
    return Targets(chosen, tuple(columns), torch.from_numpy(y).float(), remarks, notes)


def _check_words(columns: Mapping[str, Sequence[str]], missing: Sequence[str]) -> None:
    """Each word that is said to mean nothing is there, or it is misspelt."""
    if isinstance(missing, str):
        raise TypeError(f"'missing' must be several words, got {missing!r}. Give ({missing!r},).")
    for word in missing:
        rule = missing_rule([word])
        if not word.strip() or not any(rule(cell) for cells in columns.values() for cell in cells):
            raise ValueError(
                f"'missing' must hold words that are in {', '.join(map(repr, columns))}, got "
                f"{word!r}. Write it as in the table, or leave it out."
            )


def _read(
    name: str, cells: Sequence[str], is_missing: Callable[[str], bool], said: Collection[str]
) -> _Column:
    out = np.full(len(cells), np.nan)
    odd = []
    if are_signs(cells, is_missing) and "-" not in said:
        known, is_missing = is_missing, lambda cell: cell.strip() != "-" and known(cell)
    for row, cell in enumerate(cells):
        if is_missing(cell):
            continue
        value = number(cell)
        if value is None:
            odd.append(row)
        else:
            out[row] = value
    return _Column(name, cells, out, odd, is_missing)


def _points(
    name: str, cells: Sequence[str], is_missing: Callable[[str], bool], notes: dict[str, str]
) -> Sequence[str]:
    """The cells of a column with decimal commas read as points, where they must be that."""
    known = [row for row, cell in enumerate(cells) if not is_missing(cell)]
    read = with_points([cells[row] for row in known])
    if read is None:
        return cells
    notes[name] = "decimal commas read as points"
    out = list(cells)
    for row, cell in zip(known, read, strict=True):
        out[row] = cell
    return out


def _yes_or_no(column: _Column, notes: dict[str, str]) -> _Column:
    """A column of one pair of words as ones and zeros; any other as it is."""
    if column.present or not column.odd:
        return column
    words = {row: column.cells[row].strip().lower() for row in column.odd}
    for yes, no in YES_OR_NO:
        if set(words.values()) <= {yes, no}:
            values = column.values.copy()
            for row, word in words.items():
                values[row] = float(word == yes)
            notes[column.name] = f"{yes!r} is 1, {no!r} is 0"
            return _Column(column.name, column.cells, values, [], column.is_missing)
    return column


def _refuse_numbers(column: _Column) -> None:
    """Numbers with units, limits or decimal commas would pass for the names of classes."""
    faults = {row: fault for row in column.odd if (fault := number_fault(column.cells[row]))}
    if len(faults) + column.present <= MOSTLY * (column.present + len(column.odd)):
        return
    rows = list(faults)
    fault = faults[rows[0]]
    if "decimal comma" in fault:
        raise ValueError(
            f"'targets' must hold numbers with a decimal point, got {column.cells[rows[0]]!r} in "
            f"{column.name!r}. Export the table with points and without marks of thousands, or "
            f"use {AS_CLASSES} if these are names."
        )
    raise ValueError(
        f"'targets' must hold plain numbers, got {column.quoted(rows)}: {fault}. Correct the "
        "table, name what means nothing with missing=... (--missing, where '<*' is every cell "
        f"that begins with '<'), or use {AS_CLASSES} if these are names."
    )


def _refuse_mixture(column: _Column) -> None:
    if column.present > MIXED * (column.present + len(column.odd)):
        raise ValueError(
            f"'targets' must hold numbers or words, got {column.present:,} numbers and "
            f"{column.quoted(column.odd)}, which are none. Correct the table, name what means "
            f"nothing with missing=... (--missing), or use {AS_CLASSES} if all are names."
        )


def _note_whole_numbers(column: _Column, notes: dict[str, str], alone: bool) -> None:
    """Classes are often numbered: say that they are read as measured numbers."""
    known = column.values[~np.isnan(column.values)]
    different = np.unique(known)
    if len(different) <= FEW_NUMBERS and (different == np.round(different)).all():
        shown = ", ".join(f"{value:g}" for value in different[:6])
        more = ", ..." if len(different) > 6 else ""
        settle = f"; if they are numbers of classes, use {AS_CLASSES}" if alone else ""
        before = f"{notes[column.name]}; " if column.name in notes else ""
        notes[column.name] = f"{before}whole numbers {shown}{more}, read as measured ones{settle}"


def _classes(column: _Column, *, sure: bool) -> Targets:
    """Each different text is a class; canonically equal texts (NFC, NFD) are one.

    Args:
        column: the cells.
        sure: whether somebody said that these are classes; then no word is doubtful.
    """
    labels = [
        None if column.is_missing(cell) else unicodedata.normalize("NFC", cell.strip())
        for cell in column.cells
    ]
    counts = Counter(label for label in labels if label is not None)
    classes = sorted(counts)
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise ValueError(
            f"'targets' must be numbers, or from 2 to {MOST_CLASSES} classes, got "
            f"{len(classes)} different texts in {column.name!r}. Choose another column."
        )
    if not sure:
        _refuse_doubtful(column, classes, labels)
    place = {label: n for n, label in enumerate(classes)}
    y = [UNLABELED if label is None else place[label] for label in labels]
    return Targets("classification", tuple(classes), torch.tensor(y), {})


def _refuse_doubtful(
    column: _Column, classes: Sequence[str], labels: Sequence[str | None]
) -> None:
    """Words that may mean nothing, and spellings of one word, are asked about."""
    for label in classes:
        if label.lower() in DOUBTFUL:
            raise ValueError(
                f"'missing' must say whether {label!r} in row {labels.index(label)} of "
                f"{column.name!r} is a class or means that it is not known, got neither. Use "
                f"missing=({label!r},) (--missing {label!r}) if it is not known, or {AS_CLASSES} "
                "if it is a class."
            )
    spelt: dict[str, str] = {}
    for label in classes:
        plain = " ".join(unicodedata.normalize("NFKC", label).casefold().split())
        if plain in spelt:
            raise ValueError(
                f"'targets' must spell a class in one way, got {spelt[plain]!r} and {label!r} in "
                f"{column.name!r}. Correct the table, or use {AS_CLASSES} if they are two."
            )
        spelt[plain] = label
