"""Receptive fields after windows: convolution, pooling, finer grids, margins and cuts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil, floor
from typing import Any

from gnnvision.summary.field import Field
from gnnvision.summary.places import Run

__all__ = [
    "Arguments",
    "Rule",
    "Shape",
    "adaptive",
    "channels",
    "convolution",
    "padded",
    "parted",
    "pool",
    "rolled",
    "shuffle",
    "strided",
    "upsample",
]

Arguments = Mapping[str, Any]
Shape = Sequence[int]
Rule = Callable[[Field, Arguments, Shape], Field]


def convolution(field: Field, given: Arguments, shape: Shape) -> Field:
    """A window with dilation, and a sum over channels; transposed, the other way round."""
    kernel = given["weight"].shape[2:]
    count = len(kernel)
    channel = len(shape) - count - 1
    field = channels(field.summed([channel]), channel, shape[channel])
    lists = (each(given[name], count) for name in ("stride", "padding", "dilation"))
    for i, (k, s, p, d) in enumerate(zip(kernel, *lists, strict=True), channel + 1):
        reach = d * (k - 1)
        if given["transposed"]:
            # Windows overlap on a grid that is s times as fine.
            field = field.window(i, floor(reach / s) + 1, 1 / s, shape[i], floor((reach - p) / s))
        else:
            field = field.window(i, reach + 1, s, shape[i], p)
    return field


def channels(field: Field, dim: int, size: int) -> Field:
    """A dimension along which what is seen does not move any more, as of channels."""
    assert field.dims is not None
    return field.laid((*field.dims[:dim], (Run(size),), *field.dims[dim + 1 :]))


def each(values: object, count: int) -> list[Any]:
    """One number for each of the last dimensions, of which one may stand for all."""
    listed = list(values) if isinstance(values, (list, tuple)) else [values]
    return listed * count if len(listed) == 1 else listed


def pool(count: int) -> Rule:
    """The maximum or mean of each window over the last dimensions."""

    def rule(field: Field, given: Arguments, shape: Shape) -> Field:
        kernel = each(given["kernel_size"], count)
        strides = each(given.get("stride") or kernel, count)
        pads = each(given.get("padding", 0), count)
        dilations = each(given.get("dilation", 1), count)
        sizes = zip(kernel, strides, pads, dilations, strict=True)
        for i, (k, s, p, d) in enumerate(sizes, len(shape) - count):
            field = field.window(i, d * (k - 1) + 1, s, shape[i], p)
        return field

    return rule


def adaptive(field: Field, given: Arguments, shape: Shape) -> Field:
    """Window i of m reads the sites from floor(i n / m) to ceil((i + 1) n / m)."""
    for dim, (n, m) in enumerate(zip(given["self"].shape, shape, strict=True)):
        if n != m and m == 1:
            field = field.summed([dim]).resized(dim, 1)
        elif n != m:
            widest = max(ceil((i + 1) * n / m) - i * n // m for i in range(m))
            field = field.window(dim, widest, n / m, m)
    return field


def upsample(taps: int) -> Rule:
    """Finer sites, each made of so many neighbouring coarse ones."""

    def rule(field: Field, given: Arguments, shape: Shape) -> Field:
        x = next(iter(given.values()))
        for dim, (n, m) in enumerate(zip(x.shape, shape, strict=True)):
            field = field if n == m else field.window(dim, taps, n / m, m, taps // 2)
        return field

    return rule


def shuffle(field: Field, given: Arguments, shape: Shape) -> Field:
    """Channels become sites or the other way round."""
    dims = range(len(shape) - 2, len(shape))
    for dim in dims:
        ratio = given["self"].shape[dim] / shape[dim]
        field = field.window(dim, max(1, ratio), ratio, shape[dim])
    return field.resized(len(shape) - 3, shape[-3])


def padded(field: Field, given: Arguments, shape: Shape) -> Field:
    """Margins, or cuts where they are negative, listed from the last dimension on."""
    margins = list(given["pad"] if "pad" in given else given["padding"])
    for i, before in enumerate(margins[::2], 1):
        field = field.resized(len(shape) - i, shape[-i], before)
    return field


def strided(field: Field, given: Arguments, shape: Shape) -> Field:
    """Every so many sites from the first that is asked for."""
    dim, step = given.get("dim", 0) % len(shape), given.get("step", 1)
    count = given["self"].shape[dim]
    start = given.get("start") or 0
    start = min(count, start if start >= 0 else max(0, start + count))
    return field.window(dim, 1, step, shape[dim], -start)


def parted(field: Field, given: Arguments, shape: Shape) -> Field:
    """One of several pieces in a row."""
    dim = given.get("dim", 0) % len(shape)
    start = sum(piece[dim] for piece in given["pieces"][: given["position"]])
    return field.resized(dim, shape[dim], -start)


def rolled(field: Field, given: Arguments, shape: Shape) -> Field:
    """Sites that move along, and come in again at the other end."""
    dims = each(given.get("dims", []), 1)
    for dim, shift in zip(dims, each(given["shifts"], 1), strict=True):
        field = field.resized(dim % len(shape), shape[dim], shift)
    return field
