"""From molecules to numbers: a named, versioned and printable way, stored with every model."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.molecules.features import (
    ATOM_FEATURES,
    BOND_FEATURES,
    ELEMENTS,
    Feature,
    masses,
    one_hot,
)
from gnnvision.domains.molecule import read_smiles

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["Featurizer"]

VERSION = (
    1  # raise it when a feature changes: models of before then say that they need the old one
)


@dataclass(frozen=True, kw_only=True)
class Featurizer:
    """How a SMILES becomes a graph with features of its atoms and bonds.

    Atoms are described by element, bonds, charge, hydrogens, hybridization, aromaticity, ring,
    chirality and mass, bonds by kind, conjugation, ring and stereo. Isotopes are not told apart.
    `print(featurizer)` shows every column.

    Args:
        fragments: of salts and mixtures: "keep" all parts, or only the "largest" (by heavy
            atoms; of equals the first).
        hydrogens: "implicit", counted at their atom, or "explicit", atoms of their own.
        unknown: an element that is not in the list becomes "other", or makes the row "invalid".
        wildcards: likewise for "*", which stands for any atom.
        max_atoms: a molecule with more is invalid.
        version: of the features.

    Raises:
        ValueError: if a choice is none of those named, or the version is not known.

    Example:
        >>> featurizer = Featurizer()
        >>> featurizer.num_atom_columns, featurizer.num_bond_columns
        (83, 16)
        >>> Featurizer.from_dict(featurizer.to_dict()) == featurizer
        True
    """

    fragments: Literal["keep", "largest"] = "keep"
    hydrogens: Literal["implicit", "explicit"] = "implicit"
    unknown: Literal["other", "invalid"] = "other"
    wildcards: Literal["other", "invalid"] = "invalid"
    max_atoms: int = 1000
    version: int = VERSION

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            choices = get_args(hint)
            if choices and getattr(self, name) not in choices:
                raise ValueError(
                    f"'{name}' must be {' or '.join(map(repr, choices))}, got "
                    f"{getattr(self, name)!r}. Choose one."
                )
        if self.version != VERSION:
            raise ValueError(
                f"'version' must be {VERSION}, got {self.version}. The features of other versions "
                "were made by another release of gnnvision; use that one."
            )
        if self.max_atoms < 1:
            raise ValueError(f"'max_atoms' must be at least 1, got {self.max_atoms}. Raise it.")

    # --- what it is -------------------------------------------------------------------------

    @property
    def atom_columns(self) -> tuple[str, ...]:
        """The names of an atom's columns."""
        return (*(c for feature in ATOM_FEATURES for c in feature.columns), "mass / 100 Da")

    @property
    def bond_columns(self) -> tuple[str, ...]:
        """The names of a bond's columns."""
        return tuple(c for feature in BOND_FEATURES for c in feature.columns)

    @property
    def num_atom_columns(self) -> int:
        """How many numbers describe an atom."""
        return len(self.atom_columns)

    @property
    def num_bond_columns(self) -> int:
        """How many numbers describe a bond."""
        return len(self.bond_columns)

    @property
    def hash(self) -> str:
        """SHA-256 over its choices and all columns, in hexadecimal."""
        described = json.dumps([self.to_dict(), self.atom_columns, self.bond_columns])
        return hashlib.sha256(described.encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Its choices, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """The featurizer that `to_dict` described.

        Raises:
            ValueError: if an entry is unknown.
        """
        unknown = sorted(set(stored) - {item.name for item in fields(cls)})
        if unknown:
            raise ValueError(
                f"'stored' must hold the choices of a featurizer, got also {unknown}. It was "
                "written by another release of gnnvision; use that one."
            )
        return cls(**stored)

    def __str__(self) -> str:
        def lines(features: tuple[Feature, ...]) -> list[str]:
            return [
                f"  {feature.name:<14}{feature.num_columns:>3}  "
                + " ".join(c.partition("=")[2] for c in feature.columns)
                for feature in features
            ]

        choices = ", ".join(f"{name}={value!r}" for name, value in self.to_dict().items())
        return "\n".join(
            [
                f"Featurizer({choices})",
                f"an atom: {self.num_atom_columns} columns",
                *lines(ATOM_FEATURES),
                "  mass            1  in 100 Da",
                f"a bond: {self.num_bond_columns} columns",
                *lines(BOND_FEATURES),
            ]
        )

    # --- what it does -----------------------------------------------------------------------

    def read(self, smiles: str) -> Mol:
        """The molecule of a SMILES as its features see it.

        Raises:
            ValueError: with the reason, if there is none or it is not wanted.
        """
        from rdkit import Chem

        mol = read_smiles(smiles)
        if self.fragments == "largest" and "." in smiles:
            parts = Chem.GetMolFrags(mol, asMols=True)
            mol = max(parts, key=lambda part: part.GetNumHeavyAtoms())
        if self.hydrogens == "explicit":
            mol = Chem.AddHs(mol)
        if mol.GetNumAtoms() > self.max_atoms:
            raise ValueError(f"{mol.GetNumAtoms()} atoms, more than max_atoms={self.max_atoms}")
        if self.wildcards == "invalid" or self.unknown == "invalid":
            self._check_elements(mol, smiles)
        return mol

    def _check_elements(self, mol: Mol, smiles: str) -> None:
        if self.unknown == "other" and not any(mark in smiles for mark in "*#"):
            return  # a wildcard is written as * or as [#0]
        for atom in mol.GetAtoms():
            symbol = atom.GetSymbol()
            if symbol == "*" and self.wildcards == "invalid":
                raise ValueError("a wildcard atom '*', which stands for no certain element")
            if symbol != "*" and symbol not in ELEMENTS and self.unknown == "invalid":
                raise ValueError(f"the element {symbol}, which is not in the featurizer's list")

    def atom_rows(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The columns of atoms from the numbers of their answers: (n, 8) -> (n, 83)."""
        return np.concatenate([one_hot(codes, ATOM_FEATURES), masses(codes[:, :1])], axis=1)

    def bond_rows(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The columns of bonds from the numbers of their answers: (n, 4) -> (n, 16)."""
        return one_hot(codes, BOND_FEATURES)
