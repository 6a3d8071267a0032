"""The categorical features of atoms and bonds and their known values.

Each feature is one-hot encoded: one column per known value, and for most features a last column
for all other values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ATOM_FEATURES", "BOND_FEATURES", "ELEMENTS", "Feature", "masses"]

# The elements of organic chemistry, and the metals that occur more than once in its datasets.
ELEMENTS = tuple(
    (
        "H B C N O F Na Mg Al Si P S Cl K Ca Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br "
        "Mo Ru Rh Pd Ag Sn Sb Te I W Re Pt Au Hg Pb Bi"
    ).split()
)
OTHER = "other"


@dataclass(frozen=True)
class Feature:
    """A categorical feature of an atom or a bond.

    Args:
        name: of the feature.
        values: the known values, in the order of their columns.
        other: whether a last column stands for all other values.
    """

    name: str
    values: tuple[str, ...]
    other: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        values = (*self.values, OTHER) if self.other else self.values
        return tuple(f"{self.name}={value}" for value in values)

    @property
    def num_columns(self) -> int:
        """The number of columns."""
        return len(self.values) + self.other


FLAG = ("no", "yes")
HYBRIDIZATIONS = ("S", "SP", "SP2", "SP3", "SP2D", "SP3D", "SP3D2")
CHIRALITIES = ("CHI_UNSPECIFIED", "CHI_TETRAHEDRAL_CW", "CHI_TETRAHEDRAL_CCW")
BOND_KINDS = ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC")
STEREOS = ("STEREONONE", "STEREOANY", "STEREOZ", "STEREOE", "STEREOCIS", "STEREOTRANS")

ATOM_FEATURES = (
    Feature("element", ELEMENTS),
    Feature("bonds", tuple(map(str, range(7)))),
    Feature("charge", ("-2", "-1", "0", "1", "2")),
    Feature("hydrogens", tuple(map(str, range(5)))),
    Feature("hybridization", HYBRIDIZATIONS),
    Feature("aromatic", FLAG, other=False),
    Feature("in a ring", FLAG, other=False),
    Feature("chirality", ("none", "clockwise", "counterclockwise")),
)
BOND_FEATURES = (
    Feature("kind", ("single", "double", "triple", "aromatic")),
    Feature("conjugated", FLAG, other=False),
    Feature("in a ring", FLAG, other=False),
    Feature("stereo", ("none", "any", "Z", "E", "cis", "trans")),
)


def one_hot(codes: NDArray[np.uint8], features: tuple[Feature, ...]) -> NDArray[np.float32]:
    """One-hot encode the values of several features.

    Args:
        codes: the index of each value within its feature. Shape (n, len(features)).
        features: which features.

    Returns:
        Shape (n, columns of all features).
    """
    starts = np.cumsum([0] + [feature.num_columns for feature in features])
    out = np.zeros((len(codes), starts[-1]), np.float32)
    places = codes.astype(np.int64) + starts[:-1]
    np.put_along_axis(out, places, 1.0, axis=1)
    return out


def masses(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The mean atomic mass of each element of `ELEMENTS`, in hundreds of daltons; 0 for others.

    Args:
        codes: indices into `ELEMENTS`. Shape (n,).
    """
    from rdkit import Chem

    table = Chem.GetPeriodicTable()
    known = [table.GetAtomicWeight(symbol) / 100 for symbol in ELEMENTS]
    return np.array([*known, 0.0], np.float32)[codes]
