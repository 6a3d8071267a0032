"""Pairs of nodes: those that are linked, and as many that are not, drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.split import Split, permutation
from gnnvision.domains import Graph
from gnnvision.errors import at_least, invalid

__all__ = [
    "LinkSplitter",
    "check_fractions",
    "draw_unlinked",
    "is_directed",
    "linked_pairs",
    "pair_keys",
    "raw_integers",
]

MOST_LISTED = 50_000_000  # pairs that are listed where most of them are excluded


def pair_keys(pairs: Tensor, num_nodes: int) -> Tensor:
    """A number for each pair of nodes that is the same in both directions. Shape (P,)."""
    low, high = pairs.aminmax(dim=0)
    return low * num_nodes + high


def is_directed(graph: Graph) -> bool:
    """Whether some edge between two nodes has no reverse; weights and types do not count."""
    edges = graph.edge_index.cpu()
    ahead, back = (a * graph.num_nodes + b for a, b in (edges, edges.flip(0)))
    return not torch.equal(ahead.unique(), back.unique())


def linked_pairs(graph: Graph) -> Tensor:
    """Each pair of different nodes with an edge, once. Shape (2, P), on the CPU.

    Of an undirected graph the smaller node comes first; parallel edges are one pair.
    """
    edges = graph.edge_index.cpu()
    edges = edges[:, edges[0] != edges[1]]
    if not is_directed(graph):
        edges = edges[:, edges[0] < edges[1]]
    keys = (edges[0] * graph.num_nodes + edges[1]).unique()
    return torch.stack([keys // graph.num_nodes, keys % graph.num_nodes])


def draw_unlinked(
    count: int, num_nodes: int, excluded: Tensor, draw: Callable[[int], Tensor]
) -> Tensor:
    """Random distinct pairs of different nodes that are not excluded. Shape (2, count).

    Args:
        count: The number of pairs; fewer are returned if there are fewer.
        num_nodes: The number of nodes.
        excluded: The sorted keys of the excluded pairs; see `pair_keys`.
        draw: A function from n to n random non-negative integers of 62 bits.
    """
    total = num_nodes * (num_nodes - 1) // 2
    left = total - len(excluded)
    count = min(count, left)
    if count * 2 > left and total <= MOST_LISTED:  # drawing would mostly meet what it has
        first, second = torch.triu_indices(num_nodes, num_nodes, 1)
        keys = first * num_nodes + second
        free = keys[~torch.isin(keys, excluded)]
        chosen = free[draw(len(free)).argsort(stable=True)[:count]]
    else:
        chosen = torch.empty(0, dtype=torch.int64)
        while len(chosen) < count:
            number = count - len(chosen) + (count - len(chosen)) // 8 + 16
            ends = draw(2 * number).view(2, number) % num_nodes
            ends = ends[:, ends[0] != ends[1]]
            keys = pair_keys(ends, num_nodes)
            place = torch.searchsorted(excluded, keys).clamp(max=max(len(excluded) - 1, 0))
            keys = keys[excluded[place] != keys] if len(excluded) else keys
            chosen = _first_of_each(torch.cat([chosen, keys]))[:count]
    return torch.stack([chosen // num_nodes, chosen % num_nodes])


def _first_of_each(keys: Tensor) -> Tensor:
    """The distinct keys in the order of their first occurrence."""
    order = keys.argsort(stable=True)
    ordered = keys[order]
    is_first = torch.ones(len(keys), dtype=torch.bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    return keys[order[is_first].sort().values]


def raw_integers(seed: int) -> Callable[[int], Tensor]:
    """A function that draws integers of 62 bits, the same with every numpy version."""
    stream = np.random.PCG64(seed)

    def draw(count: int) -> Tensor:
        raw: NDArray[np.uint64] = stream.random_raw(count)
        return torch.from_numpy((raw >> np.uint64(2)).astype(np.int64))

    return draw


@dataclass(frozen=True, eq=False)
class LinkSplitter:
    """A function from a seed to a random split of pairs.

    Pairs of the same two nodes are in one split, in both directions, and links
    and pairs without one are split alike.

    Args:
        keys: The key of each pair; see `pair_keys`.
        is_linked: Whether each pair is a link.
        val: The fraction for validation.
        test: The fraction for the test.
    """

    keys: NDArray[np.int64]
    is_linked: NDArray[np.bool_]
    val: float
    test: float

    def __call__(self, seed: int) -> Split:
        """The split of a seed, the same on every machine."""
        parts: dict[str, list[NDArray[np.int64]]] = {"train": [], "val": [], "test": []}
        for number, of in enumerate((self.is_linked, ~self.is_linked)):
            items = np.flatnonzero(of)
            _, group = np.unique(self.keys[items], return_inverse=True)
            count = int(group.max()) + 1 if len(group) else 0
            place = np.empty(count, np.int64)
            place[permutation(count, 2 * seed + number)] = np.arange(count)
            test = _share(count, self.test)
            val = _share(count, self.val)
            rank = place[group]
            parts["test"].append(items[rank < test])
            parts["val"].append(items[(rank >= test) & (rank < test + val)])
            parts["train"].append(items[rank >= test + val])
        return Split("random", *(np.concatenate(parts[name]) for name in parts))


def _share(count: int, fraction: float) -> int:
    """The fraction of a count; at least one if the fraction is not 0."""
    return max(round(count * fraction), 1) if fraction else 0


def check_fractions(val: float, test: float, links: int) -> None:
    """Raise ValueError unless the fractions leave links for training."""
    for name, value in (("val", val), ("test", test)):
        at_least(name, value, 0, "Give a fraction of the links, such as 0.1.")
    if val + test >= 1:
        advice = "Give fractions of the links, such as 0.05 and 0.1."
        raise invalid("val", "be below 1 together with 'test'", f"{val} and {test}", advice)
    used = _share(links, val) + _share(links, test)
    if used >= links:
        condition = f"have more links than the {used} for validation and test"
        raise invalid("graph", condition, links, "Use a larger graph, or smaller fractions.")
