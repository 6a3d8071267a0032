"""A random graph of any size, with a power law of degrees, communities and noisy features.

Graphs from the real world have a few nodes with thousands of edges among many with few, and edges
mostly within communities. This one has both, from a closed formula, so that it is made block by
block, in memory that does not grow with the graph, and a seed gives the same graph everywhere.

References:
    Karrer, Newman, "Stochastic blockmodels and community structure in networks", 2011,
    https://arxiv.org/abs/1008.3926, section IV: the degree-corrected block model, with edges that
    are of a planted community structure with one probability and else random;
    Chung, Lu, "The average distances in random graphs with given expected degrees", 2002,
    https://doi.org/10.1073/pnas.252631999: expected degrees c (i + i₀)^(-1 / (β - 1)).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.split import Split
from gnnvision.errors import integer, invalid

__all__ = ["NodeBlock", "PowerLaw"]

BLOCK = 1 << 18  # nodes that one random generator makes
EDGES = 1 << 20  # pairs that one makes
FEW = 20  # training nodes of a class in a small graph
_MEANS, _EDGES, _NODES, _SPLIT = range(4)  # what a random generator is for


class NodeBlock(NamedTuple):
    """Consecutive nodes: the first one's index, their features (n, C) and classes (n,)."""

    start: int
    x: NDArray[np.float32]
    y: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class PowerLaw:
    """A degree-corrected stochastic block model, which generates its graph block by block.

    The expected degrees follow a power law: P(degree > d) ~ d^(1 - exponent), up to the largest,
    √(mean_degree · N), at which two nodes share one edge on average. Each end of an edge is drawn
    in proportion to the expected degrees; the second end is in the community of the first with
    probability `inside`, and else anywhere. As in the model, a pair may be drawn twice (0.3 % of
    the edges for 10⁶ nodes): parallel edges, whose entries in matrices are summed. There are no
    self loops.

    The class of a node is its community. Its features are the mean of its class, a random vector
    of length `signal`, plus standard normal noise in every channel.

    Args:
        num_nodes: The number of nodes N.
        mean_degree: The number of edges of a node on average; the graph has N · `mean_degree`
            directed edges, in pairs of both directions.
        exponent: Of the power law, larger than 2.
        classes: The number of communities, of equal size.
        inside: The probability that an edge is drawn within a community.
        channels: The number of features of a node.
        signal: The length of the mean feature vector of a class, where the noise has standard
            deviation 1.
        labeled: The fraction of the nodes in the training split, and in validation; the rest is
            for the test. It is larger for a small graph: 20 nodes a class, or a quarter of all.
        seed: Of everything.

    Raises:
        TypeError: A size is not an integer.
        ValueError: An argument is out of range.

    Example:
        >>> graph = PowerLaw(num_nodes=1000, seed=1)
        >>> sum(pairs.shape[1] for pairs in graph.edges())
        5000
        >>> graph.split().sizes
        {'train': 250, 'val': 250, 'test': 500}
    """

    num_nodes: int
    mean_degree: float = 10.0
    exponent: float = 2.5
    classes: int = 16
    inside: float = 0.6
    channels: int = 32
    signal: float = 1.5
    labeled: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        integer("classes", self.classes, 2, "Choose the number of communities.")
        few = "Choose a larger graph, or fewer classes."
        integer("num_nodes", self.num_nodes, 10 * self.classes, few)
        integer("channels", self.channels, 1, "Choose the number of features.")
        integer("seed", self.seed, 0, "Choose another seed.")
        for name, low, high in (
            ("mean_degree", 0.0, self.num_nodes / self.classes),
            ("exponent", 2.0, math.inf),
            ("inside", 0.0, 1.0),
            ("signal", 0.0, math.inf),
            ("labeled", 0.0, 0.4),
        ):
            value = getattr(self, name)
            low_fits = low < value if low else low <= value
            if not (low_fits and value <= high and value < math.inf):
                between = f"be from {low:g} to {high:g}" if high < math.inf else "be at least 0"
                condition = f"be above {low:g}" if low else between
                raise invalid(name, condition, value, "Choose another value.")

    @property
    def num_pairs(self) -> int:
        """The number of pairs of nodes that are connected, half the number of edges."""
        return round(self.num_nodes * self.mean_degree / 2)

    def edges(self, first_block: int = 0) -> Iterator[NDArray[np.int64]]:
        """The pairs of connected nodes in blocks, each pair in one direction. Shapes (2, n).

        Args:
            first_block: How many blocks to leave out.
        """
        for block, start in enumerate(range(0, self.num_pairs, EDGES)):
            if block < first_block:
                continue
            size = min(EDGES, self.num_pairs - start)
            random = self._random(_EDGES, block)
            first = random.integers(self.classes, size=size)
            moved = random.integers(self.classes, size=size)
            second = np.where(random.random(size) < self.inside, first, moved)
            ends = np.stack([
                self._members(first, random.random(size)),
                self._members(second, random.random(size)),
            ])  # fmt: skip
            same = ends[0] == ends[1]  # the next node of the community, in place of a self loop
            ends[1, same] = self._next(ends[1, same])
            yield self._scatter(ends)

    def nodes(self, first_node: int = 0) -> Iterator[NodeBlock]:
        """The features and classes of the nodes in blocks.

        Args:
            first_node: The blocks before that of this node are left out.
        """
        for block in range(first_node // BLOCK, math.ceil(self.num_nodes / BLOCK)):
            start = block * BLOCK
            y = self.class_of(np.arange(start, min(start + BLOCK, self.num_nodes)))
            random = self._random(_NODES, block)
            noise = random.standard_normal((len(y), self.channels), dtype=np.float32)
            yield NodeBlock(start, self._means[y] + noise, y)

    def class_of(self, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        """The classes of some nodes, from 0."""
        return (nodes - self._shift) * self._inverse % self.num_nodes % self.classes

    def split(self, seed: int | None = None) -> Split:
        """The public split, or a random one: of each block of nodes a fraction is labeled.

        Args:
            seed: Of the random split; None for the public one.
        """
        parts: dict[str, list[NDArray[np.int64]]] = {"train": [], "val": [], "test": []}
        of_seed = () if seed is None else (seed,)
        fraction = max(self.labeled, min(FEW * self.classes / self.num_nodes, 0.25))
        for block, start in enumerate(range(0, self.num_nodes, BLOCK)):
            size = min(BLOCK, self.num_nodes - start)
            order = self._random(_SPLIT, block, *of_seed).permutation(size) + start
            known = max(1, round(fraction * size))
            for name, found in zip(parts, np.split(order, [known, 2 * known]), strict=True):
                parts[name].append(np.sort(found))
        name = "public" if seed is None else "random"
        return Split(name, *(np.concatenate(found) for found in parts.values()))

    # The nodes of a community are ranked by their expected degree; the rank r of all nodes is
    # (rank in the community) · classes + (community), and the node is (a r + b) mod N, so that
    # neither the large nodes nor the communities lie together in memory.

    def _members(self, community: NDArray[np.int64], u: NDArray[np.float64]) -> NDArray[np.int64]:
        """The ranks of nodes of some communities, drawn in proportion to the expected degrees.

        The expected degree at the fraction t of a community is (t + t₀)^(-1 / (β - 1)), whose
        integral is a power as well; its inverse takes uniform numbers to fractions.
        """
        power = (self.exponent - 2) / (self.exponent - 1)
        low, high = self._first**power, (1 + self._first) ** power
        t = (u * (high - low) + low) ** (1 / power) - self._first
        count = (self.num_nodes - community + self.classes - 1) // self.classes
        rank: NDArray[np.int64] = np.clip((t * count).astype(np.int64), 0, count - 1)
        rank *= self.classes
        rank += community
        return rank

    def _next(self, ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        after = ranks + self.classes
        return np.where(after < self.num_nodes, after, ranks % self.classes)

    @cached_property
    def _first(self) -> float:
        """The fraction t₀ that limits the largest degree to √(mean_degree · N)."""
        largest = math.sqrt(self.mean_degree * self.num_nodes)
        smallest = self.mean_degree * (self.exponent - 2) / (self.exponent - 1)
        return float((smallest / largest) ** (self.exponent - 1))

    def _scatter(self, ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        return (ranks * self._factor + self._shift) % self.num_nodes

    @cached_property
    def _factor(self) -> int:
        """A number without a common divisor with N, near N divided by the golden ratio."""
        found = max(1, round(self.num_nodes * 0.6180339887498949))
        while math.gcd(found, self.num_nodes) != 1:
            found += 1
        return found

    @cached_property
    def _inverse(self) -> int:
        return pow(self._factor, -1, self.num_nodes)

    @cached_property
    def _shift(self) -> int:
        return int(self._random(_SPLIT).integers(self.num_nodes))

    @cached_property
    def _means(self) -> NDArray[np.float32]:
        means = self._random(_MEANS).standard_normal((self.classes, self.channels))
        means *= self.signal / np.linalg.norm(means, axis=1, keepdims=True)
        return means.astype(np.float32)

    def _random(self, *purpose: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=purpose))
