"""The sites that each output reads: convolution, pooling, upsampling, padding and slicing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from gnnvision.summary.axis import Axis, Table
from gnnvision.summary.field import Field

__all__ = [
    "Arguments",
    "Rule",
    "Shape",
    "adaptive",
    "convolution",
    "flipped",
    "padded",
    "parted",
    "pool",
    "rolled",
    "select",
    "shuffle",
    "strided",
    "upsample",
]

Arguments = Mapping[str, Any]
Shape = Sequence[int]
Rule = Callable[[Field, Arguments, Shape], Field]


def column(count: int) -> Table:
    """The indices of outputs as a column."""
    return np.arange(count)[:, None]


def window(count: int, kernel: int, stride: int, before: int, dilation: int) -> Table:
    """The sites of windows of `kernel` sites with this dilation and stride."""
    return column(count) * stride - before + np.arange(kernel) * dilation


def convolution(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field after a convolution, which may be transposed."""
    kernel = given["weight"].shape[2:]
    count = len(kernel)
    channel = len(shape) - count - 1
    field = field.summed([channel]).without(channel, shape[channel])
    lists = (each(given[name], count) for name in ("stride", "padding", "dilation"))
    for i, (k, s, p, d) in enumerate(zip(kernel, *lists, strict=True), channel + 1):
        if given["transposed"]:
            # An input at x goes to s x - p + d t for each t of the kernel.
            sites, rest = np.divmod(column(shape[i]) + p - np.arange(k) * d, s)
            field = field.reading(i, sites, 1 / s, rest == 0)
        else:
            field = field.reading(i, window(shape[i], k, s, p, d), s)
    return field


def each(values: object, count: int) -> list[Any]:
    """One value for each of the last dimensions, from one for all or one for each."""
    listed = list(values) if isinstance(values, (list, tuple)) else [values]
    return listed * count if len(listed) == 1 else listed


def pool(count: int) -> Rule:
    """The rule of pooling over the last dimensions."""

    def rule(field: Field, given: Arguments, shape: Shape) -> Field:
        kernel = each(given["kernel_size"], count)
        strides = each(given.get("stride") or kernel, count)
        pads = each(given.get("padding", 0), count)
        dilations = each(given.get("dilation", 1), count)
        sizes = zip(kernel, strides, pads, dilations, strict=True)
        for i, (k, s, p, d) in enumerate(sizes, len(shape) - count):
            field = field.reading(i, window(shape[i], k, s, p, d), s)
        return field

    return rule


def adaptive(field: Field, given: Arguments, shape: Shape) -> Field:
    """Window i of m reads the sites from floor(i n / m) to ceil((i + 1) n / m)."""
    for dim, (n, m) in enumerate(zip(given["self"].shape, shape, strict=True)):
        if n != m and m == 1:
            field = field.summed([dim]).without(dim, 1)
        elif n != m:
            first, last = column(m) * n // m, -(-(column(m) + 1) * n // m) - 1
            sites = first + np.arange((last - first).max() + 1)
            field = field.reading(dim, sites, n / m, sites <= last)
    return field


def upsample(taps: int, nearest: Literal["floor", "middle"] = "middle") -> Rule:
    """The rule of upsampling, where each output depends on some neighboring sites."""

    def rule(field: Field, given: Arguments, shape: Shape) -> Field:
        x = next(iter(given.values()))
        scales = [value for name, value in given.items() if name.startswith("scales")]
        scales = [None] * (len(shape) - len(scales)) + scales
        for dim, (n, m, scale) in enumerate(zip(x.shape, shape, scales, strict=True)):
            if n == m:
                continue
            stride, offset = 1 / scale if scale else n / m, 0.5
            if given.get("align_corners") and m > 1:
                stride, offset = (n - 1) / (m - 1), 0.0
            if taps == 1:
                sites = np.floor((column(m) + (offset if nearest == "middle" else 0)) * stride)
            else:
                middle = (column(m) + offset) * stride - offset
                sites = np.floor(middle) + np.arange(taps) - taps // 2 + 1
            field = field.reading(dim, sites.astype(np.int64).clip(0, n - 1), stride)
        return field

    return rule


def shuffle(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field after pixel shuffle or unshuffle."""
    for dim in range(len(shape) - 2, len(shape)):
        n, m = given["self"].shape[dim], shape[dim]
        sites = column(m) * n // m + np.arange(max(1, n // m))
        field = field.reading(dim, sites, n / m)
    return field.without(len(shape) - 3, shape[-3])


def padded(mode: Literal["constant", "reflect", "replicate"]) -> Rule:
    """The rule of padding, or cropping if it is negative, from the last dimension on."""

    def rule(field: Field, given: Arguments, shape: Shape) -> Field:
        margins = list(given["pad"] if "pad" in given else given["padding"])
        for i, before in enumerate(margins[::2], 1):
            n, sites = given["self"].shape[-i], column(shape[-i]) - before
            if mode == "reflect":
                sites = n - 1 - abs(n - 1 - abs(sites))
            elif mode == "replicate":
                sites = sites.clip(0, n - 1)
            field = field.reading(len(shape) - i, sites)
        return field

    return rule


def strided(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field after a slice with a step."""
    dim, step = given.get("dim", 0) % len(shape), given.get("step", 1)
    count = given["self"].shape[dim]
    start = given.get("start") or 0
    start = min(count, start if start >= 0 else max(0, start + count))
    return field.reading(dim, column(shape[dim]) * step + start, step)


def parted(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field of one of several consecutive pieces."""
    dim = given.get("dim", 0) % len(shape)
    start = sum(piece[dim] for piece in given["pieces"][: given["position"]])
    return field.reading(dim, column(shape[dim]) + start)


def select(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field after selecting one entry of a dimension."""
    assert field.dims is not None
    gone = given.get("dim", 0) % len(field.dims)
    index = given.get("index", given["position"]) % given["self"].shape[gone]
    field = field.reading(gone, np.array([[index]]))
    assert field.dims is not None
    return field.laid(p for dim, p in enumerate(field.dims) if dim != gone)


def flipped(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field after reversing dimensions."""
    for dim in given["dims"]:
        field = field.reading(dim % len(shape), shape[dim] - 1 - column(shape[dim]), -1)
    return field


def rolled(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field after a cyclic shift."""
    if not given.get("dims"):
        return field.lost()  # all numbers in a row
    for dim, shift in zip(given["dims"], given["shifts"], strict=True):
        field = field.moved(dim % len(shape), partial(Axis.rolled, shift=shift))
    return field
