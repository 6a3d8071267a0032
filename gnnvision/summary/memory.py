"""Receptive fields of what is written into parts of a memory, one after another."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from gnnvision.summary.axis import Axis
from gnnvision.summary.field import Field

__all__ = ["copied", "memory", "part_of"]


def memory(tensor: Tensor) -> int | None:
    """Which memory a tensor is a part of; None if it is sparse."""
    return tensor.untyped_storage()._cdata if tensor.layout is torch.strided else None


def begins(tensor: Tensor) -> list[int]:
    """Where a part of a memory begins along each dimension."""
    left, found = int(tensor.storage_offset()), [0] * tensor.ndim
    for dim in sorted(range(tensor.ndim), key=tensor.stride, reverse=True):
        if stride := tensor.stride(dim):
            found[dim], left = divmod(left, stride)
    return found


def part_of(field: Field, written: Tensor, asked: Tensor) -> Field:
    """What a part of a memory sees of a field that was written through another part of it."""
    if field.dims is None or written.ndim != asked.ndim:
        return field.lost()
    for dim, (a, b) in enumerate(zip(begins(written), begins(asked), strict=True)):
        sites = np.arange(asked.shape[dim])[:, None] + b - a
        field = field.reading(dim, sites, valid=(sites >= 0) & (sites < written.shape[dim]))
    return field


def copied(field: Field, source: Tensor, target: Tensor) -> Field:
    """What was copied from one part of a memory to another, as to a margin that goes around."""
    if field.dims is None or source.ndim != target.ndim:
        return field.lost()
    for dim, (a, b) in enumerate(zip(begins(source), begins(target), strict=True)):
        if a != b:
            field = field.moved(dim, partial(Axis.repeated, distance=a - b))
    return field
