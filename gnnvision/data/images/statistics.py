"""Exact mean and standard deviation of images, from integer sums."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from gnnvision.domains.device import as_double
from gnnvision.errors import invalid

__all__ = ["channel_statistics"]

_CHUNK_BYTES = 1 << 24


def channel_statistics(
    images: Tensor, index: ArrayLike | None = None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, for pixels scaled to 0 to 1.

    The standard deviation of a constant channel is 1, so that it can be divided by.

    Args:
        images: uint8 images. Shape (N, C, H, W).
        index: The indices of the images to use; None for all.

    Raises:
        ValueError: There are no images.
    """
    numbers = np.arange(len(images)) if index is None else np.asarray(index).astype(np.int64)
    chosen = torch.from_numpy(numbers).to(images.device)
    if not len(chosen):
        raise invalid("index", "not be empty", "no images", "Use a non-empty training split.")
    n, channels, height, width = images.shape
    flat = images.permute(0, 2, 3, 1).reshape(n, -1)
    total = as_double(torch.zeros(2, channels, device=images.device))
    # Sums of bytes and of their squares are integers, which float64 represents exactly; those of
    # one pixel over 256 images fit float32.
    for piece in chosen.split(max(1, min(256, _CHUNK_BYTES // flat.shape[1]))):
        x = flat.index_select(0, piece).float()
        sums = torch.stack([x.sum(0), x.square_().sum(0)])  # (2, H W C)
        total += as_double(sums).view(2, -1, channels).sum(1)
    mean, square = total / (
        len(chosen) * height * width * 255 * torch.tensor([[1.0], [255.0]]).to(total)
    )
    std = (square - mean.square()).clamp(min=0).sqrt()
    std = torch.where(std < 1e-6, torch.ones_like(std), std)
    return tuple(mean.tolist()), tuple(std.tolist())
