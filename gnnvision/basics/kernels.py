"""Hand-made kernels, applied to a photograph, a time series or a video.

A network learns its kernels. These are set by hand in the layers that networks consist of, to show
what a kernel does before anything is learned.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gnnvision._renamed import former_arguments
from gnnvision.basics.photo import GRAY
from gnnvision.domains import PaddingMode
from gnnvision.errors import invalid, one_of
from gnnvision.layers import Conv1d, Conv2d, Conv3d
from gnnvision.layers.grid import GridConvolution

__all__ = [
    "GRAY",
    "KERNELS",
    "SEPIA",
    "apply_kernel",
    "get_kernel",
    "layer_from_kernels",
    "mix_channels",
    "smooth_curve",
]

# Kernels of 3 x 3 weights by name.
KERNELS: dict[str, tuple[tuple[float, ...], ...]] = {
    "vertical edges": ((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)),
    "horizontal edges": ((-1, -1, -1), (0, 0, 0), (1, 1, 1)),
    "Sobel, vertical": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "Sobel, horizontal": ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    "outline": ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
    "blur": ((1 / 9,) * 3,) * 3,
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "identity": ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
}

# A row of weights for red, green and blue each: the new channel from the old ones.
SEPIA = ((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131))


def get_kernel(name: str) -> Tensor:
    """The kernel of `KERNELS` with this name. Shape (3, 3).

    Args:
        name: of the kernel.

    Raises:
        ValueError: if the name is unknown.

    Example:
        >>> get_kernel("vertical edges").long()
        tensor([[-1,  0,  1],
                [-1,  0,  1],
                [-1,  0,  1]])
    """
    return torch.tensor(KERNELS[one_of("name", name, KERNELS)])


def layer_from_kernels(
    kernels: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int = 1,
    padding: int | str = "same",
    padding_mode: PaddingMode = "zeros",
) -> GridConvolution:
    """A `gv.Conv1d`, `gv.Conv2d` or `gv.Conv3d` layer with the given kernels, not trainable.

    Args:
        kernels: N kernels of C channels. Shape (N, C, f), (N, C, f, f) or (N, C, f, f, f).
        bias: one value for each kernel. Shape (N,).
        stride: s.
        padding: p, or "valid", "same" or "full".
        padding_mode: "zeros", "replicate", "reflect" or "circular".

    Returns:
        The layer.

    Raises:
        ValueError: if `kernels` has another number of axes.
    """
    kinds = {3: Conv1d, 4: Conv2d, 5: Conv3d}
    if kernels.ndim not in kinds:
        condition = "have shape (N, C, f), (N, C, f, f) or (N, C, f, f, f)"
        advice = "Add axes for the kernels and their channels."
        raise invalid("kernels", condition, tuple(kernels.shape), advice)
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


@former_arguments(picture="image")
def apply_kernel(
    image: Tensor,
    kernel: Tensor,
    *,
    bias: float = 0.0,
    activation: Callable[[Tensor], Tensor] | None = None,
    stride: int = 1,
    padding: int | str = "same",
    padding_mode: PaddingMode = "replicate",
) -> Tensor:
    """The feature map of one kernel: activation(kernel ∗ image + bias).

    An image with C channels needs a kernel with C channels. The results of the channels are
    summed into one map.

    Args:
        image: grayscale or with channels. Shape (H, W) or (C, H, W).
        kernel: with the same number of axes. Shape (f, f) or (C, f, f).
        bias: added to every pixel of the map.
        activation: applied to every pixel, for example `torch.relu`.
        stride: s.
        padding: p, or "valid", "same" or "full".
        padding_mode: the values outside the image; by default its border pixels are replicated,
            so that the border does not look like an edge.

    Returns:
        The feature map. Shape (H', W').

    Raises:
        ValueError: if the shapes of image and kernel do not match.

    Example:
        >>> step = torch.tensor([[0.0, 0, 1, 1]] * 3)  # dark on the left, bright on the right
        >>> apply_kernel(step, get_kernel("vertical edges"))[1].tolist()
        [0.0, 3.0, 3.0, 0.0]
    """
    x = image if image.ndim == 3 else image[None]
    w = kernel if kernel.ndim == 3 else kernel[None]
    if image.ndim not in (2, 3) or w.ndim != 3 or w.shape[0] != x.shape[0]:
        got = f"{tuple(kernel.shape)} for {tuple(image.shape)}"
        advice = "Give it as many channels as the image."
        raise invalid("kernel", "have shape (C, f, f) for an image (C, H, W)", got, advice)
    w = w.to(x.dtype)
    layer = layer_from_kernels(
        w[None], w.new_tensor([bias]), stride=stride, padding=padding, padding_mode=padding_mode
    )
    y: Tensor = layer(x[None])[0, 0]
    return y if activation is None else activation(y)


@former_arguments(picture="image")
def mix_channels(image: Tensor, weights: Tensor) -> Tensor:
    """Apply a 1x1 convolution, which mixes the channels of each pixel separately.

    Args:
        image: Shape (C, H, W).
        weights: one row for each output channel. Shape (N, C).

    Returns:
        The output channels. Shape (N, H, W).

    Example:
        >>> red = torch.tensor([1.0, 0.0, 0.0])[:, None, None]
        >>> round(float(mix_channels(red, torch.tensor([GRAY]))), 3)
        0.299
    """
    layer = layer_from_kernels(weights.to(image.dtype)[:, :, None, None])
    y: Tensor = layer(image[None])[0]
    return y


def smooth_curve(curve: Tensor, kernel: Tensor) -> Tensor:
    """Smooth a curve with a 1-D convolution that keeps its length.

    Args:
        curve: one value for each time step. Shape (L,).
        kernel: weights of neighboring time steps; they sum to 1 for a mean. Shape (f,).

    Returns:
        The smoothed curve. Beyond its ends, the end values are repeated. Shape (L,).

    Example:
        >>> smooth_curve(torch.tensor([0.0, 0.0, 3.0, 0.0, 0.0]), torch.full((3,), 1 / 3)).tolist()
        [0.0, 1.0, 1.0, 1.0, 0.0]
    """
    layer = layer_from_kernels(kernel.to(curve.dtype)[None, None], padding_mode="replicate")
    y: Tensor = layer(curve[None, None])[0, 0]
    return y
