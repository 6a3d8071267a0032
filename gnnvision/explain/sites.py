"""Where the signals inside a network live: the grid or graph of each of its tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.explain.pooled import clusters, through
from gnnvision.layers import OnDomain

__all__ = ["Place", "Places", "places"]


@dataclass(frozen=True)
class Place:
    """Where a signal lives.

    Args:
        domain: its grid or graph; None where the sites are gone, as after a readout.
        channel_dim: the dimension of the channels: 1 or, as in a Swin transformer, the last.
        edges_of: the graph of which the sites are the edges; None where they are its nodes.
        inside: behind pooling on a graph, the node of the pooled graph that each node of the
            input is in, -1 for a node that was left out; else None. Shape (N,).
    """

    domain: Domain | None
    channel_dim: int = 1
    edges_of: Graph | None = None
    inside: Tensor | None = field(default=None, compare=False, repr=False)


class Places(ABC):
    """The places of the tensors met so far, while a network runs.

    A layer that knows its output's domain is asked. Of the others most work site by site, so
    what leaves them lives where what entered them did.
    """

    def __init__(self) -> None:
        self._known = WeakTensorKeyDictionary()
        self._recent: list[Place] = []

    def begin(self, x: Tensor, domain: Domain) -> None:
        """`x` is the input."""
        self.note(x, Place(domain))

    def note(self, tensor: Tensor, place: Place) -> Place:
        """Write down where a tensor lives."""
        self._known[tensor] = place
        self._recent = [known for known in self._recent if known != place] + [place]
        return place

    def of(self, tensor: object) -> Place | None:
        """Where a tensor lives; None if it was not met."""
        held: Place | None = self._known.get(tensor) if isinstance(tensor, Tensor) else None
        return held

    @abstractmethod
    def after(self, module: nn.Module, inputs: Sequence[Any], output: Tensor) -> Place:
        """Where the output of a layer lives."""


class GridPlaces(Places):
    """Pictures (B, C, *size): what has as many dimensions still has its sites.

    Args:
        grid: of the input.
    """

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.ndim = grid.ndim + 2

    def after(self, module: nn.Module, inputs: Sequence[Any], output: Tensor) -> Place:
        """By the shape, and by what kind of layer wants its channels last."""
        if output.ndim != self.ndim:
            return self.note(output, Place(None))
        if (known := self.of(output)) is not None:  # a block that returns what its last layer did
            return self.note(output, known)
        last = self._channels_last(module, inputs)
        size = tuple(output.shape[1:-1] if last else output.shape[2:])
        return self.note(output, Place(Grid(size), -1 if last else 1))

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
        before = next((place for value in inputs if (place := self.of(value))), None)
        return before is not None and before.channel_dim == -1


class GraphPlaces(Places):
    """Rows of nodes, of edges, or of whole members of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self._graphs: list[tuple[Graph, Tensor | None]] = []  # with what is inside their nodes

    def begin(self, x: Tensor, domain: Domain) -> None:
        """`x` is the input, on the nodes of a graph."""
        self._meet(domain, None)
        super().begin(x, domain)

    def _meet(self, value: object, inside: Tensor | None) -> None:
        if isinstance(value, Graph) and not any(value is graph for graph, _ in self._graphs):
            self._graphs.append((value, inside))

    def after(self, module: nn.Module, inputs: Sequence[Any], output: Tensor) -> Place:
        """By what the layer says, else by what entered it, else by the number of rows."""
        entered = next((v for v in inputs if isinstance(v, Tensor)), None)
        before = self.of(entered)
        for value in inputs:  # clusters that are given make another graph each time it is asked
            self._meet(value, None if before is None else before.inside)
        here = next((value for value in inputs if isinstance(value, Graph)), None)
        rows = output.shape[0] if output.ndim else 0
        if isinstance(module, OnDomain) and here is not None:
            there = module.out_domain(here)
            if there is not here and isinstance(there, Graph):
                self._meet(there, self._pooled(module, here))
            place = self._named(there)
            if there is None or there.num_sites == rows:
                return self.note(output, place)
        place_before = self._of_edges(entered) or before
        if entered is not None and place_before is not None and len(entered) == rows:
            return self.note(output, place_before)
        return self.note(output, self._by_rows(rows))

    def _pooled(self, module: nn.Module, graph: Graph) -> Tensor | None:
        """Where the nodes of the input are after a pooling; None if that is not known."""
        then = clusters(module, graph)
        inside = None if then is None else through(self._inside(graph), then)
        known = inside is not None and len(inside) == self._graphs[0][0].num_nodes
        return inside if known else None

    def _inside(self, graph: Graph) -> Tensor | None:
        return next((inside for known, inside in self._graphs if known is graph), None)

    def _named(self, domain: Domain | None) -> Place:
        """A domain, with the graph whose edges it joins where it is a line graph."""
        line = next((p for p in self._lines() if p.domain is domain), None)
        if line is not None or not isinstance(domain, Graph):
            return line or Place(domain)
        return Place(domain, inside=self._inside(domain))

    def _lines(self) -> list[Place]:
        """The line graphs that the model has used."""
        made = (
            (graph, inside, graph._derived.get("line_graph")) for graph, inside in self._graphs
        )
        return [Place(line, 1, graph, inside) for graph, inside, line in made if line is not None]

    def _of_edges(self, value: Tensor | None) -> Place | None:
        """The edges of the graph whose attributes these are."""
        for graph, inside in self._graphs:
            if value is not None and value is graph.edge_attr:
                return Place(graph.line_graph, 1, graph, inside)
        return None

    def _by_rows(self, rows: int) -> Place:
        """The place with so many rows that was met last."""
        graph = self._graphs[0][0]
        for place in reversed(self._recent):
            sites = graph.num_graphs if place.domain is None else place.domain.num_sites
            if sites == rows:
                return place
        return next((p for p in self._lines() if p.domain and p.domain.num_sites == rows), _GONE)


_GONE = Place(None)


@singledispatch
def places(domain: Domain) -> Places:
    """The bookkeeping for a domain.

    Raises:
        TypeError: if it is neither a grid nor a graph.
    """
    raise TypeError(
        f"'domain' must be a Grid or a Graph, got {type(domain).__name__}. "
        "Write for example Grid((28, 28))."
    )


@places.register
def _(domain: Grid) -> Places:
    return GridPlaces(domain)


@places.register
def _(domain: Graph) -> Places:
    return GraphPlaces()
