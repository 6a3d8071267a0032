"""A diagram of a network: the outputs of its layers as boxes."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from math import log2
from pathlib import Path
from typing import TYPE_CHECKING

from gnnvision.errors import invalid
from gnnvision.inspect import Summary, amount, shape_text
from gnnvision.report.boxes import KINDS, Step, steps_of
from gnnvision.report.style import (
    BACKGROUND,
    CLASS_COLORS,
    INK,
    MUTED,
    UNKNOWN,
    drawing,
    plain_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_network"]

WIDTH = 7.2  # inches
COLUMNS = 8  # at most
APART = 1.5  # inches from box to box, at most
TITLE, LEGEND, BOX, LINE = 0.5, 0.4, 1.78, 0.145  # inches of height
_HUES = (MUTED, *CLASS_COLORS[:4], CLASS_COLORS[5], UNKNOWN)
COLORS = dict(zip(KINDS, _HUES, strict=True))


def draw_network(summary: Summary, path: str | Path, title: str | None = None) -> Path:
    """Draw the signals of a network from the input to the output, with their shapes.

    A box is as high as its signal has rows or nodes, and as thick as it has channels (both by
    their logarithms). Layers that keep the shape and multiply nothing are written below the box
    before them. A block in which the signal takes several ways is one box, and so is a run of
    the same blocks; `summary.at_depth(...)` opens more or fewer of them.

    Args:
        summary: what `gnnvision.summary` returned.
        path: ends with .svg or .png.
        title: the name of the network; that of its class if not given.

    Returns:
        The path.

    Raises:
        ValueError: if `path` ends with anything else.
    """
    path = Path(path)
    if path.suffix not in (".png", ".svg"):
        raise invalid("path", "end with .svg or .png", repr(path.name), "Rename it.")
    steps = steps_of(summary)
    count = -(-len(steps) // COLUMNS)
    columns = -(-len(steps) // count)
    apart = min(APART, WIDTH / columns)
    rows = [steps[i : i + columns] for i in range(0, len(steps), columns)]
    words = [[_words(step, int(apart * 15.5)) for step in row] for row in rows]
    heights = [BOX + LINE * max(map(len, texts)) for texts in words]
    height = TITLE + sum(heights) + LEGEND
    with drawing(path, height, WIDTH) as figure:
        figure.set_layout_engine("none")  # inches are inches here
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(0, WIDTH)
        axes.set_ylim(0, height)
        plain_axes(axes)
        _write_title(axes, summary, height, title)
        left, top = (WIDTH - apart * columns) / 2, height - TITLE
        for row, texts, tall in zip(rows, words, heights, strict=True):
            for column, (step, text) in enumerate(zip(row, texts, strict=True)):
                x, y = left + (column + 0.5) * apart, top - 0.98
                _draw_step(axes, step, text, x, y, _scale(steps))
                if step is not steps[-1]:
                    _draw_arrow(axes, x, y, apart, is_last=column == columns - 1)
            top -= tall
        _draw_legend(axes, steps)
    return path


def _scale(steps: Sequence[Step]) -> tuple[float, float]:
    """The most sites along an axis and the most channels of all boxes."""
    sizes = [_extent(step.shape) for step in steps]
    return max(size for size, _ in sizes), max(channels for _, channels in sizes)


def _extent(shape: Sequence[int]) -> tuple[int, int]:
    """Sites along the first axis, and channels; a vector is all channels."""
    if len(shape) <= 1:
        return 1, shape[0] if shape else 1
    return (shape[0], shape[1]) if len(shape) == 2 else (shape[1], shape[0])


def _draw_step(
    axes: Axes,
    step: Step,
    words: Sequence[tuple[str, str, str]],
    x: float,
    y: float,
    scale: tuple[float, float],
) -> None:
    """A box around (x, y), its shape above it and its layer below."""
    sites, channels = _extent(step.shape)
    color = COLORS[step.kind]
    high = 0.16 + 0.94 * log2(1 + sites) / log2(1 + max(2, scale[0]))
    thick = 0.08 + 0.34 * log2(1 + channels) / log2(1 + max(2, scale[1]))
    if len(step.shape) <= 1:  # a vector stands upright
        high, thick = 0.3 + 0.8 * log2(1 + channels) / log2(1 + max(2, scale[1])), 0.1
    is_flat = len(step.shape) == 2
    lean = 0.0 if is_flat else 0.3 * high if len(step.shape) > 2 else 0.06
    corner = (x - (thick + lean) / 2, y - (high + lean * 0.6) / 2)
    _draw_box(axes, corner, thick, high, lean, color)
    if is_flat:
        _draw_lines(axes, x - thick / 2, y - high / 2, thick, high, sites)
    shape = shape_text(step.shape).replace("×", " × ")
    axes.text(x, y + 0.72, shape, ha="center", va="bottom", fontsize=7.5, color=INK)
    for number, (line, ink, weight) in enumerate(words):
        axes.text(
            x,
            y - 0.72 - LINE * number,
            line,
            ha="center",
            va="top",
            fontsize=7.5,
            color=ink,
            fontweight=weight,
        )


def _words(step: Step, letters: int) -> list[tuple[str, str, str]]:
    """The lines below a box, each with its color and weight."""
    name = step.name + (f" × {step.times}" if step.times > 1 else "")
    counted = [f"{after} × {n}" if n > 1 else after for after, n in _counted(step.after)]
    lines = [(line, INK, "bold") for line in _wrapped(name, letters - 2)]
    lines += [(line, INK, "normal") for line in _wrapped(step.settings, letters)]
    lines += [(line, MUTED, "normal") for line in _wrapped(", ".join(counted), letters)]
    if step.parameters:
        lines.append((f"{amount(step.parameters)} param.", MUTED, "normal"))
    return lines


def _counted(names: Sequence[str]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return list(counts.items())


def _wrapped(text: str, letters: int) -> list[str]:
    """Words over several lines; a long name is split before a capital letter."""
    lines = []
    unbroken = text.replace("stride ", "stride\u00a0")
    for sign in "×→":
        unbroken = unbroken.replace(f" {sign} ", f"\u00a0{sign}\u00a0")
    for line in textwrap.wrap(unbroken, letters, break_long_words=False):
        while len(line) > letters:
            capitals = [i for i in range(4, letters + 1) if line[i].isupper()]
            cut = capitals[-1] if capitals else letters
            lines.append(line[:cut])
            line = line[cut:]
        lines.append(line)
    return lines


def _draw_box(
    axes: Axes, corner: tuple[float, float], thick: float, high: float, lean: float, color: str
) -> None:
    """A cuboid seen from the front left: the channels to the right, the image leaning back."""
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Polygon

    x, y = corner
    up = lean * 0.6
    red, green, blue = to_rgb(color)

    def tint(share: float) -> tuple[float, float, float]:
        return (1 - share + share * red, 1 - share + share * green, 1 - share + share * blue)

    front = [(x, y), (x + thick, y), (x + thick, y + high), (x, y + high)]
    top = [(x, y + high), (x + thick, y + high), (x + thick + lean, y + high + up)]
    top += [(x + lean, y + high + up)]
    side = [(x + thick, y), (x + thick + lean, y + up), (x + thick + lean, y + high + up)]
    side += [(x + thick, y + high)]
    for corners, share in ((side, 0.42), (top, 0.18), (front, 0.7)):
        patch = Polygon(
            corners, closed=True, facecolor=tint(share), edgecolor=tint(1.0), linewidth=0.8
        )
        patch.set_joinstyle("round")
        axes.add_patch(patch)


def _draw_lines(axes: Axes, x: float, y: float, wide: float, high: float, rows: int) -> None:
    """Rows of a matrix, of which each is a node."""
    count = min(rows, 9)
    for number in range(1, count):
        level = y + high * number / count
        axes.plot([x, x + wide], [level, level], color=BACKGROUND, linewidth=0.6, alpha=0.8)


def _draw_arrow(axes: Axes, x: float, y: float, step: float, is_last: bool) -> None:
    """An arrow to the next box, shorter at the end of a line."""
    start, end = x + step / 2 - 0.11, x + step / 2 + 0.11
    if is_last:
        start, end = x + step / 2 - 0.16, x + step / 2 - 0.02
    axes.annotate(
        "",
        (end, y),
        (start, y),
        arrowprops={"arrowstyle": "-|>", "color": MUTED, "lw": 1.0, "shrinkA": 0, "shrinkB": 0},
    )


def _write_title(axes: Axes, summary: Summary, height: float, title: str | None) -> None:
    name = title or summary.network.kind
    axes.text(0.1, height - 0.08, name, ha="left", va="top", fontsize=10.5, fontweight="bold")
    numbers = (
        f"{amount(summary.total_parameters)} parameters, "
        f"{amount(summary.total_macs)} multiply-accumulates"
    )
    axes.text(0.1, height - 0.29, numbers, ha="left", va="top", fontsize=8.5, color=MUTED)


def _draw_legend(axes: Axes, steps: Sequence[Step]) -> None:
    """The colors in use, with their kinds of layers."""
    from matplotlib.patches import Patch

    used = [kind for kind in COLORS if any(step.kind == kind for step in steps)]
    handles = [Patch(facecolor=COLORS[kind], label=kind) for kind in used]
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 0.0),
        ncols=len(handles),
        fontsize=8,
        handlelength=1.0,
        handletextpad=0.5,
        columnspacing=1.4,
        borderaxespad=0.3,
    )
