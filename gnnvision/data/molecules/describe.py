"""What rdkit says of whole molecules: their canonical SMILES, scaffolds and descriptors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.molecules.featurizer import Featurizer

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["SCAFFOLDS", "canonical", "canonicals", "descriptor_names", "descriptors", "scaffolds"]

SCAFFOLDS = "rdkit's MurckoScaffoldSmiles, without chirality"
LARGEST = 1e6  # of a descriptor: what is beyond is an accident of the formula


def canonical(smiles: str, featurizer: Featurizer) -> str:
    """The one way to write a molecule; "" for a string that is none."""
    from rdkit import Chem

    try:
        return Chem.MolToSmiles(featurizer.read(smiles))
    except ValueError:
        return ""


def canonicals(smiles: Sequence[str], featurizer: Featurizer) -> list[str]:
    """`canonical` of each row."""
    return [canonical(text, featurizer) for text in smiles]


def scaffolds(smiles: Sequence[str], featurizer: Featurizer) -> list[str]:
    """The ring systems of each molecule and what links them, as SMILES.

    "" for a molecule without rings, and for a row without a molecule.

    References:
        Bemis, Murcko, "The Properties of Known Drugs. 1. Molecular Frameworks", 1996.
    """
    from rdkit.Chem.Scaffolds import MurckoScaffold

    out = []
    for text in smiles:
        try:
            mol = featurizer.read(text)
        except ValueError:
            out.append("")
            continue
        out.append(
            MurckoScaffold.MurckoScaffoldSmiles(  # type: ignore[no-untyped-call]
                mol=mol, includeChirality=False
            )
        )
    return out


def _areas() -> tuple[Callable[[Mol], Sequence[float]], ...]:
    """Surface areas by contribution to logP, refractivity and partial charge."""
    from rdkit.Chem import rdMolDescriptors as source

    return (source.SlogP_VSA_, source.SMR_VSA_, source.PEOE_VSA_)


def descriptor_names() -> tuple[str, ...]:
    """The names of the columns that `descriptors` gives."""
    from rdkit import Chem
    from rdkit.Chem import rdMolDescriptors as source

    mol = Chem.MolFromSmiles("C")
    kinds = zip(("SlogP_VSA", "SMR_VSA", "PEOE_VSA"), _areas(), strict=True)
    named = [f"{kind}{number}" for kind, area in kinds for number in range(1, len(area(mol)) + 1)]
    return (*source.Properties().GetPropertyNames(), *named)


def descriptors(smiles: Sequence[str], featurizer: Featurizer) -> NDArray[np.float32]:
    """Numbers that describe whole molecules, 0 for rows without one.

    Counts, areas and indices of rdkit that need no conformation and are quick: its property
    list, and the surface areas by contribution to logP, refractivity and partial charge.

    Returns:
        Shape (rows, descriptors). What is not finite is 0.
    """
    from rdkit.Chem import rdMolDescriptors as source

    properties, areas = source.Properties(), _areas()
    out = np.zeros((len(smiles), len(descriptor_names())), np.float64)
    for row, text in enumerate(smiles):
        try:
            mol = featurizer.read(text)
        except ValueError:
            continue
        out[row] = [*properties.ComputeProperties(mol), *(v for area in areas for v in area(mol))]
    out[~np.isfinite(out)] = 0
    return np.clip(out, -LARGEST, LARGEST).astype(np.float32)
