"""Receptive fields: which sites of the input one site of a layer can see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import singledispatch

from torch import Tensor, nn

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.explain.field import Field, Site
from gnnvision.explain.field_on_graph import field_on_graph
from gnnvision.explain.field_on_grid import field_on_grid, watched
from gnnvision.explain.layer import Layer
from gnnvision.explain.layers import find_layer
from gnnvision.summary import LayerSummary, Reach, summary

__all__ = ["Field", "reaches", "receptive_field", "receptive_fields"]


def receptive_field(model: nn.Module, x: Tensor, domain: Domain, layer: str, site: Site) -> Field:
    """The sites of the input that one site of a layer can see, by the arithmetic of the layers.

    On a grid, along each axis: the first site is f + i j and the size r, with f, j and r from
    the sums over the layers before (see `gnnvision.summary`), cut off at the border; of dilated
    or joined windows it is all between their ends. On a graph: all nodes from which a path leads
    there in as many edges as there are products with an operator before; of messages on edges,
    which do not turn round, a path that does not either.

    Args:
        model: any network for pictures, or one for graphs as ours are.
        x: the signal, of which only the shape counts. Shape (B, C, *size) or (N, C).
        domain: where it lives.
        layer: by name.
        site: its number in the layer's output, from 0, or on a grid its place along each axis.

    Raises:
        ValueError: if there is no such layer or site, or what is seen cannot be told.

    Example:
        >>> import torch, gnnvision as gv
        >>> model = gv.Sequential(gv.Conv2d(1, 1, 3, padding=1), gv.MaxPool2d(2))
        >>> receptive_field(model, torch.zeros(1, 1, 8, 8), Grid((8, 8)), "1", (1, 1)).box
        ((1, 5), (1, 5))
    """
    return receptive_fields(model, x, domain, {layer: site})[layer]


def receptive_fields(
    model: nn.Module, x: Tensor, domain: Domain, sites: Mapping[str, Site]
) -> dict[str, Field]:
    """`receptive_field` of a site in each of several layers, for one look at the model.

    Args:
        model: as for `receptive_field`.
        x: likewise.
        domain: likewise.
        sites: by the layer's name.

    Raises:
        ValueError: likewise.
    """
    found = {name: find_layer(model, x, domain, name) for name in sites}
    seen = reaches(model, x, domain)
    return {
        name: _field(domain, layer, seen.get(name), sites[name], model, x)
        for name, layer in found.items()
    }


def reaches(model: nn.Module, x: Tensor, domain: Domain) -> dict[str, Reach | None]:
    """What each layer sees, by its name; None of one that does not see the input.

    Raises:
        TypeError: if the model cannot be followed without numbers; see `gnnvision.summary`.
        ValueError: likewise.
    """
    network = summary(model, _watched(domain), x.shape[1]).network
    return {layer.name: layer.reach for layer in _all(network)}


def _all(layer: LayerSummary) -> Iterator[LayerSummary]:
    for child in layer.children:
        yield from _all(child)
    yield layer


@singledispatch
def _watched(domain: Domain) -> Domain:
    return domain


@_watched.register
def _(domain: Grid) -> Grid:
    return watched(domain)


@singledispatch
def _field(
    domain: Domain, layer: Layer, reach: Reach | None, site: Site, model: nn.Module, x: Tensor
) -> Field:
    raise TypeError(
        f"'domain' must be a Grid or a Graph, got {type(domain).__name__}. "
        "Write for example Grid((28, 28))."
    )


@_field.register
def _(
    domain: Grid, layer: Layer, reach: Reach | None, site: Site, model: nn.Module, x: Tensor
) -> Field:
    return field_on_grid(domain, layer, reach, site)


@_field.register
def _(
    domain: Graph, layer: Layer, reach: Reach | None, site: Site, model: nn.Module, x: Tensor
) -> Field:
    return field_on_graph(domain, layer, reach, site, model, x)
