"""How one column of a table is encoded as features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.column_values import (
    Cells,
    ReadColumn,
    read_booleans,
    read_lists,
    read_numbers,
    read_texts,
)

__all__ = ["ColumnKind", "EncodedColumn"]

ColumnKind = Literal["number", "raw", "boolean", "text", "list", "standardized list", "unused"]
SHOWN = 6  # words, or columns, that a description lists
OTHER = "other"


@dataclass(frozen=True)
class EncodedColumn:
    """How one column of a table is encoded.

    Args:
        name: Of the column.
        kind: "number" (standardized), "raw" (numbers as they are), "boolean", "text" (one-hot),
            "list" (as they are), "standardized list" or "unused".
        mean: Of each number over the training rows; 0 if not standardized. Length D.
        std: Their standard deviations; 1 if not standardized. Length D.
        values: The words that have a column each; all others share one.
        numeric_words: For text: whether some words of the table are numbers.
        marks_missing: Whether an indicator column marks missing values: they occur in training.
        note: Why the column is not used, or which cells could not be read.
    """

    name: str
    kind: ColumnKind
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    marks_missing: bool = False
    numeric_words: bool = False
    note: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features that it gives, in order."""
        if self.kind == "unused":
            return ()
        if self.kind == "text":
            found = [f"{self.name}={value}" for value in (*self.values, OTHER)]
        elif self.kind in ("list", "standardized list"):
            found = [f"{self.name}[{place}]" for place in range(len(self.mean))]
        else:
            found = [self.name]
        return (*found, f"{self.name} is missing") if self.marks_missing else tuple(found)

    def read(self, cells: Cells, decimal_commas: bool = False) -> ReadColumn:
        """The cells of a column read as this kind."""
        match self.kind:
            case "text":
                return read_texts(cells)
            case "boolean":
                return read_booleans(cells)
            case "list" | "standardized list":
                return read_lists(cells, len(self.mean))
            case _:
                return read_numbers(cells, decimal_commas)

    def features(self, column: ReadColumn) -> NDArray[np.float32]:
        """The features of a column that was read. Shape (N, number of names)."""
        missing = column.missing
        if self.kind == "text":
            place = {value: n for n, value in enumerate(self.values)}
            out = np.zeros((len(missing), len(self.values) + 1), np.float32)
            rows = np.flatnonzero(~missing)
            out[rows, [place.get(column.values[row], len(place)) for row in rows]] = 1
        else:
            values = column.values.reshape(len(missing), len(self.mean))
            scaled = (values - np.array(self.mean)) / np.array(self.std)
            out = np.where(missing[:, None], 0, scaled).astype(np.float32)
        return np.column_stack([out, missing.astype(np.float32)]) if self.marks_missing else out

    def describe(self) -> str:
        """The encoding as one line of text."""
        note = f"; {self.note}" if self.note else ""
        if self.kind == "unused":
            return f"{self.name!r}: not used{note}"
        match self.kind:
            case "number":
                text = f"number, standardized (mean {self.mean[0]:.4g}, std {self.std[0]:.4g})"
            case "raw":
                text = "number, as it is"
            case "boolean":
                text = "boolean, 0 or 1"
            case "text":
                shown = ", ".join(map(repr, self.values[:SHOWN]))
                more = ", ..." if len(self.values) > SHOWN else ""
                text = (
                    f"text, one-hot: {len(self.values)} words ({shown}{more}) and one feature "
                    "for all others"
                )
            case "list":
                text = f"list of {len(self.mean)} numbers, as they are"
            case _:
                text = f"list of {len(self.mean)} numbers, each standardized"
        missing = ", and one feature for missing values" if self.marks_missing else ""
        return f"{self.name!r}: {text}{missing}{note}"
