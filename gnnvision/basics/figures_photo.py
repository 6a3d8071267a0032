"""Figures of kernels applied to a photograph."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from gnnvision.basics.kernels import GRAY, SEPIA, apply_kernel, get_kernel, mix_channels
from gnnvision.basics.panels import show_image
from gnnvision.domains import PaddingMode
from gnnvision.report.parts import Figure
from gnnvision.report.style import WIDTH, drawing

__all__ = [
    "draw_activation",
    "draw_blur_and_sharpen",
    "draw_channel_mixing",
    "draw_channels",
    "draw_edges",
    "draw_padding",
    "draw_strides",
]


def _sheet_height(image: Tensor, rows: int, columns: int) -> float:
    """The height in inches of a grid of images with a title each."""
    height, width = image.shape[-2:]
    return rows * (WIDTH / columns * height / width + 0.33)


def draw_edges(path: Path, gray: Tensor) -> Figure:
    """Edge maps with the kernels of lecture 004 and with Sobel kernels, and their magnitude."""
    names = ("vertical edges", "horizontal edges", "Sobel, vertical", "Sobel, horizontal")
    maps = {name: apply_kernel(gray, get_kernel(name)) for name in names}
    limit = float(torch.stack([maps[name] for name in names[:2]]).abs().quantile(0.995))
    strength = (maps[names[2]] ** 2 + maps[names[3]] ** 2).sqrt()
    with drawing(path, _sheet_height(gray, 3, 2)) as figure:
        panels = list(figure.subplots(3, 2).flat)
        show_image(panels[0], gray, "photograph, grayscale")
        most = strength.quantile(0.995).clamp(min=1e-6)  # it is 0 for a constant image
        show_image(panels[1], 1 - strength / most, "edge strength (Sobel)")
        for axes, (name, feature_map) in zip(panels[2:], maps.items(), strict=True):
            show_image(axes, feature_map, name, signed=True, limit=limit)
    return Figure(
        path,
        "A photograph and its feature maps for vertical and horizontal edges.",
        "For vertical edges the right column of the kernel is 1 and the left column -1. Orange: "
        "the image gets brighter to the right (or downward); blue: it gets darker; white: no "
        "change. Top right: the magnitude √(v² + h²) of the two Sobel maps, dark at edges.",
    )


def draw_blur_and_sharpen(path: Path, gray: Tensor) -> Figure:
    """Blur, sharpen, outline and identity applied to the center of the photograph."""
    crop = _center(gray)
    blurred = crop
    for _ in range(3):
        blurred = apply_kernel(blurred, get_kernel("blur"))
    with drawing(path, _sheet_height(crop, 2, 2)) as figure:
        panels = list(figure.subplots(2, 2).flat)
        show_image(panels[0], apply_kernel(crop, get_kernel("identity")), "identity")
        show_image(panels[1], blurred, "blur, applied three times")
        show_image(panels[2], apply_kernel(crop, get_kernel("sharpen")), "sharpen")
        show_image(panels[3], apply_kernel(crop, get_kernel("outline")), "outline", signed=True)
    return Figure(
        path,
        "The center of the photograph unchanged, blurred, sharpened and as outlines.",
        "Kernels whose weights sum to 1 preserve the brightness. Kernels whose weights sum to 0 "
        "keep only differences between neighboring pixels.",
    )


def draw_padding(path: Path, gray: Tensor) -> Figure:
    """The four padding modes, and their effect on an edge map."""
    crop = _center(gray, 0.5)
    pad = max(crop.shape) // 4
    modes: dict[PaddingMode, str] = {
        "zeros": "zeros",
        "replicate": "replicate",
        "reflect": "reflect",
        "circular": "circular",
    }
    identity = torch.ones(1, 1)
    wide = torch.nn.functional.pad(crop, (pad,) * 4)
    with drawing(path, 2 * _sheet_height(wide, 1, 4) + 0.1) as figure:
        panels = figure.subplots(2, 4)
        for column, (mode, name) in enumerate(modes.items()):
            padded = apply_kernel(crop, identity, padding=pad, padding_mode=mode)
            show_image(panels[0, column], padded, name)
            feature_map = apply_kernel(crop, get_kernel("horizontal edges"), padding_mode=mode)
            show_image(panels[1, column], feature_map, "edge map", signed=True, limit=1.0)
            for axes in panels[:, column]:
                axes.title.set(fontsize=8.5, weight="normal")
    return Figure(
        path,
        "An image with four padding modes, and the edge map with each.",
        "Top: the padded image. “replicate” copies the border pixels, “reflect” mirrors the "
        "image, “circular” continues with the opposite side. Bottom: zero padding creates false "
        "edges at the border; replicating the border pixels avoids them.",
    )


def draw_strides(path: Path, gray: Tensor) -> Figure:
    """The same edge map with stride 1, 2 and 4, drawn at the same size."""
    crop = _center(gray)
    with drawing(path, _sheet_height(crop, 1, 3) + 0.15) as figure:
        panels = figure.subplots(1, 3)
        for axes, stride in zip(panels, (1, 2, 4), strict=True):
            feature_map = apply_kernel(crop, get_kernel("vertical edges"), stride=stride)
            size = "×".join(map(str, feature_map.shape))
            show_image(axes, feature_map, f"stride {stride}: {size}", signed=True, limit=1.5)
            axes.set_xlim(-0.5, crop.shape[1] / stride - 0.5)
            axes.set_ylim(crop.shape[0] / stride - 0.5, -0.5)
            axes.title.set(fontsize=8.5)
    return Figure(
        path,
        "Edge maps with stride 1, 2 and 4.",
        "Stride s evaluates only every s-th window along each axis. The feature map has 1/s of "
        "the width and height, and takes 1/s² of the computation.",
    )


def draw_activation(path: Path, gray: Tensor) -> Figure:
    """A feature map with and without bias, before and after ReLU."""
    crop, kernel = _center(gray), get_kernel("vertical edges")
    with drawing(path, _sheet_height(crop, 2, 2)) as figure:
        panels = list(figure.subplots(2, 2).flat)
        for axes, (title, bias, activation) in zip(
            panels,
            [
                ("kernel only", 0.0, None),
                ("kernel, ReLU", 0.0, torch.relu),
                ("kernel, bias -0.5", -0.5, None),
                ("kernel, bias -0.5, ReLU", -0.5, torch.relu),
            ],
            strict=True,
        ):
            feature_map = apply_kernel(crop, kernel, bias=bias, activation=activation)
            show_image(axes, feature_map, title.replace("-", "−"), signed=True, limit=1.5)
    return Figure(
        path,
        "A feature map with and without bias and ReLU.",
        "ReLU keeps only positive values: edges from dark to bright. A negative bias acts as a "
        "threshold: weak edges become negative, and ReLU removes them.",
    )


def draw_channels(path: Path, pixels: Tensor) -> Figure:
    """2-D convolution of a color image: one map for each channel, and their sum."""
    crop = _center(pixels)
    kernel = get_kernel("horizontal edges")
    each = [apply_kernel(channel, kernel) for channel in crop]
    total = apply_kernel(crop, kernel.expand(3, 3, 3))
    with drawing(path, _sheet_height(crop, 2, 4) + 0.1) as figure:
        panels = figure.subplots(2, 4)
        for column, (name, channel) in enumerate(zip(("red", "green", "blue"), crop, strict=True)):
            show_image(panels[0, column], channel, name)
            show_image(panels[1, column], each[column], "feature map", signed=True, limit=1.0)
        show_image(panels[0, 3], crop, "color image")
        show_image(panels[1, 3], total, "sum of the maps", signed=True, limit=3.0)
        for axes in panels.flat:
            axes.title.set(fontsize=8.5)
    return Figure(
        path,
        "The red, green and blue channels, the feature map of each, and their sum.",
        "The kernel has one 3×3 slice for each channel. The three results are summed into a "
        "single feature map: the input is 3-D, the output 2-D.",
    )


def draw_channel_mixing(path: Path, pixels: Tensor) -> Figure:
    """1x1 convolutions: from three channels to one, and to three others."""
    crop = _center(pixels)
    with drawing(path, _sheet_height(crop, 1, 3) + 0.15) as figure:
        panels = figure.subplots(1, 3)
        show_image(panels[0], crop, "3 channels: RGB")
        show_image(panels[1], mix_channels(crop, torch.tensor([GRAY]))[0], "3 → 1: grayscale")
        show_image(panels[2], mix_channels(crop, torch.tensor(SEPIA)), "3 → 3: sepia")
    numbers = ", ".join(f"{weight:g}" for weight in GRAY)
    return Figure(
        path,
        "A photograph in color, in grayscale and in sepia, computed by 1x1 convolutions.",
        "A 1×1 convolution mixes the channels of each pixel separately. Grayscale needs one "
        f"kernel ({numbers}); sepia needs three kernels of three weights.",
    )


def _center(image: Tensor, share: float = 0.6) -> Tensor:
    """The center of an image, small enough that single pixels are visible."""
    height, width = image.shape[-2:]
    h, w = int(height * share), int(width * share)
    top, left = (height - h) // 2, (width - w) // 2
    return image[..., top : top + h, left : left + w]
