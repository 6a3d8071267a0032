"""The two pictures of one node: its neighbours, and what it received from each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnnvision.report.style import (
    FAINT,
    INK,
    MUTED,
    class_color,
    drawing,
    legend_below,
    plain_axes,
    wrapped,
)
from gnnvision.training.folder import write_csv

__all__ = ["Scene", "draw_bars", "draw_nodes"]

_MOST_BARS = 14


@dataclass(frozen=True)
class Scene:
    """One node and what surrounds it.

    Args:
        node: in the middle.
        near: its neighbours, the one that spoke most for the prediction first.
        far: the nodes two steps away, if they are few enough to draw.
        num_far: how many there are.
        edges: source and target of the edges among these nodes.
        given: what it received from each node, for each of the two classes.
        rest: what else belongs to the two scores.
        scores: the two outputs.
        is_exact: whether the rest is the bias.
        classes: the predicted class, and the one to compare with.
        target: the true class of every node, negative where it is not known.
        train: the training nodes.
        probability: of the predicted class.
        class_names: of all classes.
        label: the name of a node.
    """

    node: int
    near: Sequence[int]
    far: Sequence[int]
    num_far: int
    edges: Sequence[tuple[int, int]]
    given: Mapping[int, Sequence[float]]
    rest: Sequence[float]
    scores: Sequence[float]
    is_exact: bool
    classes: tuple[int, int]
    target: Sequence[int]
    train: set[int]
    probability: float
    class_names: Sequence[str]
    label: Callable[[int], str]

    @property
    def title(self) -> str:
        """The node by name, or by number."""
        name = self.label(self.node)
        return f"Node {name}" if name.isdigit() else name

    def class_name(self, number: int) -> str:
        """A class by its number, also an unknown one."""
        return self.class_names[number] if number >= 0 else "class not known"


def draw_nodes(path: Path, scene: Scene) -> Path:
    """The node, its neighbours in a circle, and faintly what lies beyond."""
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
        axes.set_title(f"{scene.title} and its neighbours")
        legend_below(figure, _legend(scene, known))
    _write(path, scene)
    return path


def _draw_node(axes: Any, scene: Scene, node: int, place: tuple[float, float]) -> None:  # noqa: ANN401
    from matplotlib.patheffects import withStroke

    color = class_color(scene.target[node])
    marker = "s" if node in scene.train else "o"
    if node in scene.far:
        axes.scatter(*place, s=26, c=color, marker=marker, alpha=0.35, lw=0, zorder=3)
        return
    middle = node == scene.node
    width = 2.6 if middle else 1.6 if node in scene.train else 0.8
    size = 420 if middle else 230
    axes.scatter(*place, s=size, c=color, marker=marker, edgecolors=INK, lw=width, zorder=4)
    x, y = place
    far = math.hypot(x, y) or 1.0
    if middle:  # in the widest gap between the edges, as far down as there is one
        x, y = _gap(len(scene.near))
        far = 1.0
    shift = ((16 if middle else 13) * x / far, (16 if middle else 13) * y / far)
    across = "center" if abs(x) < 0.3 else "left" if x > 0 else "right"
    up = "top" if shift[1] < -6 else "bottom" if shift[1] > 6 else "center"
    axes.annotate(
        _broken(scene.label(node)),
        place,
        shift,
        textcoords="offset points",
        ha=across,
        va=up,
        size=8.5,
        weight="bold" if middle else "normal",
        linespacing=1.0,
        path_effects=[withStroke(linewidth=3, foreground="white")],
        zorder=5,
    )


def _gap(count: int) -> tuple[float, float]:
    """The direction between two of `count` edges of `_places` that is nearest to downwards."""
    step = 2 * math.pi / max(count, 1)
    angle = min((math.pi / 2 - i * step for i in range(max(count, 1))), key=math.sin)
    return math.cos(angle), math.sin(angle)


def draw_bars(path: Path, scene: Scene) -> Path:
    """What the node received from each neighbour, for two classes."""
    rows = _rows(scene)
    nodes = [node for _, node, _ in rows]
    with drawing(path, max(4.6, 1.5 + 0.27 * len(rows))) as figure:
        axes = figure.add_subplot()
        for number, (cls, score) in enumerate(zip(scene.classes, scene.scores, strict=True)):
            role = "predicted" if number == 0 else "true" if _is_wrong(scene) else "runner-up"
            axes.barh(
                [i + (-0.2 if number == 0 else 0.2) for i in range(len(rows))],
                [values[number] for *_, values in rows],
                height=0.38,
                color=class_color(cls),
                edgecolor=INK,
                lw=0.5,
                label=f"{wrapped(scene.class_names[cls], 34)} ({role}): score {_signed(score)}",
            )
        axes.set_yticks(range(len(rows)), [label for label, *_ in rows], size=8.5)
        axes.tick_params(axis="y", length=0, pad=14)
        for i, node in enumerate(nodes):
            if node is not None:
                dot: dict[str, Any] = {
                    "s": 42,
                    "c": class_color(scene.target[node]),
                    "edgecolors": INK,
                    "lw": 0.6,
                }
                marker = "s" if node in scene.train else "o"
                beside = axes.get_yaxis_transform()
                axes.scatter(-0.025, i, transform=beside, clip_on=False, marker=marker, **dot)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.axhline(len(rows) - 1.5, color=FAINT, lw=1)
        axes.invert_yaxis()
        axes.axvline(0, color=INK, lw=0.9)
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        axes.set(xlabel="contribution to the score (logit)")
        axes.set_title("What it received from each")
        legend_below(figure, axes.get_legend_handles_labels()[0], columns=1)
    return path


def _rows(scene: Scene) -> list[tuple[str, int | None, Sequence[float]]]:
    """The bars from top to bottom: itself, neighbours by strength, others together, the rest."""
    others = sorted((n for n in scene.given if n != scene.node), key=lambda n: -scene.given[n][0])
    strongest = sorted(others, key=lambda n: -max(map(abs, scene.given[n])))[:_MOST_BARS]
    left = [n for n in others if n not in strongest]
    rows: list[tuple[str, int | None, Sequence[float]]] = [
        ("itself", scene.node, scene.given.get(scene.node, (0.0, 0.0)))
    ]
    rows += [(_broken(scene.label(n), 22), n, scene.given[n]) for n in others if n in strongest]
    if left:
        sums = [sum(scene.given[n][k] for n in left) for k in range(2)]
        rows.append((f"{len(left)} others together", None, sums))
    return [*rows, ("bias" if scene.is_exact else "rest", None, scene.rest)]


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _is_wrong(scene: Scene) -> bool:
    return scene.classes[0] != scene.target[scene.node]


def _broken(name: str, width: int = 16) -> str:
    """A dotted or spaced name over several lines, none of it cut off."""
    lines = [""]
    for piece in name.replace(".", ".\0").replace("_", "_\0").replace(" ", " \0").split("\0"):
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)


def _places(scene: Scene) -> dict[int, tuple[float, float]]:
    """The node in the middle, neighbours around it, what is far outside of who it hangs on."""
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
    handles.append(Line2D([], [], color=INK, lw=4, label="received much for the prediction"))
    if any(scene.given.get(n, (0.0,))[0] < 0 for n in scene.near):
        dashes = (0, (2, 1))
        handles.append(Line2D([], [], color=MUTED, ls=dashes, lw=3, label="received against it"))
    return handles


def _write(path: Path, scene: Scene) -> None:
    rows = []
    for n in dict.fromkeys([scene.node, *scene.near, *scene.given]):
        first, second = scene.given.get(n, (0.0, 0.0))
        row = {"node": n, "name": scene.label(n), "true_class": scene.class_name(scene.target[n])}
        row |= {"is_training": n in scene.train}
        row |= {f"to {scene.class_names[scene.classes[0]]}": first}
        row |= {f"to {scene.class_names[scene.classes[1]]}": second}
        rows.append(row)
    last = {"node": "", "name": "bias" if scene.is_exact else "rest", "true_class": ""}
    columns = list(rows[0])
    rows.append(last | {"is_training": "", columns[4]: scene.rest[0], columns[5]: scene.rest[1]})
    write_csv(path.with_suffix(".csv"), rows)
