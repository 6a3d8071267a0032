"""The vocabulary of a featurizer: what is asked of an atom and of a bond, and the answers known.

A feature has a name, the values it is told apart by, and perhaps a last one for all others. It
becomes one column for each value, 1 where the value is the atom's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ATOM_FEATURES", "BOND_FEATURES", "ELEMENTS", "Feature", "masses"]

# The elements of organic chemistry, and the metals that its data sets hold more than once.
ELEMENTS = tuple(
    (
        "H B C N O F Na Mg Al Si P S Cl K Ca Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br "
        "Mo Ru Rh Pd Ag Sn Sb Te I W Re Pt Au Hg Pb Bi"
    ).split()
)
OTHER = "other"


@dataclass(frozen=True)
class Feature:
    """One question about an atom or a bond.

    Args:
        name: what is asked.
        values: the answers that are told apart, in the order of their columns.
        other: whether there is one more column for every other answer.
    """

    name: str
    values: tuple[str, ...]
    other: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        answers = (*self.values, OTHER) if self.other else self.values
        return tuple(f"{self.name}={answer}" for answer in answers)

    @property
    def num_columns(self) -> int:
        """How many columns it becomes."""
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
    """One column for each answer, 1 where it was given.

    Args:
        codes: the number of each answer. Shape (n, len(features)).
        features: what was asked.

    Returns:
        Shape (n, number of columns of all features).
    """
    starts = np.cumsum([0] + [feature.num_columns for feature in features])
    out = np.zeros((len(codes), starts[-1]), np.float32)
    places = codes.astype(np.int64) + starts[:-1]
    np.put_along_axis(out, places, 1.0, axis=1)
    return out


def masses(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The mean atomic mass of each element of `ELEMENTS`, in hundreds of daltons; 0 for others.

    Args:
        codes: the numbers of elements in `ELEMENTS`. Shape (n,).
    """
    from rdkit import Chem

    table = Chem.GetPeriodicTable()
    known = [table.GetAtomicWeight(symbol) / 100 for symbol in ELEMENTS]
    return np.array([*known, 0.0], np.float32)[codes]
