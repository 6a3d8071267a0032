"""The drawing of one node among its neighbors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gnnvision.report.scene import Scene, wrap_name, write_scene
from gnnvision.report.style import (
    BACKGROUND,
    FAINT,
    INK,
    MUTED,
    class_color,
    drawing,
    legend_below,
    plain_axes,
    wrapped,
)

__all__ = ["draw_nodes"]


def draw_nodes(path: Path, scene: Scene) -> Path:
    """Draw the node, its neighbors on a circle, and faintly the nodes two hops away.

    Args:
        path: an SVG or a PNG; the values are written next to it as CSV.
        scene: the node with its neighbors.

    Returns:
        The path.
    """
    places = _places(scene)
    strongest = max((abs(v[0]) for v in scene.given.values()), default=1.0) or 1.0
    shown = [n for n in (scene.node, *scene.near, *scene.far)]
    known = sorted({scene.target[n] for n in shown})
    with drawing(path, 5.0 + 0.17 * len(known)) as figure:
        axes = figure.add_subplot()
        plain_axes(axes)
        axes.set_aspect("equal")
        for a, b in {(min(e), max(e)) for e in scene.edges if e[0] in places and e[1] in places}:
            if scene.node not in (a, b):
                line: dict[str, Any] = {"color": FAINT, "lw": 0.9, "zorder": 1}
                axes.plot(*zip(places[a], places[b], strict=True), **line)
        for n in scene.near:
            value = scene.given.get(n, (0.0,))[0]
            line = {
                "color": INK if value >= 0 else MUTED,
                "ls": "-" if value >= 0 else (0, (2, 1)),
            }
            line |= {"lw": 0.8 + 6 * abs(value) / strongest, "zorder": 2}
            axes.plot(*zip(places[n], places[scene.node], strict=True), **line)
        for n in reversed(shown):
            _draw_node(axes, scene, n, places[n])
        axes.margins(0.12)
        axes.set_title(f"{scene.title} and its neighbors")
        legend_below(figure, _legend(scene, known))
    write_scene(path, scene)
    return path


def _draw_node(axes: Any, scene: Scene, node: int, place: tuple[float, float]) -> None:  # noqa: ANN401
    from matplotlib.patheffects import withStroke

    color = class_color(scene.target[node])
    marker = "s" if node in scene.train else "o"
    if node in scene.far:
        axes.plot(*place, marker, ms=5.1, mfc=color, mew=0, alpha=0.35, zorder=3)
        return
    middle = node == scene.node
    width = 2.6 if middle else 1.6 if node in scene.train else 0.8
    size = 20.5 if middle else 15.2
    # Much faster than a scatter plot of one point.
    axes.plot(*place, marker, ms=size, mfc=color, mec=INK, mew=width, zorder=4)
    x, y = place
    far = math.hypot(x, y) or 1.0
    if middle:  # in a gap between the edges, the lowest one
        x, y = _gap(len(scene.near))
        far = 1.0
    shift = ((16 if middle else 13) * x / far, (16 if middle else 13) * y / far)
    across = "center" if abs(x) < 0.3 else "left" if x > 0 else "right"
    up = "top" if shift[1] < -6 else "bottom" if shift[1] > 6 else "center"
    axes.annotate(
        wrap_name(scene.label(node)),
        place,
        shift,
        textcoords="offset points",
        ha=across,
        va=up,
        size=8.5,
        weight="bold" if middle else "normal",
        linespacing=1.0,
        path_effects=[withStroke(linewidth=3, foreground=BACKGROUND)],
        zorder=5,
    )


def _gap(count: int) -> tuple[float, float]:
    """The direction between two of `count` edges of `_places` that is closest to downwards."""
    step = 2 * math.pi / max(count, 1)
    angle = min((math.pi / 2 - i * step for i in range(max(count, 1))), key=math.sin)
    return math.cos(angle), math.sin(angle)


def _places(scene: Scene) -> dict[int, tuple[float, float]]:
    """The node at the center, its neighbors around it, and nodes two hops away outside."""
    places = {scene.node: (0.0, 0.0)}
    step = 2 * math.pi / max(len(scene.near), 1)
    angles = {n: math.pi / 2 - (i + 0.5) * step for i, n in enumerate(scene.near)}
    for n, angle in angles.items():
        places[n] = (math.cos(angle), math.sin(angle))
    hangs: dict[int, list[int]] = {n: [] for n in scene.near}
    for f in scene.far:
        partner = next((t for s, t in scene.edges if s == f and t in hangs), None)
        if partner is not None:
            hangs[partner].append(f)
    for n, fars in hangs.items():
        for i, f in enumerate(fars):
            spread = step * 0.8 * ((i + 0.5) / len(fars) - 0.5)
            radius = 1.55 + 0.16 * (i % 2)
            angle = angles[n] + spread
            places[f] = (radius * math.cos(angle), radius * math.sin(angle))
    return places


def _legend(scene: Scene, known: Sequence[int]) -> list[object]:
    from matplotlib.lines import Line2D

    def dot(color: str, marker: str, label: str, edge: float) -> Line2D:
        look = {"ls": "", "ms": 8, "mfc": color, "mec": INK, "mew": edge}
        return Line2D([], [], marker=marker, label=label, **look)  # type: ignore[arg-type]

    handles: list[object] = [
        dot(class_color(n), "o", wrapped(scene.class_name(n), 34), 0.8) for n in known
    ]
    if scene.train & {*scene.near, *scene.far}:
        handles.append(dot("white", "s", "training node", 1.6))
    label = "evidence for the prediction (width: contribution)"
    handles.append(Line2D([], [], color=INK, lw=4, label=label))
    if any(scene.given.get(n, (0.0,))[0] < 0 for n in scene.near):
        dashes = (0, (2, 1))
        handles.append(Line2D([], [], color=MUTED, ls=dashes, lw=3, label="evidence against it"))
    return handles
