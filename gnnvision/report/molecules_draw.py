"""Molecules as pictures, drawn by rdkit."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["molecule_picture", "short"]

Color = tuple[float, float, float]
_NUMBER = (0.0, 0.45, 0.7)


def molecule_picture(
    mol: Mol,
    size: tuple[int, int] = (560, 400),
    *,
    colors: Mapping[int, Color] | None = None,
    numbered: bool = False,
) -> NDArray[np.uint8]:
    """A molecule in the plane.

    Args:
        mol: what to draw.
        size: width and height in pixels.
        colors: of circles behind atoms, by the atoms' numbers; red, green and blue from 0 to 1.
        numbered: whether each atom has its number beside it.

    Returns:
        Shape (height, width, 3).
    """
    from PIL import Image
    from rdkit.Chem.Draw import rdMolDraw2D

    drawer = rdMolDraw2D.MolDraw2DCairo(*size)
    options: Any = drawer.drawOptions()
    options.useBWAtomPalette()
    options.padding = 0.07
    options.fixedBondLength = size[0] / 7  # at most: a small molecule is not blown up
    options.minFontSize, options.maxFontSize = 24, 40
    options.bondLineWidth = 3
    options.addAtomIndices = numbered
    options.annotationFontScale = 0.8
    options.setAtomNoteColour(_NUMBER)
    options.highlightRadius = 0.42
    held = dict(colors or {})
    rdMolDraw2D.PrepareAndDrawMolecule(
        drawer, mol, highlightAtoms=list(held), highlightBonds=[], highlightAtomColors=held
    )
    drawer.FinishDrawing()
    with Image.open(io.BytesIO(drawer.GetDrawingText()), formats=["PNG"]) as image:
        return np.array(image.convert("RGB"))


def short(smiles: str, most: int = 60) -> str:
    """A SMILES that is not too long for a line."""
    smiles = smiles.strip()
    return smiles if len(smiles) <= most else f"{smiles[: most - 1]}…"
