"""Draw molecules with rdkit, as images or as vectors."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.report.style import INK

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["draw_molecule", "molecule_svg", "shorten_smiles"]

Color = tuple[float, ...]  # red, green, blue and perhaps opacity, from 0 to 1
_INDEX_COLOR = (0.0, 0.45, 0.7)
_DEFAULTS = re.compile(
    r" class='[^']*'|(?:fill-rule:evenodd|stroke-linecap:butt|stroke-linejoin:miter"
    r"|stroke-opacity:1);?"
)


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
        colors: atom index -> color of a circle behind the atom.
        numbered: whether to write the index next to each atom.

    Returns:
        Shape (height, width, 3), uint8.
    """
    from PIL import Image
    from rdkit.Chem.Draw import rdMolDraw2D

    png = _draw(rdMolDraw2D.MolDraw2DCairo(*size), mol, size[0], colors, numbered)
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        return np.array(image.convert("RGB"))


def molecule_svg(
    mol: Mol,
    size: tuple[int, int] = (560, 400),
    *,
    colors: Mapping[int, Color] | None = None,
    numbered: bool = False,
) -> str:
    """The structural formula of a molecule as SVG elements without background.

    Args:
        mol: as in `draw_molecule`, like all other arguments.
        size: width and height in user units.
        colors: may have an opacity.
        numbered: whether to write the index next to each atom.
    """
    from rdkit.Chem.Draw import rdMolDraw2D

    svg = _draw(rdMolDraw2D.MolDraw2DSVG(*size), mol, size[0], colors, numbered)
    elements = svg.partition("<!-- END OF HEADER -->")[2].rpartition("</svg>")[0]
    elements = re.sub(r" fill='(#\w+)'", r" style='fill:\1'", elements)
    elements = _DEFAULTS.sub("", elements).replace("#000000", INK)
    return re.sub(r"\s+", " ", elements).strip()


def _draw(
    drawer: Any,  # noqa: ANN401 - rdkit's class
    mol: Mol,
    width: int,
    colors: Mapping[int, Color] | None,
    numbered: bool,
) -> Any:  # noqa: ANN401
    """The finished drawing: the bytes of a PNG or the text of an SVG."""
    from rdkit.Chem.Draw import rdMolDraw2D

    options = drawer.drawOptions()
    options.useBWAtomPalette()
    options.clearBackground = isinstance(drawer, rdMolDraw2D.MolDraw2DCairo)
    options.padding = 0.07
    options.fixedBondLength = width / 7  # the most, so that small molecules are not enlarged
    options.minFontSize, options.maxFontSize = 24, 40
    options.bondLineWidth = 3
    options.addAtomIndices = numbered
    options.annotationFontScale = 0.8
    options.setAtomNoteColour(_INDEX_COLOR)
    options.highlightRadius = 0.42
    circles = dict(colors or {})
    rdMolDraw2D.PrepareAndDrawMolecule(
        drawer, mol, highlightAtoms=list(circles), highlightBonds=[], highlightAtomColors=circles
    )
    drawer.FinishDrawing()
    return drawer.GetDrawingText()


def shorten_smiles(smiles: str, most: int = 60) -> str:
    """A SMILES, truncated with an ellipsis if it is longer than `most` characters."""
    smiles = smiles.strip()
    return smiles if len(smiles) <= most else f"{smiles[: most - 1]}…"
