"""A picture of a network: its signals as boxes, as large as they are wide and deep."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log2
from pathlib import Path
from typing import TYPE_CHECKING

from gnnvision.domains import Grid
from gnnvision.report.style import CLASS_COLORS, INK, MUTED, UNKNOWN, drawing, plain_axes
from gnnvision.summary import LayerSummary, Summary
from gnnvision.summary.table import amount, shape_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_network"]

WIDTH = 7.2  # inches
COLUMNS = 6
ROW = 2.5
MOST = 18  # boxes; a longer network is drawn by its blocks
LETTERS = 17  # that fit into a column
KINDS = {
    "input": MUTED,
    "convolution": CLASS_COLORS[0],
    "pooling": CLASS_COLORS[1],
    "linear": CLASS_COLORS[2],
    "block": CLASS_COLORS[3],
    "attention": CLASS_COLORS[5],
    "other": UNKNOWN,
}


@dataclass(frozen=True)
class Step:
    """One box: a signal and the layer that made it.

    Args:
        kind: one of `KINDS`.
        name: of the layer's class.
        settings: what it was made with.
        after: layers that leave the shape as it is, such as an activation.
        shape: of the signal, without the batch.
        parameters: how many numbers the layers hold.
        times: how many such layers follow one another.
    """

    kind: str
    name: str
    settings: str
    after: tuple[str, ...]
    shape: tuple[int, ...]
    parameters: int
    times: int = 1


def draw_network(summary: Summary, path: str | Path) -> Path:
    """Draw the signals of a network from the input to the output, with their shapes.

    A box is as high as its signal has rows or nodes, and as thick as it has channels (both by
    their logarithms). Layers that keep the shape and multiply nothing are written below the box
    before them. A block in which the signal takes several ways is one box, and so is a run of
    the same blocks; `summary.at_depth(...)` opens more or fewer of them.

    Args:
        summary: what `gnnvision.summary` returned.
        path: a PNG.

    Returns:
        The path.

    Raises:
        ValueError: if `path` is not a PNG.
    """
    path = Path(path)
    if path.suffix != ".png":
        raise ValueError(f"'path' must end with .png, got {path.name!r}. Rename it.")
    steps = steps_of(summary)
    rows = -(-len(steps) // COLUMNS)
    height = 0.5 + rows * ROW + 0.35
    with drawing(path, height, WIDTH) as figure:
        figure.set_layout_engine("none")  # inches are inches here
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(0, WIDTH)
        axes.set_ylim(0, height)
        plain_axes(axes)
        _write_title(axes, summary, height)
        columns = min(COLUMNS, len(steps))
        for number, step in enumerate(steps):
            row, column = divmod(number, COLUMNS)
            x = (column + 0.5) * WIDTH / columns
            y = height - 0.5 - row * ROW - 1.02
            _draw_step(axes, step, x, y, _scale(steps))
            if number + 1 < len(steps):
                _draw_arrow(axes, x, y, WIDTH / columns, is_last=column == COLUMNS - 1)
        _draw_legend(axes, steps)
    return path


# --- which boxes ----------------------------------------------------------------------------


def steps_of(summary: Summary) -> list[Step]:
    """The boxes of a network, the input first."""
    network = summary.network
    start = Step("input", "Input", "", (), summary.input_shape, 0)
    if summary.depth is not None:
        return _without_batch(summary, [start, *_repeated(_merged(network.rows(summary.depth)))])
    steps = _merged(_opened(network))
    if len(steps) >= MOST:
        steps = _repeated(steps)
    depth = 4
    while len(steps) >= MOST and depth:
        steps = _repeated(_merged(network.rows(depth)))
        depth -= 1
    return _without_batch(summary, [start, *steps])


def _opened(layer: LayerSummary, is_root: bool = True) -> Iterator[LayerSummary]:
    """The layers of chains; what is no chain stays whole."""
    if layer.children and (is_root or _is_chain(layer)):
        for child in layer.children:
            yield from _opened(child, is_root=False)
    elif layer.was_called:
        yield layer


def _is_chain(layer: LayerSummary) -> bool:
    """Whether each layer takes what the one before it made, and nothing happens in between."""
    shape = layer.input_shape
    for child in layer.children:
        if not child.was_called or child.input_shape != shape:
            return False
        shape = child.output_shape
    return not layer.between and shape == layer.output_shape


def _merged(layers: Iterator[LayerSummary]) -> list[Step]:
    """A box for each layer that changes the shape or multiplies; the others join it."""
    steps: list[Step] = []
    for layer in layers:
        if not layer.was_called or layer.output_shape is None:
            continue
        inert = not layer.macs and layer.input_shape == layer.output_shape
        between = bool(layer.between) and layer.settings == layer.between
        flat = layer.kind in ("Flatten", "Unflatten", "Permute")
        if between or (flat and steps) or (inert and steps):
            if not between:
                last = steps[-1]
                after = last.after if layer.kind == "Identity" else (*last.after, layer.kind)
                held = last.parameters + layer.parameters
                steps[-1] = replace(last, after=after, parameters=held)
            continue
        if inert and not layer.parameters:
            continue
        steps.append(
            Step(
                kind_of(layer),
                layer.kind,
                "" if layer.children else layer.settings,
                (),
                layer.output_shape,
                layer.parameters,
            )
        )
    return steps


def _repeated(steps: Sequence[Step]) -> list[Step]:
    """Neighbours of the same kind and shape as one box."""
    out: list[Step] = []
    for step in steps:
        last = out[-1] if out else None
        if last and (last.name, last.shape, last.after) == (step.name, step.shape, step.after):
            held = last.parameters + step.parameters
            out[-1] = replace(last, times=last.times + 1, settings="", parameters=held)
        else:
            out.append(step)
    return out


def _without_batch(summary: Summary, steps: Sequence[Step]) -> list[Step]:
    """Shapes of one picture; of a graph they stay as they are."""
    if not isinstance(summary.domain, Grid):
        return list(steps)
    return [replace(step, shape=step.shape[1:] or step.shape) for step in steps]


def kind_of(layer: LayerSummary) -> str:
    """What a layer is, for its colour."""
    name = layer.kind
    if "Attention" in name or "GAT" in name or "EncoderBlock" in name or "Transformer" in name:
        return "attention"
    if "Pool" in name or name in ("Readout", "Upsample"):
        return "pooling"
    if layer.children:
        return "block"
    if "Conv" in name:
        return "convolution"
    return "linear" if "Linear" in name else "other"


# --- how they look --------------------------------------------------------------------------


def _scale(steps: Sequence[Step]) -> tuple[float, float]:
    """The most sites along an axis and the most channels of all boxes."""
    sizes = [_extent(step.shape) for step in steps]
    return max(size for size, _ in sizes), max(channels for _, channels in sizes)


def _extent(shape: Sequence[int]) -> tuple[int, int]:
    """Sites along the first axis, and channels; a vector is all channels."""
    if len(shape) <= 1:
        return 1, shape[0] if shape else 1
    return (shape[0], shape[1]) if len(shape) == 2 else (shape[1], shape[0])


def _draw_step(axes: Axes, step: Step, x: float, y: float, scale: tuple[float, float]) -> None:
    """A box around (x, y), its shape above it and its layer below."""
    sites, channels = _extent(step.shape)
    color = KINDS[step.kind]
    high = 0.16 + 0.94 * log2(1 + sites) / log2(1 + max(2, scale[0]))
    thick = 0.08 + 0.34 * log2(1 + channels) / log2(1 + max(2, scale[1]))
    if len(step.shape) <= 1:  # a vector stands upright
        high, thick = 0.3 + 0.8 * log2(1 + channels) / log2(1 + max(2, scale[1])), 0.1
    is_flat = len(step.shape) == 2
    lean = 0.0 if is_flat else 0.3 * high if len(step.shape) > 2 else 0.06
    _draw_box(
        axes, (x - (thick + lean) / 2, y - (high + lean * 0.6) / 2), thick, high, lean, color
    )
    if is_flat:
        _draw_lines(axes, x - thick / 2, y - high / 2, thick, high, sites)
    axes.text(x, y + 0.72, _sizes(step), ha="center", va="bottom", fontsize=8, color=INK)
    name = step.name + (f" × {step.times}" if step.times > 1 else "")
    below = [(line, INK, "bold") for line in _wrapped(name)]
    below += [(line, INK, "normal") for line in _wrapped(step.settings)]
    counted = [f"{after} × {n}" if n > 1 else after for after, n in _counted(step.after)]
    below += [(line, MUTED, "normal") for line in _wrapped(", ".join(counted))]
    if step.parameters:
        below.append((f"{amount(step.parameters)} param.", MUTED, "normal"))
    for number, (line, ink, weight) in enumerate(below):
        axes.text(
            x,
            y - 0.76 - 0.145 * number,
            line,
            ha="center",
            va="top",
            fontsize=7.5,
            color=ink,
            fontweight=weight,
        )


def _counted(names: Sequence[str]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return list(counts.items())


def _sizes(step: Step) -> str:
    return shape_text(step.shape).replace("×", " × ")


def _wrapped(text: str) -> list[str]:
    """Words over several lines; a long name is parted before a capital letter."""
    lines = []
    for line in textwrap.wrap(text, LETTERS, break_long_words=False):
        while len(line) > LETTERS:
            capitals = [
                i for i, letter in enumerate(line) if letter.isupper() and 3 < i <= LETTERS
            ]
            cut = capitals[-1] if capitals else LETTERS
            lines.append(line[:cut])
            line = line[cut:]
        lines.append(line)
    return lines


def _draw_box(
    axes: Axes, corner: tuple[float, float], thick: float, high: float, lean: float, color: str
) -> None:
    """A cuboid seen from the front left: the channels to the right, the picture leaning back."""
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
        axes.plot([x, x + wide], [level, level], color="white", linewidth=0.6, alpha=0.8)


def _draw_arrow(axes: Axes, x: float, y: float, step: float, is_last: bool) -> None:
    """To the next box; where a line ends, on to the next one."""
    start, end = x + step / 2 - 0.11, x + step / 2 + 0.11
    if is_last:
        start, end = x + step / 2 - 0.16, x + step / 2 - 0.02
    axes.annotate(
        "",
        (end, y),
        (start, y),
        arrowprops={"arrowstyle": "-|>", "color": MUTED, "lw": 1.0, "shrinkA": 0, "shrinkB": 0},
    )


def _write_title(axes: Axes, summary: Summary, height: float) -> None:
    network = summary.network
    axes.text(
        0.1, height - 0.08, network.kind, ha="left", va="top", fontsize=10.5, fontweight="bold"
    )
    numbers = (
        f"{amount(summary.total_parameters)} parameters, "
        f"{amount(summary.total_macs)} multiply-accumulates"
    )
    axes.text(0.1, height - 0.29, numbers, ha="left", va="top", fontsize=8.5, color=MUTED)


def _draw_legend(axes: Axes, steps: Sequence[Step]) -> None:
    """The colours that are there."""
    from matplotlib.patches import Patch

    used = [kind for kind in KINDS if any(step.kind == kind for step in steps)]
    handles = [Patch(facecolor=KINDS[kind], label=kind) for kind in used]
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
