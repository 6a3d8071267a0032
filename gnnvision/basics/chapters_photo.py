"""Chapters 4 to 6: kernels on a photograph, padding and stride, 1-D to 3-D convolution."""

from __future__ import annotations

from typing import Any

import torch

from gnnvision.basics.chapter import Chapter, Material
from gnnvision.basics.counting import conv_cost
from gnnvision.basics.figures_photo import (
    draw_activation,
    draw_blur_and_sharpen,
    draw_channel_mixing,
    draw_channels,
    draw_edges,
    draw_padding,
    draw_strides,
)
from gnnvision.basics.figures_signals import draw_smoothing, draw_video
from gnnvision.basics.kernels import KERNELS, layer_from_kernels
from gnnvision.report.parts import Section, Table

__all__ = ["axes", "borders", "kernels"]


def kernels(material: Material) -> Chapter:
    """Chapter 4: the feature maps of hand-made kernels."""
    lead = (
        "Before networks learned their kernels, engineers designed them by hand. Each kernel "
        "below is applied to a photograph and gives one feature map of the same size. A layer "
        "with 64 kernels gives 64 feature maps."
    )
    figures = [
        draw_edges(material.png("kernel_edges"), material.small.gray),
        draw_blur_and_sharpen(material.png("kernel_retouched"), material.small.gray),
        draw_activation(material.png("kernel_activation"), material.small.gray),
    ]
    rows = [
        (name, " | ".join(" ".join(_number(value) for value in row) for row in kernel))
        for name, kernel in KERNELS.items()
    ]
    table = Table(("Kernel", "Weights, row by row"), rows, text_columns=2)
    note = (
        "A convolution layer computes activation(kernel ∗ input + bias). Each kernel has one "
        f"bias, and the activation is applied to each pixel separately. {material.photo.credit}"
    )
    return Chapter(Section("Hand-made kernels", lead, figures, [table], note.strip()))


def borders(material: Material) -> Chapter:
    """Chapter 5: padding and stride."""
    lead = (
        "At the border of the image, the window extends beyond it. Padding defines the values "
        "outside; without padding, the output is f - 1 pixels smaller in width and height than "
        "the input. The stride is the number of pixels by which the window moves at each step."
    )
    figures = [
        draw_padding(material.png("padding"), material.small.gray),
        draw_strides(material.png("stride"), material.small.gray),
    ]
    return Chapter(Section("Padding and stride", lead, figures))


def axes(material: Material) -> Chapter:
    """Chapter 6: convolution along one, two or three axes, and across channels."""
    lead = (
        "The dimension of a convolution is the number of axes along which the kernel moves: one "
        "for time series, audio and text, two for images, three for videos and medical scans. The "
        "channels do not count as an axis: a kernel always spans all channels of its input and "
        "does not move along them."
    )
    shapes = [
        ("1-D: time series", (1, 120), (1, 1, 5), "time"),
        ("2-D: grayscale image", (1, 4, 4), (1, 1, 2, 2), "height, width"),
        ("2-D on a 3-D input: color image", (3, 32, 32), (1, 3, 5, 5), "height, width"),
        ("3-D: video", (1, 5, 24, 24), (1, 1, 2, 3, 3), "time, height, width"),
        ("1×1: from 192 to 16 channels", (192, 28, 28), (16, 192, 1, 1), "height, width"),
    ]
    rows, numbers = [], dict[str, Any]()
    for name, size, kernel, along in shapes:
        layer = layer_from_kernels(torch.zeros(kernel), padding=0)
        out = tuple(layer(torch.zeros(1, *size)).shape[1:])
        rows.append((name, _sizes(size), _sizes(kernel[1:]), along, _sizes(out)))
        numbers[name] = list(out)
    table = Table(
        ("Convolution", "Input", "Kernel", "Kernel moves along", "Output"), rows, text_columns=5
    )
    # Szegedy et al., "Going Deeper with Convolutions", 2014, Table 1: 5x5 of inception (3a)
    direct, _ = conv_cost((28, 28), 192, 32, 5, padding="same")
    mix, _ = conv_cost((28, 28), 192, 16, 1)
    after, _ = conv_cost((28, 28), 16, 32, 5, padding="same")
    through = int(mix) + int(after)
    numbers |= {"googlenet_direct_macs": int(direct), "googlenet_through_1x1_macs": through}
    note = (
        "Shapes put the channels first. If the kernel of a 3-D convolution is as deep as its "
        "input, it cannot move along the third axis, and the result equals a 2-D convolution with "
        "that many channels. A 1×1 convolution saves work by reducing the channels: GoogLeNet "
        "maps 192 channels of 28×28 pixels to 32 channels with 5×5 kernels, which directly takes "
        f"{int(direct):,} multiplications; with a 1×1 convolution to 16 channels first, it takes "
        f"{through:,}."
    )
    figures = [
        draw_smoothing(material.svg("smoothing")),
        draw_channels(material.png("channels"), material.small.pixels),
        draw_video(material.png("video")),
        draw_channel_mixing(material.png("mixing"), material.small.pixels),
    ]
    return Chapter(
        Section("1-D, 2-D and 3-D convolution", lead, figures, [table], note), (), numbers
    )


def _number(value: float) -> str:
    return "1/9" if 0 < value < 1 else f"{value:g}"


def _sizes(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
