"""The receptive field of one site of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.domains import Grid
from gnnvision.errors import invalid, wrong_dtype
from gnnvision.explain.layer import Layer
from gnnvision.summary import Reach

__all__ = ["Field", "Site", "field_of"]

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


def field_of(layer: Layer, reach: Reach | None, site: Site) -> Field:
    """The receptive field of one site of a layer.

    Args:
        layer: the layer of the site.
        reach: the layer's entry of `receptive_field_sizes`; None if it does not depend on the
            input.
        site: its index, or its position along each axis.

    Raises:
        TypeError: if the site is not given by integers.
        ValueError: if there is no such site, or its receptive field is unknown.
    """
    assert layer.domain is not None
    on_grid = isinstance(layer.domain, Grid)
    size = layer.domain.shape if isinstance(layer.domain, Grid) else (layer.domain.num_sites,)
    number = _site_index(layer, site, size)
    index = [int(place) for place in np.unravel_index(number, size)]
    index = [0, *index] if on_grid else index  # of the first image
    index.insert(layer.channel_dim % (len(index) + 1), 0)
    mask = None if reach is None or reach.sight is None else reach.sight.mask(index)
    if reach is None or mask is None:
        got = f"{layer.name!r}, which mixes sites in a way that cannot be inferred from shapes"
        advice = "Choose a layer before it."
        raise invalid("layer", "have a known receptive field", got, advice)
    box = _box(mask) if on_grid else None
    return Field(torch.from_numpy(mask.flatten()), layer, number, reach, box)


def _box(mask: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    """Along each axis the first site of a mask and the one after the last."""
    if not mask.any():
        return ((0, 0),) * mask.ndim
    return tuple((int(sites.min()), int(sites.max()) + 1) for sites in mask.nonzero())


def _site_index(layer: Layer, site: Site, size: Sequence[int]) -> int:
    """The index of a site that may be given by its position along each axis."""
    places = tuple(site) if isinstance(site, Sequence) else (site,)
    single = not isinstance(site, Sequence)
    limits = [layer.domain.num_sites] if single and layer.domain else size
    if any(isinstance(i, bool) or not isinstance(i, (int, np.integer)) for i in places):
        raise wrong_dtype("site", "be an integer or integers", repr(site), "Indices start at 0.")
    if len(places) == len(limits) and all(0 <= i < n for i, n in zip(places, limits, strict=True)):
        return int(np.ravel_multi_index(places, tuple(limits)))
    what = "an index" if len(size) == 1 else f"an index or {len(size)} indices"
    condition = f"be {what} within the {layer.sites} of {layer.name!r}"
    raise invalid("site", condition, repr(site), "Indices start at 0.")
