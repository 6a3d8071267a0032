"""Drawings of whole graphs with matplotlib: `Graph.draw`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gnnvision._colors import class_color
from gnnvision._extras import require_extra
from gnnvision._fonts import families_for
from gnnvision.domains.edges import is_symmetric
from gnnvision.domains.layout import layout_batch, neighbor_distance
from gnnvision.domains.marks import (
    Look,
    add_legend,
    draw_bonds,
    draw_lines,
    draw_nodes,
    shade,
    strokes_of,
    write_edges,
)
from gnnvision.domains.molecule import BOND_TYPES, place_atoms
from gnnvision.errors import invalid, wrong_type

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MAX_DRAWN", "draw"]

MAX_DRAWN = 3_000  # nodes
_LABELED = 60  # nodes that are labeled unless asked for
_PLAIN = "#dbe7f3"
_LINE = "#5b6775"
_WIDEST = 5.0  # points

Floats = NDArray[np.float64]


def draw(
    graph: Mapping[str, Any],
    ax: Axes | None,
    *,
    labels: bool | Sequence[object] | None,
    classes: Sequence[Hashable] | Tensor | None,
    class_names: Sequence[str] | None,
    values: Sequence[float] | Tensor | None,
    edge_labels: Literal["weight", "type"] | Sequence[object] | None,
    edge_widths: Literal["weight"] | Sequence[float] | Tensor | None,
    positions: Tensor | NDArray[Any] | Sequence[Sequence[float]] | None,
    seed: int,
) -> Axes:
    """Draw a graph, given by its fields, as `Graph.draw` documents."""
    require_extra("report", "Graph.draw", "matplotlib")
    count = graph["num_nodes"]
    if count > MAX_DRAWN:
        condition = f"have at most {MAX_DRAWN:,} nodes to be drawn"
        advice = "Draw a part: graph.subgraph(graph.neighborhood(node, hops=2)).draw()."
        raise invalid("graph", condition, f"{count:,}", advice)
    if classes is not None and values is not None:
        got, advice = "both", "Draw two figures."
        raise invalid("classes", "not be given together with 'values'", got, advice)
    numbers, names = _classes(classes, class_names, count)
    shades = None if values is None else _numbers("values", values, count, "node")
    texts = _labels(labels, graph)
    weights = _widths(edge_widths, graph)
    edge_texts = _edge_labels(edge_labels, graph)
    pairs = graph["edge_index"].cpu().T.tolist()
    places = _positions(positions, count)
    is_molecule = False
    if places is None:
        places, is_molecule = _layout(graph, pairs, seed)
    if ax is None:
        ax = _new_axes(places)
    radius = _set_limits(ax, places)
    colors: list[Any] = [_PLAIN] * count
    if numbers is not None:
        colors = [class_color(number) for number in numbers]
    elif shades is not None:
        colors = shade(ax, shades)
    kinds = None if graph["edge_type"] is None else graph["edge_type"].cpu().tolist()
    typed = kinds is not None and not is_molecule and len(set(kinds)) > 1
    look = Look(
        labels=texts,
        colors=colors,
        radius=radius,
        edge_labels=edge_texts,
        widths=np.full(len(pairs), 1.2 if count <= _LABELED else 0.6 if count <= 500 else 0.3)
        if weights is None
        else 0.4 + (_WIDEST - 0.4) * np.abs(weights) / (np.abs(weights).max(initial=0) or 1.0),
        edge_colors=[class_color(kind) for kind in kinds or ()] if typed else [_LINE] * len(pairs),
        dashed=np.zeros(len(pairs), bool) if weights is None else weights < 0,
    )
    undirected = is_symmetric(graph["edge_index"], (graph["edge_weight"], graph["edge_type"]))
    strokes = strokes_of(pairs, undirected)
    if is_molecule:
        draw_bonds(ax, places, strokes, kinds or [], look)
    else:
        draw_lines(ax, places, strokes, look, undirected)
    draw_nodes(ax, places, pairs, look)
    write_edges(ax, places, strokes, look)
    entries = [(names[n], class_color(n)) for n in sorted(set(numbers or ()))]
    relations = [(f"type {kind}", class_color(kind)) for kind in sorted(set(kinds or ()))]
    add_legend(ax, entries, relations if typed else [])
    fonts = families_for([*texts, *edge_texts, *(name for name, _ in entries)])
    for text in [*ax.texts, *([] if (legend := ax.get_legend()) is None else legend.get_texts())]:
        text.set_fontfamily(fonts)
    return ax


# --- checks -----------------------------------------------------------------------------------


def _numbers(name: str, given: Any, count: int, one: str) -> Floats:  # noqa: ANN401
    """The numbers of all nodes or edges; NaN stays NaN."""
    given = given.detach().cpu().numpy() if isinstance(given, Tensor) else given
    try:
        out = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        advice = "Give text as labels, and classes as 'classes'."
        raise wrong_type(name, "be numbers", given, advice) from None
    if out.shape != (count,):
        raise invalid(name, f"have one number for each {one}, ({count},)", out.shape)
    return out


def _classes(
    classes: Any,  # noqa: ANN401 - of any kind
    class_names: Sequence[str] | None,
    count: int,
) -> tuple[list[int] | None, dict[int, str]]:
    """The index of the class of each node, and the names of the classes."""
    if classes is None:
        return None, {}
    if isinstance(classes, Tensor):
        if classes.is_floating_point():
            got = classes.dtype
            raise wrong_type("classes", "be integers or names", got, "Use values=... for numbers.")
        classes = classes.detach().cpu().tolist()
    held = [one.item() if isinstance(one, np.generic) else one for one in classes]
    if len(held) != count:
        raise invalid("classes", f"have one entry for each of the {count} nodes", len(held))
    if all(isinstance(one, int) for one in held):
        numbers = [int(one) for one in held]
        known = dict(enumerate(class_names or ()))
        return numbers, {n: known.get(n, str(n)) if n >= 0 else "unknown" for n in numbers}
    order = {name: n for n, name in enumerate(class_names or dict.fromkeys(held))}
    numbers = [order.get(name, -1) for name in held]
    return numbers, {n: str(name) for name, n in order.items()} | {-1: "unknown"}


def _labels(labels: Any, graph: Mapping[str, Any]) -> list[str]:  # noqa: ANN401
    count, names = graph["num_nodes"], graph["node_names"]
    if labels is None:
        labels = count <= _LABELED
    if isinstance(labels, bool):
        return [str(name) for name in names or range(count)] if labels else []
    if isinstance(labels, str) or len(labels) != count:
        got = repr(labels) if isinstance(labels, str) else len(labels)
        condition = f"be True, False or a text for each of the {count} nodes"
        raise invalid("labels", condition, got, "Use labels=True for the names of the nodes.")
    return [str(label) for label in labels]


def _edge_labels(given: Any, graph: Mapping[str, Any]) -> list[str]:  # noqa: ANN401
    count = graph["edge_index"].shape[1]
    if given is None:
        return []
    if isinstance(given, str):
        column = _column("edge_labels", given, graph)
        return [f"{value:.3g}" for value in column.tolist()]
    if len(given) != count:
        raise invalid("edge_labels", f"have a text for each of the {count} edges", len(given))
    return [f"{one:.3g}" if isinstance(one, float) else str(one) for one in _plain(given)]


def _plain(given: Any) -> list[Any]:  # noqa: ANN401
    return given.tolist() if isinstance(given, (Tensor, np.ndarray)) else list(given)


def _widths(given: Any, graph: Mapping[str, Any]) -> Floats | None:  # noqa: ANN401
    if given is None:
        return None
    if isinstance(given, str):
        given = _column("edge_widths", given, graph, ("weight",))
    return _numbers("edge_widths", given, graph["edge_index"].shape[1], "edge")


def _column(
    name: str, given: str, graph: Mapping[str, Any], known: Sequence[str] = ("weight", "type")
) -> Tensor:
    if given not in known:
        listed = " or ".join(repr(one) for one in known)
        raise invalid(name, f"be {listed}, or one for each edge", repr(given))
    column: Tensor | None = graph[f"edge_{given}"]
    if column is None:
        advice = f"Create the graph with edge_{given}=..., or leave '{name}' out."
        raise invalid(name, f"be a column of the edges (edge_{given})", repr(given), advice)
    return column.detach().cpu()


def _positions(given: Any, count: int) -> Floats | None:  # noqa: ANN401
    if given is None:
        return None
    given = given.detach().cpu() if isinstance(given, Tensor) else given
    out = np.asarray(given, dtype=np.float64)
    if out.shape != (count, 2) or not np.isfinite(out).all():
        got = out.shape if np.isfinite(out).all() else "NaN or infinity"
        advice = "Give x and y of each node; of 3-D positions choose two columns."
        raise invalid("positions", f"have shape (N={count}, 2) and be finite", got, advice)
    return out


# --- places -----------------------------------------------------------------------------------


def _layout(graph: Mapping[str, Any], pairs: list[Any], seed: int) -> tuple[Floats, bool]:
    """The positions of the nodes, and whether all graphs are molecules."""
    names, kinds = graph["node_names"], graph["edge_type"]
    found: list[bool] = []

    def atoms(start: int, stop: int) -> Floats | None:
        if names is None or kinds is None or graph["num_relations"] != len(BOND_TYPES):
            return None
        bonds = [
            (a - start, b - start, kind)
            for (a, b), kind in zip(pairs, kinds.tolist(), strict=True)
            if start <= a < b < stop
        ]
        places = place_atoms(names[start:stop], bonds)
        found.append(places is not None)
        return places

    edges = sorted({(min(a, b), max(a, b)) for a, b in pairs if a != b})
    places = layout_batch(graph["offsets"].tolist(), edges, seed, atoms)
    return places, bool(found) and all(found)


def _new_axes(places: Floats) -> Axes:
    from matplotlib import pyplot as plt

    wide, tall = np.ptp(places, axis=0) + 1 if len(places) else (1.0, 1.0)
    area = np.clip(4 + 0.9 * wide * tall, 6, 36)  # square inches
    width = float(np.clip(np.sqrt(area * wide / tall), 2, 8))
    _, ax = plt.subplots(
        figsize=(width, float(np.clip(area / width, 1.4, 6))), layout="constrained"
    )
    return ax


def _set_limits(ax: Axes, places: Floats) -> float:
    """Show all nodes on the same scale along both axes; returns the radius of a node in points."""
    ax.set_axis_off()
    if not len(places):
        return 5.0
    low, high = places.min(0), places.max(0)
    apart = neighbor_distance(places)
    edge = np.maximum(0.55 * apart, 0.06 * (high - low).max())
    low, high = low - edge, high + edge
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.set_aspect("equal")
    figure = ax.get_figure(root=True)
    size = np.array((4.0, 4.0) if figure is None else figure.get_size_inches()) * 72
    box = ax.get_position()
    scale = float(np.min(size * [box.width, box.height] / (high - low)))  # points for 1
    return float(np.clip(0.28 * apart * scale, 1.2, 11.0))
