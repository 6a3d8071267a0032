"""Sheets of molecules as SVG that follows the theme of the page."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from gnnvision.report.molecules_draw import Color, molecule_svg
from gnnvision.report.style import CLASS_COLORS, FAINT, INK, WIDTH
from gnnvision.training.folder import replace_file

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["MoleculeTile", "draw_molecules"]

_GAP, _PAD = 6.0, 4.0  # points
_FONT, _LINE = 7.8, 10.5  # points
_LETTER = 0.6 * _FONT  # the width of a letter
_BAR = 46.0  # height of the color bar with its labels


@dataclass(frozen=True)
class MoleculeTile:
    """A molecule of a sheet.

    Args:
        mol: the molecule.
        lines: of text above it.
        colors: atom index -> color of a circle behind the atom.
        numbered: whether to write the index next to each atom.
    """

    mol: Mol
    lines: Sequence[str] = ()
    colors: Mapping[int, Color] = field(default_factory=dict)
    numbered: bool = False


def draw_molecules(
    path: Path,
    tiles: Sequence[MoleculeTile],
    columns: int,
    *,
    size: tuple[int, int] = (560, 400),
    title: str = "",
    largest: float = 0.0,
    label: str = "",
) -> None:
    """Write molecules in rows as an SVG.

    Args:
        path: of the SVG.
        tiles: at least one.
        columns: molecules per row.
        size: of a drawing before it is scaled to its tile: the larger, the smaller its letters.
        title: above all molecules.
        largest: the attribution with the full color, for a color bar below; 0 for none.
        label: of the color bar.
    """
    width = 72 * WIDTH
    side = (width - 2 * _PAD - (columns - 1) * _GAP) / columns
    scale = side / size[0]
    high = size[1] * scale
    out, y = [], _PAD
    if title:
        out.append(_text(_PAD, y + 11, title, look="; font-size: 10.5px; font-weight: bold"))
        y += 16
    for start in range(0, len(tiles), columns):
        row = tiles[start : start + columns]
        texts = [_wrapped(tile.lines, int(side / _LETTER)) for tile in row]
        head = _LINE * max(map(len, texts)) + 3
        for column, (tile, lines) in enumerate(zip(row, texts, strict=True)):
            x = _PAD + column * (side + _GAP)
            out += [_text(x, y + _LINE * (n + 0.8), line) for n, line in enumerate(lines)]
            top = y + head
            out.append(
                f'<rect x="{x:.1f}" y="{top:.1f}" width="{side:.1f}" height="{high:.1f}" '
                f'style="fill: none; stroke: {FAINT}; stroke-width: 0.8"/>'
            )
            drawn = molecule_svg(tile.mol, size, colors=tile.colors, numbered=tile.numbered)
            place = f"translate({x:.1f} {top:.1f}) scale({scale:.4f})"
            out.append(f'<g transform="{place}">{drawn}</g>')
        y += head + high + _GAP
    if largest:
        out.append(_color_bar(width, y, largest, label))
        y += _BAR
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.1f} {y:.1f}" '
        f'width="{width:.1f}pt" height="{y:.1f}pt">\n'
        f"<g style=\"font-family: 'DejaVu Sans', Verdana, sans-serif; font-size: {_FONT}px\">\n"
    )
    replace_file(path, (svg + "\n".join(out) + "\n</g>\n</svg>\n").encode())


def _wrapped(lines: Sequence[str], letters: int) -> list[str]:
    """Each line over at most two lines; a longer one ends in an ellipsis."""
    out = []
    for line in lines:
        found = textwrap.wrap(line, letters) or [""]
        if len(found) > 2:
            found = [found[0], found[1][: letters - 1] + "…"]
        out += found
    return out


def _text(x: float, y: float, text: str, anchor: str = "start", look: str = "") -> str:
    style = f"fill: {INK}; text-anchor: {anchor}{look}"
    return f'<text x="{x:.1f}" y="{y:.1f}" style="{style}">{escape(text)}</text>'


def _color_bar(width: float, y: float, largest: float, label: str) -> str:
    """A color bar from -largest (blue) over 0 (transparent) to largest (orange)."""
    left, long = 0.2 * width, 0.6 * width
    ends = (CLASS_COLORS[0], CLASS_COLORS[1])
    stops = "".join(
        f'<stop offset="{offset}" style="stop-color: {color}; stop-opacity: {opacity}"/>'
        for offset, color, opacity in (
            (0, ends[0], 1), (0.5, ends[0], 0), (0.5, ends[1], 0), (1, ends[1], 1)
        )
    )  # fmt: skip
    ticks = ((0.0, f"{-largest:.2g}"), (0.5, "0"), (1.0, f"{largest:+.2g}"))
    return "\n".join(
        [
            f'<defs><linearGradient id="attributions">{stops}</linearGradient></defs>',
            f'<rect x="{left:.1f}" y="{y + 6:.1f}" width="{long:.1f}" height="8" '
            f'style="fill: url(#attributions); stroke: {FAINT}"/>',
            *(_text(left + at * long, y + 24, text, "middle") for at, text in ticks),
            _text(width / 2, y + 37, label, "middle"),
        ]
    )
