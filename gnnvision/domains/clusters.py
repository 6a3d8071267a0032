"""Clusters: the nodes of a graph in parts of similar size, with few edges between them.

Multilevel: nodes form small groups, each of which is one node of a smaller graph, and so on; the
smallest graph is cut by growing one part after the other; then the parts are refined from level
to level. Groups are formed and parts refined by label propagation of bounded size, block by
block, so that the edges of the graph may lie in files: only arrays of nodes and the edges between
groups are held in memory.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gnnvision.errors import invalid

__all__ = ["partition"]

Integers = NDArray[np.int64]
Labels = NDArray[np.int32]
Matrix = Any  # of scipy, which is imported on first use

_EDGES = 1 << 22  # in a block
_LEAST_BLOCKS = 8  # in a round, as the nodes of a block move together
_GROUPS = 20  # for each cluster, in the smallest graph
_ROUNDS = 5
_TRIES = 4
_FEW_EDGES = 1 << 17  # of a graph with which several are made
_SLACK = 1.1  # the largest cluster, relative to the mean


class _Level(NamedTuple):
    """A graph of groups of nodes.

    Args:
        rowptr: the first edge of each, then the number of edges. Shape (n + 1,).
        source: the source of each edge. Shape (e,).
        weight: the number of edges that each stands for; None for 1. Shape (e,).
        mass: the number of nodes of each group. Shape (n,).
    """

    rowptr: NDArray[np.integer]
    source: NDArray[np.integer]
    weight: NDArray[np.float32] | None
    mass: Integers

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Ranges of groups, each with a bounded number of edges if possible."""
        n, edges = len(self.mass), int(self.rowptr[-1])
        size = max(min(_EDGES, -(-edges // _LEAST_BLOCKS)), 1)
        cuts = np.searchsorted(self.rowptr, np.arange(size, edges, size))
        ends = np.unique(np.concatenate([[0], cuts, [n]]))
        yield from zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)

    def rows(self, start: int, stop: int) -> Matrix:
        """Some rows of the adjacency matrix, with the targets in the rows."""
        from scipy.sparse import csr_array

        rowptr = self.rowptr[start : stop + 1]
        edges = slice(int(rowptr[0]), int(rowptr[-1]))
        source = self.source[edges]
        weight = np.ones(len(source), np.float32) if self.weight is None else self.weight[edges]
        shape = (stop - start, len(self.mass))
        return csr_array((weight, source, (rowptr - rowptr[0]).astype(np.int32)), shape=shape)


def partition(
    rowptr: Integers, source: NDArray[np.integer], count: int, seed: int = 0
) -> Integers:
    """The cluster of each node.

    Args:
        rowptr: the first edge of each node, then the number of edges. Shape (N + 1,).
        source: the source of each edge. Shape (E,).
        count: the number of clusters.
        seed: determines them.

    Raises:
        ValueError: if there are fewer nodes than clusters.
    """
    n = len(rowptr) - 1
    if count > n:
        raise invalid("count", f"be at most the number of nodes, {n}", count)
    rng = np.random.default_rng(seed)
    most = int(np.ceil(_SLACK * n / count))
    level = _Level(rowptr, source, None, np.ones(n, np.int64))
    levels, groups = [level], []
    while len(level.mass) > 2 * _GROUPS * count:
        labels = np.arange(len(level.mass), dtype=np.int32)
        _move(level, labels, len(labels), max(n // (_GROUPS * count), 1), rng)
        level, names = _contracted(level, labels, symmetric=len(levels) > 1)
        if len(level.mass) > 0.95 * len(names):
            break
        levels.append(level)
        groups.append(names)
    labels = _smallest(levels[-1], count, most, rng)
    for level, names in zip(levels[-2::-1], groups[::-1], strict=True):
        labels = labels[names]
        _move(level, labels, count, most, rng, trade=True)
    _balance(labels, count, most, rng)
    clusters: Integers = labels.astype(np.int64)
    return clusters


def _smallest(level: _Level, count: int, most: int, rng: np.random.Generator) -> Labels:
    """Clusters of the smallest graph: the best of a few tries."""
    tries = []
    target = np.repeat(np.arange(len(level.mass)), np.diff(level.rowptr))
    for _ in range(_TRIES if len(target) < _FEW_EDGES else 1):
        labels = _grown(level, count, rng)
        _move(level, labels, count, most, rng, trade=True)
        cut = labels[target] != labels[level.source]
        lost = cut.sum() if level.weight is None else level.weight[cut].sum()
        tries.append((float(lost), labels))
    return min(tries, key=lambda found: found[0])[1]


def _move(
    level: _Level,
    labels: Labels,
    count: int,
    most: int,
    rng: np.random.Generator,
    *,
    trade: bool = False,
) -> None:
    """Give nodes the label of most of their neighbors, in place, as long as there is room.

    Args:
        level: the graph.
        labels: of its nodes.
        count: the number of labels.
        most: the most nodes that a label may have.
        rng: breaks ties.
        trade: whether nodes also move to a label without room, if others leave it together with
            them.
    """
    from scipy.sparse import csr_array

    n, mass = len(labels), level.mass
    size = np.bincount(labels, mass, count).astype(np.int64)
    ends = np.arange(n + 1, dtype=np.int32)
    blocks = list(level.blocks())
    for _ in range(_ROUNDS):
        moved = 0
        for number in rng.permutation(2 * len(blocks)):  # each twice, half of its nodes at a time
            start, stop = blocks[number % len(blocks)]
            member = csr_array((np.ones(n, np.float32), labels, ends), shape=(n, count))
            near = level.rows(start, stop) @ member
            rows = np.repeat(np.arange(stop - start), np.diff(near.indptr))
            own = labels[start:stop][rows] == near.indices
            can = ~own & (rng.random(stop - start) < 0.5)[rows]
            if not trade:
                can &= size[near.indices] + mass[start:stop][rows] <= most
            kept = np.zeros(stop - start)
            kept[rows[own]] = near.data[own] + 0.5  # of equal labels a node keeps its own
            value = np.where(can, near.data + 0.5 * rng.random(len(rows)), 0)
            filled = np.flatnonzero(np.diff(near.indptr))
            best = np.zeros(stop - start)
            if len(filled):
                best[filled] = np.maximum.reduceat(value, near.indptr[filled])
            chosen = can & (value == best[rows]) & (value > kept[rows])
            node, label = start + rows[chosen], near.indices[chosen]
            order = np.lexsort((kept[rows[chosen]] - value[chosen], label))
            node, label = node[order], label[order]
            for leaving in (True, True, False) if trade else (False,):
                left = np.bincount(labels[node], mass[node], count) if leaving else 0
                fits = _within(label, mass[node], most - size + left)
                node, label = node[fits], label[fits]
            size -= np.bincount(labels[node], mass[node], count).astype(np.int64)
            size += np.bincount(label, mass[node], count).astype(np.int64)
            labels[node] = label
            moved += len(node)
        if moved < 0.002 * n:
            break


def _within(label: Labels, mass: Integers, room: NDArray[Any]) -> NDArray[np.bool_]:
    """Which nodes, sorted by label, are among the first of their label that have room."""
    total = np.cumsum(mass)
    first = np.flatnonzero(np.diff(label, prepend=-1))
    before = np.repeat(total[first] - mass[first], np.diff([*first, len(label)]))
    return total - before <= room[label]


def _contracted(level: _Level, labels: Labels, *, symmetric: bool) -> tuple[_Level, Labels]:
    """The graph of the groups with one label, and the group of each node."""
    from scipy.sparse import csr_array

    found, inverse = np.unique(labels, return_inverse=True)
    names: Labels = inverse.astype(np.int32)
    n = len(found)
    total = csr_array((n, n), dtype=np.float32)
    for start, stop in level.blocks():
        rows = level.rows(start, stop)
        target = np.repeat(names[start:stop], np.diff(rows.indptr))
        total = total + csr_array((rows.data, (target, names[rows.indices])), shape=(n, n))
    if not symmetric:
        total = total + total.T
    total = csr_array(total)
    total.setdiag(0)
    total.eliminate_zeros()
    mass = np.bincount(names, level.mass).astype(np.int64)
    return _Level(total.indptr, total.indices, total.data, mass), names


def _grown(level: _Level, count: int, rng: np.random.Generator) -> Labels:
    """Parts that grow one after the other, by the node with most of its edges in the part."""
    n, (rowptr, source, weight, mass) = len(level.mass), level
    labels = np.full(n, -1, np.int32)
    ones = np.ones(len(source)) if weight is None else weight
    degree = np.add.reduceat(np.append(ones, 0.0), rowptr[:-1])  # wrong where it is 0, not used
    left, unused = int(mass.sum()), iter(rng.permutation(n).tolist())
    near: list[tuple[float, int]] = []  # of all parts so far: where the next one begins
    for part in range(count):
        gain: dict[int, float] = {}
        heap: list[tuple[float, int]] = []
        size, wanted = 0, left / (count - part)
        while size < wanted and left:
            while heap and (labels[heap[0][1]] >= 0 or -heap[0][0] < gain[heap[0][1]]):
                heapq.heappop(heap)
            if heap:
                node = heapq.heappop(heap)[1]
            else:
                while near and labels[near[0][1]] >= 0:
                    heapq.heappop(near)
                node = near[0][1] if near else next(v for v in unused if labels[v] < 0)
            if size and size + mass[node] / 2 > wanted:
                heapq.heappush(near, (0.0, node))
                break
            labels[node] = part
            size, left = size + int(mass[node]), left - int(mass[node])
            edges = slice(rowptr[node], rowptr[node + 1])
            shares = ones[edges] / degree[source[edges]]
            for other, value in zip(source[edges].tolist(), shares.tolist(), strict=True):
                if labels[other] < 0:
                    gain[other] = gain.get(other, 0.0) + value
                    heapq.heappush(heap, (-gain[other], other))
        for other, share in gain.items():
            if labels[other] < 0:
                heapq.heappush(near, (-share, other))
    labels[labels < 0] = count - 1
    return labels


def _balance(labels: Labels, count: int, most: int, rng: np.random.Generator) -> None:
    """Move nodes from clusters that are too large to others, in place."""
    size = np.bincount(labels, minlength=count)
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    place = np.arange(len(order)) - np.repeat(np.cumsum(size) - size, size)
    over = order[place >= most]
    room = np.repeat(np.arange(count), np.maximum(most - size, 0))
    labels[over] = rng.permutation(room)[: len(over)]
