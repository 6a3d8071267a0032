"""A task on molecules: the rows of a table of SMILES, some of which may be invalid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from gnnvision._renamed import former_attributes
from gnnvision.data.graphs.graph_task import GraphTask
from gnnvision.data.molecules.duplicates import Duplicate, describe_duplicates, duplicates
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.molecules.inputs import MoleculeInputs, batch_molecules
from gnnvision.data.molecules.overview import (
    describe_columns,
    describe_excluded,
    describe_format,
    group_reasons,
)
from gnnvision.data.molecules.similarity import TrainingMolecules
from gnnvision.data.molecules.store import cached_canonical_smiles
from gnnvision.data.overview import join_names
from gnnvision.data.table import Table
from gnnvision.domains import Graph
from gnnvision.domains.device import send

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
        smiles_column: the SMILES column of the table; the first of several.
        targets: the target columns.
        notes: target column -> how it was interpreted.
        inputs: how rows become graphs; by default with `featurizer` alone.
        ids: the names of the rows in a column of the table; () if there is none.
        roles: column of the table -> what else it is used for, such as "weights".
        weights: how much each row counts in the loss; None if all count alike. Shape (G,).
        limits: where only a limit of a target is known and `y` is NaN: the limit; NaN elsewhere.
            None if there are none. Shape (G, num_outputs).
        sides: on which side of its limit the value is: -1 below, 1 above, 0 elsewhere.
    """

    featurizer: Featurizer
    reasons: Mapping[int, str] = field(default_factory=dict, repr=False)
    remarks: Mapping[int, str] = field(default_factory=dict, repr=False)
    table: Table | None = field(default=None, repr=False)
    scaffolds: str = ""
    smiles_column: str = ""
    targets: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict, repr=False)
    inputs: MoleculeInputs | None = field(default=None, repr=False)
    ids: Sequence[str] = field(default=(), repr=False)
    roles: Mapping[str, str] = field(default_factory=dict, repr=False)
    weights: Tensor | None = field(default=None, repr=False)
    limits: Tensor | None = field(default=None, repr=False)
    sides: Tensor | None = field(default=None, repr=False)

    @property
    def smiles(self) -> Sequence[str]:
        """The SMILES of every row; those of several columns have a dot between them."""
        return self.item_names

    @property
    def atom_columns(self) -> tuple[str, ...]:
        """The names of the atom features."""
        return self._inputs.atom_columns

    @property
    def _inputs(self) -> MoleculeInputs:
        if self.inputs is not None:
            return self.inputs
        described = bool(self.num_graph_attr)
        return MoleculeInputs(self.featurizer, (self.smiles_column or "smiles",), described)

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
            self.table, self._inputs.smiles, self.targets, "not used", self.roles
        )
        if len(self._inputs.smiles) > 1:
            known["components"] = (
                f"{join_names(map(repr, self._inputs.smiles))} of a row are one graph; an atom "
                "feature has the column of each atom"
            )
        if self._inputs.encoder is not None:
            known["inputs"] = self._inputs.encoder.summary()
        if self.sides is not None:
            below, above = (int((self.sides == side).sum()) for side in (-1, 1))
            known["limits"] = (
                f"{below:,} upper (<) and {above:,} lower (>) limits add to the loss where a "
                "prediction violates them; metrics and figures are over exact values"
            )
        if self.weights is not None:
            low, high = self.weights.min().item(), self.weights.max().item()
            known["weights"] = f"from {low:g} to {high:g} in the loss; metrics count rows alike"
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
        encoder = self._inputs.encoder
        return self._inputs.to_dict() | {
            "descriptors": self.num_graph_attr - (len(encoder.names) if encoder else 0),
            "kind": self.kind,
            "targets": list(self.class_names),
            "training_molecules": training.to_text(),
        }

    def _select(self, members: Tensor) -> tuple[Graph, Tensor, Tensor]:
        """Graphs, their features, and targets: with weights and sides, if there are any."""
        graphs, x, y = super()._select(members)
        if self.weights is None and self.sides is None:
            return graphs, x, y
        rows = members.cpu()
        if self.kind == "classification":
            y = y.to(x.dtype).masked_fill(y < 0, torch.nan)
        side = torch.zeros_like(y)
        if self.sides is not None and self.limits is not None:
            side = send(self.sides[rows].to(y.dtype), y.device)
            y = torch.where(side == 0, y, send(self.limits[rows].to(y.dtype), y.device))
        weight = torch.ones_like(y)
        if self.weights is not None:
            each = send(self.weights[rows].to(y.dtype), y.device)
            weight = each.reshape(-1, *[1] * (y.ndim - 1)).expand_as(y)
        return graphs, x, torch.stack([y, weight, side], -1)
