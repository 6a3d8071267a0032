"""The bar chart of the message contributions of one node's neighbors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gnnvision.report.scene import Scene, wrap_name
from gnnvision.report.style import FAINT, INK, class_color, drawing, legend_below, wrapped

__all__ = ["draw_bars"]

_MOST_BARS = 14


def draw_bars(path: Path, scene: Scene) -> Path:
    """Draw the message contribution of each neighbor to the logits of two classes.

    Args:
        path: an SVG or a PNG.
        scene: the node with its neighbors.

    Returns:
        The path.
    """
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
                label=f"{wrapped(scene.class_names[cls], 34)} ({role}): logit {_signed(score)}",
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
                at_axis = axes.get_yaxis_transform()
                axes.scatter(-0.025, i, transform=at_axis, clip_on=False, marker=marker, **dot)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.axhline(len(rows) - 1.5, color=FAINT, lw=1)
        axes.invert_yaxis()
        axes.axvline(0, color=INK, lw=0.9)
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        axes.set(xlabel="contribution to the logit")
        axes.set_title("Message contributions")
        legend_below(figure, axes.get_legend_handles_labels()[0], columns=1)
    return path


def _rows(scene: Scene) -> list[tuple[str, int | None, Sequence[float]]]:
    """The bars: the node itself, its neighbors in order, the sum of the others, and the rest."""
    others = sorted((n for n in scene.given if n != scene.node), key=lambda n: -scene.given[n][0])
    strongest = sorted(others, key=lambda n: -max(map(abs, scene.given[n])))[:_MOST_BARS]
    left = [n for n in others if n not in strongest]
    rows: list[tuple[str, int | None, Sequence[float]]] = [
        ("node itself", scene.node, scene.given.get(scene.node, (0.0, 0.0)))
    ]
    rows += [(wrap_name(scene.label(n), 22), n, scene.given[n]) for n in others if n in strongest]
    if left:
        sums = [sum(scene.given[n][k] for n in left) for k in range(2)]
        rows.append((f"sum of {len(left)} others", None, sums))
    return [*rows, ("bias" if scene.is_exact else "rest", None, scene.rest)]


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _is_wrong(scene: Scene) -> bool:
    return scene.classes[0] != scene.target[scene.node]
