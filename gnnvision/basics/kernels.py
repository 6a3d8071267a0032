"""Kernels made by hand, and what they do to a photograph, a curve and a film.

A network learns its kernels. These are set by hand, into the very layers that networks are made
of, so that one can see what a kernel does before anything is learned.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gnnvision.basics.photo import GREY
from gnnvision.domains import PaddingMode
from gnnvision.layers import Conv1d, Conv2d, Conv3d
from gnnvision.layers.grid import GridConvolution

__all__ = ["GREY", "KERNELS", "SEPIA", "filtered", "hand_made", "layer_with", "mixed", "smoothed"]

KERNELS: dict[str, tuple[tuple[float, ...], ...]] = {
    "vertical edges": ((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)),
    "horizontal edges": ((-1, -1, -1), (0, 0, 0), (1, 1, 1)),
    "Sobel, vertical": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "Sobel, horizontal": ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    "outline": ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
    "blur": ((1 / 9,) * 3,) * 3,
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "leave as it is": ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
}

# Red, green and blue of an old photograph, each from red, green and blue.
SEPIA = ((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131))


def hand_made(name: str) -> Tensor:
    """A kernel of `KERNELS` by its name. Shape (3, 3).

    Raises:
        ValueError: if there is none of that name.

    Example:
        >>> hand_made("vertical edges").long()
        tensor([[-1,  0,  1],
                [-1,  0,  1],
                [-1,  0,  1]])
    """
    if name not in KERNELS:
        raise ValueError(
            f"'name' must be one of {', '.join(KERNELS)}, got {name!r}. Choose one of them."
        )
    return torch.tensor(KERNELS[name])


def layer_with(
    kernels: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int = 1,
    padding: int | str = "same",
    padding_mode: PaddingMode = "zeros",
) -> GridConvolution:
    """`gv.Conv1d`, `gv.Conv2d` or `gv.Conv3d` with kernels set by hand.

    Args:
        kernels: N kernels of C channels. Shape (N, C, f), (N, C, f, f) or (N, C, f, f, f).
        bias: one number for each kernel. Shape (N,).
        stride: s.
        padding: p, or a name.
        padding_mode: "zeros", "replicate", "reflect" or "circular".

    Raises:
        ValueError: if `kernels` has another number of axes.
    """
    kinds = {3: Conv1d, 4: Conv2d, 5: Conv3d}
    if kernels.ndim not in kinds:
        raise ValueError(
            f"'kernels' must have shape (N, C, f), (N, C, f, f) or (N, C, f, f, f), got "
            f"{tuple(kernels.shape)}. Put the kernels and their channels first."
        )
    layer = kinds[kernels.ndim](
        kernels.shape[1],
        kernels.shape[0],
        tuple(kernels.shape[2:]),
        stride,
        padding,
        bias=bias is not None,
        padding_mode=padding_mode,
        dtype=kernels.dtype,
    )
    with torch.no_grad():
        layer.weight.copy_(kernels)
        if bias is not None and layer.bias is not None:
            layer.bias.copy_(bias)
    return layer.requires_grad_(False)


def filtered(
    picture: Tensor,
    kernel: Tensor,
    *,
    bias: float = 0.0,
    activation: Callable[[Tensor], Tensor] | None = None,
    stride: int = 1,
    padding: int | str = "same",
    padding_mode: PaddingMode = "replicate",
) -> Tensor:
    """The feature map of one kernel: activation(kernel on picture + bias).

    A picture of several channels needs a kernel as deep; the channels' results are added, and
    one flat map is left.

    Args:
        picture: one gray channel or several. Shape (H, W) or (C, H, W).
        kernel: of as many axes. Shape (f, f) or (C, f, f).
        bias: added to every pixel of the map.
        activation: applied to every pixel, for example `torch.relu`.
        stride: s.
        padding: p, or a name.
        padding_mode: what lies outside the picture; its border pixels, so that the edge of the
            picture is no edge in it.

    Returns:
        The map. Shape (H', W').

    Raises:
        ValueError: if picture and kernel do not fit.

    Example:
        >>> step = torch.tensor([[0.0, 0, 1, 1]] * 3)  # dark on the left, bright on the right
        >>> filtered(step, hand_made("vertical edges"))[1].tolist()
        [0.0, 3.0, 3.0, 0.0]
    """
    x = picture if picture.ndim == 3 else picture[None]
    w = kernel if kernel.ndim == 3 else kernel[None]
    if picture.ndim not in (2, 3) or w.ndim != 3 or w.shape[0] != x.shape[0]:
        raise ValueError(
            f"'kernel' must have shape (C, f, f) for a picture (C, H, W), got "
            f"{tuple(kernel.shape)} for {tuple(picture.shape)}. Make it as deep as the picture."
        )
    w = w.to(x.dtype)
    layer = layer_with(
        w[None], w.new_tensor([bias]), stride=stride, padding=padding, padding_mode=padding_mode
    )
    y: Tensor = layer(x[None])[0, 0]
    return y if activation is None else activation(y)


def mixed(picture: Tensor, weights: Tensor) -> Tensor:
    """A 1x1 convolution: every pixel's channels mixed by the same table, neighbors unseen.

    Args:
        picture: Shape (C, H, W).
        weights: one row for each new channel. Shape (N, C).

    Returns:
        The new channels. Shape (N, H, W).

    Example:
        >>> red = torch.tensor([1.0, 0.0, 0.0])[:, None, None]
        >>> round(float(mixed(red, torch.tensor([GREY]))), 3)
        0.299
    """
    layer = layer_with(weights.to(picture.dtype)[:, :, None, None])
    y: Tensor = layer(picture[None])[0]
    return y


def smoothed(curve: Tensor, kernel: Tensor) -> Tensor:
    """A 1-D convolution of the same length: the kernel slides along time.

    Args:
        curve: one value for each time. Shape (L,).
        kernel: weights of neighboring times, for a mean adding up to 1. Shape (f,).

    Returns:
        Shape (L,). Beyond its ends the curve goes on with its last value.

    Example:
        >>> smoothed(torch.tensor([0.0, 0.0, 3.0, 0.0, 0.0]), torch.full((3,), 1 / 3)).tolist()
        [0.0, 1.0, 1.0, 1.0, 0.0]
    """
    layer = layer_with(kernel.to(curve.dtype)[None, None], padding_mode="replicate")
    y: Tensor = layer(curve[None, None])[0, 0]
    return y
