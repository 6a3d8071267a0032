"""LeNet-5, as published and as in the lecture notes."""

from __future__ import annotations

from math import prod

from torch import nn

from gnnvision.layers import AvgPool2d, Conv2d, MaxPool2d, Sequential
from gnnvision.models.parts import ImageSize, grid_after, grid_of
from gnnvision.models.registry import register

__all__ = ["lenet5", "lenet5_notes"]


@register
def lenet5(in_channels: int = 1, num_classes: int = 10, image_size: ImageSize = 32) -> Sequential:
    """LeNet-5 of 1998 for 32 × 32 images: 6, 16 and 120 channels, 84 and 10 units.

    The three convolutions have 156 + 2,416 + 48,120 = 50,692 parameters and the dense layers
    11,014. With errata corrected (lecture on CNNs): the notes count 3,692 for the convolutions,
    as if each kernel had a single input channel.

    Args:
        in_channels: channels of an image.
        num_classes: classes; the outputs are logits.
        image_size: (H, W), or one number for a square; an image smaller than 32 is padded to 32.

    Returns:
        A network from (B, in_channels, H, W) to (B, num_classes).

    References:
        LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document
        Recognition", 1998, https://doi.org/10.1109/5.726791, section II.B. Differs from the
        paper: the second convolution reads all channels, pooling has no weights, the activation
        is a plain tanh, and the last layer is linear.

    Example:
        >>> sum(p.numel() for p in lenet5().parameters())
        61706
    """
    frame = tuple(max(0, -(-(32 - n) // 2)) for n in grid_of(image_size).shape)
    features: list[nn.Module] = [
        Conv2d(in_channels, 6, 5, padding=frame),
        nn.Tanh(),
        AvgPool2d(2),
        Conv2d(6, 16, 5),
        nn.Tanh(),
        AvgPool2d(2),
        Conv2d(16, 120, 5),
        nn.Tanh(),
    ]
    return Sequential(
        *features,
        nn.Flatten(),
        nn.Linear(120 * prod(grid_after(features, image_size).shape), 84),
        nn.Tanh(),
        nn.Linear(84, num_classes),
    )


@register
def lenet5_notes(
    in_channels: int = 1, num_classes: int = 10, image_size: ImageSize = 28
) -> Sequential:
    """LeNet-5 as in the program of the lecture notes: padding 2, ReLU and max pooling.

    With 28 × 28 images the last feature map has 120 · 7 · 7 values, and the network 545,546
    parameters, nine times as many as `lenet5`.

    Args:
        in_channels: channels of an image.
        num_classes: classes; the outputs are logits.
        image_size: (H, W), or one number for a square.

    Returns:
        A network from (B, in_channels, H, W) to (B, num_classes).

    Raises:
        ValueError: if the images are too small.

    Example:
        >>> sum(p.numel() for p in lenet5_notes().parameters())
        545546
    """
    features: list[nn.Module] = [
        Conv2d(in_channels, 6, 5, padding=2),
        nn.ReLU(),
        MaxPool2d(2),
        Conv2d(6, 16, 5, padding=2),
        nn.ReLU(),
        MaxPool2d(2),
        Conv2d(16, 120, 5, padding=2),
        nn.ReLU(),
    ]
    return Sequential(
        *features,
        nn.Flatten(),
        nn.Linear(120 * prod(grid_after(features, image_size).shape), 84),
        nn.ReLU(),
        nn.Linear(84, num_classes),
    )
