"""The receptive field of a layer, and its text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isinf, isnan

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Reach", "number", "tensors_in"]

Mask = NDArray[np.bool_]


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
        count: on any other domain, the largest number of sites; `inf` is the entire domain.
        mask: a mask of the input sites that one value depends on, from its index along each
            dimension of the tensor; it returns None if they are unknown.
    """

    size: tuple[float, ...] | None = None
    jump: tuple[float, ...] | None = None
    first: tuple[float, ...] | None = None
    hops: float | None = None
    count: float | None = None
    mask: Callable[[Sequence[int]], Mask | None] = field(
        default=lambda index: None, compare=False, repr=False
    )

    def __str__(self) -> str:
        if self.hops is not None:
            if isinf(self.hops):
                return "entire graph"
            return f"{number(self.hops)} hop{'s' * (self.hops != 1)}"
        if self.count is not None and not isinf(self.count):
            return f"{number(self.count)} site{'s' * (self.count != 1)}"
        sizes = self.size or ()
        if all(isinf(size) for size in sizes):
            return "entire input"
        return " × ".join("all" if isinf(size) else number(size) for size in sizes)

    @property
    def sight(self) -> Reach:
        """Itself, which has `mask`: a former name."""
        return self

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
