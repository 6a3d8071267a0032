"""The layout of a graph in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

__all__ = ["layout_graph", "neighbor_distance"]

_FLATTEST, _TALLEST = 0.5, 1.0  # height over width
_BY_SPRINGS = 150  # nodes; for more, the distances of all pairs take too long
_APART = 1.3  # between connected components, in edge lengths

Places = NDArray[np.float64]


def layout_graph(num_nodes: int, edges: Sequence[tuple[int, int]]) -> tuple[Places, float]:
    """The positions of the nodes, with edges about 1 long, and the aspect ratio of the drawing.

    Connected components are placed in rows, the largest first.

    Args:
        num_nodes: the number of nodes.
        edges: each undirected edge once.

    Returns:
        Positions of shape (num_nodes, 2), and height over width, from 0.5 to 1.
    """
    import networkx as nx

    graph = nx.Graph(edges)
    graph.add_nodes_from(range(num_nodes))
    parts = sorted(nx.connected_components(graph), key=lambda part: (-len(part), min(part)))
    held = [(sorted(part), _layout_part(graph.subgraph(part), sorted(part))) for part in parts]
    out = np.zeros((num_nodes, 2))
    area = sum(float(np.prod(np.ptp(one, axis=0) + _APART)) for _, one in held)
    widest = max([1.2 * sqrt(area), *(float(np.ptp(one[:, 0])) for _, one in held)], default=0)
    left = top = tallest = 0.0
    for nodes, one in held:
        width, height = np.ptp(one, axis=0)
        if left and left + width > widest:
            left, top, tallest = 0.0, top - tallest - _APART, 0.0
        out[nodes] = one - [one[:, 0].min(), one[:, 1].max()] + [left, top]
        left, tallest = left + width + _APART, max(tallest, height)
    if not num_nodes:
        return out, _TALLEST
    wide, tall = (out.max(0) - out.min(0) + 1).tolist()
    return out, float(np.clip(tall / wide, _FLATTEST, _TALLEST))


def neighbor_distance(found: Places) -> float:
    """The 10th percentile of the nodes' distances to the nearest other node; 1 for one node."""
    if len(found) < 2:
        return 1.0
    from scipy.spatial import KDTree

    nearest = np.asarray(KDTree(found).query(found, k=2)[0])[:, 1]
    return float(np.quantile(nearest, 0.1)) or 1.0


def _layout_part(part: object, nodes: list[int]) -> Places:
    """The positions in one connected component, with its longer side horizontal."""
    import networkx as nx

    if len(nodes) == 1:
        return np.zeros((1, 2))
    if len(nodes) <= _BY_SPRINGS:
        found = nx.kamada_kawai_layout(part)
    else:
        found = nx.spring_layout(part, seed=0, iterations=100)
    at = np.array([found[node] for node in nodes])
    number = {node: row for row, node in enumerate(nodes)}
    ends = np.array([(number[a], number[b]) for a, b in part.edges])  # type: ignore[attr-defined]
    length = float(np.median(np.linalg.norm(at[ends[:, 0]] - at[ends[:, 1]], axis=1)))
    at = (at - at.mean(0)) / (length or 1.0)
    axes = np.linalg.svd(at, full_matrices=False)[2]  # the first is the longest
    turned: Places = at @ axes.T if len(axes) == 2 else at
    return turned
