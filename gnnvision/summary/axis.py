"""The receptive fields of the sites along one axis of a grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import gcd, inf, nan
from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Axis", "Table", "chain", "hull"]

# Which sites each output reads: one row for each output. Shape (outputs, reads).
Table = NDArray[np.int64]
Ends = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Axis:
    """The receptive fields of the sites along one axis, as intervals of input sites.

    From -inf to inf is the entire axis, nan is unknown, from inf to -inf is empty. If all sites
    have the same receptive field, there may be one entry for all.

    Args:
        length: the number of input sites.
        begin: the first input site of each field; negative in the padding. Shape (sites,).
        end: one after the last input site. Shape (sites,).
        jump: j, the distance on the input between the fields of two neighbors.
        period: the number of sites after which the input repeats, as in a rolled image; 0 if it
            does not.
    """

    length: int
    begin: Ends
    end: Ends
    jump: float = 1.0
    period: int = 0

    @classmethod
    def of_input(cls, length: int) -> Self:
        """The axis of the input: the field of each site is the site itself."""
        sites = np.arange(length, dtype=np.float64)
        return cls(length, sites, sites + 1)

    @property
    def size(self) -> float:
        """r, the size of the largest field, including padding."""
        widths = self.end - self.begin
        return inf if (widths == inf).any() else float(np.max(widths, initial=0.0))

    @property
    def first(self) -> float:
        """The first input site of the first field."""
        return float(self.begin[0])

    @property
    def is_alike(self) -> bool:
        """Whether one entry stands for all sites."""
        return len(self.begin) == 1 and not np.isfinite(self.begin[0])

    def everything(self) -> Self:
        """The axis with the entire input as the field of every site."""
        return replace(self, begin=np.array([-inf]), end=np.array([inf]))

    def unknown(self) -> Self:
        """The axis with unknown fields, except those that are the entire input."""
        if self.size == inf:
            return self.everything()
        return replace(self, begin=np.array([nan]), end=np.array([nan]))

    def reading(
        self, sites: Table, stride: float = 1, valid: NDArray[np.bool_] | bool = True
    ) -> Self:
        """The axis of outputs that each read some sites; padding is extrapolated.

        Args:
            sites: their indices, which may lie in the padding. Shape (outputs, reads).
            stride: s, the sites from one output to the next: j' = s j.
            valid: the entries of `sites` that count.
        """
        if self.is_alike:
            return replace(self, jump=self.jump * stride)
        inside = sites.clip(0, len(self.begin) - 1)
        beyond = (sites - inside) * self.jump
        begin = np.where(valid, self.begin[inside] + beyond, inf)
        end = np.where(valid, self.end[inside] + beyond, -inf)
        return replace(self._around(begin, end, 1), jump=self.jump * stride)

    def windowed(self, size: int, apart: int) -> Self:
        """The axis of sites that each depend on a window of `size` sites at distance `apart`."""
        if self.is_alike or len(self.begin) % (size * apart):
            return self.unknown()
        sites = np.arange(len(self.begin)).reshape(-1, size, apart)
        table = sites.swapaxes(1, 2)[:, None].repeat(size, 1)  # (windows, size, apart, size)
        return self.reading(table.reshape(-1, size))

    def rolled(self, shift: int) -> Self:
        """The axis with its sites rolled."""
        if self.is_alike:
            return self
        turns, sites = divmod(np.arange(len(self.begin)) - shift, len(self.begin))
        period = len(self.begin) * self.jump
        begin, end = self.begin[sites] + turns * period, self.end[sites] + turns * period
        return replace(self, begin=begin, end=end)._turning(period)

    def repeated(self, distance: int) -> Self:
        """The axis of sites that were copied by an offset, as in circular padding."""
        moved = distance * self.jump
        begin, end = self.begin - moved, self.end - moved
        return replace(self, begin=begin, end=end)._turning(abs(moved))

    def _turning(self, period: float) -> Self:
        if period % 1:
            return self.unknown()
        return replace(self, period=gcd(self.period, int(period)))

    def _around(self, begin: Ends, end: Ends, along: int) -> Self:
        whole = (end - begin == inf).any(along)
        begin = np.where(whole, -inf, begin.min(along))
        end = np.where(whole, inf, end.max(along))
        return replace(self, begin=begin, end=end)

    def mask(self, site: int) -> NDArray[np.bool_] | None:
        """A mask of the input sites in the field of one site; None if unknown."""
        site = min(site, len(self.begin) - 1)
        begin, end = self.begin[site], self.end[site]
        if np.isnan(begin):
            return None
        sites = np.arange(self.length)
        if self.period and np.isfinite(begin):
            sites, begin, end = (sites - begin) % self.period, 0, end - begin
        return np.asarray((begin <= sites) & (sites < end))


def hull(axes: Iterable[Axis]) -> Axis:
    """The smallest intervals that contain the fields of the corresponding sites of all axes."""
    every = list(axes)
    out = _together(every)
    if len({len(axis.begin) for axis in every} - {1}) > 1:
        return out.unknown()
    begin = np.stack(np.broadcast_arrays(*(axis.begin for axis in every)))
    end = np.stack(np.broadcast_arrays(*(axis.end for axis in every)))
    return out._around(begin, end, 0)


def chain(parts: Sequence[tuple[Axis | None, int]]) -> Axis:
    """The concatenation of several axes, each with its length; None has an empty field."""
    out = _together([axis for axis, _ in parts if axis is not None])
    nothing = replace(out, begin=np.array([inf]), end=np.array([-inf]))
    pairs = [(axis or nothing, count) for axis, count in parts]
    begin = np.concatenate([np.broadcast_to(axis.begin, count) for axis, count in pairs])
    end = np.concatenate([np.broadcast_to(axis.end, count) for axis, count in pairs])
    return replace(out, begin=begin, end=end)


def _together(axes: Sequence[Axis]) -> Axis:
    """The first axis with the jump and period of all."""
    jump = max((axis.jump for axis in axes), key=abs)
    return replace(axes[0], jump=jump, period=gcd(*(axis.period for axis in axes)))
