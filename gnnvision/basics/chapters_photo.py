"""Chapters in pictures: borders and strides, kernels on a photograph, one to three axes."""

from __future__ import annotations

from typing import Any

import torch

from gnnvision.basics.chapter import Chapter, Material
from gnnvision.basics.counting import conv_cost
from gnnvision.basics.figures_photo import (
    draw_activation,
    draw_borders,
    draw_channels,
    draw_edges,
    draw_mixing,
    draw_retouched,
    draw_strides,
)
from gnnvision.basics.figures_signals import draw_film, draw_smoothing
from gnnvision.basics.kernels import KERNELS, layer_with
from gnnvision.report.parts import Section, Table

__all__ = ["axes", "borders", "kernels"]


def kernels(material: Material) -> Chapter:
    """What single kernels see."""
    lead = (
        "Kernels set by hand, with nothing learned, laid on a photograph. Each gives one feature "
        "map as large as the photograph; a layer with 64 kernels gives 64 of them. Before "
        "networks learned their kernels, people designed such ones."
    )
    pictures = [
        draw_edges(material.path("kernel_edges"), material.small.gray),
        draw_retouched(material.path("kernel_retouched"), material.small.gray),
        draw_activation(material.path("kernel_activation"), material.small.gray),
    ]
    rows = [
        (name, " | ".join(" ".join(_number(value) for value in row) for row in kernel))
        for name, kernel in KERNELS.items()
    ]
    table = Table(("Kernel", "Its rows"), rows, text_columns=2)
    note = (
        "A layer computes activation(kernel on input + bias): the bias is one number for each "
        f"kernel, the activation acts on every pixel by itself. {material.photo.credit}"
    )
    return Chapter(Section("Kernels made by hand", lead, pictures, [table], note.strip()))


def borders(material: Material) -> Chapter:
    """Padding and stride, seen."""
    lead = (
        "At the border the window sticks out of the picture. Padding says what it finds there; "
        "without padding the output is f - 1 pixels narrower and lower than the input. Stride "
        "says how far the window moves each time."
    )
    pictures = [
        draw_borders(material.path("padding"), material.small.gray),
        draw_strides(material.path("stride"), material.small.gray),
    ]
    return Chapter(Section("Borders and strides", lead, pictures))


def axes(material: Material) -> Chapter:
    """Convolution along one, two and three axes, and through the channels."""
    lead = (
        "What counts is along how many axes the kernel moves. Along one: curves, sound, text. "
        "Along two: pictures. Along three: films and scans. Channels are not an axis: the kernel "
        "is always as deep as its input has channels, and does not move along them."
    )
    shapes = [
        ("1-D: a curve", (1, 120), (1, 1, 5), "time"),
        ("2-D: a gray picture", (1, 4, 4), (1, 1, 2, 2), "height, width"),
        ("2-D on 3-D input: a color picture", (3, 32, 32), (1, 3, 5, 5), "height, width"),
        ("3-D: a film", (1, 5, 24, 24), (1, 1, 2, 3, 3), "time, height, width"),
        ("1×1: mixing 192 channels to 16", (192, 28, 28), (16, 192, 1, 1), "height, width"),
    ]
    rows, numbers = [], dict[str, Any]()
    for name, size, kernel, along in shapes:
        layer = layer_with(torch.zeros(kernel), padding=0)
        out = tuple(layer(torch.zeros(1, *size)).shape[1:])
        rows.append((name, _sizes(size), _sizes(kernel[1:]), along, _sizes(out)))
        numbers[name] = list(out)
    table = Table(
        ("Convolution", "Input", "Kernel", "Moves along", "Output"), rows, text_columns=5
    )
    # Szegedy et al., "Going Deeper with Convolutions", 2014, Table 1: 5x5 of inception (3a)
    direct, _ = conv_cost((28, 28), 192, 32, 5, padding="same")
    mix, _ = conv_cost((28, 28), 192, 16, 1)
    after, _ = conv_cost((28, 28), 16, 32, 5, padding="same")
    through = int(mix) + int(after)
    numbers |= {"googlenet_direct_macs": int(direct), "googlenet_through_1x1_macs": through}
    note = (
        "Sizes are channels first. If the kernel of a 3-D convolution is as deep as its input, it "
        "has nowhere to move, and the result is that of a 2-D convolution with as many channels. "
        "What 1×1 is good for: GoogLeNet turns 192 channels of 28×28 pixels into 32 with a 5×5 "
        f"kernel. Directly that takes {int(direct):,} multiplications; with a 1×1 "
        f"convolution to 16 channels in between, {through:,}."
    )
    pictures = [
        draw_smoothing(material.path("smoothing")),
        draw_channels(material.path("channels"), material.small.pixels),
        draw_film(material.path("film")),
        draw_mixing(material.path("mixing"), material.small.pixels),
    ]
    return Chapter(Section("One, two and three axes", lead, pictures, [table], note), (), numbers)


def _number(value: float) -> str:
    return "1/9" if 0 < value < 1 else f"{value:g}"


def _sizes(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
