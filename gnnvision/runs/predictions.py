"""Predictions as a table: a row for each input in order, with the user's own ids."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import torch
from torch import Tensor

from gnnvision.errors import invalid
from gnnvision.training.folder import replace_file, utf8

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

__all__ = ["Counts", "Predictions", "write_predictions"]

_MARKS = ",;\t|"
_SHOWN = 6  # rows that are printed


class Counts(NamedTuple):
    """What was written: the number of rows, of those without a prediction, and the notes.

    Args:
        rows: how many were written.
        failed: how many of them have no prediction.
        notes: what a reader of the table should know.
    """

    rows: int
    failed: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions for inputs, a row for each in their order; NaN if there is none.

    Args:
        ids: the user's name of each row: a file, a SMILES, a node, a graph.
        values: the probabilities of the classes or labels, or the values of a regression in the
            target's units. Shape (rows, outputs).
        spread: the standard deviation over the networks of an ensemble; NaN for a single
            network. Shape (rows, outputs).
        reasons: why a row has no prediction; "" if it has one.
        output_names: the names of the classes or targets.
        kind: "classification", "multilabel" or "regression".
        changes: how each input was changed before it was read; "" if it was not.
        id_name: the name of the first column.
        class_name: the name of the column of predicted classes.
        networks: the number of networks of the ensemble.
        before: the user's columns, by name; after the ids, or with them.
        after: further columns that follow the predictions, by name.
        notes: what holds for all rows, a sentence each.
        delimiter: of the file that `to_csv` writes.
    """

    ids: tuple[str, ...]
    values: Tensor
    spread: Tensor
    reasons: tuple[str, ...]
    output_names: tuple[str, ...]
    kind: str
    changes: tuple[str, ...] = ()
    id_name: str = "id"
    class_name: str = "predicted"
    networks: int = 1
    before: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    after: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()
    delimiter: str = ","

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The rows, each as a dictionary from the name of a column to its value."""
        columns = self.to_dict()
        for row in zip(*columns.values(), strict=True):
            yield dict(zip(columns, row, strict=True))

    @property
    def status(self) -> tuple[str, ...]:
        """For each row "ok", "changed" (see `changes`) or "failed" (see `reasons`)."""
        changes = self.changes or ("",) * len(self)
        return tuple(
            "failed" if reason else "changed" if change else "ok"
            for reason, change in zip(self.reasons, changes, strict=True)
        )

    @property
    def num_failed(self) -> int:
        """The number of rows without a prediction."""
        return sum(map(bool, self.reasons))

    @property
    def predicted(self) -> tuple[str, ...]:
        """The predicted class of each row; "" if there is none.

        Raises:
            AttributeError: if the task is not a classification.
        """
        if self.kind != "classification":
            raise AttributeError(f"'predicted' is the class of a classification, not {self.kind}")
        if not len(self):
            return ()
        best = self.values.nan_to_num(-1).argmax(1).tolist()
        return tuple(
            "" if reason else self.output_names[number]
            for number, reason in zip(best, self.reasons, strict=True)
        )

    def to_dict(self) -> dict[str, list[Any]]:
        """The columns by name: text, numbers (NaN if there is none), status and reason."""
        known: dict[str, list[Any]] = {}
        if self.id_name not in self.before:
            known[self.id_name] = list(self.ids)
        known |= {name: list(cells) for name, cells in self.before.items()}
        more: dict[str, list[Any]] = {}
        if self.kind == "classification":
            highest = self.values.amax(1) if len(self) else self.values[:, 0]
            more[self.class_name] = list(self.predicted)
            more["probability"] = highest.tolist()
            for number, name in enumerate(self.output_names):
                more[f"p_{name}"] = self.values[:, number].tolist()
            if self.networks > 1:
                for number, name in enumerate(self.output_names):
                    more[f"uncertainty {name}"] = self.spread[:, number].tolist()
        else:
            for number, name in enumerate(self.output_names):
                more[f"predicted {name}"] = self.values[:, number].tolist()
                more[f"uncertainty {name}"] = self.spread[:, number].tolist()
        more |= {name: list(cells) for name, cells in self.after.items()}
        changes = self.changes or ("",) * len(self)
        more["status"] = list(self.status)
        more["reason"] = [a or b for a, b in zip(self.reasons, changes, strict=True)]
        for name, cells in more.items():
            while name in known:
                name = f"_{name}"
            known[name] = cells
        return known

    @property
    def header(self) -> list[str]:
        """The names of the columns."""
        return list(self.to_dict())

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the table, atomically: the numbers with four decimals or six digits.

        Raises:
            OSError: if it cannot be written.
        """
        text = io.StringIO(newline="")
        write_predictions([self], text)
        replace_file(Path(path), utf8(text.getvalue()))

    def to_dataframe(self) -> pd.DataFrame:
        """The table as a DataFrame of pandas, if that is installed.

        Raises:
            ModuleNotFoundError: if it is not.
        """
        import pandas as pd

        return pd.DataFrame(self.to_dict())

    @classmethod
    def join(cls, parts: Sequence[Predictions]) -> Predictions:
        """The rows of several predictions with the same columns, one after another."""
        first = parts[0]
        if len(parts) == 1:
            return first
        return replace(
            first,
            ids=tuple(one for part in parts for one in part.ids),
            values=torch.cat([part.values for part in parts]),
            spread=torch.cat([part.spread for part in parts]),
            reasons=tuple(text for part in parts for text in part.reasons),
            changes=tuple(c for p in parts for c in (p.changes or ("",) * len(p))),
            before={n: [c for p in parts for c in p.before[n]] for n in first.before},
            after={n: [c for p in parts for c in p.after[n]] for n in first.after},
            notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        )

    def __str__(self) -> str:
        """The first rows as text, and the notes."""
        text = io.StringIO(newline="")
        few = self[:_SHOWN] if len(self) > _SHOWN else self
        write_predictions([replace(few, delimiter="\t")], text)
        lines = [line.split("\t") for line in text.getvalue().rstrip("\n").split("\n")]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        shown = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in lines]
        more = [f"... {len(self) - _SHOWN:,} more rows"] if len(self) > _SHOWN else []
        failed = [f"{self.num_failed:,} rows have no prediction."] if self.num_failed else []
        return "\n".join([*(line.rstrip() for line in shown), *more, *failed, *self.notes])

    def __getitem__(self, rows: slice) -> Predictions:
        """Some rows, in their order."""
        if not isinstance(rows, slice):
            raise invalid("rows", "be a slice", repr(rows), "Write predictions[2:3] for row 2.")
        return replace(
            self,
            ids=self.ids[rows],
            values=self.values[rows],
            spread=self.spread[rows],
            reasons=self.reasons[rows],
            changes=self.changes[rows],
            before={name: cells[rows] for name, cells in self.before.items()},
            after={name: cells[rows] for name, cells in self.after.items()},
        )


