"""The featurizer: turns molecules into feature vectors; versioned and stored with every model."""

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
from gnnvision.errors import at_least, invalid, one_of

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["Featurizer"]

# Increment it when a feature changes: models trained before then refuse the new features.
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Featurizer:
    """Turns a SMILES into a graph with features of its atoms and bonds.

    Atom features: element, number of bonds, charge, hydrogens, hybridization, aromaticity, ring
    membership, chirality and mass. Bond features: bond type, conjugation, ring membership and
    stereo. Isotopes are ignored. `print(featurizer)` shows every column.

    Args:
        fragments: for salts and mixtures, "keep" all fragments or only the "largest" (by heavy
            atoms; the first of several equally large ones).
        hydrogens: "implicit" (a count on the heavy atom) or "explicit" (separate nodes).
        unknown: elements that are not listed are encoded as "other" or make the row "invalid".
        wildcards: "*", which stands for any atom, is encoded as "other" or makes the row
            "invalid".
        max_atoms: larger molecules are invalid.
        version: the version of the features.

    Raises:
        ValueError: if an option has an unknown value or the version is not supported.

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
            if choices:
                one_of(name, getattr(self, name), choices)
        if self.version != VERSION:
            advice = "Another release of gnnvision made these features; use that release."
            raise invalid("version", f"be {VERSION}", self.version, advice)
        at_least("max_atoms", self.max_atoms, 1)

    @property
    def atom_columns(self) -> tuple[str, ...]:
        """The names of the atom feature columns."""
        return (*(c for feature in ATOM_FEATURES for c in feature.columns), "mass / 100 Da")

    @property
    def bond_columns(self) -> tuple[str, ...]:
        """The names of the bond feature columns."""
        return tuple(c for feature in BOND_FEATURES for c in feature.columns)

    @property
    def num_atom_columns(self) -> int:
        """The number of atom features."""
        return len(self.atom_columns)

    @property
    def num_bond_columns(self) -> int:
        """The number of bond features."""
        return len(self.bond_columns)

    @property
    def hash(self) -> str:
        """SHA-256 of the options and all column names, in hexadecimal."""
        described = json.dumps([self.to_dict(), self.atom_columns, self.bond_columns])
        return hashlib.sha256(described.encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """The options, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Recreate a featurizer from `to_dict`.

        Raises:
            ValueError: if an option is unknown.
        """
        unknown = sorted(set(stored) - {item.name for item in fields(cls)})
        if unknown:
            advice = "Another release of gnnvision wrote it; use that release."
            raise invalid("stored", "contain only options of Featurizer", unknown, advice)
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
                f"atom features: {self.num_atom_columns} columns",
                *lines(ATOM_FEATURES),
                "  mass            1  in 100 Da",
                f"bond features: {self.num_bond_columns} columns",
                *lines(BOND_FEATURES),
            ]
        )

    def read(self, smiles: str) -> Mol:
        """Parse a SMILES and apply the options for fragments and hydrogens.

        Raises:
            ValueError: with the reason, if the SMILES is invalid or these options exclude it.
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
                raise ValueError("a wildcard atom '*', which can be any element")
            if symbol != "*" and symbol not in ELEMENTS and self.unknown == "invalid":
                raise ValueError(f"the element {symbol}, which is not in the featurizer's list")

    def atom_rows(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Atom features from category indices: (n, 8) -> (n, 83)."""
        return np.concatenate([one_hot(codes, ATOM_FEATURES), masses(codes[:, :1])], axis=1)

    def bond_rows(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Bond features from category indices: (n, 4) -> (n, 16)."""
        return one_hot(codes, BOND_FEATURES)
