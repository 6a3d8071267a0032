"""Save a figure as PNG or as light SVG, laid out once and drawn once."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["save"]

MOST_POINTS = 5000  # of a plot's scatters as vectors; more become one image inside the SVG
_PAD = 0.08  # inches around everything
_DATELESS = dict.fromkeys(("Date", "Creator", "Format", "Type"))

_PROLOG = re.compile(r"^<\?xml.*?<svg ", re.DOTALL)
_STYLE = re.compile(r' <defs>\s*<style type="text/css">.*?</style>\s*</defs>\n', re.DOTALL)
_UNUSED_ID = re.compile(r'(<g) id="[\w.]+_\d+"|(?<=") id="image[0-9a-f]+"')
_LENGTHS = re.compile(r'(?<=[ \n])(?:d|x|y)="[^"]*"')
_FRACTION = re.compile(r"(\d+\.\d\d)\d+")  # a hundredth of a point cannot be seen
# A scatter plot of matplotlib: one element for each point, in one or in many groups.
_SCATTER = re.compile(
    r'<g clip-path="url\(#(\w+)\)">\s*<use '
    r'(?:[^<]|<use |</g>\s*<g clip-path="url\(#\1\)">\s*(?=<use))*</g>'
)
_POINT = re.compile(r'<use xlink:href="#(\w+)" x="([\d.-]+)" y="([\d.-]+)" style="([^"]*)"/>')
_DISC = re.compile(r"fill: (#\w+)(?:; fill-opacity: ([\d.]+))?")
_FONTS = re.compile(r"font-family: 'DejaVu Sans'([^;\"]*)")
_ALIKE = r"font-family: 'DejaVu Sans', Verdana\1, sans-serif"  # as wide; most are narrower


def save(figure: Figure, path: Path, before_drawing: Callable[[], object] = lambda: None) -> None:
    """Lay a figure out, crop it to its content and write it.

    The same figure is written as the same bytes every time. The text of an SVG stays text.

    Args:
        figure: with an Agg canvas.
        path: ends with .png or .svg.
        before_drawing: called after the layout.
    """
    from matplotlib import rc_context

    if path.suffix == ".svg":
        _prepare_images(figure)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)  # not once more before each drawing
    box = figure.get_tightbbox().padded(_PAD)
    before_drawing()
    part = path.with_name(path.name + ".part")
    settings: dict[str, Any] = {"bbox_inches": box, "dpi": figure.dpi, "format": path.suffix[1:]}
    if path.suffix == ".svg":
        fixed: Any = {
            "svg.fonttype": "none",
            "svg.hashsalt": "gnnvision",
            "image.composite_image": False,
        }
        with rc_context(fixed), io.StringIO() as content:
            figure.savefig(content, metadata=_DATELESS, **settings)
            part.write_text(_tidied(content.getvalue()), encoding="utf-8", newline="\n")
    else:
        figure.savefig(part, pil_kwargs={"compress_level": 2}, **settings)  # three times as fast
    part.replace(path)


def _prepare_images(figure: Figure) -> None:
    """Keep an SVG light: raster images as they are, scatters of many points as one image."""
    from matplotlib.collections import PathCollection
    from matplotlib.image import AxesImage

    for axes in figure.axes:
        for image in axes.findobj(AxesImage):
            assert isinstance(image, AxesImage)
            if image.get_interpolation() in ("auto", "antialiased", "nearest"):
                image.set_interpolation("none")  # the browser scales its pixels, sharply
        scatters = [one for one in axes.collections if isinstance(one, PathCollection)]
        if sum(np.shape(one.get_offsets())[0] for one in scatters) > MOST_POINTS:
            for one in scatters:
                one.set_rasterized(True)


def _tidied(svg: str) -> str:
    """Matplotlib's SVG without what no browser needs."""
    svg = _PROLOG.sub('<svg stroke-linejoin="round" ', svg, count=1)
    svg = _STYLE.sub("", svg, count=1)
    svg = _UNUSED_ID.sub(r"\1", svg)
    svg = re.sub(r"\s*<g/>", "", svg)
    svg = _SCATTER.sub(lambda found: _points(found, svg), svg)
    svg = _LENGTHS.sub(lambda found: _FRACTION.sub(r"\1", found[0]), svg)
    return _FONTS.sub(_ALIKE, svg)


def _points(scatter: re.Match[str], svg: str) -> str:
    """A scatter plot with a tenth of the bytes: round points of one look become a single path.

    Its parts of length 0 are drawn as their round ends alone.
    """
    out = [f'<g clip-path="url(#{scatter[1]})">']
    for (marker, style), found in groupby(
        _POINT.finditer(scatter[0]), lambda one: one.group(1, 4)
    ):
        places = [(float(one[2]), float(one[3])) for one in found]
        shape = re.search(
            rf'<path id="{marker}" d="M 0 ([\d.]+) ((?:\s*C [^"CL]*){{8}}z\s*)"', svg
        )
        disc = _DISC.fullmatch(style)
        if shape is None or disc is None or len(places) < 2:
            uses = (f'<use xlink:href="#{marker}" x="{x:.2f}" y="{y:.2f}"/>' for x, y in places)
            out.append(f'<g style="{style}">{"".join(uses)}</g>')
            continue
        path = "".join(f"M{x:.2f} {y:.2f}h0" for x, y in places)
        look = f"fill: none; stroke: {disc[1]}; stroke-opacity: {disc[2] or 1}; "
        look += f"stroke-width: {2 * float(shape[1]):g}; stroke-linecap: round"
        out.append(f'<path d="{path}" style="{look}"/>')
    return "\n".join([*out, "</g>"])
