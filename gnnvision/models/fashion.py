"""The lectures' first networks, dense and convolutional, for Fashion-MNIST and CIFAR-10."""

from __future__ import annotations

from math import prod

from torch import nn

from gnnvision.layers import Conv2d, Dropout, MaxPool2d, Sequential
from gnnvision.models.parts import ImageSize, classifier, grid_after, grid_of
from gnnvision.models.registry import register

__all__ = ["fashion_cnn", "fashion_dnn", "strided_cnn"]


@register
def fashion_dnn(
    in_channels: int = 1,
    num_classes: int = 10,
    image_size: ImageSize = 28,
    *,
    dropout: float = 0.25,
) -> Sequential:
    """A dense network without convolutions: 784-256-128-10.

    With errata corrected (lecture on Fashion-MNIST): the notes omit the second layer in the
    forward pass, so that theirs cannot run, and use `Dropout2d`, which is for feature maps.

    Args:
        in_channels: channels of an image.
        num_classes: classes; the outputs are logits.
        image_size: (H, W), or one number for a square.
        dropout: the probability of zeroing a value, in training.

    Returns:
        A network from (B, in_channels, H, W) to (B, num_classes).

    Example:
        >>> sum(p.numel() for p in fashion_dnn().parameters())
        235146
    """
    return Sequential(
        nn.Flatten(),
        nn.Linear(in_channels * prod(grid_of(image_size).shape), 256),
        nn.ReLU(),
        Dropout(dropout),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Linear(128, num_classes),
    )


@register
def fashion_cnn(
    in_channels: int = 1,
    num_classes: int = 10,
    image_size: ImageSize = 28,
    *,
    dropout: float = 0.25,
) -> Sequential:
    """Two convolutions of 32 and 64 channels, each with batch norm and pooling; 2304-600-120-10.

    With errata corrected (lecture on Fashion-MNIST): the notes have no activation between the
    three dense layers, which are therefore equivalent to one; here it is ReLU. They use
    `Dropout2d`, which is for feature maps.

    Args:
        in_channels: channels of an image.
        num_classes: classes; the outputs are logits.
        image_size: (H, W), or one number for a square.
        dropout: the probability of zeroing a value, in training.

    Returns:
        A network from (B, in_channels, H, W) to (B, num_classes).

    Raises:
        ValueError: if the images are too small.

    Example:
        >>> fashion_cnn()[9]
        Linear(in_features=2304, out_features=600, bias=True)
    """
    features: list[nn.Module] = [
        Conv2d(in_channels, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        MaxPool2d(2),
        Conv2d(32, 64, 3),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        MaxPool2d(2),
    ]
    return Sequential(
        *features,
        nn.Flatten(),
        nn.Linear(64 * prod(grid_after(features, image_size).shape), 600),
        nn.ReLU(),
        Dropout(dropout),
        nn.Linear(600, 120),
        nn.ReLU(),
        nn.Linear(120, num_classes),
    )


@register
def strided_cnn(
    in_channels: int = 1,
    num_classes: int = 10,
    image_size: ImageSize = 28,
    *,
    hidden_channels: int | None = None,
    dropout: tuple[float, float] | None = None,
) -> Sequential:
    """Three convolutions of 32, 64 and 128 channels with stride 2 in place of pooling.

    The lecture notes have two of them: for the gray images of Fashion-MNIST, with 512 units and
    dropout 0.2 before and after them; and for the color images of CIFAR-10, with 1,024 units and
    dropout 0.5 and 0.2. The number of channels decides which one is built, unless sizes are
    given. With errata corrected (lecture on CIFAR-10): the notes leave dropout on in evaluation.

    Args:
        in_channels: channels of an image.
        num_classes: classes; the outputs are logits.
        image_size: (H, W), or one number for a square.
        hidden_channels: width of the dense layer; that of the lecture notes if None.
        dropout: the probability of zeroing a value before and after it, in training; that of
            the notes if None.

    Returns:
        A network from (B, in_channels, H, W) to (B, num_classes).

    Raises:
        ValueError: if the images are too small.

    Example:
        >>> networks = strided_cnn(), strided_cnn(3, 10, 32)
        >>> [sum(p.numel() for p in network.parameters()) for network in networks]
        [360458, 1284170]
    """
    gray = in_channels == 1
    if hidden_channels is None:
        hidden_channels = 512 if gray else 1024
    if dropout is None:
        dropout = (0.2, 0.2) if gray else (0.5, 0.2)
    features: list[nn.Module] = []
    for narrow, wide in ((in_channels, 32), (32, 64), (64, 128)):
        features += [Conv2d(narrow, wide, 3, stride=2), nn.ReLU()]
    return classifier(
        features,
        128,
        num_classes,
        image_size,
        hidden_channels=hidden_channels,
        dropout=dropout,
    )
