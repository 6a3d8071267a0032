"""What a network for molecules receives for each row of a table: in training and at prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from gnnvision.data.column_sources import Columns
from gnnvision.data.columns import ColumnEncoder
from gnnvision.data.molecules.describe import describe_all
from gnnvision.data.molecules.encode import Encoded, as_components, encode_all
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.molecules.store import cached_descriptors, encode_cached
from gnnvision.data.table import Table
from gnnvision.domains import Graph
from gnnvision.errors import invalid, nearest

__all__ = ["EncodedRows", "MoleculeInputs", "batch_molecules"]


@dataclass(frozen=True, eq=False)
class EncodedRows:
    """The rows of a table as a batch of graphs.

    Args:
        graphs: one for each row; without atoms if the row has a reason.
        x: the features of all atoms. Shape (N, C).
        smiles: of each row; those of several columns have a dot between them.
        reasons: why a row cannot be used; "" for a valid one.
        remarks: row index -> which cell of an input column was replaced.
    """

    graphs: Graph
    x: Tensor = field(repr=False)
    smiles: tuple[str, ...] = field(repr=False)
    reasons: tuple[str, ...] = field(repr=False)
    remarks: Mapping[int, str] = field(repr=False)


@dataclass(frozen=True)
class MoleculeInputs:
    """How rows with SMILES become graphs.

    The molecules of several SMILES columns, such as a solute and its solvent, become one graph
    of several components without bonds between them. One-hot atom features have the column of
    each atom, and a readout is over the atoms of all of them.

    Args:
        featurizer: the atom and bond features.
        smiles: the SMILES columns.
        descriptors: whether descriptors of the whole row are in `graph_attr`.
        encoder: encodes further columns, which follow in `graph_attr`.

    Raises:
        ValueError: `smiles` is empty or names a column twice, or several columns are used with
            an option of the featurizer that moves atoms.

    Example:
        >>> inputs = MoleculeInputs(Featurizer(), ("solute", "solvent"))
        >>> rows = inputs.encode({"solute": ["CCO", "C"], "solvent": ["O", "CC("]})
        >>> rows.smiles[0], rows.graphs.offsets.diff().tolist(), rows.reasons[1][:18]
        ('CCO.O', [4, 0], "'solvent': syntax ")
        >>> rows.x[:, -2:].tolist()
        [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """

    featurizer: Featurizer
    smiles: tuple[str, ...] = ("smiles",)
    descriptors: bool = False
    encoder: ColumnEncoder | None = None

    def __post_init__(self) -> None:
        if not self.smiles or len(set(self.smiles)) < len(self.smiles):
            raise invalid("smiles", "name each SMILES column once", repr(self.smiles))
        if len(self.smiles) > 1:
            for name, needed in (("fragments", "keep"), ("hydrogens", "implicit")):
                value = getattr(self.featurizer, name)
                if value != needed:
                    condition = f"have {name}={needed!r} for several SMILES columns"
                    raise invalid("featurizer", condition, repr(value))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a table needs."""
        return (*self.smiles, *(self.encoder.column_names if self.encoder else ()))

    @property
    def atom_columns(self) -> tuple[str, ...]:
        """The names of the atom features."""
        parts = self.smiles if len(self.smiles) > 1 else ()
        return (*self.featurizer.atom_columns, *(f"in {name!r}" for name in parts))

    def encode(
        self,
        columns: Table | Mapping[str, Sequence[Any]],
        *,
        cached: bool = False,
        argument: str = "inputs",
    ) -> EncodedRows:
        """The rows of a table as graphs.

        Args:
            columns: a table, or column name -> cells; those that are not needed are ignored.
            cached: whether encoded molecules are read from the cache, and kept there.
            argument: the argument that gave the columns, for error messages.

        Raises:
            ValueError: if a column is missing, or of another kind than in training.
        """
        problems: Mapping[int, str] = {}
        known = columns.columns if isinstance(columns, Table) else [*columns]
        if isinstance(columns, Table):
            problems, columns = columns.problems, self._columns_of(columns)
        texts, parts = [], []
        for name in self.smiles:
            if name not in columns:
                near = nearest(name, known)
                advice = f"Did you mean {near[0]!r}? Rename it." if near else "Add it."
                got = ", ".join(map(repr, known)) or "no columns"
                raise invalid(argument, f"have the column {name!r}", got, advice)
            texts.append([*columns[name]])
            read = encode_cached if cached else encode_all
            parts.append(read(texts[-1], self.featurizer))
        smiles, reasons = self._row_texts(texts, parts)
        reasons = [problems.get(row) or text for row, text in enumerate(reasons)]
        component = None
        if len(parts) > 1:
            bad = [row for row, reason in enumerate(reasons) if reason]
            encoded, component = as_components([part.without(bad) for part in parts])
        else:
            encoded = parts[0].without([row for row, reason in enumerate(reasons) if reason])
        attributes: list[Tensor] = []
        remarks: dict[int, str] = {}
        if self.descriptors:
            describe = cached_descriptors if cached else describe_all
            attributes.append(torch.from_numpy(describe(smiles, self.featurizer)))
        if self.encoder is not None:
            features, remarks = self.encoder.encode(columns, argument=argument)
            attributes.append(features)
        extra = torch.cat(attributes, 1) if attributes else None
        graphs, x = batch_molecules(encoded, self.featurizer, extra)
        if component is not None:
            one_hot = torch.nn.functional.one_hot(torch.from_numpy(component), len(parts))
            x = torch.cat([x, one_hot.to(x.dtype)], 1)
        return EncodedRows(graphs, x, tuple(smiles), tuple(reasons), remarks)

    def _columns_of(self, table: Table) -> Columns:
        """The needed columns of a table; in malformed rows, those of the encoder are empty."""
        held: dict[str, list[str]] = {}
        for name in self.columns:
            if name in table.columns:
                cells = table.column(name)
                if name not in self.smiles:
                    cells = [c if row not in table.problems else "" for row, c in enumerate(cells)]
                held[name] = cells
        return Columns(held, "the table", len(table.rows), table.delimiter != ",")

    def _row_texts(
        self, texts: Sequence[Sequence[str]], parts: Sequence[Encoded]
    ) -> tuple[list[str], list[str]]:
        """The SMILES of each row, and why it is invalid."""
        if len(parts) == 1:
            return list(texts[0]), list(parts[0].reasons)
        reasons = []
        for row, each in enumerate(zip(*(part.reasons for part in parts), strict=True)):
            named = zip(self.smiles, each, strict=True)
            reason = "; ".join(f"{name!r}: {text}" for name, text in named if text)
            size, most = sum(int(p.num_atoms[row]) for p in parts), self.featurizer.max_atoms
            if not reason and size > most:
                reason = f"{size} atoms, more than max_atoms={most}"
            reasons.append(reason)
        # With a dot between them they are one SMILES, whose atoms have the same order.
        return [
            ".".join(cell.strip() for cell in row) for row in zip(*texts, strict=True)
        ], reasons

    def to_dict(self) -> dict[str, Any]:
        """The description in a checkpoint, for `from_description`."""
        encoder = {} if self.encoder is None else {"inputs": self.encoder.to_dict()}
        return {
            "featurizer": self.featurizer.to_dict(),
            "featurizer_hash": self.featurizer.hash,
            "smiles": list(self.smiles),
            **encoder,
        }

    @classmethod
    def from_description(cls, held: Mapping[str, Any]) -> Self:
        """Read the description of the input of a checkpoint, also of an earlier version.

        Raises:
            ValueError: if its features are those of another version of gnnvision.
        """
        featurizer = Featurizer.from_dict(held["featurizer"])
        if featurizer.hash != held["featurizer_hash"]:
            raise invalid(
                "checkpoint",
                "use the atom and bond features of this version of gnnvision",
                "a checkpoint with different features",
                "Use the version of gnnvision that trained it.",
            )
        encoder = ColumnEncoder.from_dict(held["inputs"]) if "inputs" in held else None
        smiles = tuple(held.get("smiles", ("smiles",)))
        return cls(featurizer, smiles, bool(held["descriptors"]), encoder)


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
