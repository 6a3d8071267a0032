"""One look for every figure: colors, fonts, and how a figure is saved."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gnnvision._colors import CLASS_COLORS, UNKNOWN, class_color
from gnnvision._extras import require_extra
from gnnvision._fonts import families, set_fonts
from gnnvision.report.save import save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "CLASS_COLORS",
    "UNKNOWN",
    "class_color",
    "class_marker",
    "drawing",
    "legend_below",
    "plain_axes",
    "wrapped",
]

_SAME_SHAPE = 8
CLASS_MARKERS = "os^DvPX*"
INK, MUTED, FAINT, GRID = "#1d2733", "#5b6775", "#d5dbe1", "#e8ecf0"
BACKGROUND = "#fefefe"  # not quite white, so that a page tells it from white text
# In a page these colors become CSS variables, which have other values in the dark.
THEMED = {
    INK: "ink",
    MUTED: "muted",
    FAINT: "faint",
    GRID: "grid",
    BACKGROUND: "figure",
    "#0072b2": "class-1",
    "#3b3b3b": "class-8",
    "#8a1a5b": "class-9",
}
TRAIN_COLOR, VAL_COLOR, TEST_COLOR = CLASS_COLORS[5], CLASS_COLORS[0], CLASS_COLORS[2]
MATRIX_MAP = "gnnvision.matrix"  # a blue, the more opaque the larger; `drawing` registers it
DPI = 200
WIDTH = 5.4  # inches
NARROW = 4.6  # of plots whose text is to be read on a phone, too

LONGEST_WORD = 30  # letters; a longer one would leave no room for the axes

_SETTINGS: dict[str, Any] = {
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.labelsize": 9.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "text.color": INK,
    "text.parse_math": False,  # a name may hold a dollar sign
    "lines.linewidth": 1.8,
    "axes.facecolor": "none",
    "figure.facecolor": BACKGROUND,
    "savefig.facecolor": BACKGROUND,
}


@contextmanager
def drawing(path: Path, height: float, width: float = WIDTH) -> Iterator[Figure]:
    """A matplotlib figure that is saved to `path` at the end of the block.

    No window is opened. Text may be in any script: a browser finds the fonts for an SVG, and
    `_fonts` those for a PNG.

    Args:
        path: ends with .svg (lines, bars, scatter plots, small matrices) or .png (photographs).
        height: in inches.
        width: in inches.
    """
    require_extra("report", "Drawing figures")
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    _register_matrix_map()
    # Its keys are names that matplotlib checks.
    settings: Any = _SETTINGS | {"font.family": families()}
    with rc_context(settings), warnings.catch_warnings():
        # What is still not there cannot be seen: joiners, variation selectors.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        save(figure, path, before_drawing=set_fonts(figure, path))


@cache
def _register_matrix_map() -> None:
    from matplotlib import colormaps
    from matplotlib.colors import LinearSegmentedColormap

    blue = (0.05, 0.4, 0.75)
    steps = [(*blue, 0.0), (*blue, 1.0)]
    colormaps.register(LinearSegmentedColormap.from_list(MATRIX_MAP, steps))


def class_marker(number: int) -> str:
    """The shape of a class's points: a circle for the first eight, then others."""
    return "o" if number < 0 else CLASS_MARKERS[number // _SAME_SHAPE % len(CLASS_MARKERS)]


def wrapped(name: str, width: int = 18) -> str:
    """A long name over several lines, none of it cut off; a word of over 30 letters is broken."""
    broken = max(map(len, name.split()), default=0) > LONGEST_WORD
    return "\n".join(textwrap.wrap(name, width, break_long_words=broken)) or name


def plain_axes(axes: Axes) -> None:
    """Axes without ticks, grid or frame, for a drawing whose coordinates mean nothing."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for side in axes.spines.values():
        side.set_visible(False)


def legend_below(figure: Figure, handles: Sequence[Any], columns: int = 2, **more: Any) -> None:  # noqa: ANN401
    """One legend under everything else."""
    figure.legend(
        handles=list(handles),
        loc="outside lower left",
        ncols=columns,
        handletextpad=0.5,
        columnspacing=1.4,
        **more,
    )