def write_predictions(blocks: Iterable[Predictions], file: TextIO) -> Counts:
    """Write predictions as one table, block by block, so that memory stays constant.

    Args:
        blocks: with the same columns, for example those of `Run.stream`.
        file: open for writing, with newline="".

    Returns:
        The number of rows, of those without a prediction, and the notes of all blocks.
    """
    rows = failed = 0
    notes: dict[str, None] = {}
    writer: Any = None
    for block in blocks:
        columns = block.to_dict()
        if writer is None:
            # Quoted, a delimiter inside a name does not separate cells.
            mixed = any(mark in name for name in columns for mark in _MARKS)
            style: Any = {"delimiter": block.delimiter, "lineterminator": "\n"}
            quoting: Any = csv.QUOTE_ALL if mixed else csv.QUOTE_MINIMAL
            csv.writer(file, quoting=quoting, **style).writerow(columns)
            writer = csv.writer(file, **style)
        form = _decimals if block.kind != "regression" else _digits
        for row in zip(*columns.values(), strict=True):
            writer.writerow([form(cell) if isinstance(cell, float) else cell for cell in row])
        rows += len(block)
        failed += block.num_failed
        notes |= dict.fromkeys(block.notes)
    return Counts(rows, failed, tuple(notes))


def _decimals(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4f}"


def _digits(value: float) -> str:
    """Four decimals, or six digits where these would lose precision."""
    if math.isnan(value):
        return ""
    return f"{value:.4f}" if 0.1 <= abs(value) < 100 or value == 0 else f"{value:.6g}"
