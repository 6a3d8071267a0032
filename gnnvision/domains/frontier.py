"""A graph seen from some of its nodes: those whose output is wanted, and all that they depend on.

A strided convolution gives fewer pixels than it takes; a graph convolution whose output is wanted
at 140 nodes needs their neighbors, and nothing else. Each convolution on a frontier moves one hop
in, with the rows of the whole graph's operators, so that the outputs are exactly those of the
whole graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from gnnvision.domains.base import Domain
from gnnvision.domains.batches import ranges
from gnnvision.domains.device import count, full_device, send
from gnnvision.domains.mini_batch import of_batch
from gnnvision.domains.sampling import Step
from gnnvision.domains.step_entries import StepEntries
from gnnvision.errors import invalid, wrong_type

if TYPE_CHECKING:
    from torch_geometric.data import Data

__all__ = ["Frontier", "TooFewHops", "entering", "incoming", "reached"]

Graph = Any  # a Graph or a StoredGraph, which import this file


class TooFewHops(ValueError):
    """Raised if the layers of a network need more hops than a frontier has left."""


class Frontier(Domain):
    """The nodes that some wanted nodes depend on within a number of hops, as a domain.

    `graph.frontier(nodes, hops)` makes one. Its sites are `nodes`: first the wanted ones in the
    given order, then those one hop away, and so on. A convolution takes a signal on them and
    returns one on the next, smaller frontier, `layer.out_domain(frontier)`, whose sites are the
    first of these; after `hops` convolutions only the wanted nodes are left. The normalization is
    that of the whole graph.

    A layer that is given the outermost frontier finds the one that its signal is on by the number
    of rows, so that a network that passes the same graph to all its layers works with a frontier
    as well. Where it adds a signal from before a convolution, `restrict` gives the rows that are
    left.

    `graph.within(nodes)` makes one of some nodes and the edges between them, for any number of
    hops, each of which keeps all of the nodes.

    Where only some of the edges of a node were drawn, each operator has the entries of those,
    multiplied by its degree divided by their number: the sum over them is that over all edges in
    the mean. A layer that looks at edges one by one, such as attention, gets the edges drawn.

    Args:
        whole: the graph.
        order: the nodes, wanted ones first. Shape (n,).
        sizes: the number of nodes within 0, 1, ..., `hops` hops.
        steps: the edges of each hop, if they were drawn; all edges of the graph if None. One more
            than the hops if it is enclosed.

    Example:
        >>> from gnnvision import Graph, GCNConv
        >>> path = Graph.from_edges([(0, 1), (1, 2), (2, 3)], num_nodes=4, undirected=True)
        >>> frontier = path.frontier([0], hops=2)
        >>> frontier.nodes.tolist(), frontier.inward().nodes.tolist()
        ([0, 1, 2], [0, 1])
        >>> layer = GCNConv(1, 5)
        >>> layer(torch.ones(3, 1), frontier).shape, layer.out_domain(frontier)
        (torch.Size([2, 5]), Frontier(num_nodes=2, hops=1, of 4 nodes))
    """

    def __init__(
        self,
        whole: Graph,
        order: Tensor,
        sizes: Sequence[int],
        steps: Sequence[Step] | None = None,
    ) -> None:
        self.whole = whole
        self.order = order
        self.sizes = tuple(sizes)
        self.steps = None if steps is None else tuple(steps)
        self._outer: Frontier = self
        self._inner: Frontier | None = None
        self.nodes = order[: self.sizes[-1]]

    @classmethod
    def from_pyg(cls, batch: Data, graph: Graph) -> Self:
        """The mini-batch of a torch-geometric loader, as a frontier of the graph.

        A batch with the nodes and edges of each hop, as of `NeighborLoader`, becomes one of as
        many hops, whose wanted nodes are the first `batch_size`. A batch without, as of
        `ClusterLoader`, becomes an enclosed one. The normalization is that of the whole graph.

        Args:
            batch: with `n_id` and `edge_index`; also `num_sampled_nodes`, `num_sampled_edges` and
                `batch_size` if it has hops, and `e_id` if the edges of the graph have weights,
                attributes or types.
            graph: the Graph, with the edges in the order of the loader's `edge_index`, or the
                StoredGraph.

        Raises:
            ValueError: if the batch lacks one of these, or does not fit the graph.
        """
        order, sizes, steps = of_batch(batch, graph)
        return cls(getattr(graph, "by_target", graph), order, sizes, steps)

    @property
    def hops(self) -> int:
        """How many hops in the wanted nodes are."""
        return len(self.sizes) - 1

    @property
    def is_closed(self) -> bool:
        """Whether its last hop reaches no further node."""
        return self.hops > 0 and self.sizes[-1] == self.sizes[-2]

    @property
    def wanted(self) -> Tensor:
        """The nodes whose output is wanted. Shape (n,)."""
        return self.order[: self.sizes[0]]

    @property
    def num_nodes(self) -> int:
        """The number of nodes."""
        return self.sizes[-1]

    @property
    def num_sites(self) -> int:
        """The number of nodes."""
        return self.sizes[-1]

    @property
    def device(self) -> torch.device:
        """The device of the tensors."""
        return self.order.device

    @property
    def edge_weight(self) -> Tensor | None:
        """The edge weights of the whole graph, if any."""
        weight: Tensor | None = self.whole.edge_weight
        return weight

    @property
    def num_edges(self) -> int:
        """The number of edges of the whole graph."""
        return int(self.whole.num_edges)

    @property
    def weights_are_counts(self) -> bool:
        """Whether the edge weights count edges that a pooling joined."""
        return bool(self.whole.weights_are_counts)

    @property
    def is_enclosed(self) -> bool:
        """Whether it has the edges between its nodes alone, and each hop keeps them all."""
        return self.steps is not None and len(self.steps) == len(self.sizes)

    def inward(self, hops: int = 1) -> Frontier:
        """The next, smaller frontier, after a convolution of as many hops.

        Raises:
            ValueError: if there are not as many hops left.
        """
        if self.is_enclosed:
            return self
        if hops > self.hops:
            advice = "Make it with graph.frontier(nodes, hops), hops for all layers together."
            error = invalid("frontier", f"have {hops} more hops", f"{self.hops} left", advice)
            raise TooFewHops(str(error))
        here = self
        for _ in range(hops):
            if here._inner is None:
                steps = None if here.steps is None else here.steps[:-1]
                here._inner = Frontier(self.whole, self.order, here.sizes[:-1], steps)
                here._inner._outer = self._outer
            here = here._inner
        return here

    def on(self, x: Tensor) -> Frontier:
        """The frontier that a signal is on, by its number of rows: this one, or one further in."""
        here = self
        while here.sizes[-1] != x.shape[0]:
            if not here.hops:
                condition = f"have one row for each of the {self.num_nodes} nodes of the frontier"
                got, advice = tuple(x.shape), "Pass x[frontier.nodes]."
                raise invalid("x", condition, got, advice)
            here = here.inward()
        return here

    def restrict(self, x: Tensor, onto: Tensor | Domain) -> Tensor:
        """The first rows of a signal: those of the frontier that `onto` is, or is a signal on."""
        return x[: onto.num_sites if isinstance(onto, Domain) else onto.shape[0]]

    @property
    def place(self) -> Tensor:
        """The row of each node of the whole graph in a signal; -1 for none. Shape (N,)."""
        if self._outer is not self:
            return self._outer.place

        def build() -> Tensor:
            place = self.order.new_full((self.whole.num_nodes,), -1)
            place[self.order] = torch.arange(self.order.numel(), device=self.device)
            return place

        return self.derived("place", build)

    def entries(self, dtype: torch.dtype | None = None, *, weighted: bool = True) -> StepEntries:
        """The entries of the adjacency matrix that lead to the next frontier, of drawn edges.

        Args:
            dtype: of the values; that of `edge_weight`, or torch's default.
            weighted: whether they are the edge weights, if the graph has any; else they are 1.
        """
        assert self.steps
        return StepEntries.of(self.whole, self.nodes, self.steps[-1], dtype, weighted)

    # --- the interface of a domain --------------------------------------------------------------

    def to(self, device: torch.device | str) -> Self:
        """The same frontier on `device`; itself if it is already there."""
        if self.device == full_device(device):
            return self
        steps = None if self.steps is None else [step.to(device) for step in self.steps]
        return type(self)(self.whole.to(device), send(self.order, device), self.sizes, steps)

    def to_sites(self, x: Tensor) -> Tensor:
        """A signal in the layout that operators multiply: itself, (n, C)."""
        return x

    def from_sites(self, y: Tensor) -> Tensor:
        """The inverse of `to_sites`: the signal itself, (n, C)."""
        return y

    @property
    def offsets(self) -> Tensor:
        """0, then the number of nodes: they are one sample. Shape (2,)."""
        return self.derived("offsets", lambda: self.order.new_tensor([0, self.num_nodes]))

    def sample_count(self, x: Tensor) -> int:
        """1."""
        return 1

    def refuse(self, layer: object) -> None:
        """Raise an error: the output of a layer depends on all nodes of the graph.

        Raises:
            TypeError: always.
        """
        advice = "Pass the graph itself: the output depends on all of its nodes."
        raise wrong_type("domain", f"be a Graph for {type(layer).__name__}", self, advice)

    def signal_shape(self, channels: int, batch_size: int = 1) -> tuple[int, ...]:
        """The shape of a signal, (n, C)."""
        return (self.num_nodes, channels)

    def domain_of(self, x: Tensor) -> Self | None:
        """The frontier that has as many nodes as `x` has rows; None if there is none."""
        here: Frontier | None = self
        while here is not None and (x.ndim != 2 or here.sizes[-1] != x.shape[0]):
            here = here.inward() if here.hops else None
        return here  # type: ignore[return-value]

    def _is_live(self) -> bool:
        return bool(self.whole._is_live())

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("whole", "order", "sizes", "steps")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __repr__(self) -> str:
        hops = "any" if self.is_enclosed else self.hops
        sizes = f"num_nodes={self.num_nodes}, hops={hops}"
        return f"Frontier({sizes}, of {self.whole.num_nodes} nodes)"


def incoming(graph: Graph) -> tuple[Tensor, Tensor]:
    """The edges by their target, and the first of each node, then E. Shapes (E,) and (N + 1,)."""

    def build() -> tuple[Tensor, Tensor]:
        target = graph.edge_index[1]
        rowptr = target.new_zeros(graph.num_nodes + 1)
        torch.cumsum(count(target, graph.num_nodes), 0, out=rowptr[1:])
        return target.argsort(stable=True), rowptr

    edges: tuple[Tensor, Tensor] = graph.derived("incoming", build)
    return edges


def reached(graph: Graph, nodes: Tensor, hops: int) -> tuple[Tensor, list[int]]:
    """Some nodes, then those within one hop of them, then within two, and so on.

    Args:
        graph: the graph.
        nodes: distinct nodes.
        hops: how often to follow the incoming edges.

    Returns:
        The nodes, and how many are within 0, 1, ..., `hops` hops.
    """
    seen = torch.zeros(graph.num_nodes, dtype=torch.bool, device=graph.device)
    seen[nodes] = True
    found, sizes, newest = [nodes], [nodes.numel()], nodes
    for _ in range(hops):
        sources = graph.edge_index[0, entering(graph, newest)[0]]
        fresh = sources[~seen[sources]].unique()
        seen[fresh] = True
        found.append(fresh)
        sizes.append(sizes[-1] + fresh.numel())
        newest = fresh
    return torch.cat(found), sizes


def entering(graph: Graph, nodes: Tensor) -> tuple[Tensor, Tensor]:
    """The edges that lead to some nodes, node by node, and their number for each."""
    order, rowptr = incoming(graph)
    sizes = rowptr.diff()[nodes]
    return order[ranges(rowptr[nodes], sizes, int(sizes.sum()))], sizes
