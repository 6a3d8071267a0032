"""Save a figure as PNG or as light SVG, laid out once and drawn once."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["save"]

MOST_POINTS = 300  # of a plot's scatters as vectors; more become one image inside the SVG
_PAD = 0.08  # inches around everything
_DATELESS = dict.fromkeys(("Date", "Creator", "Format", "Type"))

_PROLOG = re.compile(r"^<\?xml.*?<svg ", re.DOTALL)
_STYLE = re.compile(r' <defs>\s*<style type="text/css">.*?</style>\s*</defs>\n', re.DOTALL)
_UNUSED_ID = re.compile(r'(<g) id="[\w.]+_\d+"|(?<=") id="image[0-9a-f]+"')
_LENGTHS = re.compile(r'(?<=[ \n])(?:d|x|y)="[^"]*"')
_FRACTION = re.compile(r"(\d+\.\d\d)\d+")  # a hundredth of a point cannot be seen
_FONTS = re.compile(r"font-family: 'DejaVu Sans'([^;\"]*)")
_ALIKE = r"font-family: 'DejaVu Sans', Verdana\1, sans-serif"  # as wide; most are narrower


def save(figure: Figure, path: Path) -> None:
    """Lay a figure out, crop it to what it shows and write it.

    The same figure is written as the same bytes every time. The text of an SVG stays text.

    Args:
        figure: with an Agg canvas.
        path: ends with .png or .svg.
    """
    from matplotlib import rc_context

    if path.suffix == ".svg":
        _prepare_images(figure)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)  # not once more before each drawing
    box = figure.get_tightbbox().padded(_PAD)
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
    svg = _LENGTHS.sub(lambda found: _FRACTION.sub(r"\1", found[0]), svg)
    return _FONTS.sub(_ALIKE, svg)
