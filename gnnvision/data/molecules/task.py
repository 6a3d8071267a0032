"""A task on molecules: rows of a table, of which some may be no molecules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gnnvision.data.graph_task import GraphTask
from gnnvision.data.molecules.duplicates import Duplicate, duplicates, duplicates_in_words
from gnnvision.data.molecules.encode import Encoded
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.molecules.similarity import TrainingMolecules
from gnnvision.data.molecules.store import canonicals_of
from gnnvision.data.molecules.table import Table
from gnnvision.data.molecules.understood import (
    columns_in_words,
    form_in_words,
    grouped,
    left_out_in_words,
)
from gnnvision.domains import Graph

__all__ = ["MoleculeTask", "laid_out"]


@dataclass(frozen=True, eq=False, kw_only=True)
class MoleculeTask(GraphTask):
    """Predict something of molecules given as SMILES.

    Item i is row i of the table it came from. A row that is no molecule, or has no target,
    is a graph without nodes, or without labels; it is in no part of the split, and `reasons`
    says why.

    Args:
        featurizer: how atoms and bonds became numbers.
        reasons: why a row takes no part, by its number.
        remarks: what else was odd about a row, by its number.
        table: the table that the rows are from.
        scaffolds: which implementation the split's scaffolds are from; "" for another split.
        smiles_column: the column of the table that holds the molecules.
        targets: the columns that are predicted.
        notes: how one of these was understood, by its name.
    """

    featurizer: Featurizer
    reasons: Mapping[int, str] = field(default_factory=dict, repr=False)
    remarks: Mapping[int, str] = field(default_factory=dict, repr=False)
    table: Table | None = field(default=None, repr=False)
    scaffolds: str = ""
    smiles_column: str = ""
    targets: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def smiles(self) -> Sequence[str]:
        """The SMILES of every row."""
        return self.item_names

    @property
    def split_rule(self) -> str:
        """As of every task; the order of scaffolds was another one before version 2."""
        return "scaffold 2" if self.split.name == "scaffold" else self.split.name

    def overview(self) -> dict[str, str]:
        """As of every task, with the table's columns and the rows that were left out and why."""
        known = super().overview()
        if self.table is None:
            return known
        features = known.pop("features")
        known["columns"] = columns_in_words(
            self.table, self.smiles_column, self.targets, "not used"
        )
        if self.notes:
            known["read as"] = "; ".join(f"{name!r}: {text}" for name, text in self.notes.items())
        known["table"] = form_in_words(self.table)
        if left := left_out_in_words(self.reasons, len(self.smiles)):
            known["left out"] = left
        repeated = duplicates_in_words(canonicals_of(self.smiles, self.featurizer), self.split)
        if repeated:
            known["duplicates"] = repeated
        odd = [row for row in self.remarks if row not in self.reasons]
        if odd:
            known["not understood"] = (
                f"a target in {len(odd):,} more rows, which counts as missing: "
                f"{self.remarks[odd[0]]} (row {odd[0]})"
            )
        return known | {"features": features}

    def left_out(self) -> list[tuple[str, list[int]]]:
        """Reasons and the rows that take no part for them, the commonest first.

        Reasons that differ only in numbers or in what is quoted are one; the first is given.
        """
        return grouped(self.reasons)

    def duplicates(self) -> tuple[Duplicate, ...]:
        """The molecules that are in more than one part of the split, however they are written.

        Molecules are the same if their canonical SMILES are, as the featurizer reads them: of
        salts with `fragments="largest"` only what is left.
        """
        return duplicates(canonicals_of(self.smiles, self.featurizer), self.split)

    def input_description(self) -> dict[str, Any]:
        """The featurizer, the targets and the training molecules, which prediction needs."""
        training = TrainingMolecules(
            [self.smiles[row] for row in self.split.train], self.featurizer
        )
        return {
            "featurizer": self.featurizer.to_dict(),
            "featurizer_hash": self.featurizer.hash,
            "descriptors": self.num_graph_attr,
            "kind": self.kind,
            "targets": list(self.class_names),
            "training_molecules": training.packed(),
        }


def laid_out(
    encoded: Encoded, featurizer: Featurizer, graph_attr: Tensor | None = None
) -> tuple[Graph, Tensor]:
    """All molecules side by side as one batch, and the features of all their atoms.

    Bond k of the rows' bonds, in order, is edge 2 k in one direction and 2 k + 1 in the other.

    Args:
        encoded: the molecules.
        featurizer: what its numbers mean.
        graph_attr: descriptors of each molecule. Shape (G, D).

    Shapes:
        Output: a Graph with `edge_attr` (E, bond columns), and x (N, atom columns).
    """
    starts = np.concatenate([[0], np.cumsum(encoded.num_atoms, dtype=np.int64)])
    ends = encoded.ends + np.repeat(starts[:-1], encoded.num_bonds)[:, None]
    both_ways = ends[:, [0, 1, 1, 0]].reshape(-1, 2).T
    bonds = _rows(featurizer.bond_rows, encoded.bonds).repeat_interleave(2, 0)
    graph = Graph(
        torch.from_numpy(np.ascontiguousarray(both_ways)),
        int(starts[-1]),
        edge_attr=bonds,
        offsets=torch.from_numpy(starts),
        graph_attr=graph_attr,
    )
    return graph, _rows(featurizer.atom_rows, encoded.atoms)


def _rows(columns: Any, codes: np.ndarray) -> Tensor:  # noqa: ANN401 - a method of a featurizer
    """The columns of many atoms, of which few are different."""
    if not len(codes):
        return torch.from_numpy(columns(codes))
    # Each row of codes as one number, so that equal ones are found quickly.
    wide = np.zeros((len(codes), 8), np.uint8)
    wide[:, : codes.shape[1]] = codes
    _, first, which = np.unique(
        wide.view(np.uint64).ravel(), return_index=True, return_inverse=True
    )
    table = torch.from_numpy(columns(codes[first]))
    return table.index_select(0, torch.from_numpy(which.astype(np.int64)))
