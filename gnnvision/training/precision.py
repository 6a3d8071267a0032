"""The precision that suits a model on a device, and the name of a device."""

from __future__ import annotations

import platform

import torch
from torch import nn

from gnnvision.errors import one_of

__all__ = ["device_name", "resolve_precision"]

PRECISIONS = ("auto", "float32", "bfloat16")


def resolve_precision(precision: str, model: nn.Module, device: str) -> str:
    """The precision to use: for "auto", bfloat16 for image convolutions where it is fast.

    Sums and normalization layers stay in float32 (autocast). Graph networks use float32, as
    their products are small and limited by memory bandwidth.

    Args:
        precision: "auto", "float32" or "bfloat16".
        model: the model to run.
        device: the device to run it on.

    Raises:
        ValueError: if there is no such precision.
    """
    if one_of("precision", precision, PRECISIONS) != "auto":
        return precision
    for_images = any(isinstance(m, nn.modules.conv._ConvNd) for m in model.modules())
    return "bfloat16" if for_images and has_fast_bfloat16(device) else "float32"


def device_name(device: str) -> str:
    """The device with its name: "cpu (x86_64)", "cuda (NVIDIA H200)"."""
    if torch.device(device).type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({platform.machine()})"


def has_fast_bfloat16(device: str) -> bool:
    """Whether a device multiplies bfloat16 in hardware."""
    match torch.device(device).type:
        case "cpu":
            found = torch.cpu.get_capabilities()
            return bool(found.get("avx512_bf16") or found.get("amx_bf16"))
        case "cuda":
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
        case _:
            return False
