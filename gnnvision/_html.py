"""Small HTML tables with a drawing, by which graphs, tasks and results show up in a notebook.

Everything is inline and escaped, below 20 kB, and takes its colors from the page, so that it can
be read on a light and on a dark background.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnvision._extras import missing

__all__ = ["bars", "card", "curves", "draw_graph", "graph_drawing", "image_strip", "neighborhood"]

COLORS = ("#3b82c4", "#e08a1e", "#2a9d78", "#c9508f", "#8f7bd6", "#d0564a", "#7a8b2f", "#8a8f98")
MOST_NODES = 36
_MOST_EDGES = 400_000  # that are searched for a neighborhood
_MOST_LETTERED = 12  # nodes
_MEMBERS, _SEARCHED = 4, 100  # graphs of a batch
_MOST_LETTERS, _MOST_ROWS = 240, 24
_LEFT = 'style="text-align:left;padding:1px 14px 1px 0;border:0"'
_HEAD = _LEFT.replace("border", "width:1%;white-space:nowrap;border")
_FAINT = 'stroke="currentColor" stroke-opacity=".35"'


def card(
    title: str, rows: Iterable[Sequence[object]], drawing: str = "", head: Sequence[str] = ()
) -> str:
    """An HTML table: a title, rows of text, and a drawing below them.

    Args:
        title: Above the table.
        rows: The cells; those of one row fill the columns. Long texts and tables are shortened.
        drawing: HTML, which is not escaped.
        head: The heads of the columns, if any.
    """
    held = [[_shorten(str(cell)) for cell in row] for row in rows]
    left = len(held) - _MOST_ROWS
    if left > 1:
        held[_MOST_ROWS - 1 : -1] = [[f"… {left:,} more"]]
    width = max([len(head), *map(len, held)], default=1)
    parts = [
        '<table style="border:0;color:inherit;background:none;max-width:60em">',
        f'<caption style="text-align:left;font-weight:bold;color:inherit;caption-side:top">'
        f"{escape(_shorten(title))}</caption><tbody>",
    ]
    if head:
        names = "".join(f"<th {_LEFT}>{escape(name)}</th>" for name in head)
        parts.append(f"<tr>{names}</tr>")
    for row in held:
        first, *rest = (escape(cell) for cell in row)
        fill = f' colspan="{width - len(row) + 1}"' if len(row) < width else ""
        ends = [""] * (len(rest) - 1) + [fill]
        cells = "".join(f"<td {_LEFT}{e}>{c}</td>" for c, e in zip(rest, ends, strict=False))
        parts.append(f"<tr><th {_HEAD}{'' if rest else fill}>{first}</th>{cells}</tr>")
    if drawing:
        parts.append(f'<tr><td {_LEFT} colspan="{width}">{drawing}</td></tr>')
    return "".join([*parts, "</tbody></table>"])


def _shorten(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"


def neighborhood(
    edges: NDArray[Any], num_nodes: int, most: int = MOST_NODES
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The nodes and edges to draw of a graph: all of a small one, or the surroundings of a node.

    Args:
        edges: Source and target of each edge. Shape (2, E).
        num_nodes: The number of nodes.
        most: The largest number of nodes.

    Returns:
        The nodes (n,), and the edges between them as positions in it (2, e), each pair once.
    """
    ends = np.asarray(edges)[:, :_MOST_EDGES].astype(np.int64)
    nodes = np.arange(min(num_nodes, most))
    if num_nodes > most and ends.size:
        degree = np.bincount(ends.ravel(), minlength=num_nodes)
        linked = np.flatnonzero(degree)
        # A node of middling degree shows more of a graph than a hub with a crown of leaves.
        start = linked[np.argmin(np.abs(degree[linked] - max(8.0, degree[linked].mean())))]
        nodes, inside = np.array([start]), np.zeros(num_nodes, bool)
        inside[start] = True
        while len(nodes) < most:
            touched = inside[ends[0]] | inside[ends[1]]
            new = np.setdiff1d(ends[:, touched], nodes)[: most - len(nodes)]
            if not len(new):
                break
            nodes = np.concatenate([nodes, new])
            inside[new] = True
    place = np.full(num_nodes, -1)
    place[nodes] = np.arange(len(nodes))
    both = place[ends[:, (place[ends] >= 0).all(0)]]
    both = np.sort(both[:, both[0] != both[1]], axis=0)
    return nodes, np.unique(both, axis=1) if both.size else both


