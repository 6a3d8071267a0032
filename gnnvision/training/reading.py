"""Tensors of a GPU read by the host, with one wait for all of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["to_host"]

MOST = 1 << 26  # values: more of them, such as images, are measured on the GPU


def to_host(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The tensors on the CPU; those of a GPU are copied, and waited for once.

    If they are large, all but the scalars and vectors are returned as they are.
    """
    small = sum(tensor.numel() for tensor in tensors) <= MOST
    read = [
        torch.empty(t.shape, dtype=t.dtype, pin_memory=True).copy_(t, non_blocking=True)
        if t.is_cuda and (small or t.ndim < 2)
        else t
        for t in tensors
    ]
    if any(t.is_cuda for t in tensors):
        torch.cuda.current_stream(tensors[0].device).synchronize()
    return read
