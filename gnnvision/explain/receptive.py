"""Receptive fields: the sites of the input that one site of a layer depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.explain.field import Field, Site, field_of
from gnnvision.explain.layers import find_layer
from gnnvision.summary import LayerSummary, Reach, summary

__all__ = ["Field", "receptive_field", "receptive_field_sizes", "receptive_fields"]


def receptive_field(model: nn.Module, x: Tensor, domain: Domain, layer: str, site: Site) -> Field:
    """The receptive field of one site of a layer, by the arithmetic of the layers.

    On a grid, along each axis: the span of the windows of the layers before, cropped at the
    border. For regular windows it is the r sites from f + i j on, with site i and the first
    site f, the jump j and the size r of `gnnvision.summary`. On a graph: the nodes with a path to
    the site over the nonzero entries of the operators before.

    Args:
        model: a network for images or graphs, called as (x, domain) or (x).
        x: the signal, of which only the shape is used. Shape (B, C, *size) or (N, C).
        domain: the grid or graph of the signal.
        layer: the name of the layer.
        site: its index in the layer's output, from 0, or on a grid its index along each axis.

    Raises:
        ValueError: if there is no such layer or site, or its receptive field is unknown.

    Example:
        >>> import torch, gnnvision as gv
        >>> model = gv.Sequential(gv.Conv2d(1, 1, 3, padding=1), gv.MaxPool2d(2))
        >>> receptive_field(model, torch.zeros(1, 1, 8, 8), gv.Grid((8, 8)), "1", (1, 1)).box
        ((1, 5), (1, 5))
    """
    return receptive_fields(model, x, domain, {layer: site})[layer]


def receptive_fields(
    model: nn.Module, x: Tensor, domain: Domain, sites: Mapping[str, Site]
) -> dict[str, Field]:
    """`receptive_field` for one site in each of several layers, with one pass over the model.

    Args:
        model: as for `receptive_field`.
        x: as for `receptive_field`.
        domain: as for `receptive_field`.
        sites: the site of each layer, by the layer's name.

    Returns:
        The receptive fields, by the layer's name.

    Raises:
        ValueError: as for `receptive_field`.
    """
    found = {name: find_layer(model, x, domain, name) for name in sites}
    sizes = receptive_field_sizes(model, x, domain)
    return {name: field_of(layer, sizes.get(name), sites[name]) for name, layer in found.items()}


def receptive_field_sizes(model: nn.Module, x: Tensor, domain: Domain) -> dict[str, Reach | None]:
    """The size of each layer's receptive field by its name; None if it ignores the input.

    Raises:
        TypeError: if the model cannot be traced by shapes alone; see `gnnvision.summary`.
        ValueError: as for `receptive_field`.
    """
    network = summary(model, domain, x.shape[1]).network
    return {layer.name: layer.reach for layer in _all(network)}


def _all(layer: LayerSummary) -> Iterator[LayerSummary]:
    for child in layer.children:
        yield from _all(child)
    yield layer
