"""Receptive fields on grids.

While a network is traced, a field is stored for each tensor: the receptive fields of the sites
along each axis, and the positions of these sites along the dimensions of the tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gnnvision.summary.axis import Axis, Table, hull
from gnnvision.summary.places import Places, Run, numbers, regrouped, together

__all__ = ["Field", "joined", "reshaped"]


@dataclass(frozen=True, eq=False)
class Field:
    """The receptive fields of the values of one tensor on a grid.

    Args:
        axes: the receptive fields of the sites along each axis.
        dims: the positions along each dimension of the tensor; None if unknown.
    """

    axes: tuple[Axis, ...]
    dims: tuple[Places, ...] | None

    @classmethod
    def of_input(cls, shape: Sequence[int]) -> Self:
        """The field of input images (B, C, *size): each site depends on itself."""
        batch, channels, *size = shape
        sites = (Run(n, frozenset({axis})) for axis, n in enumerate(size))
        dims = ((Run(batch),), (Run(channels),), *((run,) for run in sites))
        return cls(tuple(map(Axis.of_input, size)), dims)

    def along(self, dims: Iterable[int]) -> frozenset[int]:
        """The grid axes along some dimensions of the tensor; all if unknown."""
        if self.dims is None:
            return frozenset(range(len(self.axes)))
        return frozenset().union(*(run.axes for dim in dims for run in self.dims[dim]))

    def changed(self, numbers: Iterable[int], change: Callable[[Axis], Axis]) -> Self:
        """The field with some axes replaced."""
        chosen = set(numbers)
        axes = (change(axis) if n in chosen else axis for n, axis in enumerate(self.axes))
        return replace(self, axes=tuple(axes))

    def laid(self, dims: Iterable[Places] | None) -> Self:
        """The field with other positions."""
        return replace(self, dims=None if dims is None else tuple(dims))

    def without(self, dim: int, size: int) -> Self:
        """The field with a dimension that is no longer spatial, like channels."""
        return self.placed(dim, (Run(size),))

    def placed(self, dim: int, place: Places) -> Self:
        """The field with another position along one dimension."""
        assert self.dims is not None
        return self.laid((*self.dims[:dim], place, *self.dims[dim + 1 :]))

    def lost(self) -> Self:
        """The field after an unknown operation."""
        return self.changed(range(len(self.axes)), Axis.unknown).laid(None)

    def summed(self, dims: Iterable[int]) -> Self:
        """The field after a sum over dimensions: the entire axis that lies along them.

        For an axis that was split into windows, it is the entire window.
        """
        if self.dims is None:
            return self
        field = self
        runs = [run for dim in dims for run in self.dims[dim]]
        for axis in frozenset().union(*(run.axes for run in runs)):
            own = [run for run in runs if axis in run.axes]
            mixed = any(len(run.axes) > 1 for run in own)
            if mixed or prod(run.size for run in own) == len(self.axes[axis].begin):
                field = field.changed([axis], Axis.everything)
                continue
            for run in own:
                field = field.changed(
                    [axis], partial(Axis.windowed, size=run.size, apart=run.stride)
                )
        return field

    def reading(
        self, dim: int, sites: Table, stride: float = 1, valid: NDArray[np.bool_] | bool = True
    ) -> Self:
        """The field after an operation whose outputs along one dimension each read some sites.

        Args:
            dim: the dimension.
            sites: the sites that each output reads. Shape (outputs, reads).
            stride: the sites from one output to the next.
            valid: the entries of `sites` that count.
        """
        assert self.dims is not None
        count = prod(run.size for run in self.dims[dim])
        if sites.shape == (count, 1) and (sites[:, 0] == np.arange(count)).all():
            return self
        field = self.moved(dim, lambda axis: axis.reading(sites, stride, valid))
        return field.placed(dim, (Run(len(sites), self.along([dim])),))

    def moved(self, dim: int, change: Callable[[Axis], Axis]) -> Self:
        """The field with another axis along a dimension; unknown if it shares the dimension."""
        field, axes = self.settled(dim), self.along([dim])
        assert field.dims is not None
        plain = [(Run(len(field.axes[n].begin), frozenset({n})),) for n in axes]
        alike = all(field.axes[n].is_alike for n in axes)
        alone = alike or [field.dims[dim]] == plain
        return field.changed(axes, change if alone else Axis.unknown)

    def settled(self, dim: int) -> Self:
        """The field with one axis entry for each index of a dimension, if it is alone there."""
        assert self.dims is not None
        place, axes = self.dims[dim], self.along([dim])
        alone = self.along(d for d in range(len(self.dims)) if d != dim).isdisjoint(axes)
        if len(axes) != 1 or not alone:
            return self
        sites, stride = numbers(place)
        plain = (Run(len(sites), axes),)
        if all(axis.is_alike for n, axis in enumerate(self.axes) if n in axes):
            return self.placed(dim, plain)
        (number,) = axes
        if place == plain and len(self.axes[number].begin) == len(sites):
            return self
        if sites.max(initial=0) >= len(self.axes[number].begin):
            return self.changed(axes, Axis.unknown).placed(dim, plain)
        settle = self.changed(axes, lambda axis: axis.reading(sites[:, None], stride))
        return settle.placed(dim, plain)

    def all_settled(self) -> Self:
        """`settled` along every dimension."""
        field = self
        for dim in range(len(self.dims or ())):
            field = field.settled(dim)
        return field

    def mask(self, index: Sequence[int]) -> NDArray[np.bool_] | None:
        """A mask of the input sites in the receptive field of one value; None if unknown.

        Args:
            index: of the value, along each dimension of the tensor.
        """
        if self.dims is None:
            return None
        seen = np.ones((), dtype=bool)
        for number, axis in enumerate(self.axes):
            lies = [dim for dim in range(len(self.dims)) if number in self.along([dim])]
            along = axis.mask(index[lies[0]] if lies else 0)
            places = [self.dims[dim] for dim in lies]
            plain = places in ([], [(Run(len(axis.begin), frozenset({number})),)])
            if along is None or not (axis.is_alike or plain):
                return None
            seen = seen[..., None] & along
        return seen


def joined(
    fields: Sequence[Field], dims: Sequence[Sequence[Places]], shape: Sequence[int]
) -> Field:
    """The field of a result whose values each depend on one value of several tensors.

    Args:
        fields: of the tensors.
        dims: for each dimension of the result, the positions along it in each tensor that has it.
        shape: of the result.
    """
    axes = (hull(field.axes[n] for field in fields) for n in range(len(fields[0].axes)))
    out = replace(fields[0], axes=tuple(axes))
    out = out.laid(together(places, size) for places, size in zip(dims, shape, strict=True))
    for dim, places in enumerate(dims):
        if len({place for place in places if any(run.axes for run in place)}) > 1:
            out = out.changed(out.along([dim]), Axis.unknown)  # as in an image and its transpose
    return out


def reshaped(field: Field, new: Sequence[int]) -> Field:
    """The field after a view of shape `new`; unknown if the view splits sites."""
    if field.dims is None:
        return field
    dims = regrouped(field.dims, new)
    if dims is not None:
        return field.laid(dims)
    axes = field.along(range(len(field.dims)))
    return field.changed(axes, Axis.unknown).laid((Run(size, axes),) for size in new)
