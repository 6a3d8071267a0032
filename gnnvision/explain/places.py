"""The domain of each tensor inside a network, and the pooled site of each site of the input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.layers import Convolution, GraphPool, OnDomain
from gnnvision.operators.cluster import coarsen

__all__ = ["Place", "Places", "clusters"]


@dataclass(frozen=True)
class Place:
    """The domain of a tensor and the layout of its dimensions; see `Layer` for the fields."""

    domain: Domain | None
    edges_of: Graph | None = None
    channel_dim: int = 1
    cluster: Tensor | None = field(default=None, compare=False, repr=False)


class Places:
    """The places of the tensors recorded so far in a forward pass.

    A layer with an `out_domain` provides the domain of its output. Other layers work site by
    site, so that their output has the domain of their input; on a grid the shape of the output is
    its size, as layers of torch.nn may change it. What a model computes between its layers has the
    most recent domain with this number of sites.
    """

    def __init__(self, x: Tensor, domain: Domain) -> None:
        self._known = WeakTensorKeyDictionary()
        self._recent: list[Place] = []
        self._domains: list[tuple[Domain, Tensor | None]] = []  # each with its clusters
        self._input, self._ndim, self._batched = domain, x.ndim, domain.offsets is None
        self._register(domain, None)
        self.record(x, Place(domain))

    def record(self, tensor: Tensor, place: Place) -> Place:
        """Store the place of a tensor, and return it."""
        self._known[tensor] = place
        self._recent = [known for known in self._recent if known != place] + [place]
        return place

    def place_after(self, module: nn.Module, inputs: Sequence[Any], output: Tensor) -> Place:
        """Derive, store and return the place of a layer's output."""
        return self.record(output, self._derive(module, inputs, output))

    def _derive(self, module: nn.Module, inputs: Sequence[Any], output: Tensor) -> Place:
        entered = next((value for value in inputs if isinstance(value, Tensor)), None)
        before: Place | None = None if entered is None else self._known.get(entered)
        for value in inputs:  # pooling with given clusters returns a new graph at each call
            self._register(value, before.cluster if before else None)
        here = next((value for value in inputs if isinstance(value, Domain)), None)
        if self._batched:
            return self._in_batch(module, before, here, output)
        rows = output.shape[0] if output.ndim else 0
        if isinstance(module, OnDomain) and here is not None:
            there = self._after(module, here)
            if there is None or there.num_sites == rows:
                return self._of(there)
        before = self._of_edges(entered) or before
        if entered is not None and before and len(entered) == rows:
            return before
        return self._by_count(rows)

    def _in_batch(
        self, module: nn.Module, before: Place | None, here: Domain | None, output: Tensor
    ) -> Place:
        """The place of (B, C, *sites), or of (B, *sites, C) in some networks for images."""
        if output.ndim != self._ndim:
            return Place(None)
        known: Place | None = self._known.get(output)
        if known is not None:  # of the last layer in a block
            return known
        last = _is_channels_last(module, self._ndim, before)
        view = output.movedim(-1, 1) if last else output
        if isinstance(module, OnDomain) and here is not None and not isinstance(here, Grid):
            self._after(module, here)
        recent = [before, *reversed(self._recent)]
        domains = [place.domain for place in recent if place] + [one for one, _ in self._domains]
        found = (one.domain_of(view) for one in domains if one is not None)
        domain = next((one for one in found if one is not None), None)
        return replace(self._of(domain), channel_dim=-1 if last else 1)

    def _after(self, module: OnDomain, here: Domain) -> Domain | None:
        """The domain after a layer, recorded with its clusters."""
        there = module.out_domain(here)
        if there is not here:
            self._register(there, self._pooled(module, here))
        return there

    def _register(self, value: object, cluster: Tensor | None) -> None:
        if isinstance(value, Domain) and not any(value is one for one, _ in self._domains):
            self._domains.append((value, cluster))

    def _cluster(self, domain: Domain) -> Tensor | None:
        return next((cluster for known, cluster in self._domains if known is domain), None)

    def _pooled(self, module: object, domain: Domain) -> Tensor | None:
        """The cluster of each site of the input after a pooling layer; None if unknown."""
        first, then = self._cluster(domain), clusters(module, domain)
        if then is not None and first is not None:  # what was dropped before stays dropped
            then = torch.where(first < 0, first, then[first.clamp(min=0)])
        return then if then is not None and len(then) == self._input.num_sites else None

    def _of(self, domain: Domain | None) -> Place:
        """The place of a domain, which may be the line graph of a recorded graph."""
        line = next((place for place in self._lines() if place.domain is domain), None)
        return line or Place(domain, cluster=None if domain is None else self._cluster(domain))

    def _lines(self) -> list[Place]:
        """The places of the line graphs of the recorded graphs."""
        return [
            Place(line, graph, cluster=cluster)
            for graph, cluster in self._domains
            if isinstance(graph, Graph)
            and (line := vars(graph).get("_derived", {}).get("line_graph")) is not None
        ]

    def _of_edges(self, value: Tensor | None) -> Place | None:
        """The place of edge attributes: the edges of their graph; None for other tensors."""
        for graph, cluster in self._domains:
            if isinstance(graph, Graph) and value is not None and value is graph.edge_attr:
                return Place(graph.line_graph, graph, cluster=cluster)
        return None

    def _by_count(self, sites: int) -> Place:
        """The most recent place with this number of sites, or of samples for a tensor without."""
        samples = self._input.num_graphs if isinstance(self._input, Graph) else -1
        for place in reversed(self._recent):
            if sites == (samples if place.domain is None else place.domain.num_sites):
                return place
        found = (one for one in self._lines() if one.domain and one.domain.num_sites == sites)
        return next(found, Place(None))


