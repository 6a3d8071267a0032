"""Helpers for devices: full names, asynchronous copies, and supported precision."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["as_double", "count", "full_device", "send", "widest"]


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
