"""Helpers for devices: full names, asynchronous copies, and supported precision."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "as_double",
    "count",
    "full_device",
    "segment_index",
    "send",
    "sum_at",
    "widest",
]


def full_device(device: torch.device | str) -> torch.device:
    """The device as its tensors name it: "cuda" is the current GPU, for example "cuda:0"."""
    return torch.empty(0, device=device).device


def send(tensor: Tensor, device: torch.device | str) -> Tensor:
    """The tensor on `device`; to a GPU it is copied asynchronously from pinned memory."""
    if torch.device(device).type == "cuda" and tensor.device.type == "cpu" and tensor.numel():
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def as_double(tensor: Tensor) -> Tensor:
    """The tensor in float64, on the CPU if its device does not support float64."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


def widest(device: torch.device) -> torch.dtype:
    """The most precise floating-point dtype of a device: float64, or float32 on MPS."""
    return torch.float32 if device.type == "mps" else torch.float64


def count(index: Tensor, size: int) -> Tensor:
    """The number of occurrences of each integer from 0 to `size` - 1, without waiting for a GPU.

    Shapes:
        index: int64 (n,), within that range.
        Output: int64 (size,).
    """
    if index.device.type == "cpu":
        return torch.bincount(index, minlength=size)
    return index.new_zeros(size).index_add_(0, index, torch.ones_like(index))


def segment_index(offsets: Tensor, num_rows: int) -> Tensor:
    """The index of the segment of each row, from 0.

    Args:
        offsets: the first row of each of the G segments, then the number of rows. Shape (G + 1,).
        num_rows: the number of rows.

    Shapes:
        Output: int64 (num_rows,).
    """
    if torch.compiler.is_compiling():  # ONNX has no repeat_interleave of a given size
        starts = offsets[1:-1]
        return sum_at(starts, torch.ones_like(starts), num_rows + 1).cumsum(0)[:-1]
    segments = torch.arange(offsets.shape[0] - 1, device=offsets.device)
    return segments.repeat_interleave(offsets.diff(), output_size=num_rows)


def sum_at(index: Tensor, value: Tensor, size: int) -> Tensor:
    """The sums of the rows of `value` at each index, with every derivative.

    Shapes:
        index: (E,), from 0 to size - 1.
        value: (E, *).
        Output: (size, *).
    """
    out = value.new_zeros(size, *value.shape[1:])
    if torch.compiler.is_compiling():
        # ONNX has no index_add, and onnxruntime adds in a race what torch writes in its place.
        places = index.long().view(-1, *[1] * (value.ndim - 1)).expand_as(value)
        return out.scatter_add(0, places, value)
    return out.index_add(0, index, value)
