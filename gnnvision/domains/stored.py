"""A graph whose incoming edges lie in arrays by target, which may be files larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.domains.base import Domain
from gnnvision.domains.checks import Indices, to_indices
from gnnvision.domains.clusters import partition
from gnnvision.domains.device import full_device, widest
from gnnvision.domains.frontier import Frontier
from gnnvision.domains.modes import is_live
from gnnvision.domains.sampling import Integers, Places, enclosed, sampled
from gnnvision.errors import integer, invalid, one_of, wrong_type

__all__ = ["StoredGraph", "key_of"]

_EDGES = 1 << 22  # at a time, where all edges are read


class StoredGraph(Domain):
    """A graph as its incoming edges, sorted by target, in arrays that may be memory-mapped.

    It is for graphs that are too large for the matrices of a `Graph`: nothing of it is read that
    is not needed. Networks run on its frontiers: `frontier` draws some neighbors of each node, or
    takes them all. `gnnvision.data.load` makes one of a folder that `gnnvision graph build`
    wrote.

    Args:
        rowptr: the first edge of each node, then the number of edges, int64. Shape (N + 1,).
        source: the source of each edge, int32 or int64. Shape (E,).
        edge_weight: a weight for each edge, floating point. Shape (E,).
        edge_attr: attributes of each edge. Shape (E, D).
        edge_type: the relation of each edge, int64, from 0. Shape (E,).
        num_relations: the number of relations.
        is_undirected: whether every edge is known to have its reverse.
        node_names: names of the nodes, in order.

    Raises:
        TypeError: if an argument has the wrong type or dtype.
        ValueError: if the sizes do not match. Sources are not checked here, as that reads them
            all.

    Example:
        >>> from gnnvision import Graph
        >>> path = Graph.from_edges([(0, 1), (1, 2), (2, 3)], num_nodes=4, undirected=True)
        >>> stored = path.by_target
        >>> stored
        StoredGraph(num_nodes=4, num_edges=6)
        >>> stored.frontier([0], fanouts=(-1, -1)).nodes.tolist()
        [0, 1, 2]
    """

    def __init__(
        self,
        rowptr: Tensor,
        source: Tensor,
        *,
        edge_weight: Tensor | None = None,
        edge_attr: Tensor | None = None,
        edge_type: Tensor | None = None,
        num_relations: int | None = None,
        is_undirected: bool = False,
        node_names: Sequence[Hashable] | None = None,
    ) -> None:
        columns = {"rowptr": rowptr, "source": source}
        for name, column in columns.items():
            if not isinstance(column, Tensor) or column.dtype not in (torch.int32, torch.int64):
                raise wrong_type(name, "be a tensor of integers", column, "Use int64.")
            if column.ndim != 1 or column.device.type != "cpu":
                got = f"shape {tuple(column.shape)} on {column.device}"
                raise invalid(name, "have one axis, on the CPU", got, "Move it there.")
        if rowptr.dtype is not torch.int64:
            raise wrong_type("rowptr", "be int64", rowptr.dtype, "Convert it with rowptr.long().")
        size = source.numel()
        if not rowptr.numel() or int(rowptr[0]) or int(rowptr[-1]) != size:
            condition = f"go from 0 to the number of edges, {size}"
            got = "nothing" if not rowptr.numel() else f"{int(rowptr[0])} to {int(rowptr[-1])}"
            raise invalid("rowptr", condition, got, "Give the first edge of each node, then E.")
        more = {"edge_weight": edge_weight, "edge_attr": edge_attr, "edge_type": edge_type}
        for name, given in more.items():
            if given is not None and len(given) != size:
                condition = f"have one row for each of the {size} edges"
                raise invalid(name, condition, tuple(given.shape), "Give them by target.")
        self.rowptr, self.source = rowptr, source
        self.edge_weight, self.edge_attr, self.edge_type = edge_weight, edge_attr, edge_type
        self.num_relations = num_relations
        self.is_undirected, self.node_names = is_undirected, node_names
        self.num_nodes = rowptr.numel() - 1

    # --- sizes ------------------------------------------------------------------------------

    @property
    def num_sites(self) -> int:
        """The number of nodes."""
        return self.num_nodes

    @property
    def num_edges(self) -> int:
        """The number of directed edges; an undirected edge counts as two."""
        return self.source.numel()

    @property
    def device(self) -> torch.device:
        """The CPU: frontiers are moved to the device of a network."""
        return self.source.device

    weights_are_counts = False

    def degree(
        self,
        direction: Literal["out", "in"] = "out",
        *,
        weighted: bool = True,
        loops: bool = True,
        device: torch.device | str = "cpu",
    ) -> Tensor:
        """The degree of each node: the sum of its edge weights, float64. Shape (N,).

        It is computed once, by reading the edges in blocks; unweighted degrees of incoming edges
        need none.

        Args:
            direction: "out" sums over the edges that leave a node, "in" over those that enter it.
            weighted: whether the edge weights are summed, if there are any, or edges counted.
            loops: whether self loops are included.
            device: where it is wanted; float32 where that has no float64.
        """
        one_of("direction", direction, ("out", "in"))
        weighted = weighted and self.edge_weight is not None
        key = ("degree", direction, weighted, loops)
        return self._there(key, lambda: self._degree(direction, weighted, loops), device)

    def _there(
        self, key: Hashable, build: Callable[[], Tensor], device: torch.device | str
    ) -> Tensor:
        """What is derived, copied to a device once."""
        there = full_device(device)

        def copied() -> Tensor:
            return self.derived(key, build).to(there, widest(there))

        return (
            self.derived(key, build) if there.type == "cpu" else self.derived((key, there), copied)
        )

    def _degree(self, direction: str, weighted: bool, loops: bool) -> Tensor:
        if direction == "in" and not weighted and (loops or self._looped is None):
            return self.rowptr.diff().double()
        total = self.rowptr.new_zeros(self.num_nodes, dtype=torch.float64)
        for targets, sources, edges in self.edge_blocks():
            index = sources if direction == "out" else targets
            value = torch.ones(len(index), dtype=torch.float64)
            if weighted:
                assert self.edge_weight is not None
                value = self.edge_weight[edges].double()
            if not loops:
                value = torch.where(sources == targets, 0, value)
            total = total.index_add(0, index, value)
        return total

    def self_loops(
        self, weight: float, *, weighted: bool = True, device: torch.device | str = "cpu"
    ) -> Tensor:
        """The weight of the last self loop of each node; `weight` if it has none. Shape (N,).

        Args:
            weight: of a node without one.
            weighted: whether loops have the edge weights, if there are any, or 1.
            device: as for `degree`.
        """

        def build() -> Tensor:
            value = torch.full((self.num_nodes,), float(weight), dtype=torch.float64)
            if self._looped is not None:
                nodes, edges = self._looped
                given = self.edge_weight if weighted else None
                own = torch.ones(len(edges)) if given is None else given[edges]
                value.numpy()[nodes.numpy()] = own.detach().numpy()  # the last one is kept
            return value

        return self._there(("self loops", weight, weighted), build, device)

    @property
    def _looped(self) -> tuple[Tensor, Tensor] | None:
        """The nodes and edges of all self loops; None if there are none."""

        def build() -> tuple[Tensor, Tensor] | None:
            nodes, edges = [], []
            for targets, sources, span in self.edge_blocks():
                found = (sources == targets).nonzero().squeeze(1)
                nodes.append(sources[found])
                edges.append(found + span.start)
            loops = torch.cat(nodes) if nodes else torch.empty(0)
            return (loops, torch.cat(edges)) if loops.numel() else None

        return self.derived("self loops", build)

    def edge_blocks(self) -> Iterator[tuple[Tensor, Tensor, slice]]:
        """All edges in blocks: targets, sources, and their range."""
        ends = self.rowptr.numpy()
        for start in range(0, self.num_edges, _EDGES):
            stop = min(start + _EDGES, self.num_edges)
            first = int(np.searchsorted(ends, start, "right")) - 1
            last = int(np.searchsorted(ends, stop, "left"))
            sizes = np.diff(np.clip(ends[first : last + 1], start, stop))
            targets = np.repeat(np.arange(first, last), sizes)
            yield torch.from_numpy(targets), self.source[start:stop].long(), slice(start, stop)

    # --- what networks run on -----------------------------------------------------------------

    def frontier(
        self,
        nodes: Indices,
        hops: int | None = None,
        *,
        fanouts: Sequence[int] | None = None,
        generator: torch.Generator | None = None,
        key: int | None = None,
    ) -> Frontier:
        """The graph seen from some nodes: with all or some of their neighbors.

        See `Graph.frontier`.

        Args:
            nodes: the nodes whose output is wanted, as there.
            hops: the number of hops, each with all edges.
            fanouts: in its place, how many edges a node gets in each hop, as there.
            generator: as there.
            key: as there.
        """
        fanouts, key = key_of(hops, fanouts, generator, key)
        chosen = self._distinct(nodes)
        with naming_damage():
            order, sizes, steps = sampled(*self.arrays, chosen, fanouts, key)
        return Frontier(self, order, sizes, steps)

    def within(self, nodes: Indices) -> Frontier:
        """The graph seen from some nodes and the edges between them.

        See `Graph.within`.

        Args:
            nodes: distinct nodes, or a boolean mask.
        """
        chosen = self._distinct(nodes)
        with naming_damage():
            step = enclosed(*self.arrays, chosen)
        return Frontier(self, torch.from_numpy(chosen), [len(chosen)], [step])

    def clusters(self, count: int, seed: int = 0) -> Tensor:
        """The cluster of each node: of parts of similar size with few edges between them.

        See `Graph.clusters`.

        Args:
            count: the number of clusters.
            seed: another seed gives other clusters.
        """
        integer("count", count, 1, "Give the number of clusters.")
        return torch.from_numpy(partition(self.rowptr.numpy(), self.source.numpy(), count, seed))

    @property
    def arrays(self) -> tuple[Integers, NDArray[np.integer], Places]:
        """What edges are drawn from: `rowptr`, `source`, and the room for the rows of nodes."""
        places = self.derived("places", lambda: Places(self.num_nodes))
        return self.rowptr.numpy(), self.source.numpy(), places

    def _distinct(self, nodes: Indices) -> Integers:
        must = f"be distinct nodes from 0 to {self.num_nodes - 1}"
        chosen: Integers = to_indices(nodes, self.num_nodes, "nodes", "nodes", must).numpy()
        if len(np.unique(chosen)) < len(chosen):
            raise invalid("nodes", must, "a node twice", "Remove the duplicates.")
        return chosen

    # --- the interface of a domain --------------------------------------------------------------

    def to(self, device: torch.device | str) -> Self:
        """Itself: its arrays stay where they are, and its frontiers are moved."""
        return self

    def to_sites(self, x: Tensor) -> Tensor:
        """A signal in the layout that operators multiply: itself, (N, C)."""
        return x

    def from_sites(self, y: Tensor) -> Tensor:
        """The inverse of `to_sites`: the signal itself, (N, C)."""
        return y

    @property
    def offsets(self) -> Tensor:
        """0, then the number of nodes: they are one sample. Shape (2,)."""
        return self.derived("offsets", lambda: torch.tensor([0, self.num_nodes]))

    def sample_count(self, x: Tensor) -> int:
        """1."""
        return 1

    def domain_of(self, x: Tensor) -> Self | None:
        """The graph itself if `x` has one row for each node, else None."""
        return self if x.ndim == 2 and x.shape[0] == self.num_nodes else None

    def _is_live(self) -> bool:
        return self.edge_weight is not None and is_live(self.edge_weight)

    def __repr__(self) -> str:
        return f"StoredGraph(num_nodes={self.num_nodes}, num_edges={self.num_edges})"


@contextmanager
def naming_damage() -> Iterator[None]:
    """Name the cause where edges that lead to no node, as in a damaged file, break a draw."""
    try:
        yield
    except (IndexError, ValueError, OverflowError, MemoryError) as error:
        got = f"others ({error})"
        advice = "A file is damaged: verify it with `gnnvision graph check`."
        raise invalid("graph", "have edges between its nodes", got, advice) from None


def key_of(
    hops: int | None,
    fanouts: Sequence[int] | None,
    generator: torch.Generator | None,
    key: int | None,
) -> tuple[Sequence[int], int]:
    """The fanouts of a frontier, -1 for all edges of a node, and the key of what is drawn."""
    if (hops is None) is (fanouts is None):
        got = "neither" if hops is None else "both"
        advice = "Use hops for all neighbors, or fanouts for some of them."
        raise invalid("fanouts", "be given in place of hops", got, advice)
    if fanouts is None:
        return (-1,) * integer("hops", hops, 0, "Give the number of graph convolutions."), 0
    if isinstance(fanouts, (str, int)) or not isinstance(fanouts, Sequence):
        advice = "Use for example fanouts=(15, 10)."
        raise wrong_type("fanouts", "be a sequence of integers", fanouts, advice)
    for fanout in fanouts:
        integer("fanouts", fanout, -1, "Give how many neighbors a node gets; -1 for all.")
        if fanout == 0:
            raise invalid("fanouts", "be positive, or -1 for all", 0, "Leave out the hop.")
    if key is None:
        key = int(torch.randint(2**62, (), generator=generator))
    return tuple(fanouts), key
