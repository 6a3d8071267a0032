"""Receptive fields on graphs: the nodes within as many edges as there are products before."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isnan

import torch
from torch import Tensor, nn

from gnnvision.domains import Graph
from gnnvision.explain.field import Field, Site, number_of, unknown
from gnnvision.explain.layer import Layer
from gnnvision.explain.layers import layers
from gnnvision.explain.trace import trace
from gnnvision.layers import Convolution, GraphPool
from gnnvision.operators.cluster import coarsen
from gnnvision.summary import Reach

__all__ = ["field_on_graph"]


def field_on_graph(
    domain: Graph, layer: Layer, reach: Reach | None, site: Site, model: nn.Module, x: Tensor
) -> Field:
    """The nodes from which a path leads to a site in as many edges as it has heard over.

    Args:
        domain: of the input.
        layer: where the site is.
        reach: what a summary says of the layer.
        site: which.
        model: the network.
        x: the signal.
    """
    assert layer.domain is not None
    number = number_of(layer, site, (layer.domain.num_sites,))
    hops = None if reach is None else reach.hops
    if reach is None or hops is None or isnan(hops):
        raise unknown(layer)
    mask = torch.zeros(domain.num_nodes, dtype=torch.bool)
    ways, mixed_before = _ways_over_edges(model, x, domain, layer.name)
    # On its way from nodes to edges a signal stays where it is: what leaves a node is its own.
    hops = max(hops - ways, 0)
    reach = replace(reach, hops=hops)
    if layer.edges_of is domain and ways == 1 and not mixed_before and hops < inf:
        assert isinstance(layer.domain, Graph)
        heard = layer.domain.neighborhood(number, int(hops))
        mask[domain.edge_index[0, heard].cpu()] = True
        return Field(mask, layer, number, reach)
    if layer.edges_of is domain:
        starts = [int(domain.edge_index[0, number])]
    elif layer.domain.num_sites == domain.num_nodes:
        starts = [number]
    else:
        starts = _clustered(model, x, domain, layer, number)
    steps = domain.num_nodes if hops == inf else int(hops)
    for start in starts:
        mask[domain.neighborhood(start, steps).cpu()] = True
    return Field(mask, layer, number, reach)


def _ways_over_edges(model: nn.Module, x: Tensor, domain: Graph, name: str) -> tuple[int, bool]:
    """How often the signal went from nodes to edges before a layer, and whether it was mixed.

    That is, whether a convolution on the nodes came first, so that the field of an edge is not
    that of a message which never turns round.
    """
    ways, on_edges, mixed = 0, False, False
    modules = dict(model.named_modules())
    for layer in layers(model, x, domain):
        ways += layer.edges_of is not None and not on_edges
        on_edges = layer.edges_of is not None
        mixed = mixed or (not on_edges and isinstance(modules[layer.name], Convolution))
        if layer.name == name:
            break
    return ways, mixed


def _clustered(model: nn.Module, x: Tensor, domain: Graph, layer: Layer, number: int) -> list[int]:
    """The nodes that pooling has joined into one site."""
    pools = [pair for pair in model.named_modules() if isinstance(pair[1], GraphPool)]
    here, inside = domain, torch.arange(domain.num_nodes)
    for call in trace(model, x, domain, modules=pools, keep=())[1]:
        if here is layer.domain or not isinstance(call.module, GraphPool):
            break
        coarse = coarsen(here, call.module.kernel_size, call.module.cluster)  # type: ignore[arg-type]
        of_node = torch.empty(here.num_nodes, dtype=torch.int64)
        sizes = coarse.starts.diff().cpu()
        of_node[coarse.order.cpu()] = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
        inside, here = of_node[inside], coarse.graph
    if here is not layer.domain:
        raise unknown(layer)
    return torch.nonzero(inside == number).flatten().tolist()
