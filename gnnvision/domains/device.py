"""Devices: their full names, and copies to them for which the host does not wait."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["as_double", "full_device", "send"]


def full_device(device: torch.device | str) -> torch.device:
    """The device as its tensors name it: "cuda" is the current GPU, for example "cuda:0"."""
    return torch.empty(0, device=device).device


def send(tensor: Tensor, device: torch.device | str) -> Tensor:
    """A small tensor on `device`; to a GPU it is copied out of pinned memory, without a wait."""
    if torch.device(device).type == "cuda" and tensor.device.type == "cpu" and tensor.numel():
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def as_double(tensor: Tensor) -> Tensor:
    """The tensor in float64; on the CPU if its device has no such numbers."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()
