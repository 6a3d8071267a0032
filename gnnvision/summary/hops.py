"""Receptive fields on graphs: the number of hops and the nodes."""

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
    """The rows of another tensor that each row of a tensor depends on.

    Args:
        source: the other tensor.
        rows: of this tensor. Shape (entries,); None if each row depends on the same row.
        cols: of the other tensor. Shape (entries,).
    """

    source: Hops
    rows: Numbers | None = None
    cols: Numbers | None = None


@dataclass(frozen=True, eq=False)
class Hops:
    """The receptive fields of the rows of one tensor on a graph.

    Args:
        count: the number of rows.
        nodes: the number of nodes of the input.
        reach: the maximum number of hops between a node, or any node of a cluster after pooling,
            and the nodes that it depends on. `inf` is the entire graph, `nan` unknown.
        across: the maximum number of hops between two nodes of a cluster; 0 for a node.
        links: the rows that these rows depend on; empty for the input itself.
        at: the node of each row, which for an edge is its source; None if irrelevant.
            Shape (rows,).
    """

    count: int
    nodes: int
    reach: float = 0.0
    across: float = 0.0
    links: tuple[Link, ...] = ()
    at: Numbers | None = None

    @classmethod
    def of_input(cls, nodes: int) -> Hops:
        """The rows of the input: each node depends on itself."""
        return cls(nodes, nodes, at=np.arange(nodes))

    @property
    def is_lost(self) -> bool:
        """Whether the receptive fields are unknown."""
        return isnan(self.reach) and not self.links

    def everything(self, count: int) -> Hops:
        """Rows that depend on all nodes that these rows depend on."""
        return self.lost(count) if self.is_lost else Hops(count, self.nodes, inf, self.across)

    def lost(self, count: int) -> Hops:
        """Rows with unknown receptive fields, unless they are the entire graph."""
        return Hops(count, self.nodes, inf if self.reach == inf else nan, nan)

    def stepped(self, rows: Numbers, cols: Numbers, count: int) -> Hops:
        """Rows that are sums of rows, over edges if these belong to other nodes.

        One step over edges adds the length of a cluster and one hop. A row that takes a single
        other row, as an edge takes that of its source, has the same node.
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
        """The rows after pooling of clusters of at most `size` rows; None if unknown."""
        further = nan if size is None else (size - 1) * (self.across + 1)
        return made([Link(self, rows, cols)], count, further=further, across=further)

    def mask(self, index: Sequence[int]) -> NDArray[np.bool_] | None:
        """A mask of the nodes in the receptive field of a row; None if unknown."""
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
        raise AssertionError("every row depends on the input")


def made(
    links: Iterable[Link],
    count: int,
    *,
    further: float = 0.0,
    across: float = 0.0,
    at: Numbers | None = None,
) -> Hops:
    """Rows that depend on other rows.

    Args:
        links: to these rows.
        count: the number of rows.
        further: the number of additional hops.
        across: the number of hops by which their clusters are longer.
        at: the node of each row.
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
