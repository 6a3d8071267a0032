"""How a task is drawn in a notebook, unless its kind draws itself."""

from __future__ import annotations

from typing import Any

from gnnvision._html import draw_graph
from gnnvision.domains import Graph

__all__ = ["task_drawing"]


def task_drawing(task: Any) -> str:  # noqa: ANN401 - a task, whose file imports this one
    """An SVG of a part of the graph, or of the first graphs, colored by class; "" without any."""
    graph = getattr(task, "graph", getattr(task, "graphs", None))
    if not isinstance(graph, Graph):
        return ""
    y = getattr(task, "y", None)
    labels = y if y is not None and task.kind == "classification" and y.ndim == 1 else None
    if labels is None:
        return draw_graph(graph)
    if len(labels) == graph.num_nodes:
        return draw_graph(graph, lambda node, member: int(labels[node]))
    if len(labels) == graph.num_graphs:
        return draw_graph(graph, lambda node, member: int(labels[member]))
    return draw_graph(graph)
