"""The domain (grid or graph) of each tensor inside a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.explain.pooled import clusters, compose
from gnnvision.explain.samples import unknown_domain
from gnnvision.layers import OnDomain

__all__ = ["Place", "Places", "places"]


@dataclass(frozen=True)
class Place:
    """The domain of a tensor and the layout of its dimensions.

    Args:
        domain: its grid or graph; None if it has no sites, as after a readout.
        channel_dim: the dimension of the channels: 1 or, as in a Swin transformer, the last.
        edges_of: the graph whose edges are the sites; None if the sites are nodes.
        cluster: after pooling on a graph, the node of the pooled graph that each input node was
            pooled into, -1 for a dropped node; else None. Shape (N,).
    """

    domain: Domain | None
    channel_dim: int = 1
    edges_of: Graph | None = None
    cluster: Tensor | None = field(default=None, compare=False, repr=False)


class Places(ABC):
    """The places of the tensors recorded so far in a forward pass.

    Layers with an `out_domain` provide the domain of their output. Most other layers work site
    by site, so that their output has the domain of their input.
    """

    def __init__(self) -> None:
        self._known = WeakTensorKeyDictionary()
        self._recent: list[Place] = []

    def start(self, x: Tensor, domain: Domain) -> None:
        """Begin with the input of the network."""
        self.record(x, Place(domain))

    def record(self, tensor: Tensor, place: Place) -> Place:
        """Store the place of a tensor, and return it."""
        self._known[tensor] = place
        self._recent = [known for known in self._recent if known != place] + [place]
        return place

    def place_of(self, tensor: object) -> Place | None:
        """The place of a tensor; None if it was not recorded."""
        held: Place | None = self._known.get(tensor) if isinstance(tensor, Tensor) else None
        return held

    @abstractmethod
    def place_after(self, module: nn.Module, inputs: Sequence[Any], output: Tensor) -> Place:
        """Derive, store and return the place of a layer's output."""


class GridPlaces(Places):
    """Places in a network for images: a tensor with the dimensions of (B, C, *size) has sites.

    Args:
        grid: the grid of the input.
    """

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.ndim = grid.ndim + 2

    def place_after(self, module: nn.Module, inputs: Sequence[Any], output: Tensor) -> Place:
        """The place of a layer's output, from its shape and the kind of layer."""
        if output.ndim != self.ndim:
            return self.record(output, Place(None))
        if (known := self.place_of(output)) is not None:  # the output of a block's last layer
            return self.record(output, known)
        last = self._channels_last(module, inputs)
        size = tuple(output.shape[1:-1] if last else output.shape[2:])
        return self.record(output, Place(Grid(size), -1 if last else 1))

    def _channels_last(self, module: nn.Module, inputs: Sequence[Any]) -> bool:
        order = getattr(module, "dims", None)
        if type(module).__name__ == "Permute" and isinstance(order, (list, tuple)):
            return list(order) == [0, *range(2, self.ndim), 1]
        if isinstance(module, nn.Linear):
            return True
        if isinstance(module, nn.LayerNorm):
            return len(module.normalized_shape) == 1
        if isinstance(module, OnDomain) or type(module).__name__.endswith(("2d", "1d", "3d")):
            return False
        before = next((place for value in inputs if (place := self.place_of(value))), None)
        return before is not None and before.channel_dim == -1


class GraphPlaces(Places):
    """Places in a network for graphs: the rows of a tensor are nodes, edges or graphs."""

    def __init__(self) -> None:
        super().__init__()
        self._graphs: list[tuple[Graph, Tensor | None]] = []  # each with its clusters

    def start(self, x: Tensor, domain: Domain) -> None:
        """Begin with the input of the network, on the nodes of a graph."""
        self._register(domain, None)
        super().start(x, domain)

    def _register(self, value: object, cluster: Tensor | None) -> None:
        if isinstance(value, Graph) and not any(value is graph for graph, _ in self._graphs):
            self._graphs.append((value, cluster))

    def place_after(self, module: nn.Module, inputs: Sequence[Any], output: Tensor) -> Place:
        """The place, from `out_domain`, else from the input, else from the number of rows."""
        entered = next((v for v in inputs if isinstance(v, Tensor)), None)
        before = self.place_of(entered)
        for value in inputs:  # pooling with given clusters returns a new graph at each call
            self._register(value, None if before is None else before.cluster)
        here = next((value for value in inputs if isinstance(value, Graph)), None)
        rows = output.shape[0] if output.ndim else 0
        if isinstance(module, OnDomain) and here is not None:
            there = module.out_domain(here)
            if there is not here and isinstance(there, Graph):
                self._register(there, self._pooled(module, here))
            place = self._named(there)
            if there is None or there.num_sites == rows:
                return self.record(output, place)
        place_before = self._of_edges(entered) or before
        if entered is not None and place_before is not None and len(entered) == rows:
            return self.record(output, place_before)
        return self.record(output, self._by_rows(rows))

    def _pooled(self, module: nn.Module, graph: Graph) -> Tensor | None:
        """The cluster of each input node after a pooling layer; None if unknown."""
        then = clusters(module, graph)
        cluster = None if then is None else compose(self._cluster(graph), then)
        known = cluster is not None and len(cluster) == self._graphs[0][0].num_nodes
        return cluster if known else None

    def _cluster(self, graph: Graph) -> Tensor | None:
        return next((cluster for known, cluster in self._graphs if known is graph), None)

    def _named(self, domain: Domain | None) -> Place:
        """The place of a domain, which may be the line graph of a recorded graph."""
        line = next((p for p in self._lines() if p.domain is domain), None)
        if line is not None or not isinstance(domain, Graph):
            return line or Place(domain)
        return Place(domain, cluster=self._cluster(domain))

    def _lines(self) -> list[Place]:
        """The places of the line graphs of the recorded graphs."""
        made = (
            (graph, cluster, vars(graph).get("_derived", {}).get("line_graph"))
            for graph, cluster in self._graphs
        )
        return [
            Place(line, 1, graph, cluster) for graph, cluster, line in made if line is not None
        ]

    def _of_edges(self, value: Tensor | None) -> Place | None:
        """The place of edge attributes: the edges of their graph; None for other tensors."""
        for graph, cluster in self._graphs:
            if value is not None and value is graph.edge_attr:
                return Place(graph.line_graph, 1, graph, cluster)
        return None

    def _by_rows(self, rows: int) -> Place:
        """The most recent place with this number of rows."""
        graph = self._graphs[0][0]
        for place in reversed(self._recent):
            sites = graph.num_graphs if place.domain is None else place.domain.num_sites
            if sites == rows:
                return place
        return next(
            (p for p in self._lines() if p.domain and p.domain.num_sites == rows), _NO_SITES
        )


_NO_SITES = Place(None)


@singledispatch
def places(domain: Domain) -> Places:
    """An empty record of places for a network on this kind of domain.

    Raises:
        TypeError: if the domain is neither a grid nor a graph.
    """
    raise unknown_domain(domain)


@places.register
def _(domain: Grid) -> Places:
    return GridPlaces(domain)


@places.register
def _(domain: Graph) -> Places:
    return GraphPlaces()
