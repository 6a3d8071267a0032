"""Properties of whole molecules by rdkit: canonical SMILES, scaffolds and descriptors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.molecules.parallel import Progress, map_chunks

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = [
    "SCAFFOLDS",
    "canonical_smiles",
    "canonicalize_all",
    "describe_all",
    "descriptor_names",
    "descriptors",
    "scaffolds",
]

SCAFFOLDS = "rdkit's MurckoScaffoldSmiles, without chirality"
LARGEST = 1e6  # descriptors are clipped here: larger values are artifacts of their formulas


def canonical_smiles(smiles: str, featurizer: Featurizer) -> str:
    """The canonical SMILES of a molecule; "" for an invalid SMILES."""
    from rdkit import Chem

    try:
        return Chem.MolToSmiles(featurizer.read(smiles))
    except ValueError:
        return ""


def canonicalize_all(smiles: Sequence[str], featurizer: Featurizer) -> list[str]:
    """`canonical_smiles` of each row."""
    return [canonical_smiles(text, featurizer) for text in smiles]


def scaffolds(smiles: Sequence[str], featurizer: Featurizer) -> list[str]:
    """The Bemis-Murcko scaffold (ring systems and linkers) of each molecule, as SMILES.

    "" for a molecule without rings and for an invalid SMILES.

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
    """Surface areas binned by contribution to logP, refractivity and partial charge."""
    from rdkit.Chem import rdMolDescriptors as source

    return (source.SlogP_VSA_, source.SMR_VSA_, source.PEOE_VSA_)


def descriptor_names() -> tuple[str, ...]:
    """The names of the columns of `descriptors`."""
    from rdkit import Chem
    from rdkit.Chem import rdMolDescriptors as source

    mol = Chem.MolFromSmiles("C")
    kinds = zip(("SlogP_VSA", "SMR_VSA", "PEOE_VSA"), _areas(), strict=True)
    named = [f"{kind}{number}" for kind, area in kinds for number in range(1, len(area(mol)) + 1)]
    return (*source.Properties().GetPropertyNames(), *named)


def descriptors(smiles: Sequence[str], featurizer: Featurizer) -> NDArray[np.float32]:
    """Descriptors of whole molecules; a row of zeros for an invalid SMILES.

    Only quick rdkit descriptors that need no 3-D conformation: its property list, and surface
    areas binned by contribution to logP, refractivity and partial charge.

    Returns:
        Shape (rows, descriptors). Values that are not finite are 0.
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


def describe_all(
    smiles: Sequence[str], featurizer: Featurizer, *, progress: Progress | None = None
) -> NDArray[np.float32]:
    """`descriptors` in chunks, on all cores if there are many rows.

    Args:
        smiles: one SMILES per row.
        featurizer: parses them.
        progress: called with the number of rows done and the total.
    """
    chunks = map_chunks(descriptors, smiles, featurizer, progress=progress)
    return np.concatenate(chunks) if chunks else descriptors([], featurizer)
