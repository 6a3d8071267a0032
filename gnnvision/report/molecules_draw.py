"""Draw molecules with rdkit."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["draw_molecule", "shorten_smiles"]

Color = tuple[float, float, float]
_NUMBER = (0.0, 0.45, 0.7)


def draw_molecule(
    mol: Mol,
    size: tuple[int, int] = (560, 400),
    *,
    colors: Mapping[int, Color] | None = None,
    numbered: bool = False,
) -> NDArray[np.uint8]:
    """The structural formula of a molecule as an image.

    Args:
        mol: the molecule.
        size: width and height in pixels.
        colors: atom index -> color of a circle behind the atom; red, green and blue from 0 to 1.
        numbered: whether to write the index next to each atom.

    Returns:
        Shape (height, width, 3), uint8.
    """
    from PIL import Image
    from rdkit.Chem.Draw import rdMolDraw2D

    drawer = rdMolDraw2D.MolDraw2DCairo(*size)
    options: Any = drawer.drawOptions()
    options.useBWAtomPalette()
    options.padding = 0.07
    options.fixedBondLength = size[0] / 7  # the most, so that small molecules are not enlarged
    options.minFontSize, options.maxFontSize = 24, 40
    options.bondLineWidth = 3
    options.addAtomIndices = numbered
    options.annotationFontScale = 0.8
    options.setAtomNoteColour(_NUMBER)
    options.highlightRadius = 0.42
    circles = dict(colors or {})
    rdMolDraw2D.PrepareAndDrawMolecule(
        drawer, mol, highlightAtoms=list(circles), highlightBonds=[], highlightAtomColors=circles
    )
    drawer.FinishDrawing()
    with Image.open(io.BytesIO(drawer.GetDrawingText()), formats=["PNG"]) as image:
        return np.array(image.convert("RGB"))


def shorten_smiles(smiles: str, most: int = 60) -> str:
    """A SMILES, truncated with an ellipsis if it is longer than `most` characters."""
    smiles = smiles.strip()
    return smiles if len(smiles) <= most else f"{smiles[: most - 1]}…"
