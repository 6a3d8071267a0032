"""Receptive fields of tensors that are written in parts, through views."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from gnnvision.summary.axis import Axis
from gnnvision.summary.field import Field

__all__ = ["copied", "memory", "part_of"]


def memory(tensor: Tensor) -> int | None:
    """The storage of a tensor; None if it is sparse."""
    return tensor.untyped_storage()._cdata if tensor.layout is torch.strided else None


def begins(tensor: Tensor) -> list[int]:
    """The start of a view of a storage along each dimension."""
    left, found = int(tensor.storage_offset()), [0] * tensor.ndim
    for dim in sorted(range(tensor.ndim), key=tensor.stride, reverse=True):
        if stride := tensor.stride(dim):
            found[dim], left = divmod(left, stride)
    return found


def part_of(field: Field, written: Tensor, asked: Tensor) -> Field:
    """The field of a view, from a field that was written through another view."""
    if field.dims is None or written.ndim != asked.ndim:
        return field.lost()
    for dim, (a, b) in enumerate(zip(begins(written), begins(asked), strict=True)):
        sites = np.arange(asked.shape[dim])[:, None] + b - a
        field = field.reading(dim, sites, valid=(sites >= 0) & (sites < written.shape[dim]))
    return field


def copied(field: Field, source: Tensor, target: Tensor) -> Field:
    """The field of values copied from one view to another, as in circular padding."""
    if field.dims is None or source.ndim != target.ndim:
        return field.lost()
    for dim, (a, b) in enumerate(zip(begins(source), begins(target), strict=True)):
        if a != b:
            field = field.moved(dim, partial(Axis.repeated, distance=a - b))
    return field
