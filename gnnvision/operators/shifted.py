"""The weight gradient of a convolution on a small grid, as matrix products.

Y = Σₖ Sₖ X Wₖ gives dWₖ = (Sₖ X)ᵀ dY: one matrix product for each offset of the kernel. With a
row and a column of zeros between the images, Sₖ X is a view of the same memory at another start,
so that nothing is copied. On small grids this takes half the time of torch's gradient on the CPU.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.nn.grad import conv2d_input

from gnnvision.domains import Window
from gnnvision.domains.modes import is_transformed

__all__ = ["convolve_same", "is_worth_it"]

LEAST_CHANNELS, MOST_SITES, LEAST_ROWS = 64, 64, 4096
PARTS = 2  # of the rows, each summed by itself, so that two cores share one product


def is_worth_it(x: Tensor, weight: Tensor, window: Window, groups: int) -> bool:
    """Whether `convolve_same` supports this convolution, with a faster gradient than torch's.

    Args:
        x: images of shape (B, C_in, H, W).
        weight: of shape (C_out, C_in, h, w).
        window: of the convolution.
        groups: the number of channel groups.
    """
    return (
        not is_transformed()
        and x.device.type == "cpu"
        and x.ndim == 4
        and groups == 1
        and weight.requires_grad
        and torch.is_autocast_enabled("cpu")
        and torch.get_autocast_dtype("cpu") == torch.bfloat16
        and min(weight.shape[:2]) >= LEAST_CHANNELS
        and max(weight.shape[:2]) > LEAST_CHANNELS
        and x.shape[2] * x.shape[3] <= MOST_SITES
        and x.shape[2] * x.shape[3] * len(x) >= LEAST_ROWS
        and x.is_contiguous(memory_format=torch.channels_last)
        and window.is_symmetric
        and window == Window.make(2, window.kernel_size, padding="same")
    )


def convolve_same(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The result of `F.conv2d` with an odd kernel, stride 1 and padding "same".

    Args:
        x: images of shape (B, C_in, H, W), channels-last in memory.
        weight: of shape (C_out, C_in, h, w).
        bias: of shape (C_out,).

    Returns:
        Images of shape (B, C_out, H, W), in the precision of autocast if it is enabled.
    """
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        x, weight = x.to(dtype), weight.to(dtype)
    y: Tensor = _ConvolveSame.apply(x, weight)
    return y if bias is None else y + bias.to(y.dtype).view(-1, 1, 1)


class _ConvolveSame(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, padding=_padding(weight))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None]:  # noqa: ANN401
        x, weight = ctx.saved_tensors
        grad = grads[0].contiguous(memory_format=torch.channels_last)
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            of_x = conv2d_input(x.shape, weight, grad, padding=_padding(weight))
        if ctx.needs_input_grad[1]:
            of_weight = weight_gradient(x, grad, tuple(weight.shape[2:]))
        return of_x, of_weight


def weight_gradient(x: Tensor, grad: Tensor, kernel_size: tuple[int, ...]) -> Tensor:
    """dWₖ = (Sₖ X)ᵀ dY for every offset k of an odd kernel.

    Args:
        x: images of shape (B, C_in, H, W).
        grad: dY, of shape (B, C_out, H, W).
        kernel_size: h and w.

    Returns:
        The gradient of the weights, of shape (C_out, C_in, h, w).
    """
    h, w = kernel_size
    b, c_in, height, width = x.shape
    tall, wide = height + h // 2, width + w // 2  # zeros above and to the left of each image
    rows = -(-b * tall * wide // PARTS) * PARTS
    reach = (h // 2) * wide + w // 2
    inputs = x.new_zeros(rows + 2 * reach, c_in)
    outputs = grad.new_zeros(rows, grad.shape[1])
    for flat, start, signal in ((inputs, reach, x), (outputs, 0, grad)):
        pictures = flat[start : start + b * tall * wide].view(b, tall, wide, -1)
        pictures[:, h // 2 :, w // 2 :] = signal.permute(0, 2, 3, 1)
    parts = outputs.view(PARTS, rows // PARTS, -1)
    taps = []
    for down in range(-(h // 2), h // 2 + 1):
        for right in range(-(w // 2), w // 2 + 1):
            start = reach + down * wide + right
            shifted = inputs[start : start + rows].view(PARTS, rows // PARTS, c_in)
            taps.append(torch.bmm(parts.transpose(1, 2), shifted).sum(0))  # (C_out, C_in)
    return torch.stack(taps, 2).view(grad.shape[1], c_in, h, w)


def _padding(weight: Tensor) -> tuple[int, int]:
    return weight.shape[2] // 2, weight.shape[3] // 2
