"""What a number of a network depends on, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isinf, isnan
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Reach", "Sight", "tensors_in"]


class Sight(Protocol):
    """What each number of a tensor sees, for itself."""

    def mask(self, index: Sequence[int]) -> NDArray[np.bool_] | None:
        """The sites of the input that the number at `index` sees; None if it is not known."""


@dataclass(frozen=True)
class Reach:
    """What one number of a signal depends on.

    Args:
        size: on a grid, the sites seen along each axis; `inf` is all of them, `nan` not known.
        jump: on a grid, how far apart on the input two neighboring numbers look.
        first: on a grid, the site of the input at which the field of the first number begins;
            below 0 in a margin, `-inf` where all are seen, `nan` where it is not known.
        hops: on a graph, the edges to the farthest node seen, at most; `inf` is the whole graph.
        sight: the same for each number by itself.
    """

    size: tuple[float, ...] | None = None
    jump: tuple[float, ...] | None = None
    first: tuple[float, ...] | None = None
    hops: float | None = None
    sight: Sight | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        if self.hops is not None:
            if isinf(self.hops):
                return "the graph"
            return f"{number(self.hops)} hop{'s' * (self.hops != 1)}"
        sizes = self.size or ()
        if all(isinf(size) for size in sizes):
            return "everything"
        return " × ".join("all" if isinf(size) else number(size) for size in sizes)

    @property
    def step(self) -> str:
        """The jump for people; nothing where all is seen."""
        pairs = zip(self.jump or (), self.size or (), strict=True)
        each = [number(jump) for jump, size in pairs if not isinf(size)]
        return each[0] if len(set(each)) == 1 else " × ".join(each)


def number(value: float) -> str:
    """A count as it is read: "3", "0.5", "?" where it is not known."""
    return "?" if isnan(value) else f"{value:,.4g}" if value % 1 else f"{value:,.0f}"


def tensors_in(value: object) -> list[Tensor]:
    """The tensors in nested tuples, lists and mappings, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [tensor for part in value for tensor in tensors_in(part)]
    return []
