"""Receptive fields on grids: boxes, from the sums over the layers before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, isnan

import torch
from torch import Tensor

from gnnvision.domains import Grid
from gnnvision.explain.field import Field, Site, number_of, unknown
from gnnvision.explain.layer import Layer
from gnnvision.summary import Reach
from gnnvision.summary.trackers import GridTracker, tracker

__all__ = ["field_on_grid", "watched"]


@dataclass(frozen=True)
class _Placed(Reach):
    """A reach on a grid that also says where the field of the first number begins."""

    first: tuple[float, ...] = ()


class _WatchedGrid(Grid):
    """A grid like any other of its size, on which a summary keeps where fields begin."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grid) and other.size == self.size

    __hash__ = Grid.__hash__


class _PlacingTracker(GridTracker):
    def reach(self, tensor: Tensor) -> _Placed | None:
        field = self.seen(tensor)
        return None if field is None else _Placed(field.size, field.jump, first=field.first)


@tracker.register
def _(domain: _WatchedGrid) -> _PlacingTracker:
    return _PlacingTracker(domain)


def watched(domain: Grid) -> Grid:
    """A grid on which a summary keeps where fields begin, as `field_on_grid` needs."""
    return _WatchedGrid(domain.size)


def field_on_grid(domain: Grid, layer: Layer, reach: Reach | None, site: Site) -> Field:
    """The box of sites that one of them sees, cut off at the border.

    Args:
        domain: of the input.
        layer: where the site is.
        reach: what a summary on `watched(domain)` says of the layer.
        site: which.
    """
    assert isinstance(layer.domain, Grid)
    number = number_of(layer, site, layer.domain.size)
    if not isinstance(reach, _Placed) or any(map(isnan, reach.size or ())):
        raise unknown(layer)
    places = _places(number, layer.domain.size)
    assert reach.size is not None
    assert reach.jump is not None
    box = []
    for n, i, r, j, f in zip(
        domain.size, places, reach.size, reach.jump, reach.first, strict=True
    ):
        low, high = (0, n) if r == inf else (floor(f + i * j), ceil(f + i * j + r))
        box.append((min(max(low, 0), n), min(max(high, 0), n)))
    mask = torch.zeros(domain.size, dtype=torch.bool)
    mask[tuple(slice(*ends) for ends in box)] = True
    return Field(mask.flatten(), layer, number, reach, tuple(box))


def _places(number: int, size: Sequence[int]) -> list[int]:
    """The place of a site along each axis."""
    places: list[int] = []
    for n in reversed(size):
        number, place = divmod(number, n)
        places.insert(0, place)
    return places
