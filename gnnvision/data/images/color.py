"""Color jitter and cutout for a batch of images."""

from __future__ import annotations

import torch
from torch import Tensor

from gnnvision.domains.device import send

__all__ = ["color_jitter", "cutout", "shift_hue"]

# ITU-R BT.601, as in Pillow and torchvision.
_LUMA = (0.299, 0.587, 0.114)


def color_jitter(x: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Change brightness, contrast and saturation of each image by its own factors (1: none).

    As torchvision's `adjust_brightness`, then `adjust_contrast`, then `adjust_saturation`.

    Shapes:
        x: Float (B, C, H, W) of pixels from 0 to 255, C = 1 or 3.
        brightness, contrast, saturation: (B,).
        Output: (B, C, H, W), from 0 to 255.
    """
    x = (x * _factor(brightness)).clamp(0, 255)
    mean = _gray(x).mean((1, 2, 3), keepdim=True)
    x = torch.lerp(mean, x, _factor(contrast)).clamp(0, 255)
    if x.shape[1] == 1:
        return x
    return torch.lerp(_gray(x).expand_as(x), x, _factor(saturation)).clamp(0, 255)


def shift_hue(x: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue of each image by its own fraction of the color circle, from -0.5 to 0.5.

    As torchvision's `adjust_hue`. Lightness and saturation stay; grayscale has no hue.

    Shapes:
        x: Float (B, C, H, W) of pixels from 0 to 255, C = 1 or 3.
        turn: (B,).
        Output: (B, C, H, W), from 0 to 255.
    """
    if x.shape[1] == 1:
        return x
    most, which = x.max(1)
    spread = most - x.min(1).values
    red, green, blue = x.unbind(1)
    per = torch.where(spread > 0, spread, torch.ones_like(spread))
    sector = torch.stack([(green - blue) / per, 2 + (blue - red) / per, 4 + (red - green) / per])
    hue = sector.gather(0, which[None])[0] + 6 * turn.view(-1, 1, 1)  # sixths of the circle
    # Each channel is the same piecewise linear function of the hue, a third of the circle apart.
    out = []
    for offset in (5, 3, 1):
        k = (offset + hue) % 6
        out.append(most - spread * torch.minimum(k, 4 - k).clamp(0, 1))
    return torch.stack(out, 1)


def cutout(x: Tensor, top: Tensor, left: Tensor, size: int, fill: Tensor) -> Tensor:
    """Erase one square of each image with a color.

    Args:
        x: Images. Shape (B, H, W, C).
        top: The first row of each square. Shape (B,).
        left: The first column of each square. Shape (B,).
        size: The side of the squares, in pixels.
        fill: The color, with the dtype of the images. Shape (C,).

    Shapes:
        Output: (B, H, W, C).
    """
    batch, height, width, channels = x.shape
    row = torch.arange(height, device=x.device)
    column = torch.arange(width, device=x.device).repeat_interleave(channels)
    tall = (row >= top[:, None]) & (row < top[:, None] + size)  # (B, H)
    wide = (column >= left[:, None]) & (column < left[:, None] + size)  # (B, W C)
    inside = tall[:, :, None] & wide[:, None, :]
    # Flat rows: ten times as fast as a last dimension of three channels.
    flat = x.view(batch, height, width * channels)
    return torch.where(inside, fill.repeat(width), flat).view(x.shape)


def _gray(x: Tensor) -> Tensor:
    if x.shape[1] == 1:
        return x
    weight = send(torch.tensor(_LUMA, dtype=x.dtype), x.device)
    return (x * weight.view(1, 3, 1, 1)).sum(1, keepdim=True)


def _factor(value: Tensor) -> Tensor:
    return value.view(-1, 1, 1, 1)
