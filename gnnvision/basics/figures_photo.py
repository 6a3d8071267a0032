"""Pictures of what kernels do to a photograph."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from gnnvision.basics.kernels import GREY, SEPIA, filtered, hand_made, mixed
from gnnvision.basics.panels import show
from gnnvision.domains import PaddingMode
from gnnvision.report.parts import Figure
from gnnvision.report.style import WIDTH, drawing

__all__ = [
    "draw_activation",
    "draw_borders",
    "draw_channels",
    "draw_edges",
    "draw_mixing",
    "draw_retouched",
    "draw_strides",
]


def _sheet_height(picture: Tensor, rows: int, columns: int) -> float:
    """Inches for a sheet of pictures with a title each."""
    height, width = picture.shape[-2:]
    return rows * (WIDTH / columns * height / width + 0.33)


def draw_edges(path: Path, gray: Tensor) -> Figure:
    """The two edge maps of the notes, the two of Sobel, and their length."""
    names = ("vertical edges", "horizontal edges", "Sobel, vertical", "Sobel, horizontal")
    maps = {name: filtered(gray, hand_made(name)) for name in names}
    limit = float(torch.stack([maps[name] for name in names[:2]]).abs().quantile(0.995))
    strength = (maps[names[2]] ** 2 + maps[names[3]] ** 2).sqrt()
    with drawing(path, _sheet_height(gray, 3, 2)) as figure:
        every = list(figure.subplots(3, 2).flat)
        show(every[0], gray, "the photograph, gray")
        most = strength.quantile(0.995).clamp(min=1e-6)  # of an even picture it is 0
        show(every[1], 1 - strength / most, "edges in any direction (Sobel)")
        for axes, (name, found) in zip(every[2:], maps.items(), strict=True):
            show(axes, found, name, signed=True, limit=limit)
    return Figure(
        path,
        "A photograph and its feature maps for vertical and horizontal edges.",
        "Vertical edges: the right column of the kernel is 1, the left one -1. Orange: brighter "
        "to the right (or below); blue: darker; white: no change. Top right: both Sobel maps as "
        "one length, √(v² + h²), dark where there is an edge.",
    )


def draw_retouched(path: Path, gray: Tensor) -> Figure:
    """Blur, sharpen, outline and identity on a part of the photograph."""
    part = _part(gray)
    blurred = part
    for _ in range(3):
        blurred = filtered(blurred, hand_made("blur"))
    with drawing(path, _sheet_height(part, 2, 2)) as figure:
        every = list(figure.subplots(2, 2).flat)
        show(every[0], filtered(part, hand_made("leave as it is")), "a single 1: unchanged")
        show(every[1], blurred, "blur, three times")
        show(every[2], filtered(part, hand_made("sharpen")), "sharpen")
        show(every[3], filtered(part, hand_made("outline")), "outline", signed=True)
    return Figure(
        path,
        "A part of the photograph unchanged, blurred, sharpened and as outlines.",
        "Kernels whose numbers add up to 1 keep the brightness; those that add up to 0 leave "
        "only differences.",
    )


def draw_borders(path: Path, gray: Tensor) -> Figure:
    """The four kinds of padding, and what each does to an edge map."""
    part = _part(gray, 0.5)
    pad = max(part.shape) // 4
    modes: dict[PaddingMode, str] = {
        "zeros": "zeros",
        "replicate": "copy (replicate)",
        "reflect": "mirror (reflect)",
        "circular": "other side (circular)",
    }
    nothing = torch.ones(1, 1)  # a kernel that changes nothing: what comes out is what went in
    wide = torch.nn.functional.pad(part, (pad,) * 4)
    with drawing(path, 2 * _sheet_height(wide, 1, 4) + 0.1) as figure:
        every = figure.subplots(2, 4)
        for column, (mode, name) in enumerate(modes.items()):
            padded = filtered(part, nothing, padding=pad, padding_mode=mode)
            show(every[0, column], padded, name)
            found = filtered(part, hand_made("horizontal edges"), padding_mode=mode)
            show(every[1, column], found, "edge map", signed=True, limit=1.0)
            for axes in every[:, column]:
                axes.title.set(fontsize=8.5, weight="normal")
    return Figure(
        path,
        "A picture padded in four ways, and its edge map with each.",
        "Above: what the window sees beyond the border. Below: with zeros the border itself looks "
        "like an edge; copying the border pixels avoids it.",
    )


def draw_strides(path: Path, gray: Tensor) -> Figure:
    """The same edge map with stride 1, 2 and 4, each pixel as large as it is."""
    part = _part(gray)
    with drawing(path, _sheet_height(part, 1, 3) + 0.15) as figure:
        every = figure.subplots(1, 3)
        for axes, stride in zip(every, (1, 2, 4), strict=True):
            found = filtered(part, hand_made("vertical edges"), stride=stride)
            size = "×".join(map(str, found.shape))
            show(axes, found, f"stride {stride}: {size}", signed=True, limit=1.5)
            axes.set_xlim(-0.5, part.shape[1] / stride - 0.5)
            axes.set_ylim(part.shape[0] / stride - 0.5, -0.5)
            axes.title.set(fontsize=8.5)
    return Figure(
        path,
        "Edge maps with stride 1, 2 and 4.",
        "With stride s only every s-th window is looked at, along both axes: the map has 1/s of "
        "the width and of the height, and takes 1/s² of the work.",
    )


def draw_activation(path: Path, gray: Tensor) -> Figure:
    """A map, with a bias, and after ReLU."""
    part, kernel = _part(gray), hand_made("vertical edges")
    with drawing(path, _sheet_height(part, 2, 2)) as figure:
        every = list(figure.subplots(2, 2).flat)
        for axes, (title, bias, activation) in zip(
            every,
            [
                ("kernel alone", 0.0, None),
                ("then ReLU", 0.0, torch.relu),
                ("bias -0.5", -0.5, None),
                ("bias -0.5, then ReLU", -0.5, torch.relu),
            ],
            strict=True,
        ):
            found = filtered(part, kernel, bias=bias, activation=activation)
            show(axes, found, title.replace("-", "−"), signed=True, limit=1.5)
    return Figure(
        path,
        "A feature map with and without bias and ReLU.",
        "ReLU keeps what is above zero: edges from dark to bright only. A negative bias is a "
        "threshold: weak edges fall below zero and are gone after ReLU.",
    )


def draw_channels(path: Path, pixels: Tensor) -> Figure:
    """2-D convolution on a picture of three channels: three maps, added up."""
    part = _part(pixels)
    kernel = hand_made("horizontal edges")
    each = [filtered(channel, kernel) for channel in part]
    total = filtered(part, kernel.expand(3, 3, 3))
    with drawing(path, _sheet_height(part, 2, 4) + 0.1) as figure:
        every = figure.subplots(2, 4)
        for column, (name, channel) in enumerate(zip(("red", "green", "blue"), part, strict=True)):
            show(every[0, column], channel, name)
            show(every[1, column], each[column], "its map", signed=True, limit=1.0)
        show(every[0, 3], part, "in color")
        show(every[1, 3], total, "sum of the three", signed=True, limit=3.0)
        for axes in every.flat:
            axes.title.set(fontsize=8.5)
    return Figure(
        path,
        "Red, green and blue, the map of each, and their sum.",
        "The kernel is as deep as the picture, one layer of it for each channel. The three maps "
        "are added up, and a single flat map is left: input 3-D, output 2-D.",
    )


def draw_mixing(path: Path, pixels: Tensor) -> Figure:
    """1x1 convolutions: three channels to one and to three others."""
    part = _part(pixels)
    with drawing(path, _sheet_height(part, 1, 3) + 0.15) as figure:
        every = figure.subplots(1, 3)
        show(every[0], part, "red, green, blue")
        show(every[1], mixed(part, torch.tensor([GREY]))[0], "3 → 1: gray")
        show(every[2], mixed(part, torch.tensor(SEPIA)), "3 → 3: sepia")
    numbers = ", ".join(f"{weight:g}" for weight in GREY)
    return Figure(
        path,
        "A photograph in color, gray and sepia, made by 1x1 convolutions.",
        f"A 1×1 convolution sees one pixel at a time and mixes its channels. Gray takes one "
        f"kernel ({numbers}), sepia three kernels of three numbers.",
    )


def _part(picture: Tensor, share: float = 0.6) -> Tensor:
    """The middle of a picture, where single pixels can still be made out."""
    height, width = picture.shape[-2:]
    h, w = int(height * share), int(width * share)
    top, left = (height - h) // 2, (width - w) // 2
    return picture[..., top : top + h, left : left + w]
