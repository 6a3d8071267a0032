"""The marks of a drawing of a graph: nodes, lines, arrows, bonds, their colors and legend."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gnnvision._colors import UNKNOWN
from gnnvision.domains.molecule import BOND_TYPES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "Look",
    "Stroke",
    "add_legend",
    "draw_bonds",
    "draw_lines",
    "draw_nodes",
    "shade",
    "strokes_of",
    "write_edges",
]

_ARROWS = 500  # edges with curved arrows; more get straight ones, which are drawn faster
_INK = "#1d2733"
_BOND_GAP = 0.075  # between the lines of a double bond, in edge lengths
_SINGLE, _DOUBLE, _TRIPLE, _AROMATIC, _OTHER = range(len(BOND_TYPES))

Floats = NDArray[np.float64]


class Stroke(NamedTuple):
    """A line or an arrow: the edge that it shows, and how much it bends to the side."""

    edge: int
    source: int
    target: int
    bend: float


@dataclass(frozen=True)
class Look:
    """What the nodes and edges show, checked and in full length.

    Args:
        labels: a text for each node, or none at all.
        colors: of each node.
        radius: of a node, in points.
        edge_labels: a text for each edge, or none at all.
        widths: of each edge, in points.
        edge_colors: of each edge.
        dashed: whether each edge is dashed, as its weight is negative.
    """

    labels: Sequence[str]
    colors: Sequence[Any]
    radius: float
    edge_labels: Sequence[str]
    widths: Floats
    edge_colors: Sequence[str]
    dashed: NDArray[np.bool_]


def strokes_of(pairs: Sequence[tuple[int, int]], undirected: bool) -> list[Stroke]:
    """One line for each undirected edge, an arrow for each directed one; parallel ones bend."""
    kept = [(e, a, b) for e, (a, b) in enumerate(pairs) if not undirected or a <= b]
    between: dict[tuple[int, int], list[tuple[int, int, int]]] = defaultdict(list)
    for e, a, b in kept:
        between[min(a, b), max(a, b)].append((e, a, b))
    out = []
    for held in between.values():
        used: dict[tuple[int, int], int] = defaultdict(int)
        both = len({(a, b) for _, a, b in held}) > 1
        for e, a, b in held:
            number = used[a, b]
            used[a, b] += 1
            middle = 0.0 if both else 0.22 * (len(held) - 1) / 2
            out.append(Stroke(e, a, b, 0.22 * number - middle + 0.16 * both))
    return out


def draw_lines(
    ax: Axes, places: Floats, strokes: Sequence[Stroke], look: Look, undirected: bool
) -> None:
    """Draw edges as lines, or as arrows if they are directed."""
    from matplotlib.collections import LineCollection
    from matplotlib.patches import FancyArrowPatch

    loops = [s for s in strokes if s.source == s.target]
    others = [s for s in strokes if s.source != s.target]
    for stroke in loops:
        _draw_loop(ax, places, strokes, stroke, look)
    slow = len(others) > _ARROWS
    flat = [s for s in others if slow or (undirected and not s.bend)]
    if undirected or slow:
        lines = LineCollection(
            [places[[s.source, s.target]] for s in flat],
            colors=[look.edge_colors[s.edge] for s in flat],
            linewidths=[look.widths[s.edge] for s in flat],
            linestyles=["--" if look.dashed[s.edge] else "-" for s in flat],
            zorder=1,
        )
        ax.add_collection(lines, autolim=False)
    if slow and not undirected:
        ends = np.array([[s.source, s.target] for s in flat])
        start, step = places[ends[:, 0]], places[ends[:, 1]] - places[ends[:, 0]]
        heads: dict[str, Any] = {
            "headwidth": 7,
            "headlength": 8,
            "headaxislength": 8,
            "width": 0.002,
        }
        colors = [look.edge_colors[s.edge] for s in flat]
        scale: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1, "zorder": 1}
        ax.quiver(*start.T, *(0.92 * step).T, color=colors, **scale, **heads)
    for s in [] if slow else [s for s in others if s.bend or not undirected]:
        width = look.widths[s.edge]
        arrow = FancyArrowPatch(
            places[s.source],
            places[s.target],
            arrowstyle="-" if undirected else "-|>",
            connectionstyle=f"arc3,rad={s.bend}",
            shrinkA=look.radius,
            shrinkB=look.radius + 0.5,
            mutation_scale=7 + 2 * width,
            lw=width,
            ls="--" if look.dashed[s.edge] else "-",
            color=look.edge_colors[s.edge],
            zorder=1,
        )
        ax.add_patch(arrow)


def _draw_loop(
    ax: Axes, places: Floats, strokes: Sequence[Stroke], stroke: Stroke, look: Look
) -> None:
    """A circle of fixed size on the side of the node that has no edges."""
    from matplotlib.path import Path

    node = stroke.source
    around = [places[s.target] + places[s.source] - places[node] for s in strokes
              if node in (s.source, s.target) and s.source != s.target]  # fmt: skip
    away = _away(places[node], np.array(around))
    # A marker is scaled so that its farthest coordinate is half its size.
    circle = Path.circle((1.5 * away[0], 1.5 * away[1]), 1.0)
    size = 2 * look.radius * (1 + 0.3 * stroke.bend / 0.22) * np.abs(circle.vertices).max()
    style: dict[str, Any] = {"mec": look.edge_colors[stroke.edge], "mew": look.widths[stroke.edge]}
    ax.plot(*places[node], marker=circle, ms=size, mfc="none", ls="", zorder=1, **style)


def _away(place: Floats, around: Floats) -> Floats:
    """The direction, of length 1, in the middle of the widest gap between some other places."""
    if not len(around):
        return np.array([0.0, 1.0])
    step = around - place
    angles = np.sort(np.arctan2(step[:, 1], step[:, 0]))
    gaps = np.diff(np.append(angles, angles[0] + 2 * np.pi))
    widest = int(np.argmax(np.round(gaps, 6)))
    middle = angles[widest] + gaps[widest] / 2
    return np.array([np.cos(middle), np.sin(middle)])


def draw_bonds(
    ax: Axes, places: Floats, strokes: Sequence[Stroke], kinds: Sequence[int], look: Look
) -> None:
    """Single, double and triple lines; a dashed second line inside an aromatic ring."""
    from matplotlib.collections import LineCollection

    rings: dict[int, list[int]] = defaultdict(list)
    for s in strokes:
        if kinds[s.edge] == _AROMATIC:
            rings[s.source].append(s.target)
            rings[s.target].append(s.source)
    lines, styles, colors, widths = [], [], [], []
    for s in strokes:
        ends, kind = places[[s.source, s.target]], kinds[s.edge]
        along = ends[1] - ends[0]
        side = np.array([-along[1], along[0]]) / (np.linalg.norm(along) or 1.0)
        offsets = {_DOUBLE: (-0.5, 0.5), _TRIPLE: (-1, 0, 1)}.get(kind, (0,))
        drawn = [(_BOND_GAP * offset * side, ":" if kind == _OTHER else "-") for offset in offsets]
        if kind == _AROMATIC:
            near = [n for n in rings[s.source] + rings[s.target] if n not in (s.source, s.target)]
            inside = (places[near].mean(0) - ends.mean(0)) @ side if near else 1.0
            drawn.append((1.6 * _BOND_GAP * np.copysign(1, inside) * side, "--"))
        for shift, style in drawn:
            lines.append(ends + shift)
            styles.append(style)
            colors.append(look.edge_colors[s.edge])
            widths.append(look.widths[s.edge])
    collection = LineCollection(lines, linestyles=styles, colors=colors, linewidths=widths)
    collection.set_zorder(1)
    ax.add_collection(collection, autolim=False)


def draw_nodes(ax: Axes, places: Floats, pairs: Sequence[tuple[int, int]], look: Look) -> None:
    """Draw nodes, with short labels inside and long ones on the side without edges."""
    if not len(places):
        return
    inside = bool(look.labels) and look.radius > 5 and max(map(len, look.labels)) <= 3
    edge = 0.8 if look.radius > 3 else 0.3
    size = (2 * look.radius) ** 2
    shown: dict[str, Any] = {"edgecolors": _INK, "linewidths": edge, "zorder": 3}
    x, y = places.T
    ax.scatter(x, y, s=size, c=look.colors, **shown)
    if not look.labels:
        return
    near: dict[int, list[int]] = defaultdict(list)
    for a, b in pairs if not inside else ():
        near[a].append(b)
        near[b].append(a)
    for node, label in enumerate(look.labels):
        if inside:
            style: dict[str, Any] = {"ha": "center", "va": "center"}
            style["color"] = _readable(look.colors[node])
            points = min(10.0, 2.2 * look.radius / max(1.3, 0.62 * max(map(len, look.labels))))
            ax.text(x[node], y[node], label, fontsize=points, zorder=4, **style)
            continue
        away = _away(places[node], places[[n for n in near[node] if n != node]])
        ax.annotate(
            label,
            places[node],
            tuple(away * (look.radius + 3)),
            textcoords="offset points",
            ha="center" if abs(away[0]) < 0.5 else "left" if away[0] > 0 else "right",
            va="center" if abs(away[1]) < 0.5 else "bottom" if away[1] > 0 else "top",
            fontsize=8,
            color=_INK,
            zorder=4,
        )


def write_edges(ax: Axes, places: Floats, strokes: Sequence[Stroke], look: Look) -> None:
    """Write the labels of edges in their middle."""
    for s in strokes if look.edge_labels else ():
        start, end = places[s.source], places[s.target]
        dx, dy = end - start
        if s.source == s.target:
            continue
        x, y = (start + end) / 2 + 0.5 * s.bend * np.array([dy, -dx])
        box = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85}
        style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8, "bbox": box}
        ax.text(x, y, look.edge_labels[s.edge], color=_INK, zorder=2, **style)


def shade(ax: Axes, values: Floats) -> list[Any]:
    """The colors of values, with a color bar: two-sided if there are both signs."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    known = values[np.isfinite(values)]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
    two_sided = low < 0 < high
    if two_sided:
        low, high = -max(-low, high), max(-low, high)
    scale = ScalarMappable(Normalize(low, high if high > low else low + 1), "viridis")
    scale.set_cmap(colormaps["RdBu_r" if two_sided else "viridis"].with_extremes(bad=UNKNOWN))
    figure = ax.get_figure(root=True)
    if figure is not None:
        figure.colorbar(scale, ax=ax, shrink=0.75, pad=0.02)
    return list(scale.to_rgba(np.ma.masked_invalid(values)))


def _readable(color: Any) -> str:  # noqa: ANN401 - of any kind that matplotlib takes
    from matplotlib.colors import to_rgb

    return _INK if np.dot(to_rgb(color), (0.299, 0.587, 0.114)) > 0.5 else "white"


def add_legend(
    ax: Axes, entries: Sequence[tuple[str, str]], relations: Sequence[tuple[str, str]]
) -> None:
    """Add the names and colors of classes and of edge types to the right of the drawing."""
    from matplotlib.lines import Line2D

    look: dict[str, Any] = {"ls": "", "marker": "o", "ms": 7, "mec": _INK, "mew": 0.6}
    handles = [Line2D([], [], mfc=color, label=name, **look) for name, color in entries]
    handles += [Line2D([], [], color=color, lw=2, label=name) for name, color in relations]
    if handles:
        place: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
        ax.legend(handles=handles, frameon=False, fontsize=8, **place)