def draw_graph(
    graph: Any,  # noqa: ANN401 - a `Graph`, which is on a floor above
    group: Callable[[int, int], int] = lambda node, member: 0,
) -> str:
    """An SVG of a part of a graph, or one of each of the first graphs of a batch.

    Args:
        graph: A `Graph`.
        group: A function from a node and its graph in the batch to the index of its color.
    """
    names = graph.node_names
    edges = graph.edge_index[:, :_MOST_EDGES].detach().cpu().numpy()

    def name(node: int) -> str:
        return str(node if names is None else names[node])

    if graph.num_graphs == 1:
        nodes, pairs = neighborhood(edges, graph.num_nodes)
        return graph_drawing(nodes, pairs, name, lambda node: group(node, 0))
    out: list[str] = []
    offsets = graph.offsets[:_SEARCHED].tolist()
    for member, (start, stop) in enumerate(pairwise(offsets)):
        if stop > start and len(out) < _MEMBERS:
            inside = edges[:, ((edges >= start) & (edges < stop)).all(0)] - start
            nodes, pairs = neighborhood(inside, stop - start, MOST_NODES // 2)

            def color(node: int, member: int = member) -> int:
                return group(node, member)

            out.append(graph_drawing(nodes + start, pairs, name, color, (150, 110)))
    return "".join(out)


def graph_drawing(
    nodes: Sequence[int] | NDArray[np.int64],
    edges: NDArray[np.int64],
    name: Callable[[int], str] = str,
    group: Callable[[int], int] = lambda node: 0,
    size: tuple[int, int] = (300, 190),
) -> str:
    """An SVG of a small graph.

    Args:
        nodes: The nodes, as in the whole graph. Shape (n,).
        edges: Pairs of positions in `nodes`. Shape (2, e).
        name: The name of a node, which is shown beside it if there are few, else on hovering.
        group: The index of the color of a node; below 0 for none.
        size: Width and height in pixels.
    """
    count = len(nodes)
    if not count:
        return ""
    width, height = size
    lettered = count <= _MOST_LETTERED and width >= 300
    place = _layout(count, edges) * [width - (110 if lettered else 40), height - 30] + [20, 15]
    lines = "".join(
        f"M{place[a, 0]:.0f} {place[a, 1]:.0f}L{place[b, 0]:.0f} {place[b, 1]:.0f}"
        for a, b in edges.T.tolist()
    )
    radius = 5 if count > _MOST_LETTERED else 6
    marks = []
    for node, (x, y) in zip(np.asarray(nodes).tolist(), place.tolist(), strict=True):
        kind = group(node)
        color = COLORS[kind % len(COLORS)] if kind >= 0 else "none"
        text = escape(_shorten(name(node)))
        marks.append(
            f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{radius}" fill="{color}"><title>{text}</title>'
            "</circle>"
        )
        if lettered:
            short = escape(name(node)[:12])
            marks.append(f'<text x="{x + 8:.0f}" y="{y + 4:.0f}">{short}</text>')
    inner = f'<path d="{lines}" fill="none" {_FAINT}/><g stroke="currentColor" stroke-width=".7">'
    inner += "".join(mark for mark in marks if mark.startswith("<circle")) + "</g>"
    inner += '<g font-size="11" fill="currentColor">'
    inner += "".join(mark for mark in marks if mark.startswith("<text")) + "</g>"
    return _svg(width, height, inner, f"A drawing of {count} nodes")


def _layout(count: int, edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Places from 0 to 1 by springs along edges and repulsion between all nodes. Shape (n, 2)."""
    angle = 2 * np.pi * np.arange(count) / count
    place = np.stack([np.cos(angle), np.sin(angle)], 1) * (0.4 if count > 1 else 0)
    near = math.sqrt(1 / count)
    source, target = edges if edges.size else np.zeros((2, 0), np.int64)
    for step in range(70):
        apart = place[:, None] - place[None]
        distance = np.maximum(np.sqrt((apart**2).sum(2)), 1e-3)
        force = (apart * (near / distance)[..., None] ** 2).sum(1)
        along = place[source] - place[target]
        pull = along * np.sqrt((along**2).sum(1, keepdims=True)) / near
        np.add.at(force, source, -pull)
        np.add.at(force, target, pull)
        length = np.maximum(np.sqrt((force**2).sum(1, keepdims=True)), 1e-9)
        place = place + force / length * np.minimum(length, 0.12 * (1 - step / 70))
    low, span = place.min(0), np.ptp(place, axis=0)
    span[span < 1e-9] = np.inf
    return np.where(np.isinf(span), 0.5, (place - low) / span)


def image_strip(images: NDArray[np.uint8], words: Sequence[str] = (), side: int = 40) -> str:
    """A row of small images with words below them.

    Args:
        images: Shape (n, H, W, C), C = 1 or 3.
        words: One for each image, or none.
        side: The height in pixels of the row.
    """
    if not len(images) or missing("images", "PIL"):
        return ""
    from PIL import Image

    count, height, width, channels = images.shape
    row = images.transpose(1, 0, 2, 3).reshape(height, count * width, channels)
    strip = Image.fromarray(row[:, :, 0] if channels == 1 else row)
    if height > side:
        strip = strip.resize((max(1, round(count * width * side / height)), side))
    file = io.BytesIO()
    strip.save(file, "PNG" if strip.width * strip.height * channels < 6000 else "JPEG", quality=75)
    kind = "png" if file.getvalue().startswith(b"\x89PNG") else "jpeg"
    data = base64.b64encode(file.getvalue()).decode()
    shown = max(count * 46, round(count * side * width / height))
    text = ", ".join(words) or f"{count} images"
    return (
        f'<img alt="{escape(_shorten(text))}" style="width:{shown}px;max-width:100%;'
        f'image-rendering:{"pixelated" if height < side else "auto"}" '
        f'src="data:image/{kind};base64,{data}">'
        + (f"<div>{escape(_shorten(', '.join(words)))}</div>" if words else "")
    )


def curves(lines: Mapping[str, Sequence[float]], size: tuple[int, int] = (300, 70)) -> str:
    """An SVG of a few curves over the epochs, on one scale, with their last values.

    Args:
        lines: The values of each curve by its name; NaN where there is none.
        size: Width and height in pixels.
    """
    known = [v for values in lines.values() for v in values if math.isfinite(v)]
    if not known:
        return ""
    low, span = min(known), max(known) - min(known) or 1.0
    width, height = size
    parts = []
    for number, (name, values) in enumerate(lines.items()):
        step = max(1, len(values) // 120)
        kept = sorted({*range(0, len(values), step), len(values) - 1})
        points = [
            f"{4 + (width - 8) * n / max(1, len(values) - 1):.0f},"
            f"{height - 5 - (height - 10) * (values[n] - low) / span:.1f}"
            for n in kept
            if math.isfinite(values[n])
        ]
        color = COLORS[number % len(COLORS)]
        parts.append(
            f'<polyline points="{" ".join(points)}" fill="none" stroke="{color}" '
            f'stroke-width="1.6"/><text x="{width + 6}" y="{14 + 16 * number}" font-size="11" '
            f'fill="{color}">{escape(name)}</text>'
        )
    frame = f'<path d="M3 2V{height - 3}H{width - 2}" fill="none" {_FAINT}/>'
    return _svg(width + 110, height, frame + "".join(parts), f"Curves: {', '.join(lines)}")


def bars(values: Mapping[str, float], size: tuple[int, int] = (300, 60)) -> str:
    """An SVG of a bar for each value, on a logarithmic scale, with the names on hovering."""
    held = list(values.items())[:60]
    if not held:
        return ""
    width, height = size
    most = max(math.log1p(max(value, 0)) for _, value in held) or 1.0
    step = min(26.0, width / len(held))
    parts = []
    for number, (name, value) in enumerate(held):
        tall = max(2.0, (height - 4) * math.log1p(max(value, 0)) / most)
        parts.append(
            f'<rect x="{2 + number * step:.1f}" y="{height - 1 - tall:.1f}" '
            f'width="{0.8 * step:.1f}" height="{tall:.1f}" fill="{COLORS[0]}">'
            f"<title>{escape(_shorten(name))}: {value:,.0f}</title></rect>"
        )
    return _svg(width, height, "".join(parts), "Bars of the parameters of each layer")


def _svg(width: int, height: int, inner: str, label: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(label)}" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'style="max-width:100%;height:auto">{inner}</svg>'
    )
