"""Receptive fields: which sites of the input one site of a layer can see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.explain.field import Field, Site, field_of
from gnnvision.explain.layers import find_layer
from gnnvision.summary import LayerSummary, Reach, summary

__all__ = ["Field", "reaches", "receptive_field", "receptive_fields"]


def receptive_field(model: nn.Module, x: Tensor, domain: Domain, layer: str, site: Site) -> Field:
    """The sites of the input that one site of a layer can see, by the arithmetic of the layers.

    On a grid, along each axis: all between the ends of the windows of the layers before, cut off
    at the border; where each window lies on the input alike, from f + i j on so many as r, with
    f, j and r as `gnnvision.summary` gives them. On a graph: the nodes from which a path leads
    there over the entries of the operators before.

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
        >>> receptive_field(model, torch.zeros(1, 1, 8, 8), gv.Grid((8, 8)), "1", (1, 1)).box
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
    return {name: field_of(layer, seen.get(name), sites[name]) for name, layer in found.items()}


def reaches(model: nn.Module, x: Tensor, domain: Domain) -> dict[str, Reach | None]:
    """What each layer sees, by its name; None of one that does not see the input.

    Raises:
        TypeError: if the model cannot be followed without numbers; see `gnnvision.summary`.
        ValueError: likewise.
    """
    network = summary(model, domain, x.shape[1]).network
    return {layer.name: layer.reach for layer in _all(network)}


def _all(layer: LayerSummary) -> Iterator[LayerSummary]:
    for child in layer.children:
        yield from _all(child)
    yield layer
