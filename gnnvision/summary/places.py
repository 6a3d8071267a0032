"""The positions of grid sites along the dimensions of a tensor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

__all__ = ["Places", "Run", "numbers", "regrouped", "together"]


@dataclass(frozen=True)
class Run:
    """Entries along one dimension: sites of the grid, channels, or images of the batch.

    Args:
        size: the number of entries.
        axes: the grid axes of the sites; none for channels and images, several if the sites of
            these axes cannot be separated.
        stride: the distance between two entries, in sites of that axis.
    """

    size: int
    axes: frozenset[int] = frozenset()
    stride: int = 1


# One dimension is a product of runs, the last fastest, as in windows cut out of an image.
Places = tuple[Run, ...]


def regrouped(places: Sequence[Places], new: Sequence[int]) -> list[Places] | None:
    """The positions after a view of another shape; None if it splits sites.

    The runs are assigned to the new dimensions in order; a run that is too long for a dimension is
    split in two.
    """
    runs = [run for place in places for run in place]
    out: list[Places] = []
    for position, size in enumerate(new):
        taken: list[Run] = []
        left = size
        while runs and (left > 1 or (runs[0].size == 1 and position == len(new) - 1)):
            run = runs.pop(0)
            if left % run.size == 0:
                taken.append(run)
                left //= run.size
            elif run.size % left == 0 and len(run.axes) < 2:
                inner = run.size // left
                stride = run.stride * inner if run.axes else 1
                taken.append(replace(run, size=left, stride=stride))
                runs.insert(0, replace(run, size=inner))
                left = 1
            else:
                return None
        if left > 1:
            return None
        out.append(joined(taken))
    return out


def joined(runs: Iterable[Run]) -> Places:
    """The runs with neighboring ones merged, if they are consecutive sites or not sites at all."""
    out: list[Run] = []
    for run in runs:
        if run == Run(1):
            continue
        last = out[-1] if out else None
        if last is not None and last.axes == run.axes and len(run.axes) < 2:
            if not run.axes:
                out[-1] = Run(last.size * run.size)
                continue
            if last.stride == run.size * run.stride:
                out[-1] = Run(last.size * run.size, run.axes, run.stride)
                continue
        out.append(run)
    return tuple(out) or (Run(1),)


def numbers(places: Places) -> tuple[NDArray[np.int64], float]:
    """The site index of each entry along a dimension, and the sites from one to the next."""
    sites, stride = np.zeros(1, dtype=np.int64), 1.0
    for run in places:
        steps = np.arange(run.size) * (run.stride if run.axes else 0)
        sites = (sites[:, None] + steps).ravel()
        stride = run.stride if run.axes else stride / run.size
    return sites, stride


def together(places: Iterable[Places], size: int) -> Places:
    """The positions of entries that correspond to sites of several tensors."""
    each = [place for place in places if any(run.axes for run in place)]
    if not each:
        return (Run(size),)
    first = each[0]
    if all(place == first for place in each) and prod(run.size for run in first) == size:
        return first
    return (Run(size, frozenset().union(*(run.axes for place in each for run in place))),)
