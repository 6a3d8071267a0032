"""Where the sites of a grid lie along the dimensions of a tensor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

__all__ = ["Places", "Run", "numbers", "regrouped", "together"]


@dataclass(frozen=True)
class Run:
    """Some of the entries along one dimension: sites of the grid, or channels and pictures.

    Args:
        size: how many.
        axes: the axes of the grid on which they are sites; none for channels and pictures, more
            than one where sites of several cannot be told apart any more.
        stride: the distance between two of them, in sites of that axis.
    """

    size: int
    axes: frozenset[int] = frozenset()
    stride: int = 1


# One dimension is a product of runs, the last fastest, as in windows cut out of a picture.
Places = tuple[Run, ...]


def regrouped(places: Sequence[Places], new: Sequence[int]) -> list[Places] | None:
    """The places after a view of another shape; None if it cuts across the sites.

    The runs are dealt out again to the new dimensions in order; one that is larger than what is
    left of a dimension is cut in two.
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
    """Neighboring runs as one where together they are sites in a row, or none are sites."""
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
    """Which site of its axis each entry along a dimension is, and the sites between two."""
    sites, stride = np.zeros(1, dtype=np.int64), 1.0
    for run in places:
        steps = np.arange(run.size) * (run.stride if run.axes else 0)
        sites = (sites[:, None] + steps).ravel()
        stride = run.stride if run.axes else stride / run.size
    return sites, stride


def together(places: Iterable[Places], size: int) -> Places:
    """Entries that stand for sites of several tensors at once."""
    each = [place for place in places if any(run.axes for run in place)]
    if not each:
        return (Run(size),)
    first = each[0]
    if all(place == first for place in each) and prod(run.size for run in first) == size:
        return first
    return (Run(size, frozenset().union(*(run.axes for place in each for run in place))),)
