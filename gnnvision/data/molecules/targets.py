"""What a table says is to be predicted: numbers, yes or no, or one of several classes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.arrays import UNLABELLED

__all__ = ["Kind", "Targets", "read_targets"]

Kind = Literal["regression", "multilabel", "classification"]
MISSING = ("", "na", "n/a", "nan", "null", "none", "-", "?")
MOST_CLASSES = 100
MOSTLY = 0.5  # a column with more numbers than this is one of numbers, with mistakes in it


@dataclass(frozen=True)
class Targets:
    """The targets of all rows.

    Args:
        kind: what they are.
        names: of the columns of `y`, or of the classes.
        y: floating point (rows, targets) with NaN where a target is missing; for classes int64
            (rows,) with -100 there.
        remarks: what was not understood in a row, by its number.
    """

    kind: Kind
    names: tuple[str, ...]
    y: Tensor
    remarks: Mapping[int, str]


def read_targets(
    columns: Mapping[str, Sequence[str]], kind: Literal["auto"] | Kind = "auto"
) -> Targets:
    """The targets in some columns of text.

    A column of zeros and ones is yes or no, one of numbers a measurement, one of words a class.
    Empty cells, "NA", "nan" and the like are missing; so is what is no number among numbers,
    with a remark.

    Args:
        columns: the cells of each target, by its name.
        kind: of all targets; "auto" finds out.

    Raises:
        ValueError: if there are no targets, they are of different kinds, or not of `kind`.
    """
    if not columns:
        raise ValueError("'targets' must name at least one column, got none. Name one.")
    numbers: dict[str, NDArray[np.float64]] = {}
    remarks: dict[int, str] = {}
    for name, cells in columns.items():
        numbers[name], odd = _numbers(cells)
        present = len(cells) - int(np.isnan(numbers[name]).sum())
        if not present and not odd:
            raise ValueError(
                f"'targets' must hold values, got {len(cells)} rows without any in {name!r}. "
                "Choose another column."
            )
        if present <= MOSTLY * (present + len(odd)):
            _refuse_commas(name, [cells[row] for row in odd])
            if kind not in ("auto", "classification") or len(columns) > 1:
                raise ValueError(
                    f"'targets' must hold numbers, got {cells[odd[0]]!r} and others "
                    f"in {name!r}. Choose another column"
                    f"{', or this one alone for its classes' if len(columns) > 1 else ''}."
                )
            return _classes(name, cells)
        remarks |= {
            row: f"{name!r} is {cells[row]!r}, which is no number"
            for row in odd
            if row not in remarks
        }
    y = np.stack(list(numbers.values()), 1)
    binary = bool(np.isin(y[~np.isnan(y)], (0, 1)).all())
    if kind == "classification":
        if len(columns) > 1:
            raise ValueError(
                f"'targets' must be one column of classes, got {len(columns)}. Name one."
            )
        return _classes(*next(iter(columns.items())))
    if kind == "multilabel" and not binary:
        raise ValueError(
            "'targets' must hold 0 and 1 for kind='multilabel', got other numbers too. Use "
            "kind='regression'."
        )
    chosen: Kind = kind if kind != "auto" else "multilabel" if binary else "regression"
    return Targets(chosen, tuple(columns), torch.from_numpy(y).float(), remarks)


def _numbers(cells: Sequence[str]) -> tuple[NDArray[np.float64], list[int]]:
    """The numbers in a column, NaN elsewhere; and the rows with something else in them."""
    out = np.full(len(cells), np.nan)
    odd = []
    for row, cell in enumerate(cells):
        text = cell.strip()
        if text.lower() in MISSING:
            continue
        try:
            value = float(text)
        except ValueError:
            odd.append(row)
            continue
        if math.isfinite(value) and abs(value) < 3e38:
            out[row] = value
        else:
            odd.append(row)
    return out, odd


def _refuse_commas(name: str, cells: Sequence[str]) -> None:
    """Numbers as some countries write them would pass for the names of classes."""
    found = [cell for cell in cells if re.fullmatch(r"\s*[-+]?\d+,\d+\s*", cell)]
    if len(found) > MOSTLY * len(cells):
        raise ValueError(
            f"'targets' must hold numbers with a decimal point, got {found[0]!r} in {name!r}. "
            "Export the table with points."
        )


def _classes(name: str, cells: Sequence[str]) -> Targets:
    labels = [None if (text := cell.strip()).lower() in MISSING else text for cell in cells]
    classes = sorted({label for label in labels if label is not None})
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise ValueError(
            f"'targets' must be numbers, or from 2 to {MOST_CLASSES} classes, got "
            f"{len(classes)} different texts in {name!r}. Choose another column."
        )
    number = {label: place for place, label in enumerate(classes)}
    y = [UNLABELLED if label is None else number[label] for label in labels]
    return Targets("classification", tuple(classes), torch.tensor(y), {})
