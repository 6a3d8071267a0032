"""A device: its name, and which arithmetic suits a model on it."""

from __future__ import annotations

import platform

import torch
from torch import nn

__all__ = ["device_name", "suitable"]

PRECISIONS = ("auto", "float32", "bfloat16")


def suitable(precision: str, model: nn.Module, device: str) -> str:
    """What "auto" stands for: bfloat16 for convolutions of pictures where it is quick.

    Sums and norms stay in float32 (autocast). Graphs keep float32: their products are bound by
    memory and small.

    Args:
        precision: "auto", "float32" or "bfloat16".
        model: what is to be run.
        device: where.

    Raises:
        ValueError: if there is no such precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"'precision' must be one of {', '.join(PRECISIONS)}, got {precision!r}. "
            "Choose one of them."
        )
    if precision != "auto":
        return precision
    of_pictures = any(isinstance(m, nn.modules.conv._ConvNd) for m in model.modules())
    return "bfloat16" if of_pictures and has_quick_bfloat16(device) else "float32"


def device_name(device: str) -> str:
    """The device with its name: "cpu (x86_64)", "cuda (NVIDIA H200)"."""
    if torch.device(device).type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({platform.machine()})"


def has_quick_bfloat16(device: str) -> bool:
    """Whether a device multiplies bfloat16 in hardware."""
    match torch.device(device).type:
        case "cpu":
            found = torch.cpu.get_capabilities()
            return bool(found.get("avx512_bf16") or found.get("amx_bf16"))
        case "cuda":
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
        case _:
            return False
