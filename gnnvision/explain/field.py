"""What one site of a layer can see of the input, and which site is meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.domains import Grid
from gnnvision.explain.layer import Layer
from gnnvision.summary import Reach

__all__ = ["Field", "Site", "field_of"]

Site = int | Sequence[int]


@dataclass(frozen=True)
class Field:
    """What one site of a layer can see of the input.

    Args:
        mask: the input's sites that it sees, in order; on a grid row by row. Shape (sites,), bool.
        layer: where the site is.
        site: its number there, from 0.
        reach: how large the field is, margins included: sites along each axis, or hops.
        box: on a grid, along each axis the first site seen and the one after the last.
    """

    mask: Tensor
    layer: Layer
    site: int
    reach: Reach
    box: tuple[tuple[int, int], ...] | None = None

    def __str__(self) -> str:
        return "itself" if self.reach.hops == 0 else str(self.reach)

    @property
    def share(self) -> float:
        """Of all sites of the input, from 0 to 1."""
        return float(self.mask.float().mean())


def field_of(layer: Layer, reach: Reach | None, site: Site) -> Field:
    """What one site of a layer sees.

    Args:
        layer: where the site is.
        reach: what a summary says of the layer; None if it does not see the input.
        site: its number, or its place along each axis.

    Raises:
        ValueError: if there is no such site, or it is not known what it sees.
    """
    assert layer.domain is not None
    on_grid = isinstance(layer.domain, Grid)
    size = layer.domain.size if isinstance(layer.domain, Grid) else (layer.domain.num_sites,)
    number = _number(layer, site, size)
    index = [int(place) for place in np.unravel_index(number, size)]
    index = [0, *index] if on_grid else index  # of the first picture
    index.insert(layer.channel_dim % (len(index) + 1), 0)
    mask = None if reach is None or reach.sight is None else reach.sight.mask(index)
    if reach is None or mask is None:
        raise ValueError(
            f"'layer' must be one of which it is known what it sees, got {layer.name!r}, which "
            "mixes sites in a way that cannot be told from shapes. Choose a layer before it."
        )
    box = _box(mask) if on_grid else None
    return Field(torch.from_numpy(mask.flatten()), layer, number, reach, box)


def _box(mask: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    """Along each axis the first site seen and the one after the last."""
    if not mask.any():
        return ((0, 0),) * mask.ndim
    return tuple((int(seen.min()), int(seen.max()) + 1) for seen in mask.nonzero())


def _number(layer: Layer, site: Site, size: Sequence[int]) -> int:
    """The number of a site that may be given by its places."""
    places = tuple(site) if isinstance(site, Sequence) else (site,)
    single = not isinstance(site, Sequence)
    limits = [layer.domain.num_sites] if single and layer.domain else size
    if any(isinstance(i, bool) or not isinstance(i, (int, np.integer)) for i in places):
        raise TypeError(f"'site' must be of integers, got {site!r}. Count from 0.")
    if len(places) == len(limits) and all(0 <= i < n for i, n in zip(places, limits, strict=True)):
        return int(np.ravel_multi_index(places, tuple(limits)))
    axes = "a number" if len(size) == 1 else f"a number or {len(size)} places"
    raise ValueError(
        f"'site' must be {axes} within the {layer.sites} of {layer.name!r}, got {site!r}. "
        "Count from 0."
    )
