"""Batched crops, flips and affine transformations of images, without loops over images.

Images are uint8 in channels-last memory with shape (B, H, W, C), so a row of pixels is one
contiguous block and can be moved without arithmetic. The caller draws the random numbers.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from gnnvision.domains.device import send

__all__ = ["PadMode", "affine", "crop", "flip", "pad", "resized_crop", "to_channels_last"]

PadMode = Literal["reflect", "zeros"]


def to_channels_last(images: Tensor) -> Tensor:
    """Images (B, C, H, W) as contiguous (B, H, W, C); not a copy if they are channels-last."""
    return images.permute(0, 2, 3, 1).contiguous()


def pad(x: Tensor, padding: int, mode: PadMode) -> Tensor:
    """Pad images with mirrored pixels (without repeating the edge) or with zeros.

    Shapes:
        x: (B, H, W, C); for "reflect", H and W must exceed `padding`.
        Output: (B, H + 2 padding, W + 2 padding, C).
    """
    if padding == 0:
        return x
    batch, height, width, channels = x.shape
    tall, wide = height + 2 * padding, width + 2 * padding
    if mode == "zeros":
        out = x.new_zeros(batch, tall, wide, channels)
        out[:, padding:-padding, padding:-padding] = x
        return out
    row = _mirrored(height, padding, x.device)
    column = _mirrored(width, padding, x.device)
    pixel = row[:, None] * width + column  # (tall, wide)
    value = (pixel[:, :, None] * channels + torch.arange(channels, device=x.device)).flatten()
    # On a CPU, gather is four times as fast as indexing here.
    return x.view(batch, -1).gather(1, value.expand(batch, -1)).view(batch, tall, wide, channels)


def crop(x: Tensor, top: Tensor, left: Tensor, size: tuple[int, int]) -> Tensor:
    """Crop each image at its own offset, in one indexing operation.

    Args:
        x: Images. Shape (B, H, W, C), contiguous.
        top: The first row of each window. Shape (B,).
        left: The first column of each window. Shape (B,).
        size: Height and width of the windows (h, w).

    Shapes:
        Output: (B, h, w, C).
    """
    batch, height, width, channels = x.shape
    h, w = size
    # A strided view with one window of h strips per start pixel; the windows overlap.
    last = (batch * height - h) * width + width - w
    windows = x.as_strided((last + 1, h, w * channels), (channels, width * channels, 1))
    start = (torch.arange(batch, device=x.device) * height + top) * width + left
    return windows.index_select(0, start).view(batch, h, w, channels)


def flip(x: Tensor, which: Tensor) -> Tensor:
    """Flip the images of `which` horizontally.

    Shapes:
        x: (B, H, W, C), contiguous.
        which: bool (B,), preferably on the CPU, as `nonzero` synchronizes with a GPU.
    """
    chosen = send(which.nonzero().flatten(), x.device)
    if not len(chosen):
        return x
    flat = x.view(len(x), -1).clone()
    flipped = flat.index_select(0, chosen).view(-1, *x.shape[1:]).flip(2)
    return flat.index_copy_(0, chosen, flipped.view(len(chosen), -1)).view(x.shape)


def affine(x: Tensor, angle: Tensor, shift: Tensor, scale: Tensor, mode: PadMode) -> Tensor:
    """Rotate, shift and scale each image about its center, with bilinear interpolation.

    Args:
        x: Float images. Shape (B, C, H, W).
        angle: The counter-clockwise rotation, in radians. Shape (B,).
        shift: The shift right and down, as fractions of width and height. Shape (B, 2).
        scale: The scale factor; above 1 enlarges. Shape (B,).
        mode: The pixels outside: "reflect" (mirrored) or "zeros".

    Shapes:
        Output: (B, C, H, W).
    """
    height, width = x.shape[-2:]
    cos, sin, aspect = angle.cos() / scale, angle.sin() / scale, height / width
    # From output to input, in units of half the width and half the height.
    turn = torch.stack(
        [torch.stack([cos, -sin * aspect], -1), torch.stack([sin / aspect, cos], -1)], -2
    )
    offset = -(turn @ (2 * shift).unsqueeze(-1))  # (B, 2, 1)
    grid = F.affine_grid(torch.cat([turn, offset], -1), list(x.shape), align_corners=False)
    outside = "reflection" if mode == "reflect" else "zeros"
    return F.grid_sample(x, grid.to(x.dtype), padding_mode=outside, align_corners=False)


def resized_crop(x: Tensor, box: Tensor, size: tuple[int, int]) -> Tensor:
    """Crop a box of each image and resize it, with antialiasing.

    Y = R X Cᵀ with a resize matrix for the rows and one for the columns of each image.

    Args:
        x: Float images. Shape (B, C, H, W).
        box: Top, left, height and width of each box in pixels. Shape (B, 4).
        size: Height and width of the result (h, w).

    Shapes:
        Output: (B, C, h, w).
    """
    height, width = x.shape[-2:]
    top, left, tall, wide = box.to(x.dtype).unbind(1)
    by_row = _resize_matrix(top, tall, size[0], height)  # (B, h, H)
    by_column = _resize_matrix(left, wide, size[1], width)  # (B, w, W)
    return by_row.unsqueeze(1) @ x @ by_column.unsqueeze(1).transpose(2, 3)


def _resize_matrix(start: Tensor, length: Tensor, out: int, size: int) -> Tensor:
    """The weights of bilinear interpolation with antialiasing as in Pillow: (B, out, size).

    A triangle filter around each output pixel, with the width of the step between output pixels
    but at least one input pixel, truncated at the box.
    """
    step = (length / out).view(-1, 1, 1)
    new = torch.arange(out, device=start.device, dtype=start.dtype).view(1, -1, 1)
    old = torch.arange(size, device=start.device, dtype=start.dtype).view(1, 1, -1)
    begin = start.view(-1, 1, 1)
    center = begin + (new + 0.5) * step - 0.5
    weight = (1 - (old - center).abs() / step.clamp(min=1)).clamp(min=0)
    weight = weight * ((old >= begin) & (old < begin + length.view(-1, 1, 1)))
    return weight / weight.sum(-1, keepdim=True)


def _mirrored(size: int, padding: int, device: torch.device) -> Tensor:
    """The source index of each pixel of a mirrored axis: 2 1 | 0 1 2 3 | 2 1 for 4 and 2."""
    index = torch.arange(-padding, size + padding, device=device).abs()
    return torch.where(index >= size, 2 * (size - 1) - index, index)
