"""The receptive field of a layer, and its text."""

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
    """The receptive field of each single value of a tensor."""

    def mask(self, index: Sequence[int]) -> NDArray[np.bool_] | None:
        """A mask of the input sites in the receptive field of one value; None if unknown."""


@dataclass(frozen=True)
class Reach:
    """The receptive field of one value of a signal.

    Args:
        size: on a grid, the number of sites along each axis; `inf` is the entire axis, `nan`
            unknown.
        jump: on a grid, the distance on the input between the fields of two neighboring values.
        first: on a grid, the first input site of the field of the first value; negative in the
            padding, `-inf` for the entire axis, `nan` if unknown.
        hops: on a graph, the maximum number of hops; `inf` is the entire graph.
        sight: the receptive field of each single value.
    """

    size: tuple[float, ...] | None = None
    jump: tuple[float, ...] | None = None
    first: tuple[float, ...] | None = None
    hops: float | None = None
    sight: Sight | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        if self.hops is not None:
            if isinf(self.hops):
                return "entire graph"
            return f"{number(self.hops)} hop{'s' * (self.hops != 1)}"
        sizes = self.size or ()
        if all(isinf(size) for size in sizes):
            return "entire input"
        return " × ".join("all" if isinf(size) else number(size) for size in sizes)

    @property
    def step(self) -> str:
        """The jump as text; empty if the field is the entire input."""
        pairs = zip(self.jump or (), self.size or (), strict=True)
        each = [number(jump) for jump, size in pairs if not isinf(size)]
        return each[0] if len(set(each)) == 1 else " × ".join(each)


def number(value: float) -> str:
    """A number as text: "3", "0.5", or "?" if unknown."""
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
