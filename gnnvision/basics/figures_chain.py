"""The figure of the computation graph: values forward, gradients backward."""

from __future__ import annotations

from pathlib import Path

from gnnvision.basics.calculation import format_number
from gnnvision.basics.chain_rule import Computation, CopyResult, example_computation
from gnnvision.basics.panels import NEGATIVE, POSITIVE
from gnnvision.report.parts import Figure, Table
from gnnvision.report.style import BACKGROUND, INK, MUTED, drawing, plain_axes

__all__ = ["copy_table", "draw_computation_graph"]

_PLACES = {"X": (0.0, 2.0), "Y": (0.0, 0.7), "Z": (0.0, -0.6), "A": (2.1, 1.35), "F": (4.2, 0.4)}
_RULES = {"A": "A = X + Y", "F": "F = A · Z"}


def draw_computation_graph(path: Path, done: Computation | None = None) -> Figure:
    """A = X + Y, F = A · Z: values, local gradients and the gradients of F.

    Args:
        path: of the image file.
        done: the evaluated computation; `example_computation()` if not given.
    """
    done = done or example_computation()
    with drawing(path, 3.7) as figure:
        axes = figure.add_subplot()
        plain_axes(axes)
        axes.set_xlim(-0.55, 4.75)
        axes.set_ylim(-1.25, 2.6)
        for (v, u), slope in done.local.items():
            (x0, y0), (x1, y1) = _PLACES[v], _PLACES[u]
            arrow = {"arrowstyle": "-|>", "color": MUTED, "lw": 1.4, "shrinkA": 22, "shrinkB": 22}
            axes.annotate("", (x1, y1), (x0, y0), arrowprops=arrow)
            text = f"∂{u}/∂{v} = {format_number(slope)}"
            middle = ((x0 + x1) / 2, (y0 + y1) / 2)
            box = {"facecolor": BACKGROUND, "edgecolor": "none", "pad": 1.2}
            axes.text(*middle, text, ha="center", va="center", fontsize=10, color=MUTED, bbox=box)
        for name, (x, y) in _PLACES.items():
            axes.scatter([x], [y], s=1300, color=BACKGROUND, edgecolor=INK, lw=1.3, zorder=3)
            value = format_number(done.values[name])
            axes.text(x, y, name, ha="center", va="center", weight="bold", fontsize=12, zorder=4)
            above = f"{_RULES.get(name, name)} = {value}"
            axes.text(
                x, y + 0.37, above, va="bottom", color=NEGATIVE, ha="center", fontsize=11, zorder=4
            )
            below = f"∂F/∂{name} = {format_number(done.gradients[name])}"
            axes.text(
                x, y - 0.37, below, va="top", color=POSITIVE, ha="center", fontsize=11, zorder=4
            )
    listing = ", ".join(f"dF/d{name} = {format_number(g)}" for name, g in done.gradients.items())
    through = f"{format_number(done.local['A', 'F'])} · {format_number(done.local['X', 'A'])}"
    return Figure(
        path,
        f"A computation graph with three inputs and two steps. {listing}.",
        "Blue: values, computed in the forward pass. Gray: the local gradient of each step. "
        "Orange: gradients of F, computed in the backward pass by multiplying the local gradients "
        "along the path. For example, ∂F/∂X = ∂F/∂A · ∂A/∂X = "
        f"{through} = {format_number(done.gradients['X'])}.",
    )


def copy_table(copies: list[CopyResult]) -> Table:
    """The measured effects of `clone` and `detach` as a table."""
    rows = [
        (
            copied.name,
            "shared" if copied.shares_memory else "new",
            "yes" if copied.in_graph else "no",
            format_number(copied.gradient),
        )
        for copied in copies
    ]
    head = ("Copy", "Memory", "In the computation graph", "∂F/∂x")
    return Table(head, rows, text_columns=3)
