"""The layout of a graph in the plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import sqrt

import numpy as np
from numpy.typing import NDArray

__all__ = ["layout_batch", "layout_graph", "neighbor_distance"]

_FLATTEST, _TALLEST = 0.5, 1.0  # height over width
_BY_DISTANCES = 150  # nodes; for more, the distances of all pairs take too long
_APART = 1.3  # between connected components, in edge lengths
_SMOOTHING, _STEPS = 60, 60

Places = NDArray[np.float64]
Edges = Sequence[tuple[int, int]]


def layout_graph(num_nodes: int, edges: Edges, seed: int = 0) -> tuple[Places, float]:
    """The positions of the nodes, with edges about 1 long, and the aspect ratio of the drawing.

    Connected components are placed in rows, the largest first.

    Args:
        num_nodes: the number of nodes.
        edges: each undirected edge once.
        seed: another seed starts from other positions.

    Returns:
        Positions of shape (num_nodes, 2), and height over width, from 0.5 to 1.
    """
    import networkx as nx

    graph = nx.Graph(edges)
    graph.add_nodes_from(range(num_nodes))
    parts = sorted(nx.connected_components(graph), key=lambda part: (-len(part), min(part)))
    held = [(sorted(part), _layout_part(graph.subgraph(part), seed)) for part in parts]
    out = _in_rows(num_nodes, held, _APART)
    if not num_nodes:
        return out, _TALLEST
    wide, tall = (out.max(0) - out.min(0) + 1).tolist()
    return out, float(np.clip(tall / wide, _FLATTEST, _TALLEST))


def layout_batch(
    offsets: Sequence[int],
    edges: Edges,
    seed: int = 0,
    own: Callable[[int, int], Places | None] = lambda start, stop: None,
) -> Places:
    """The positions of the nodes of several graphs side by side, with edges about 1 long.

    Args:
        offsets: the first node of each graph, then the number of nodes.
        edges: each undirected edge once.
        seed: as for `layout_graph`.
        own: a function that returns the positions in the graph with the nodes from `start` to
            `stop`, or None.

    Returns:
        Positions of shape (num_nodes, 2).
    """
    inside: list[list[tuple[int, int]]] = [[] for _ in offsets[1:]]
    ends = np.searchsorted(offsets, [a for a, _ in edges], side="right") - 1
    for (a, b), member in zip(edges, ends.tolist(), strict=True):
        inside[member].append((a - offsets[member], b - offsets[member]))
    held = []
    for (start, stop), pairs in zip(pairwise(offsets), inside, strict=True):
        found = own(start, stop)
        places = layout_graph(stop - start, pairs, seed)[0] if found is None else found
        if stop > start:
            held.append((list(range(start, stop)), places))
    return _in_rows(offsets[-1], held, 1.5 * _APART)


def neighbor_distance(found: Places) -> float:
    """The 10th percentile of the nodes' distances to the nearest other node; 1 for one node."""
    if len(found) < 2:
        return 1.0
    from scipy.spatial import KDTree

    nearest = np.asarray(KDTree(found).query(found, k=2)[0])[:, 1]
    return float(np.quantile(nearest, 0.1)) or 1.0


def _in_rows(num_nodes: int, held: Sequence[tuple[list[int], Places]], apart: float) -> Places:
    """The positions of all nodes, with the parts next to one another in rows."""
    out = np.zeros((num_nodes, 2))
    area = sum(float(np.prod(np.ptp(one, axis=0) + apart)) for _, one in held)
    widest = max([1.2 * sqrt(area), *(float(np.ptp(one[:, 0])) for _, one in held)], default=0)
    left = top = tallest = 0.0
    for nodes, one in held:
        width, height = np.ptp(one, axis=0)
        if left and left + width > widest:
            left, top, tallest = 0.0, top - tallest - apart, 0.0
        out[nodes] = one - [one[:, 0].min(), one[:, 1].max()] + [left, top]
        left, tallest = left + width + apart, max(tallest, height)
    return out


def _layout_part(part: object, seed: int) -> Places:
    """The positions in one connected component, with its longer side horizontal."""
    import networkx as nx

    nodes = sorted(part)  # type: ignore[call-overload]
    if len(nodes) == 1:
        return np.zeros((1, 2))
    number = {node: row for row, node in enumerate(nodes)}
    ends = np.array([(number[a], number[b]) for a, b in part.edges])  # type: ignore[attr-defined]
    if len(nodes) <= _BY_DISTANCES:
        order = np.random.default_rng(seed).permutation(nodes).tolist() if seed else nodes
        found = nx.kamada_kawai_layout(part, pos=nx.circular_layout(order))
        at = np.array([found[node] for node in nodes])
    else:
        at = _by_springs(len(nodes), ends, seed)
    length = float(np.median(np.linalg.norm(at[ends[:, 0]] - at[ends[:, 1]], axis=1)))
    at = (at - at.mean(0)) / (length or 1.0)
    axes = np.linalg.svd(at, full_matrices=False)[2]  # the first is the longest
    turned: Places = at @ axes.T if len(axes) == 2 else at
    return turned


def _by_springs(count: int, ends: NDArray[np.int64], seed: int) -> Places:
    """Springs along edges, and repulsion between all nodes (Fruchterman and Reingold, 1991).

    The start is the two slowest modes of a random walk, found by repeated smoothing, so that
    distant parts of the graph do not have to pass through one another.
    """
    from scipy.sparse import coo_array

    both = np.concatenate([ends, ends[:, ::-1]]).T
    walk = coo_array((np.ones(both.shape[1]), (both[0], both[1])), (count, count)).tocsr()
    degree = np.asarray(walk.sum(1)).ravel()
    at: Places = np.random.default_rng(seed).standard_normal((count, 2))
    for _ in range(_SMOOTHING):
        at = at + (walk @ at) / degree[:, None]
        at -= (degree[:, None] * at).sum(0) / degree.sum()
        at = np.linalg.qr(at)[0]
    near = sqrt(1 / count)
    at = at / (np.abs(at).max() * 2)
    at += 0.02 * near * np.random.default_rng(seed).standard_normal((count, 2))
    source, target = both
    for step in range(_STEPS):
        square = (at**2).sum(1)
        weight = (square[:, None] + square - 2 * at @ at.T).astype(np.float32)
        np.maximum(weight, 1e-4 * near**2, out=weight)
        np.divide(near**2, weight, out=weight)
        force = at * weight.sum(1, keepdims=True) - weight @ at.astype(np.float32)
        along = at[source] - at[target]
        pull = along * np.sqrt((along**2).sum(1, keepdims=True)) / near
        for axis in range(2):
            force[:, axis] -= np.bincount(source, pull[:, axis], count)
        length = np.maximum(np.sqrt((force**2).sum(1, keepdims=True)), 1e-9)
        at = at + force / length * np.minimum(length, 0.1 * (1 - step / _STEPS))
    return at
