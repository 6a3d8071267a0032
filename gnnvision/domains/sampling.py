"""Neighbors drawn at random: the edges of a frontier that takes some of each node's edges.

What a node gets is a function of a key, the hop and the node, by a counter-based generator: it
does not depend on the other nodes, on the process, or on what was drawn before.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.domains.device import send

__all__ = ["Step", "draw", "enclosed", "sampled"]

Integers = NDArray[np.int64]
_ROWS = 8192  # at a time: their numbers stay in the cache
# Odd constants of splitmix64 (Steele, Lea, Flood 2014, doi 10.1145/2660193.2660195).
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_MASK = 2**64 - 1


class Step(NamedTuple):
    """The edges of one hop, from the nodes of a frontier to those of the next one.

    Args:
        rowptr: the first edge of each target, then the number of edges. Shape (m + 1,).
        source: the row of the source of each edge in a signal on the frontier. Shape (e,).
        edge: the place of each edge among those of the graph by target, on the CPU. Shape (e,).
        scale: the degree of each target divided by the number of its edges that are taken; None
            if all edges are taken. Shape (m,).
    """

    rowptr: Tensor
    source: Tensor
    edge: Tensor
    scale: Tensor | None

    def to(self, device: torch.device | str) -> Step:
        """The same step on another device, which is not waited for."""
        scale = None if self.scale is None else send(self.scale, device)
        return Step(send(self.rowptr, device), send(self.source, device), self.edge, scale)


def draw(rowptr: Integers, nodes: Integers, fanout: int, key: int) -> tuple[Integers, Integers]:
    """Incoming edges of each node, drawn without replacement; all of a node that has few.

    Args:
        rowptr: the first edge of each node of the graph, then the number of edges.
        nodes: the nodes. Shape (m,).
        fanout: the number of edges of a node; -1 for all.
        key: determines the edges of each node.

    Returns:
        The places of the edges, node by node, and the first edge of each node in them, then
        their number. Shapes (e,) and (m + 1,).
    """
    starts = rowptr[nodes]
    degrees = rowptr[nodes + 1] - starts
    sizes = degrees if fanout < 0 else np.minimum(degrees, fanout)
    ends = np.zeros(len(nodes) + 1, np.int64)
    np.cumsum(sizes, out=ends[1:])
    places = np.arange(ends[-1])
    places += np.repeat(starts - ends[:-1], sizes)
    if fanout > 0:
        base = np.uint64(_mixed_number(key))
        large = np.flatnonzero(degrees > fanout)
        steps = np.arange(1, fanout + 1, dtype=np.uint64) * _GAMMA
        for block in range(0, len(large), _ROWS):
            rows = large[block : block + _ROWS]
            state = _mixed(nodes[rows].astype(np.uint64) * _GAMMA + base)
            chosen = _distinct(state, degrees[rows], steps)
            chosen += starts[rows]
            places[ends[rows] + np.arange(fanout)[:, None]] = chosen
    return places, ends


def _distinct(state: NDArray[np.uint64], degrees: Integers, steps: NDArray[np.uint64]) -> Integers:
    """Distinct numbers below each degree, uniformly, by Floyd's algorithm for all at once.

    Args:
        state: random bits for each node. Shape (m,).
        degrees: of the nodes, each larger than k. Shape (m,).
        steps: a constant for each number to draw. Shape (k,).

    Returns:
        The numbers. Shape (k, m).

    References:
        Bentley, Floyd, "Programming pearls: a sample of brilliance", 1987,
        https://doi.org/10.1145/30401.315746.
    """
    fanout = len(steps)
    chosen = np.empty((fanout, len(state)), np.int64)
    for n in range(fanout):
        bits = state + steps[n]
        bits *= _FIRST
        bits ^= bits >> np.uint64(29)
        bits *= _SECOND
        bits >>= np.uint64(32)
        last = degrees - (fanout - n)
        # The high half of a product with a number below 2³², as graphs have smaller degrees.
        number = (bits * (last + 1).astype(np.uint64) >> np.uint64(32)).astype(np.int64)
        if n:
            np.copyto(number, last, where=(chosen[:n] == number).any(0))
        chosen[n] = number
    return chosen


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits ^= bits >> np.uint64(30)
    bits *= _FIRST
    bits ^= bits >> np.uint64(27)
    bits *= _SECOND
    bits ^= bits >> np.uint64(31)
    return bits


def _mixed_number(key: int) -> int:
    bits = (key * int(_GAMMA)) & _MASK
    bits = ((bits ^ (bits >> 30)) * int(_FIRST)) & _MASK
    bits = ((bits ^ (bits >> 27)) * int(_SECOND)) & _MASK
    return bits ^ (bits >> 31)


class Places(threading.local):
    """The row of each node of a graph in the signal on a frontier that is being drawn.

    One array for all frontiers of a thread, of which only what was written is cleared.

    Args:
        num_nodes: of the graph.
    """

    def __init__(self, num_nodes: int) -> None:
        dtype = np.int32 if num_nodes < 2**31 else np.int64
        self.row = np.full(num_nodes, -1, dtype)


def sampled(
    rowptr: Integers,
    source: NDArray[np.integer],
    places: Places,
    nodes: Integers,
    fanouts: Sequence[int],
    key: int,
    *,
    once: bool = False,
) -> tuple[Tensor, list[int], list[Step]]:
    """Some nodes, those that they get edges from, and so on, with these edges.

    Args:
        rowptr: the first edge of each node of the graph, then the number of edges.
        source: the source of each edge.
        places: of the graph.
        nodes: distinct nodes.
        fanouts: how many edges a node gets: of `nodes`, then of those one hop away too, and so
            on; -1 for all.
        key: determines the edges.
        once: whether a node gets edges in the hop after it is found alone, and not in later ones.

    Returns:
        All nodes, `nodes` first; how many are within 0, 1, ... hops; the edges of each hop.
    """
    row, found, sizes, steps = places.row, [nodes], [len(nodes)], []
    try:
        row[nodes] = np.arange(len(nodes), dtype=row.dtype)
        for hop, fanout in enumerate(fanouts):
            targets = found[-1] if once else np.concatenate(found)
            edges, ends = draw(rowptr, targets, fanout, key + hop)
            sources = source[edges]
            if len(sources) and sources.min() < 0:  # which would count from the end
                raise IndexError(f"source {sources.min()}")
            new = sources[row[sources] < 0]
            # Of several equal nodes the last one is written, and so is kept.
            numbers = np.arange(sizes[-1], sizes[-1] + len(new), dtype=row.dtype)
            row[new] = numbers
            new = new[row[new] == numbers].astype(np.int64)
            row[new] = np.arange(sizes[-1], sizes[-1] + len(new), dtype=row.dtype)
            found.append(new)
            sizes.append(sizes[-1] + len(new))
            scale = None if fanout < 0 else scale_of(rowptr, targets, np.diff(ends))
            first, at, edge = map(torch.from_numpy, (ends, row[sources].astype(np.int64), edges))
            steps.append(Step(first, at, edge, scale))
    finally:
        for part in found:
            row[part] = -1
    return torch.from_numpy(np.concatenate(found)), sizes, steps


def enclosed(
    rowptr: Integers, source: NDArray[np.integer], places: Places, nodes: Integers
) -> Step:
    """The edges between some nodes.

    Args:
        rowptr: the first edge of each node of the graph, then the number of edges.
        source: the source of each edge.
        places: of the graph.
        nodes: distinct nodes.
    """
    row = places.row
    edges, ends = draw(rowptr, nodes, -1, 0)
    try:
        row[nodes] = np.arange(len(nodes), dtype=row.dtype)
        sources = source[edges]
        if len(sources) and sources.min() < 0:  # which would count from the end
            raise IndexError(f"source {sources.min()}")
        at = row[sources]
    finally:
        row[nodes] = -1
    inside = at >= 0
    first = np.concatenate([np.zeros(1, np.int64), np.cumsum(inside)])[ends]
    scale = scale_of(rowptr, nodes, np.diff(first))
    kept = torch.from_numpy(first), torch.from_numpy(at[inside].astype(np.int64))
    return Step(*kept, torch.from_numpy(edges[inside]), scale)


def scale_of(rowptr: Integers, nodes: Integers, taken: Integers) -> Tensor | None:
    """The degree of each node divided by the number of its edges that are taken; None for 1."""
    degrees = rowptr[nodes + 1] - rowptr[nodes]
    if (degrees == taken).all():
        return None
    return torch.from_numpy(degrees / np.maximum(taken, 1))
