"""Blocks of convolutions with pooling: the lectures' networks for MNIST and CIFAR-10."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from gnnvision.layers import Conv2d, Dropout, MaxPool2d, Readout, Sequential
from gnnvision.models.parts import Head, ImageSize, classifier, grid_after
from gnnvision.models.registry import register

__all__ = ["cifar_cnn", "mnist_cnn", "vgg_like", "xai_net"]

XAI_LAYERS = ("features.0", "features.20", "features.40")  # whose feature maps the lecture shows


@register
def mnist_cnn(
    in_channels: int = 1,
    num_classes: int = 10,
    image_size: ImageSize = 28,
    *,
    head: Head = "dense",
) -> Sequential:
    """Convolutions of 32 and 64 channels, pooling, dropout 0.25, 128 units, dropout 0.5.

    Args:
        in_channels: channels of an image.
        num_classes: classes; the outputs are logits.
        image_size: (H, W), or one number for a square.
        head: "dense", as in the lecture notes; or "average", global average pooling and one
            dense layer: 19,466 parameters in place of 1,625,866.

    Returns:
        A network from (B, in_channels, H, W) to (B, num_classes).

    Raises:
        ValueError: if the images are too small or there is no such head.

    Example:
        >>> sum(p.numel() for p in mnist_cnn(head="average").parameters())
        19466
    """
    features = [
        *_convolutions(in_channels, 32, 64),
        MaxPool2d(2),
        Dropout(0.25),
    ]
    return classifier(
        features, 64, num_classes, image_size, hidden_channels=128, dropout=(0.0, 0.5), head=head
    )


@register
def cifar_cnn(
    in_channels: int = 3,
    num_classes: int = 10,
    image_size: ImageSize = 32,
    *,
    head: Head = "dense",
    batch_norm: bool = False,
) -> Sequential:
    """Two blocks of two convolutions, of 32 and of 64 channels, and 512 units.

    Dropout 0.25 follows each block and 0.5 the dense layer.

    Args:
        in_channels: channels of an image.
        num_classes: classes; the outputs are logits.
        image_size: (H, W), or one number for a square.
        head: "dense", as in the lecture notes; or "average", global average pooling and one
            dense layer.
        batch_norm: whether batch norm follows each activation.

    Returns:
        A network from (B, in_channels, H, W) to (B, num_classes).

    Raises:
        ValueError: if the images are too small or there is no such head.

    Example:
        >>> cifar_cnn()[13]
        Linear(in_features=4096, out_features=512, bias=True)
    """
    features = [
        *_convolutions(in_channels, 32, 32, norm_after=batch_norm),
        MaxPool2d(2),
        Dropout(0.25),
        *_convolutions(32, 64, 64, norm_after=batch_norm),
        MaxPool2d(2),
        Dropout(0.25),
    ]
    return classifier(
        features, 64, num_classes, image_size, hidden_channels=512, dropout=(0.0, 0.5), head=head
    )


@register
def vgg_like(
    in_channels: int = 3,
    num_classes: int = 10,
    image_size: ImageSize = 32,
    *,
    head: Head = "dense",
    batch_norm: bool = True,
) -> Sequential:
    """Three blocks of two convolutions with batch norm, of 32, 64 and 128 channels; 1,024 units.

    With errata corrected (lecture on CIFAR-10): the notes leave dropout on in evaluation.

    Args:
        in_channels: channels of an image.
        num_classes: classes; the outputs are logits.
        image_size: (H, W), or one number for a square.
        head: "dense", as in the lecture notes, with dropout 0.5 before and 0.2 after the hidden
            layer; or "average", global average pooling and one dense layer: 289,194 parameters
            in place of 2,396,330.
        batch_norm: whether batch norm follows each activation, as in the lecture notes.

    Returns:
        A network from (B, in_channels, H, W) to (B, num_classes).

    Raises:
        ValueError: if the images are too small or there is no such head.

    Example:
        >>> networks = vgg_like(), vgg_like(head="average")
        >>> [sum(p.numel() for p in network.parameters()) for network in networks]
        [2396330, 289194]
    """
    features: list[nn.Module] = []
    for narrow, wide in pairwise((in_channels, 32, 64, 128)):
        features += [*_convolutions(narrow, wide, wide, norm_after=batch_norm), MaxPool2d(2)]
    return classifier(
        features, 128, num_classes, image_size, hidden_channels=1024, dropout=(0.5, 0.2), head=head
    )


@register
def xai_net(in_channels: int = 3, num_classes: int = 2, image_size: ImageSize = 64) -> Sequential:
    """The deep network of the lecture on explanations, which shows feature maps of its layers.

    It has blocks of convolution, batch norm, ReLU and dropout with 64, 128, 256 and 512 channels.
    The lecture notes print the first two blocks; the rest follows VGG-16, so that the layers 0,
    20 and 40 of the lecture are convolutions. Global average pooling replaces the fifth pooling,
    so that images of any size from 18 × 18 fit.

    Args:
        in_channels: channels of an image.
        num_classes: classes; the outputs are logits.
        image_size: (H, W), or one number for a square; only checked.

    Returns:
        A network from (B, in_channels, H, W) to (B, num_classes); its convolutions are in
        `network.features`. `network.shown_layers` are the layers whose feature maps a report
        shows: those of the lecture.

    Raises:
        ValueError: if the images are too small.

    References:
        Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
        Recognition", 2015, https://arxiv.org/abs/1409.1556, table 1, column D.

    Example:
        >>> [xai_net().features[i].out_channels for i in (0, 20, 40)]
        [64, 256, 512]
    """
    layers: list[nn.Module] = []
    last = in_channels
    for wide, depth, dropout in ((64, 2, 0.3), (128, 2, 0.4), (256, 3, 0.4), (512, 3, 0.4)):
        for number in range(depth):
            padding = 1 if layers else 0  # the notes pad every convolution but the first
            layers += [Conv2d(last, wide, 3, padding=padding, bias=False)]
            layers += [nn.BatchNorm2d(wide), nn.ReLU()]
            layers += [Dropout(dropout)] if number + 1 < depth else [MaxPool2d(2)]
            last = wide
    for number in range(3):
        layers += [Conv2d(512, 512, 3, padding=1, bias=False), nn.BatchNorm2d(512), nn.ReLU()]
        layers += [Dropout(0.4)] if number < 2 else []
    grid_after(layers, image_size)
    head = (Dropout(0.5), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, num_classes))
    network = Sequential()
    network.add_module("features", Sequential(*layers))
    network.add_module("average", Readout("mean"))
    network.add_module("head", Sequential(*head))
    vars(network)["shown_layers"] = XAI_LAYERS
    return network


def _convolutions(*widths: int, norm_after: bool = False) -> list[nn.Module]:
    """3 × 3 convolutions that keep the size, each with ReLU and optionally batch norm."""
    layers: list[nn.Module] = []
    for narrow, wide in pairwise(widths):
        layers += [Conv2d(narrow, wide, 3, padding=1), nn.ReLU()]
        layers += [nn.BatchNorm2d(wide)] if norm_after else []
    return layers
