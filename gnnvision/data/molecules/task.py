"""A task on molecules: the rows of a table of SMILES, some of which may be invalid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gnnvision._renamed import former_attributes
from gnnvision.data.graphs.graph_task import GraphTask
from gnnvision.data.molecules.duplicates import Duplicate, describe_duplicates, duplicates
from gnnvision.data.molecules.encode import Encoded
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.molecules.overview import (
    describe_columns,
    describe_excluded,
    describe_format,
    group_reasons,
)
from gnnvision.data.molecules.similarity import TrainingMolecules
from gnnvision.data.molecules.store import cached_canonical_smiles
from gnnvision.data.table import Table
from gnnvision.domains import Graph

__all__ = ["MoleculeTask", "batch_molecules"]


@former_attributes({"left_out": "excluded_rows"})
@dataclass(frozen=True, eq=False, kw_only=True)
class MoleculeTask(GraphTask):
    """Predict properties of molecules given as SMILES.

    Item i is row i of the table. Invalid SMILES are kept as rows with an error: graphs without
    nodes. These rows and rows without a target are in no split; `reasons` has the reason for each.

    Args:
        featurizer: how atoms and bonds were encoded.
        reasons: row index -> why the row is excluded.
        remarks: row index -> other problems of the row.
        table: the table that was read.
        scaffolds: the implementation of the scaffolds of a scaffold split; "" for other splits.
        smiles_column: the SMILES column of the table.
        targets: the target columns.
        notes: target column -> how it was interpreted.
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
        """The name of the split; "scaffold" has a version, since its order once changed."""
        return "scaffold 2" if self.split.name == "scaffold" else self.split.name

    def overview(self) -> dict[str, str]:
        """As `Task.overview`, with the columns of the table and the excluded rows."""
        known = super().overview()
        if self.table is None:
            return known
        features = known.pop("features")
        known["columns"] = describe_columns(
            self.table, self.smiles_column, self.targets, "not used"
        )
        if self.notes:
            known["interpreted as"] = "; ".join(
                f"{name!r}: {text}" for name, text in self.notes.items()
            )
        known["table"] = describe_format(self.table)
        if excluded := describe_excluded(self.reasons, len(self.smiles)):
            known["excluded"] = excluded
        repeated = describe_duplicates(
            cached_canonical_smiles(self.smiles, self.featurizer), self.split
        )
        if repeated:
            known["duplicates"] = repeated
        unreadable = [row for row in self.remarks if row not in self.reasons]
        if unreadable:
            known["unreadable"] = (
                f"a target in {len(unreadable):,} more rows, which counts as missing: "
                f"{self.remarks[unreadable[0]]} (row {unreadable[0]})"
            )
        return known | {"features": features}

    def excluded_rows(self) -> list[tuple[str, list[int]]]:
        """Each reason for exclusion with its rows, the most frequent first.

        Reasons that differ only in numbers or quoted text are merged under the first one.
        """
        return group_reasons(self.reasons)

    def duplicates(self) -> tuple[Duplicate, ...]:
        """The molecules that occur in more than one split, compared by canonical SMILES.

        With `fragments="largest"` only the largest fragment of a salt is compared.
        """
        return duplicates(cached_canonical_smiles(self.smiles, self.featurizer), self.split)

    def input_description(self) -> dict[str, Any]:
        """The featurizer, targets and training molecules, which prediction needs."""
        training = TrainingMolecules(
            [self.smiles[row] for row in self.split.train], self.featurizer
        )
        return {
            "featurizer": self.featurizer.to_dict(),
            "featurizer_hash": self.featurizer.hash,
            "descriptors": self.num_graph_attr,
            "kind": self.kind,
            "targets": list(self.class_names),
            "training_molecules": training.to_text(),
        }


def batch_molecules(
    encoded: Encoded, featurizer: Featurizer, graph_attr: Tensor | None = None
) -> tuple[Graph, Tensor]:
    """All molecules as one batch of graphs, with their atom features.

    Bond k becomes edge 2 k in one direction and edge 2 k + 1 in the other.

    Args:
        encoded: the molecules.
        featurizer: the featurizer that encoded them.
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
    """The feature columns of many atoms or bonds, computed once for each distinct one."""
    if not len(codes):
        return torch.from_numpy(columns(codes))
    # Each row of codes as one integer, so that equal rows are found quickly.
    wide = np.zeros((len(codes), 8), np.uint8)
    wide[:, : codes.shape[1]] = codes
    _, first, which = np.unique(
        wide.view(np.uint64).ravel(), return_index=True, return_inverse=True
    )
    table = torch.from_numpy(columns(codes[first]))
    return table.index_select(0, torch.from_numpy(which.astype(np.int64)))
