"""Encode many SMILES as arrays of category indices, on one core or on all.

rdkit is asked for each property of each atom and bond, which takes most of the time besides
parsing the SMILES; everything else is vectorized over thousands of molecules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.molecules.features import (
    ATOM_FEATURES,
    BOND_FEATURES,
    BOND_KINDS,
    CHIRALITIES,
    ELEMENTS,
    HYBRIDIZATIONS,
    STEREOS,
)
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.molecules.parallel import Progress, map_chunks

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["Encoded", "as_components", "encode", "encode_all"]


@dataclass(frozen=True)
class Encoded:
    """Encoded molecules, one per row; invalid SMILES are rows without atoms.

    Args:
        atoms: for each atom the index of its value in each of `ATOM_FEATURES`. Shape (N, 8).
        bonds: the same for each bond and `BOND_FEATURES`. Shape (M, 4).
        ends: the two atoms of each bond, indexed within its molecule. Shape (M, 2).
        num_atoms: atoms of each molecule. Shape (G,).
        num_bonds: bonds of each molecule. Shape (G,).
        reasons: why the SMILES of a row is invalid; "" for a valid one. Length G.
    """

    atoms: NDArray[np.uint8]
    bonds: NDArray[np.uint8]
    ends: NDArray[np.int32]
    num_atoms: NDArray[np.int32]
    num_bonds: NDArray[np.int32]
    reasons: tuple[str, ...]

    @classmethod
    def join(cls, parts: Sequence[Encoded]) -> Encoded:
        """Concatenate the rows of several parts."""
        names = ("atoms", "bonds", "ends", "num_atoms", "num_bonds")
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in names
        }
        return cls(**joined, reasons=tuple(r for part in parts for r in part.reasons))

    def without(self, rows: Sequence[int]) -> Encoded:
        """The same rows, without the atoms and bonds of some of them."""
        if not any(self.num_atoms[row] for row in rows):
            return self
        keep = np.ones(len(self.num_atoms), bool)
        keep[list(rows)] = False
        bonds = np.repeat(keep, self.num_bonds)
        return replace(
            self,
            atoms=self.atoms[np.repeat(keep, self.num_atoms)],
            bonds=self.bonds[bonds],
            ends=self.ends[bonds],
            num_atoms=self.num_atoms * keep,
            num_bonds=self.num_bonds * keep,
        )


def as_components(parts: Sequence[Encoded]) -> tuple[Encoded, NDArray[np.int64]]:
    """The molecules of each row as one graph of several components.

    Args:
        parts: a component of each row; all with the same number of rows.

    Returns:
        The rows, whose atoms are in the order of the parts, and the part of each atom. The
        reasons are those of the first part.
    """

    def in_rows(counts: str) -> NDArray[np.int64]:
        rows = [np.repeat(np.arange(len(p.num_atoms)), getattr(p, counts)) for p in parts]
        return np.argsort(np.concatenate(rows), kind="stable")

    before = np.cumsum([part.num_atoms for part in parts], axis=0) - [p.num_atoms for p in parts]
    ends = [
        p.ends + np.repeat(n, p.num_bonds)[:, None] for p, n in zip(parts, before, strict=True)
    ]
    atoms, bonds = in_rows("num_atoms"), in_rows("num_bonds")
    whole = Encoded(
        atoms=np.concatenate([part.atoms for part in parts])[atoms],
        bonds=np.concatenate([part.bonds for part in parts])[bonds],
        ends=np.concatenate(ends)[bonds].astype(np.int32),
        num_atoms=np.sum([part.num_atoms for part in parts], axis=0, dtype=np.int32),
        num_bonds=np.sum([part.num_bonds for part in parts], axis=0, dtype=np.int32),
        reasons=parts[0].reasons,
    )
    sizes = [len(part.atoms) for part in parts]
    return whole, np.repeat(np.arange(len(parts)), sizes)[atoms]


def encode_all(
    smiles: Sequence[str],
    featurizer: Featurizer,
    *,
    processes: int | None = None,
    progress: Progress | None = None,
) -> Encoded:
    """`encode` in chunks, on all cores if there are many rows.

    Args:
        smiles: one SMILES per row.
        featurizer: decides which molecules are valid.
        processes: number of worker processes; None for one, or for all cores if there are many
            rows.
        progress: called with the number of rows done and the total.
    """
    parts = map_chunks(encode, smiles, featurizer, processes=processes, progress=progress)
    return Encoded.join(parts) if parts else encode([], featurizer)


def encode(smiles: Sequence[str], featurizer: Featurizer) -> Encoded:
    """Encode SMILES; invalid ones are kept as rows with an error.

    Args:
        smiles: one SMILES per row.
        featurizer: decides which molecules are valid.
    """
    collector = _Collector()
    for text in smiles:
        try:
            mol = featurizer.read(text)
        except ValueError as error:
            collector.add_invalid(str(error))
            continue
        collector.add(mol, chiral="@" in text, stereo="/" in text or "\\" in text)
    return collector.to_arrays()


class _Collector:
    """Collects molecules one at a time in lists and converts these to arrays at the end."""

    def __init__(self) -> None:
        from rdkit import Chem

        atom, bond = Chem.Atom, Chem.Bond
        # Each returns another type; `to_arrays` maps the values to indices.
        self.atom_getters: tuple[Callable[[Any], Any], ...] = (
            atom.GetAtomicNum,
            atom.GetFormalCharge,
            atom.GetTotalNumHs,
            atom.GetHybridization,
            atom.GetIsAromatic,
            atom.IsInRing,
        )
        self.bond_getters: tuple[Callable[[Any], Any], ...] = (
            bond.GetBondType,
            bond.GetIsConjugated,
            bond.IsInRing,
        )
        self.get_begin, self.get_end = bond.GetBeginAtomIdx, bond.GetEndAtomIdx
        self.get_chirality, self.get_stereo = atom.GetChiralTag, bond.GetStereo
        # All but the number of bonds, which `to_arrays` counts.
        self.atom_values: list[list[Any]] = [[] for _ in ATOM_FEATURES[1:]]
        self.bond_values: list[list[Any]] = [[] for _ in BOND_FEATURES]
        self.begins: list[int] = []
        self.ends: list[int] = []
        self.num_atoms: list[int] = []
        self.num_bonds: list[int] = []
        self.reasons: list[str] = []
        self.no_chirality = Chem.ChiralType.CHI_UNSPECIFIED
        self.no_stereo = Chem.BondStereo.STEREONONE

    def add_invalid(self, reason: str) -> None:
        """Add a row for an invalid SMILES."""
        self.num_atoms.append(0)
        self.num_bonds.append(0)
        self.reasons.append(reason)

    def add(self, mol: Mol, *, chiral: bool, stereo: bool) -> None:
        """Add a row; chirality and stereo are only queried if the SMILES has their marks."""
        size = mol.GetNumAtoms()
        atoms = list(map(mol.GetAtomWithIdx, range(size)))
        for values, get in zip(self.atom_values[:-1], self.atom_getters, strict=True):
            values.extend(map(get, atoms))
        if chiral:
            self.atom_values[-1].extend(map(self.get_chirality, atoms))
        else:
            self.atom_values[-1].extend(repeat(self.no_chirality, size))
        bonds = list(map(mol.GetBondWithIdx, range(mol.GetNumBonds())))
        self.begins.extend(map(self.get_begin, bonds))
        self.ends.extend(map(self.get_end, bonds))
        for values, get in zip(self.bond_values[:-1], self.bond_getters, strict=True):
            values.extend(map(get, bonds))
        if stereo:
            self.bond_values[-1].extend(map(self.get_stereo, bonds))
        else:
            self.bond_values[-1].extend(repeat(self.no_stereo, len(bonds)))
        self.num_atoms.append(size)
        self.num_bonds.append(len(bonds))
        self.reasons.append("")

    def to_arrays(self) -> Encoded:
        """All rows, each value as its index within the feature."""
        from rdkit import Chem

        element, charge, hydrogens, hybrid, aromatic, ring, chirality = self.atom_values
        kind, conjugated, bond_ring, stereo = self.bond_values
        num_atoms, num_bonds = (np.array(n, np.int32) for n in (self.num_atoms, self.num_bonds))
        ends = np.array([self.begins, self.ends], np.int32).T.reshape(-1, 2)
        first = np.repeat(np.cumsum(num_atoms) - num_atoms, num_bonds)  # atom of a molecule
        degree = np.bincount((ends + first[:, None]).ravel(), minlength=len(element))
        numbers = Chem.GetPeriodicTable().GetAtomicNumber
        known = np.full(256, len(ELEMENTS), np.uint8)
        known[[numbers(symbol) for symbol in ELEMENTS]] = range(len(ELEMENTS))
        atom_columns: list[NDArray[Any]] = [
            known[np.array(element, np.uint8)],
            np.clip(degree, 0, 7),
            _within(np.array(charge, np.int64) + 2, 5),
            _within(np.array(hydrogens, np.int64), 5),
            _indices(hybrid, HYBRIDIZATIONS, Chem.HybridizationType),
            np.array(aromatic, np.uint8),
            np.array(ring, np.uint8),
            _indices(chirality, CHIRALITIES, Chem.ChiralType),
        ]
        bond_columns = [
            _indices(kind, BOND_KINDS, Chem.BondType),
            np.array(conjugated, np.uint8),
            np.array(bond_ring, np.uint8),
            _indices(stereo, STEREOS, Chem.BondStereo),
        ]
        return Encoded(
            atoms=np.stack(atom_columns, 1).astype(np.uint8),
            bonds=np.stack(bond_columns, 1).astype(np.uint8),
            ends=ends,
            num_atoms=num_atoms,
            num_bonds=num_bonds,
            reasons=tuple(self.reasons),
        )


def _within(numbers: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Keep numbers from 0 to `count` - 1 and map all others to `count`."""
    return np.where((numbers >= 0) & (numbers < count), numbers, count)


def _indices(values: list[Any], names: tuple[str, ...], kind: type) -> NDArray[np.uint8]:
    """The index in `names` of each member of an rdkit enumeration; `len(names)` if not listed."""
    known = {getattr(kind, name): index for index, name in enumerate(names)}
    return np.array([known.get(value, len(names)) for value in values], np.uint8)
