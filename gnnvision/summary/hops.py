"""How many edges far a number on a graph depends on the signal, and on which nodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, isnan, nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Hops", "Link"]

Numbers = NDArray[np.int64]


class Link(NamedTuple):
    """Which rows of another tensor the rows of one are made of.

    Args:
        source: the other tensor.
        rows: of the one. Shape (entries,); None where each row is made of the same row.
        cols: of the other. Shape (entries,).
    """

    source: Hops
    rows: Numbers | None = None
    cols: Numbers | None = None


@dataclass(frozen=True, eq=False)
class Hops:
    """What the rows of one tensor see of a graph.

    Args:
        count: the rows.
        nodes: of the graph of the input.
        reach: the edges between a node and the farthest that it sees, at most; between any node
            of a cluster and those, after pooling. `inf` is the whole graph, `nan` not known.
        across: the edges from one end of a cluster to the other; 0 for a node.
        links: what the rows are made of; nothing for those of the input itself.
        at: the node at which each row is, as an edge is where it starts; None if that is no
            matter. Shape (rows,).
    """

    count: int
    nodes: int
    reach: float = 0.0
    across: float = 0.0
    links: tuple[Link, ...] = ()
    at: Numbers | None = None

    @classmethod
    def of_input(cls, nodes: int) -> Hops:
        """Each node sees itself."""
        return cls(nodes, nodes, at=np.arange(nodes))

    @property
    def is_lost(self) -> bool:
        """Whether it is not known what rows see."""
        return isnan(self.reach) and not self.links

    def everything(self, count: int) -> Hops:
        """Rows that see all that these do, each of which sees a node at least."""
        return self.lost(count) if self.is_lost else Hops(count, self.nodes, inf, self.across)

    def lost(self, count: int) -> Hops:
        """Rows of which it is not known what they see; what sees everything goes on doing so."""
        return Hops(count, self.nodes, inf if self.reach == inf else nan, nan)

    def stepped(self, rows: Numbers, cols: Numbers, count: int) -> Hops:
        """Rows that are sums of rows: over edges if those are of other places, else in place.

        One step over edges is once through the cluster and one edge further. A row that takes a
        single other one, as an edge takes that of its first node, stays where that is.
        """
        link = Link(self, rows, cols)
        if count == self.count:
            moves, at = bool((rows != cols).any()), self.at
        elif count == self.nodes:
            at = np.arange(count)
            moves = self.at is not None and bool((self.at[cols] != rows).any())
        elif len(rows) == count and (rows == np.arange(count)).all():
            moves, at = False, None if self.at is None else self.at[cols]
        else:
            moves, at = True, None
        return made([link], count, further=(self.across + 1) * moves, at=at)

    def pooled(self, rows: Numbers, cols: Numbers, count: int, size: int | None) -> Hops:
        """After clusters were joined, each to at most `size` in a chain; None if not known."""
        further = nan if size is None else (size - 1) * (self.across + 1)
        return made([Link(self, rows, cols)], count, further=further, across=further)

    def mask(self, index: Sequence[int]) -> NDArray[np.bool_] | None:
        """The nodes that a row sees; None if that is not known."""
        if self.reach == inf:
            return np.ones(self.nodes, dtype=bool)
        if self.is_lost:
            return None
        wanted = {self: np.arange(self.count) == index[0]}
        for here in _backwards(self):
            chosen = wanted.pop(here)
            if not here.links:
                return np.asarray(chosen)
            for source, rows, cols in here.links:
                found = chosen
                if rows is not None and cols is not None:
                    found = np.zeros(source.count, dtype=bool)
                    found[cols[chosen[rows]]] = True
                wanted[source] = wanted.get(source, False) | found
        raise AssertionError("every way leads to the input")


def made(
    links: Iterable[Link],
    count: int,
    *,
    further: float = 0.0,
    across: float = 0.0,
    at: Numbers | None = None,
) -> Hops:
    """Rows that are made of others.

    Args:
        links: of which.
        count: how many rows.
        further: how many edges more they see than those.
        across: how many edges longer their clusters are.
        at: where they are.
    """
    every = tuple(links)
    for source, _, _ in every:
        if source.reach == inf:
            return source.everything(count)
    for source, rows, _ in every:
        if source.is_lost or (rows is None and source.count != count):
            return source.lost(count)
    reach = float(np.max([link.source.reach for link in every]))  # nan if one is
    wide = float(np.max([link.source.across for link in every]))
    return Hops(count, every[0].source.nodes, reach + further, wide + across, every, at)


def _backwards(last: Hops) -> list[Hops]:
    """All that something is made of, each after everything that is made of it."""
    order: list[Hops] = []
    met: set[Hops] = set()
    waiting = [(last, False)]
    while waiting:
        here, done = waiting.pop()
        if done:
            order.append(here)
        elif here not in met:
            met.add(here)
            waiting += [(here, True), *((link.source, False) for link in here.links)]
    return order[::-1]
