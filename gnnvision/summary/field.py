"""How much of the input a number depends on: receptive fields on grids.

A field is kept for each tensor while a network is traced. It says how many sites the numbers of
the tensor see along each axis, how far apart on the input two neighbouring numbers look, and
where along the dimensions of the tensor the sites lie, for only a sum over those mixes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf, isnan, nan, prod
from typing import Self

from gnnvision.summary.places import Places, Run, regrouped

__all__ = ["Field", "larger", "reshaped"]


@dataclass(frozen=True)
class Field:
    """What the numbers of one tensor see of a grid.

    Args:
        size: r, the sites seen along each axis; `inf` is the whole axis, `nan` not known.
        jump: j, the distance on the input between the centres of two neighbouring fields.
        first: the site of the input at which the field of the first number begins; below 0 in a
            margin.
        extent: the number of sites that are left along each axis.
        dims: the places along each dimension of the tensor; None if they are not known.
    """

    size: tuple[float, ...]
    jump: tuple[float, ...]
    first: tuple[float, ...]
    extent: tuple[int, ...]
    dims: tuple[Places, ...] | None

    @classmethod
    def of_input(cls, shape: Sequence[int]) -> Self:
        """Pictures of shape (B, C, *size): each site sees itself."""
        batch, channels, *size = shape
        sites = (Run(n, frozenset({axis})) for axis, n in enumerate(size))
        dims = ((Run(batch),), (Run(channels),), *((run,) for run in sites))
        ones, zeros = (1.0,) * len(size), (0.0,) * len(size)
        return cls(ones, ones, zeros, tuple(size), dims)

    def axes(self, dims: Iterable[int]) -> frozenset[int]:
        """The axes of the grid along some dimensions of the tensor; all if that is not known."""
        if self.dims is None:
            return frozenset(range(len(self.size)))
        return frozenset().union(*(run.axes for dim in dims for run in self.dims[dim]))

    def seeing(self, axes: Iterable[int], size: float) -> Self:
        """The same with another size along some axes; what sees everything goes on doing so."""
        sizes = list(self.size)
        for axis in axes:
            sizes[axis] = inf if sizes[axis] == inf else size
        return replace(self, size=tuple(sizes))

    def laid(self, dims: Iterable[Places] | None) -> Self:
        """The same sites at other places."""
        return replace(self, dims=None if dims is None else tuple(dims))

    def lost(self) -> Self:
        """After an operation about which nothing is known."""
        return self.seeing(range(len(self.size)), nan).laid(None)

    def summed(self, dims: Iterable[int]) -> Self:
        """After a sum over whole dimensions: everything along an axis that lies there.

        Over the n sites of a window, d apart, that was cut out of an axis: r' = r + (n - 1) d j.
        """
        if self.dims is None:
            return self
        field = self
        runs = [run for dim in dims for run in self.dims[dim]]
        for axis in frozenset().union(*(run.axes for run in runs)):
            own = [run for run in runs if axis in run.axes]
            mixed = any(len(run.axes) > 1 for run in own)
            if mixed or prod(run.size for run in own) == self.extent[axis]:
                cut = mixed and isnan(self.size[axis])
                field = field.seeing([axis], nan if cut else inf)
            else:
                reach = sum((run.size - 1) * run.stride for run in own) * self.jump[axis]
                field = field.seeing([axis], self.size[axis] + reach)
        return field

    def window(
        self, dim: int, kernel: float, stride: float, length: int, before: float = 0
    ) -> Self:
        """After a window of `kernel` sites, `stride` apart, has moved along one dimension.

        r' = r + (kernel - 1) j and j' = stride j.

        Args:
            dim: along which it moved.
            kernel: f, or d (f - 1) + 1 with dilation.
            stride: s; 1 / s from coarse to fine sites.
            length: the sites that it left.
            before: the sites before the first one at which it began.
        """
        axes = self.axes([dim])
        moved = self.resized(dim, length, before)
        if kernel == stride == 1 or not axes:
            return moved
        if self.dims is None or len(self.dims[dim]) > 1 or len(axes) > 1:
            return moved.seeing(axes, nan)
        size, jump = list(self.size), list(self.jump)
        for axis in axes:
            size[axis] += (kernel - 1) * jump[axis]
            jump[axis] *= stride
        return replace(moved, size=tuple(size), jump=tuple(jump))

    def resized(self, dim: int, length: int, before: float = 0) -> Self:
        """After one dimension got another length or beginning, by a cut, a margin or a window."""
        if self.dims is None:
            return self
        place, axes = self.dims[dim], self.axes([dim])
        extent, first = list(self.extent), list(self.first)
        if len(axes) == 1 and len(place) == 1:
            (axis,) = axes
            extent[axis] = length
            first[axis] -= before * self.jump[axis]
        field = replace(self, extent=tuple(extent), first=tuple(first))
        if prod(run.size for run in place) == length:
            return field
        dims = list(self.dims)
        dims[dim] = (Run(length, axes),)
        return field.laid(dims)


def larger(fields: Sequence[Field], dims: Iterable[Places] | None) -> Field:
    """What a number made of several sees: along each axis all between their ends."""
    if len(fields) == 1:
        return fields[0].laid(dims)
    begin = _along((f.first for f in fields), min)
    ends = ([a + n for a, n in zip(f.first, f.size, strict=True)] for f in fields)
    spans = zip(begin, _along(ends, max), strict=True)
    return replace(
        fields[0].laid(dims),
        size=tuple(end - first for first, end in spans),
        jump=_along((f.jump for f in fields), max),
        first=begin,
    )


def _along(
    values: Iterable[Iterable[float]], choose: Callable[[list[float]], float]
) -> tuple[float, ...]:
    """One number for each axis; all of an axis is more than what is not known."""
    each = [list(column) for column in zip(*values, strict=True)]
    return tuple(
        inf if inf in column else nan if any(map(isnan, column)) else choose(column)
        for column in each
    )


def reshaped(field: Field, new: Sequence[int]) -> Field:
    """After a view of shape `new`; where that cuts across sites, what is seen is not known."""
    if field.dims is None:
        return field
    dims = regrouped(field.dims, new)
    if dims is not None:
        return field.laid(dims)
    axes = field.axes(range(len(field.dims)))
    return field.seeing(axes, nan).laid((Run(size, axes),) for size in new)
