"""Receptive fields: the sites of the input that one site of a layer depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Grid
from gnnvision.errors import invalid, wrong_dtype
from gnnvision.explain.layer import Layer
from gnnvision.explain.layer_list import find_layer
from gnnvision.inspect import LayerSummary, Reach, summary

__all__ = ["Field", "receptive_field", "receptive_field_sizes", "receptive_fields"]

Site = int | Sequence[int]


@dataclass(frozen=True)
class Field:
    """The receptive field of one site of a layer: the input sites that it depends on.

    Args:
        mask: which input sites are in it; on a grid row by row. Shape (sites,), bool.
        layer: the layer of the site.
        site: its index in the layer's output, from 0.
        reach: its size, padding included: sites along each axis, or hops.
        box: on a grid, along each axis the first site in it and the one after the last.
    """

    mask: Tensor
    layer: Layer
    site: int
    reach: Reach
    box: tuple[tuple[int, int], ...] | None = None

    def __str__(self) -> str:
        return str(self.reach)

    @property
    def share(self) -> float:
        """The share of the input's sites that are in it, from 0 to 1."""
        return float(self.mask.float().mean())


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
        TypeError: if the site is not given by integers.
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
    """`receptive_field` for one site in each of several layers, by the layer's name.

    Args:
        model: a network for images or graphs, called as (x, domain) or (x).
        x: the signal.
        domain: the grid or graph of the signal.
        sites: layer -> site, as for `receptive_field`.
    """
    found = {name: find_layer(model, x, domain, name) for name in sites}
    sizes = receptive_field_sizes(model, x, domain)
    return {name: _field(layer, sizes.get(name), sites[name]) for name, layer in found.items()}


def receptive_field_sizes(model: nn.Module, x: Tensor, domain: Domain) -> dict[str, Reach | None]:
    """The size of each layer's receptive field by its name; None if it ignores the input.

    Args:
        model: a network for images or graphs, called as (x, domain) or (x).
        x: the signal.
        domain: the grid or graph of the signal.

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


def _field(layer: Layer, reach: Reach | None, site: Site) -> Field:
    """The receptive field of one site of a layer, of which `reach` is the size."""
    assert layer.domain is not None
    grid = layer.domain if isinstance(layer.domain, Grid) else None
    shape = (layer.domain.num_sites,) if grid is None else grid.shape
    number = _site_index(layer, site, shape)
    sites = torch.arange(layer.domain.num_sites).view(shape)
    if grid is None and layer.domain.offsets is None:  # laid out in its own way
        sites = layer.domain.from_sites(sites.view(-1, 1, 1))[0, 0]
    index: list[int] = (sites == number).nonzero()[0].tolist()
    index = [0, *index] if layer.domain.offsets is None else index  # of the first sample
    index.insert(layer.channel_dim % (len(index) + 1), 0)
    mask = None if reach is None else reach.mask(index)
    if reach is None or mask is None:
        got = f"{layer.name!r}, which mixes sites in a way that cannot be inferred from shapes"
        advice = "Choose a layer before it."
        raise invalid("layer", "have a known receptive field", got, advice)
    box = None
    if grid is not None:
        ends = [(int(at.min()), int(at.max()) + 1) for at in mask.nonzero() if len(at)]
        box = tuple(ends) or ((0, 0),) * mask.ndim
    return Field(torch.from_numpy(mask.flatten()), layer, number, reach, box)


def _site_index(layer: Layer, site: Site, shape: Sequence[int]) -> int:
    """The index of a site that may be given by its position along each axis."""
    places = tuple(site) if isinstance(site, Sequence) else (site,)
    limits = shape if isinstance(site, Sequence) else [int(np.prod(shape))]
    if any(isinstance(i, bool) or not isinstance(i, (int, np.integer)) for i in places):
        raise wrong_dtype("site", "be an integer or integers", repr(site), "Indices start at 0.")
    if len(places) == len(limits) and all(0 <= i < n for i, n in zip(places, limits, strict=True)):
        return int(np.ravel_multi_index(places, tuple(limits)))
    what = "an index" if len(shape) == 1 else f"an index or {len(shape)} indices"
    condition = f"be {what} within the {layer.sites} of {layer.name!r}"
    raise invalid("site", condition, repr(site), "Indices start at 0.")
