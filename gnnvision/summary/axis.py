"""What the sites along one axis of a grid see of the input, each of them for itself."""

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
    """Where the fields of the sites along one axis begin and end on the input.

    From -inf to inf is the whole axis, nan is not known, from inf to -inf is nothing. Where all
    sites see the same, there may be one entry for all of them.

    Args:
        length: the sites of the input.
        begin: where the field of each site begins; below 0 in a margin. Shape (sites,).
        end: one after its last site. Shape (sites,).
        jump: j, the distance on the input between the fields of two neighbors.
        period: after so many sites, or a multiple, those of the input come in again, as in a
            picture that was rolled; 0 if they do not.
    """

    length: int
    begin: Ends
    end: Ends
    jump: float = 1.0
    period: int = 0

    @classmethod
    def of_input(cls, length: int) -> Self:
        """Each site sees itself."""
        sites = np.arange(length, dtype=np.float64)
        return cls(length, sites, sites + 1)

    @property
    def size(self) -> float:
        """r, the most sites that one sees, margins included."""
        widths = self.end - self.begin
        return inf if (widths == inf).any() else float(np.max(widths, initial=0.0))

    @property
    def first(self) -> float:
        """Where the field of the first site begins."""
        return float(self.begin[0])

    @property
    def is_alike(self) -> bool:
        """Whether there is one entry for all sites."""
        return len(self.begin) == 1 and not np.isfinite(self.begin[0])

    def everything(self) -> Self:
        """Every site sees the whole axis."""
        return replace(self, begin=np.array([-inf]), end=np.array([inf]))

    def unknown(self) -> Self:
        """It is not known what a site sees; what sees everything goes on doing so."""
        if self.size == inf:
            return self.everything()
        return replace(self, begin=np.array([nan]), end=np.array([nan]))

    def reading(
        self, sites: Table, stride: float = 1, valid: NDArray[np.bool_] | bool = True
    ) -> Self:
        """Outputs that each read some sites; a margin goes on as the sites beside it do.

        Args:
            sites: which; below 0 or beyond the last in a margin. Shape (outputs, reads).
            stride: s, the sites between two outputs: j' = s j.
            valid: which entries of `sites` count.
        """
        if self.is_alike:
            return replace(self, jump=self.jump * stride)
        inside = sites.clip(0, len(self.begin) - 1)
        beyond = (sites - inside) * self.jump
        begin = np.where(valid, self.begin[inside] + beyond, inf)
        end = np.where(valid, self.end[inside] + beyond, -inf)
        return replace(self._around(begin, end, 1), jump=self.jump * stride)

    def windowed(self, size: int, apart: int) -> Self:
        """Each site sees what all of its window see: one of `size` sites that are `apart`."""
        if self.is_alike or len(self.begin) % (size * apart):
            return self.unknown()
        sites = np.arange(len(self.begin)).reshape(-1, size, apart)
        table = sites.swapaxes(1, 2)[:, None].repeat(size, 1)  # (windows, size, apart, size)
        return self.reading(table.reshape(-1, size))

    def rolled(self, shift: int) -> Self:
        """The sites moved along; those that leave at one end come in again at the other."""
        if self.is_alike:
            return self
        turns, sites = divmod(np.arange(len(self.begin)) - shift, len(self.begin))
        period = len(self.begin) * self.jump
        begin, end = self.begin[sites] + turns * period, self.end[sites] + turns * period
        return replace(self, begin=begin, end=end)._turning(period)

    def repeated(self, distance: int) -> Self:
        """Sites that were copied so far along, as to a margin that goes on at the other end."""
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
        """The sites of the input that one sees, cut off at the border; None if not known."""
        site = min(site, len(self.begin) - 1)
        begin, end = self.begin[site], self.end[site]
        if np.isnan(begin):
            return None
        sites = np.arange(self.length)
        if self.period and np.isfinite(begin):
            sites, begin, end = (sites - begin) % self.period, 0, end - begin
        return np.asarray((begin <= sites) & (sites < end))


def hull(axes: Iterable[Axis]) -> Axis:
    """What sites see that are each made of one site of every axis: all between the ends."""
    every = list(axes)
    out = _together(every)
    if len({len(axis.begin) for axis in every} - {1}) > 1:
        return out.unknown()
    begin = np.stack(np.broadcast_arrays(*(axis.begin for axis in every)))
    end = np.stack(np.broadcast_arrays(*(axis.end for axis in every)))
    return out._around(begin, end, 0)


def chain(parts: Sequence[tuple[Axis | None, int]]) -> Axis:
    """The sites of several axes, each with how many, one after another; None sees nothing."""
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
