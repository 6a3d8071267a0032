"""Molecules for a network: SMILES, or tables of them, encoded as in training."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gnnvision.data import Featurizer, Table, read_table
from gnnvision.data.images.image_file import ENDINGS
from gnnvision.data.molecules.encode import Encoded, encode_all
from gnnvision.data.molecules.overview import describe_columns, describe_excluded, describe_format
from gnnvision.data.molecules.similarity import TrainingMolecules
from gnnvision.data.molecules.store import cached_descriptors
from gnnvision.data.molecules.task import batch_molecules
from gnnvision.domains import Domain
from gnnvision.errors import invalid, wrong_type
from gnnvision.runs.inputs import Block, Input, Reader, refuse_options

__all__ = ["NEAREST", "SIMILARITY", "MoleculeReader"]

SIMILARITY = "similarity to training"
TRAINING = "training_molecules"  # a key of a checkpoint's description of the input
NEAREST = "nearest training molecule"
_ENCODED, _BATCH = 20_000, 512  # molecules that are encoded, and predicted, at once
_OLD = (
    f"Column {SIMILARITY!r} is empty: the checkpoint was written by an early version, without its "
    "training molecules; train again to get the similarity."
)


class MoleculeReader(Reader):
    """Reads molecules with the atom and bond features of a run.

    Args:
        about: the description of the run in its checkpoint.
        device: where the network runs.
        training: the packed training molecules of each network.

    Raises:
        ValueError: if the features are those of another version.
    """

    kind = "molecule"
    id_name = "smiles"

    def __init__(
        self, about: Mapping[str, Any], device: str, training: Sequence[str] = ()
    ) -> None:
        super().__init__(about, device)
        self._training = tuple(training)
        self.featurizer = Featurizer.from_dict(self.given["featurizer"])
        self.feature_names = tuple(self.featurizer.atom_columns)
        if self.featurizer.hash != self.given["featurizer_hash"]:
            raise invalid(
                "checkpoint",
                "use the atom and bond features of this version of gnnvision",
                "a checkpoint with different features",
                "Use the version of gnnvision that trained it.",
            )

    @cached_property
    def training_molecules(self) -> TrainingMolecules | None:
        """The training molecules of all networks; None for checkpoints of early versions.

        Raises:
            ValueError: if they are damaged.
        """
        each = [TrainingMolecules.from_text(text, self.featurizer) for text in self._training]
        smiles = dict.fromkeys(text for molecules in each for text in molecules.smiles)
        return TrainingMolecules(tuple(smiles), self.featurizer) if smiles else None

    def blocks(self, inputs: Any, **options: Any) -> Iterator[Block]:  # noqa: ANN401
        """Molecules of a list or a table; see `Run.predict`."""
        refuse_options(options, ("smiles",), "molecule")
        table = self.table(inputs)
        column = options.get("smiles")
        if table is None:
            if column is not None:
                advice = "Leave it out: these are SMILES already."
                raise invalid("smiles", "be left out without a table", repr(column), advice)
            return self._of_list(self._checked(inputs), None, "")
        return self._of_list(*self._column(table, column))

    def table(self, inputs: Any) -> Table | None:  # noqa: ANN401
        """The table that the inputs name or are; None for SMILES.

        Raises:
            FileNotFoundError: if there is no such file.
        """
        if isinstance(inputs, Table):
            return inputs
        if isinstance(inputs, (list, tuple)) and len(inputs) == 1:
            inputs = inputs[0]
        if isinstance(inputs, os.PathLike) or (isinstance(inputs, str) and _is_file(inputs)):
            return read_table(Path(inputs))
        if isinstance(inputs, Mapping) or hasattr(inputs, "columns"):
            names = [str(name) for name in (getattr(inputs, "columns", None) or inputs)]
            cells = [[_text(cell) for cell in inputs[name]] for name in names]
            return Table(tuple(names), tuple(zip(*cells, strict=True)))
        return None

    def _checked(self, inputs: Any) -> Sequence[str]:  # noqa: ANN401
        texts = [inputs] if isinstance(inputs, str) else inputs
        if isinstance(texts, Tensor) or not isinstance(texts, Sequence):
            texts = list(texts) if hasattr(texts, "tolist") and texts.ndim == 1 else None
        if texts is None or not all(isinstance(text, str) for text in texts):
            condition = "be SMILES, or a table of them"
            raise wrong_type("inputs", condition, inputs, "This run was trained on molecules.")
        for text in texts:
            if Path(text).suffix.lower() in ENDINGS:
                self._refuse(text, "a file")
        return texts

    def _column(self, table: Table, column: str | None) -> tuple[Sequence[str], Table, str]:
        if column is None and len(table.columns) == 1:
            column = table.columns[0]
        name = column or table.smiles_column()
        return table.column(name, "smiles"), table, name

    def _of_list(self, smiles: Sequence[str], table: Table | None, column: str) -> Iterator[Block]:
        self.id_name = column or "smiles"
        self.delimiter = "," if table is None else table.delimiter
        for first in range(0, max(len(smiles), 1), _ENCODED):
            some = smiles[first : first + _ENCODED]
            rows = encode_all(some, self.featurizer)
            extra = None
            if self.given["descriptors"]:
                extra = torch.from_numpy(cached_descriptors(some, self.featurizer))
            yield from self._batches(some, rows, extra, table, column, first)

    def _batches(
        self,
        smiles: Sequence[str],
        encoded: Encoded,
        extra: Tensor | None,
        table: Table | None,
        column: str,
        first: int,
    ) -> Iterator[Block]:
        graphs, x = batch_molecules(encoded, self.featurizer, extra)
        for start in range(0, max(len(smiles), 1), _BATCH):
            stop = min(start + _BATCH, len(smiles))
            some = list(smiles[start:stop])
            problems = {} if table is None else table.problems
            reasons = [
                problems.get(first + row) or encoded.reasons[row] for row in range(start, stop)
            ]
            valid = [start + row for row, reason in enumerate(reasons) if not reason]
            signal = domain = None
            if valid:
                signal = x[graphs.member_nodes(valid)].to(self.device)
                domain = graphs.select(valid).to(self.device)
            before = {}
            if table is not None:
                rows = table.rows[first + start : first + stop]
                names = _distinct(table.columns)
                before = {name: [row[n] for row in rows] for n, name in enumerate(names)}
            after, notes = self._nearest(some, reasons)
            yield Block(some, reasons, signal, domain, before=before, after=after, notes=notes)

    def _nearest(
        self, smiles: Sequence[str], reasons: Sequence[str]
    ) -> tuple[dict[str, list[Any]], tuple[str, ...]]:
        """The similarity and the nearest training molecule of each row, and why it is missing."""
        similarity, names = [float("nan")] * len(smiles), [""] * len(smiles)
        known = self.training_molecules
        if known is not None:
            valid = [row for row, reason in enumerate(reasons) if not reason]
            found = known.nearest([smiles[row] for row in valid])
            for row, value, neighbor in zip(valid, found.similarity, found.rows, strict=True):
                similarity[row], names[row] = float(value), known.smiles[int(neighbor)]
        return {SIMILARITY: similarity, NEAREST: names}, () if known else (_OLD,)

    def read(self, names: Sequence[str]) -> Iterator[Input]:
        """One molecule for each SMILES."""
        for text in names:
            if Path(text).is_file() or Path(text).suffix.lower() in ENDINGS:
                self._refuse(text, "a file")
            row = encode_all([text], self.featurizer)
            if row.reasons[0]:
                self._refuse(text, row.reasons[0])
            extra = None
            if self.given["descriptors"]:
                extra = torch.from_numpy(cached_descriptors([text], self.featurizer))
            graph, x = batch_molecules(row, self.featurizer, extra)
            yield Input(text, x.to(self.device), graph.to(self.device), smiles=text)

    def _refuse(self, text: str, what: str) -> None:
        condition = f"be SMILES for a network trained on {self.title}"
        given = f"{text!r}, {what}" if what == "a file" else f"{text!r} ({what})"
        raise invalid("input", condition, given, "Write a molecule as SMILES, such as 'CCO'.")

    def describe(self, inputs: Any, smiles: str | None = None) -> dict[str, str]:  # noqa: ANN401
        """How a table was read, and which rows get no prediction."""
        table = self.table(inputs)
        if table is None:
            return {"molecules": f"{len(self._checked(inputs)):,}"}
        texts, _, column = self._column(table, smiles)
        unread = encode_all(texts, self.featurizer).reasons
        reasons = {row: table.problems.get(row) or reason for row, reason in enumerate(unread)}
        failed = {row: reason for row, reason in reasons.items() if reason}
        return {
            **({"data": str(inputs)} if isinstance(inputs, (str, os.PathLike)) else {}),
            "table": describe_format(table),
            "columns": describe_columns(table, column, (), "copied unchanged"),
            "no prediction": describe_excluded(failed, len(table.rows)),
        }

    def check(self, run: Callable[[Tensor, Domain], Tensor]) -> Tensor:
        """The output for methane."""
        _ = self.training_molecules  # refused here if it is damaged
        item = next(self.read(["C"]))
        return run(item.x, item.domain)


def _distinct(names: Sequence[str]) -> list[str]:
    """The names of columns, with a number after those that repeat."""
    found: list[str] = []
    for name in names:
        count = sum(name == other for other in names[: len(found)])
        found.append(f"{name} ({count + 1})" if count else name)
    return found


def _is_file(text: str) -> bool:
    table = text.lower().removesuffix(".gz").endswith((".csv", ".tsv", ".txt", ".smi"))
    return table or Path(text).is_file()


def _text(cell: object) -> str:
    """A cell of a DataFrame as text; "" for a missing one."""
    missing = cell is None or (isinstance(cell, (float, np.floating)) and bool(np.isnan(cell)))
    return "" if missing else str(cell)
