"""Molecules for a network: SMILES, or tables of them, encoded as in training."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from torch import Tensor

from gnnvision._extras import require_extra
from gnnvision.data import Table
from gnnvision.data.images.image_file import ENDINGS
from gnnvision.data.molecules.inputs import EncodedRows, MoleculeInputs
from gnnvision.data.molecules.overview import describe_columns, describe_excluded, describe_format
from gnnvision.data.molecules.similarity import TrainingMolecules
from gnnvision.data.table_blocks import divide_table, read_blocks
from gnnvision.data.text_table import to_text_table
from gnnvision.domains import Domain
from gnnvision.errors import invalid, wrong_type
from gnnvision.runs.inputs import Block, Input, Reader, refuse_options

__all__ = ["NEAREST", "SIMILARITY", "MoleculeReader"]

SIMILARITY = "similarity to training"
TRAINING = "training_molecules"  # a key of a checkpoint's description of the input
NEAREST = "nearest training molecule"
_ENCODED, _BATCH = 20_000, 512  # molecules that are encoded, and predicted, at once
_PARQUET = (".parquet", ".pq", ".parquet.gz", ".pq.gz")
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
        require_extra("molecules", "A run on molecules")
        super().__init__(about, device)
        self._training = tuple(training)
        self.inputs = MoleculeInputs.from_description(self.given)
        self.featurizer = self.inputs.featurizer
        self.feature_names = self.inputs.atom_columns

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
        column = options.get("smiles")
        tables = self._tables(inputs)
        if tables is None:
            if column is not None:
                advice = "Leave it out: these are SMILES already."
                raise invalid("smiles", "be left out without a table", repr(column), advice)
            self.id_name, self.delimiter = "smiles", ","
            return self._of_list(self._checked(inputs))
        return self._of_tables(tables, column)

    def _tables(self, inputs: Any) -> Iterator[Table] | None:  # noqa: ANN401
        """The blocks of the table that the inputs name or are; None for SMILES.

        Raises:
            FileNotFoundError: if there is no such file.
        """
        if isinstance(inputs, (list, tuple)) and len(inputs) == 1:
            inputs = inputs[0]
        if isinstance(inputs, os.PathLike) or (isinstance(inputs, str) and _is_file(inputs)):
            place = Path(inputs)
            if not place.name.lower().endswith(_PARQUET):
                return read_blocks(place, _ENCODED)
            inputs = to_text_table(place, "inputs")
        if isinstance(inputs, Mapping) or hasattr(inputs, "columns"):
            table = inputs if isinstance(inputs, Table) else to_text_table(inputs, "inputs")
            return divide_table(table, _ENCODED)
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

    def _columns(self, table: Table, column: str | Sequence[str] | None) -> MoleculeInputs:
        """What is read of a table: its SMILES columns may have other names than in training."""
        named = (column,) if isinstance(column, str) else tuple(column or ())
        if not named:
            known = self.inputs.smiles
            if len(known) > 1 or known[0] in table.columns:
                named = known
            else:
                one = len(table.columns) == 1
                named = table.columns if one else (table.smiles_column(),)
        if len(named) != len(self.inputs.smiles):
            condition = f"name {len(self.inputs.smiles)} columns, as in training"
            raise invalid("smiles", condition, ", ".join(map(repr, named)))
        for name in named:
            table.column(name, "smiles")  # refused here if it is missing
        return replace(self.inputs, smiles=named)

    def _of_list(self, smiles: Sequence[str]) -> Iterator[Block]:
        for first in range(0, max(len(smiles), 1), _ENCODED):
            some = smiles[first : first + _ENCODED]
            yield from self._batches(self.inputs.encode({self.inputs.smiles[0]: some}), None)

    def _of_tables(
        self, tables: Iterator[Table], column: str | Sequence[str] | None
    ) -> Iterator[Block]:
        first = next(tables)
        inputs = self._columns(first, column)
        self.id_name, self.delimiter = inputs.smiles[0], first.delimiter
        return self._of_each(chain([first], tables), inputs)

    def _of_each(self, tables: Iterator[Table], inputs: MoleculeInputs) -> Iterator[Block]:
        for table in tables:
            yield from self._batches(inputs.encode(table), table)

    def _batches(self, encoded: EncodedRows, table: Table | None) -> Iterator[Block]:
        smiles = encoded.smiles
        for start in range(0, max(len(smiles), 1), _BATCH):
            stop = min(start + _BATCH, len(smiles))
            some, reasons = smiles[start:stop], encoded.reasons[start:stop]
            valid = [start + row for row, reason in enumerate(reasons) if not reason]
            signal = domain = None
            if valid:
                signal = encoded.x[encoded.graphs.member_nodes(valid)].to(self.device)
                domain = encoded.graphs.select(valid).to(self.device)
            before = {}
            if table is not None:
                rows = table.rows[start:stop]
                names = _distinct(table.columns)
                before = {name: [row[n] for row in rows] for n, name in enumerate(names)}
            after, notes = self._nearest(some, reasons)
            changes = [encoded.remarks.get(row, "") for row in range(start, stop)]
            yield Block(
                list(some), reasons, signal, domain, changes=changes if any(changes) else (),
                before=before, after=after, notes=notes,
            )  # fmt: skip

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
            parts = [text] if len(self.inputs.smiles) == 1 else text.split(".")
            if len(parts) != len(self.inputs.smiles):
                columns = ", ".join(map(repr, self.inputs.smiles))
                condition = f"be the SMILES of {columns} with dots between them"
                raise invalid("input", condition, repr(text), "Write one after the other.")
            cells = {name: [part] for name, part in zip(self.inputs.smiles, parts, strict=True)}
            row = self.inputs.encode(cells)
            if row.reasons[0]:
                self._refuse(text, row.reasons[0])
            yield Input(text, row.x.to(self.device), row.graphs.to(self.device), smiles=text)

    def _refuse(self, text: str, what: str) -> None:
        condition = f"be SMILES for a network trained on {self.title}"
        given = f"{text!r}, {what}" if what == "a file" else f"{text!r} ({what})"
        raise invalid("input", condition, given, "Write a molecule as SMILES, such as 'CCO'.")

    def describe(self, inputs: Any, smiles: str | Sequence[str] | None = None) -> dict[str, str]:  # noqa: ANN401
        """How a table was read, and which of its first rows get no prediction."""
        tables = self._tables(inputs)
        if tables is None:
            return {"molecules": f"{len(self._checked(inputs)):,}"}
        first = next(tables)
        read = self._columns(first, smiles)
        reasons = {row: text for row, text in enumerate(read.encode(first).reasons) if text}
        held, last = len(first.rows), first
        for last in tables:
            held += len(last.rows)
        few = f"; counted in the first {len(first.rows):,} rows" if held > len(first.rows) else ""
        roles = dict.fromkeys(read.columns[len(read.smiles) :], "inputs")
        excluded = describe_excluded(reasons, len(first.rows))
        return {
            **({"data": str(inputs)} if isinstance(inputs, (str, os.PathLike)) else {}),
            "table": describe_format(last, held),
            "columns": describe_columns(first, read.smiles, (), "copied unchanged", roles),
            "no prediction": f"{excluded}{few}" if excluded else "",
        }

    def check(self, run: Callable[[Tensor, Domain], Tensor]) -> Tensor:
        """The output for methane."""
        _ = self.training_molecules  # refused here if it is damaged
        cells = {name: ["C" if name in self.inputs.smiles else ""] for name in self.inputs.columns}
        row = self.inputs.encode(cells)
        return run(row.x.to(self.device), row.graphs.to(self.device))


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