def _is_channels_last(module: nn.Module, ndim: int, before: Place | None) -> bool:
    """Whether a layer on a grid returns its channels in the last dimension."""
    order = getattr(module, "dims", None)
    if type(module).__name__ == "Permute" and isinstance(order, (list, tuple)):
        return list(order) == [0, *range(2, ndim), 1]
    if isinstance(module, nn.Linear):
        return True
    if isinstance(module, nn.LayerNorm):
        return len(module.normalized_shape) == 1
    if isinstance(module, OnDomain) or type(module).__name__.endswith(("2d", "1d", "3d")):
        return False
    return before is not None and before.channel_dim == -1


@singledispatch
def clusters(layer: object, graph: Domain) -> Tensor | None:
    """The node of the pooled graph that each node is pooled into; -1 for a dropped node.

    That of a convolution follows from its operators. Register your own pooling layers with
    `clusters.register`; `GraphPool` is registered.

    Args:
        layer: a pooling layer.
        graph: its input graph, or another domain.

    Returns:
        Shape (N,), int64; None for another layer.

    Example:
        >>> path = Graph.from_edges([(0, 1), (1, 2), (2, 3)], num_nodes=4, undirected=True)
        >>> clusters(GraphPool(2, cluster=[0, 0, 1, 1]), path)
        tensor([0, 0, 1, 1])
    """
    return None


@clusters.register
def _(layer: GraphPool, graph: Graph) -> Tensor:
    given: Tensor | None = layer.cluster  # type: ignore[assignment]
    found = coarsen(graph, layer.kernel_size, given)
    sizes = found.starts.diff()
    cluster = torch.empty_like(found.order)
    cluster[found.order] = torch.arange(len(sizes), device=sizes.device).repeat_interleave(sizes)
    return cluster


@clusters.register
def _(layer: Convolution, graph: Domain) -> Tensor:
    """Each site belongs to the first of the output sites that see it."""
    last = torch.iinfo(torch.int64).max
    cluster = torch.full((graph.num_sites,), last)
    for operator in layer.operators(graph):
        pattern = operator.pattern
        row, col = pattern.row.long().cpu(), pattern.col.long().cpu()
        cluster = cluster.scatter_reduce(0, col, row, "amin")
    return torch.where(cluster == last, -1, cluster)
