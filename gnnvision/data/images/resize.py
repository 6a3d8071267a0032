"""Resizing and channel conversion of decoded images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gnnvision.data.images.arrays import ImageArrays

__all__ = ["resize_arrays"]

_CHUNK = 1024


def resize_arrays(
    arrays: ImageArrays, size: tuple[int, int] | None, channels: int | None
) -> ImageArrays:
    """Convert images to a size and a number of channels.

    The shorter side is resized, with antialiasing, and the center cropped. Arrays that already
    fit are returned unchanged.

    Args:
        arrays: The labeled images.
        size: Height and width; None to keep them.
        channels: 1 for grayscale, 3 for color; None to keep them.
    """
    here = arrays.images.shape
    if size in (None, here[1:3]) and channels in (None, here[3]):
        return arrays
    pieces = [
        _convert_batch(torch.from_numpy(arrays.images[begin : begin + _CHUNK]), size, channels)
        for begin in range(0, len(arrays.images), _CHUNK)
    ]
    return replace(arrays, images=np.ascontiguousarray(torch.cat(pieces).numpy()))


def _convert_batch(x: Tensor, size: tuple[int, int] | None, channels: int | None) -> Tensor:
    """The converted images, uint8 (B, H, W, C)."""
    images = x.permute(0, 3, 1, 2)
    if channels == 1 and images.shape[1] == 3:
        images = to_grayscale(images)
    if size is not None and size != tuple(images.shape[2:]):
        height, width = images.shape[2:]
        scale = max(size[0] / height, size[1] / width)
        whole = [max(size[0], round(height * scale)), max(size[1], round(width * scale))]
        images = F.interpolate(images, whole, mode="bilinear", antialias=True)
        top, left = (whole[0] - size[0]) // 2, (whole[1] - size[1]) // 2
        images = images[:, :, top : top + size[0], left : left + size[1]]
    if channels == 3 and images.shape[1] == 1:
        images = images.expand(-1, 3, -1, -1)
    return images.permute(0, 2, 3, 1)


def to_grayscale(images: Tensor) -> Tensor:
    """The luma of colors, rounded down: 0.2989 R + 0.587 G + 0.114 B, as in torchvision.

    Args:
        images: uint8. Shape (B, 3, H, W).
    """
    red, green, blue = images.unbind(1)
    luma = red.mul(0.2989).add(green, alpha=0.587).add(blue, alpha=0.114)
    return luma.to(torch.uint8)[:, None]
