"""Many SMILES at once as arrays of small numbers, on one core or on all.

What is asked of an atom or a bond is answered by rdkit one at a time, which is most of the work
besides reading the SMILES itself; the rest is done for thousands of molecules together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from gnnvision.data.molecules.parallel import Progress, in_pieces

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["Encoded", "encode", "encode_all"]


@dataclass(frozen=True)
class Encoded:
    """Molecules by rows, also those that could not be read: these have no atoms.

    Args:
        atoms: the answers of each atom, by their numbers. Shape (N, 8).
        bonds: the answers of each bond. Shape (M, 4).
        ends: the two atoms of each bond, counted within its molecule. Shape (M, 2).
        num_atoms: of each molecule. Shape (G,).
        num_bonds: of each molecule. Shape (G,).
        reasons: why a row has no molecule; "" where it has. Length G.
    """

    atoms: NDArray[np.uint8]
    bonds: NDArray[np.uint8]
    ends: NDArray[np.int32]
    num_atoms: NDArray[np.int32]
    num_bonds: NDArray[np.int32]
    reasons: tuple[str, ...]

    @classmethod
    def join(cls, parts: Sequence[Encoded]) -> Encoded:
        """The rows of all parts, one after the other."""
        names = ("atoms", "bonds", "ends", "num_atoms", "num_bonds")
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in names
        }
        return cls(**joined, reasons=tuple(r for part in parts for r in part.reasons))


def encode_all(
    smiles: Sequence[str],
    featurizer: Featurizer,
    *,
    processes: int | None = None,
    progress: Progress | None = None,
) -> Encoded:
    """`encode` in pieces, on all cores where the set is worth it.

    Args:
        smiles: the rows.
        featurizer: how.
        processes: how many work side by side; None for one, or for many rows as many as there
            are cores.
        progress: called with the number of rows done, and of all.
    """
    parts = in_pieces(encode, smiles, featurizer, processes=processes, progress=progress)
    return Encoded.join(parts) if parts else encode([], featurizer)


def encode(smiles: Sequence[str], featurizer: Featurizer) -> Encoded:
    """The molecules of some SMILES as numbers; a row that cannot be read keeps its reason.

    Args:
        smiles: the rows.
        featurizer: how.
    """
    sink = _Sink()
    for text in smiles:
        try:
            mol = featurizer.read(text)
        except ValueError as error:
            sink.skip(str(error))
            continue
        sink.add(mol, chiral="@" in text, stereo="/" in text or "\\" in text)
    return sink.encoded()


class _Sink:
    """Lists that grow by a molecule at a time, and become arrays in the end."""

    def __init__(self) -> None:
        from rdkit import Chem

        atom, bond = Chem.Atom, Chem.Bond
        # What each returns is of another kind, and becomes a number in the end.
        self.atom_getters: tuple[Callable[[Any], Any], ...] = (
            atom.GetAtomicNum,
            atom.GetDegree,
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
        self.atom_answers: list[list[Any]] = [[] for _ in ATOM_FEATURES]
        self.bond_answers: list[list[Any]] = [[] for _ in BOND_FEATURES]
        self.begins: list[int] = []
        self.ends: list[int] = []
        self.num_atoms: list[int] = []
        self.num_bonds: list[int] = []
        self.reasons: list[str] = []
        self.none_chiral = Chem.ChiralType.CHI_UNSPECIFIED
        self.none_stereo = Chem.BondStereo.STEREONONE

    def skip(self, reason: str) -> None:
        """A row without a molecule."""
        self.num_atoms.append(0)
        self.num_bonds.append(0)
        self.reasons.append(reason)

    def add(self, mol: Mol, *, chiral: bool, stereo: bool) -> None:
        """A row with its molecule; what its SMILES cannot hold is not asked for."""
        size = mol.GetNumAtoms()
        atoms = list(map(mol.GetAtomWithIdx, range(size)))
        for held, get in zip(self.atom_answers[:-1], self.atom_getters, strict=True):
            held.extend(map(get, atoms))
        if chiral:
            self.atom_answers[-1].extend(map(self.get_chirality, atoms))
        else:
            self.atom_answers[-1].extend(repeat(self.none_chiral, size))
        bonds = list(mol.GetBonds())
        self.begins.extend(map(self.get_begin, bonds))
        self.ends.extend(map(self.get_end, bonds))
        for held, get in zip(self.bond_answers[:-1], self.bond_getters, strict=True):
            held.extend(map(get, bonds))
        if stereo:
            self.bond_answers[-1].extend(map(self.get_stereo, bonds))
        else:
            self.bond_answers[-1].extend(repeat(self.none_stereo, len(bonds)))
        self.num_atoms.append(size)
        self.num_bonds.append(len(bonds))
        self.reasons.append("")

    def encoded(self) -> Encoded:
        """All rows, each answer as the number of its column within the feature."""
        from rdkit import Chem

        element, bonds, charge, hydrogens, hybrid, aromatic, ring, chirality = self.atom_answers
        kind, conjugated, bond_ring, stereo = self.bond_answers
        numbers = Chem.GetPeriodicTable().GetAtomicNumber
        known = np.full(256, len(ELEMENTS), np.uint8)
        known[[numbers(symbol) for symbol in ELEMENTS]] = range(len(ELEMENTS))
        atom_columns: list[NDArray[Any]] = [
            known[np.array(element, np.uint8)],
            np.clip(np.array(bonds, np.int64), 0, 7),
            _within(np.array(charge, np.int64) + 2, 5),
            _within(np.array(hydrogens, np.int64), 5),
            _coded(hybrid, HYBRIDIZATIONS, Chem.HybridizationType),
            np.array(aromatic, np.uint8),
            np.array(ring, np.uint8),
            _coded(chirality, CHIRALITIES, Chem.ChiralType),
        ]
        bond_columns = [
            _coded(kind, BOND_KINDS, Chem.BondType),
            np.array(conjugated, np.uint8),
            np.array(bond_ring, np.uint8),
            _coded(stereo, STEREOS, Chem.BondStereo),
        ]
        return Encoded(
            atoms=np.stack(atom_columns, 1).astype(np.uint8),
            bonds=np.stack(bond_columns, 1).astype(np.uint8),
            ends=np.array([self.begins, self.ends], np.int32).T.reshape(-1, 2),
            num_atoms=np.array(self.num_atoms, np.int32),
            num_bonds=np.array(self.num_bonds, np.int32),
            reasons=tuple(self.reasons),
        )


def _within(numbers: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Numbers from 0 to `count` - 1 as they are, all others as `count`."""
    return np.where((numbers >= 0) & (numbers < count), numbers, count)


def _coded(answers: list[Any], names: tuple[str, ...], kind: type) -> NDArray[np.uint8]:
    """Members of an rdkit enumeration by their place in `names`, or after the last of them."""
    known = {getattr(kind, name): place for place, name in enumerate(names)}
    return np.array([known.get(answer, len(names)) for answer in answers], np.uint8)
