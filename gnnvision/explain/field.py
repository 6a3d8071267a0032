"""What one site of a layer can see of the input, and which site is meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from torch import Tensor

from gnnvision.explain.layer import Layer
from gnnvision.summary import Reach

__all__ = ["Field", "Site", "number_of", "unknown"]

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


def number_of(layer: Layer, site: Site, size: Sequence[int]) -> int:
    """The number of a site that may be given by its places."""
    axes = "a number" if len(size) == 1 else f"a number or {len(size)} places"
    if isinstance(site, int):
        if 0 <= site < prod(size):
            return site
    elif len(site) == len(size) and all(0 <= i < n for i, n in zip(site, size, strict=True)):
        number = 0
        for i, n in zip(site, size, strict=True):
            number = number * n + i
        return number
    raise ValueError(
        f"'site' must be {axes} within the {layer.sites} of {layer.name!r}, got {site!r}. "
        "Count from 0."
    )


def unknown(layer: Layer) -> ValueError:
    """The error about a layer of which it cannot be told what it sees."""
    return ValueError(
        f"'layer' must be one of which it is known what it sees, got {layer.name!r}, which mixes "
        "sites in a way that cannot be told from shapes. Choose a layer before it."
    )
