"""Figures of 1-D and 3-D convolution: a time series and a video."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from gnnvision.basics.kernels import layer_from_kernels, smooth_curve
from gnnvision.basics.panels import show_image
from gnnvision.report.parts import Figure
from gnnvision.report.style import CLASS_COLORS, MUTED, WIDTH, drawing, legend_below
from gnnvision.training.folder import write_csv

__all__ = ["draw_smoothing", "draw_video", "noisy_curve", "video"]


def noisy_curve(length: int = 120) -> tuple[Tensor, Tensor]:
    """A smooth curve, and the same with noise from a fixed seed.

    Args:
        length: L.

    Returns:
        The true and the measured curve. Shape (L,) each.
    """
    time = torch.linspace(0, 1, length)
    true = torch.sin(2 * math.pi * time) + 0.5 * torch.sin(6 * math.pi * time)
    noise = torch.randn(length, generator=torch.Generator().manual_seed(0))
    return true, true + 0.3 * noise.to(true.dtype)


def draw_smoothing(path: Path) -> Figure:
    """A noisy curve, and its moving averages over 5 and 15 values."""
    true, noisy = noisy_curve()
    smooth = {width: smooth_curve(noisy, torch.full((width,), 1 / width)) for width in (5, 15)}
    error = {
        width: float((curve - true).square().mean().sqrt()) for width, curve in smooth.items()
    }
    before = float((noisy - true).square().mean().sqrt())
    time = range(len(noisy))
    with drawing(path, 3.4) as figure:
        axes = figure.add_subplot()
        axes.plot(time, noisy, ".", ms=4, color=MUTED, alpha=0.7, label="measured")
        axes.plot(time, true, "--", lw=1.3, color=MUTED, label="true")
        for (width, curve), color in zip(smooth.items(), CLASS_COLORS, strict=False):
            axes.plot(time, curve, color=color, label=f"mean over {width}")
        axes.set(xlabel="time step", ylabel="value")
        axes.set_title("Smoothing with a 1-D convolution")
        axes.margins(x=0.02)
        legend_below(figure, axes.get_legend_handles_labels()[0], 4)
    rows = [
        {"time": t, "true": float(true[t]), "measured": float(noisy[t])}
        | {f"mean_of_{width}": float(curve[t]) for width, curve in smooth.items()}
        for t in time
    ]
    write_csv(path.with_suffix(".csv"), rows)
    return Figure(
        path,
        "A noisy curve and two smoothed curves.",
        "A kernel of 5 weights, each 1/5, moves along time. The root mean squared error falls "
        f"from {before:.2f} to {error[5]:.2f}. With 15 weights it is {error[15]:.2f}, but the "
        "peaks are flattened.",
    )


def video(frames: int = 5, side: int = 24) -> Tensor:
    """A video of a bright square that moves three pixels to the right in each frame.

    Args:
        frames: L, the number of frames.
        side: of a frame, in pixels.

    Returns:
        Pixel values from 0 to 1. Shape (L, side, side).
    """
    volume = torch.zeros(frames, side, side)
    for t in range(frames):
        volume[t, 8:16, 2 + 3 * t : 10 + 3 * t] = 0.8
    volume[:, 19:22] = 0.5  # a bar that does not move
    return volume


def draw_video(path: Path) -> Figure:
    """A 3-D convolution of a video: the kernel covers two frames, and moves along time."""
    volume = video()
    kernel = torch.zeros(2, 3, 3)
    kernel[0], kernel[1] = -1 / 9, 1 / 9  # this frame minus the previous one, blurred
    change = layer_from_kernels(kernel[None, None], padding=0)(volume[None, None])[0, 0]
    length, left = volume.shape[0], change.shape[0]
    with drawing(path, 2 * (WIDTH / length + 0.3)) as figure:
        panels = figure.subplots(2, length)
        for t in range(length):
            show_image(panels[0, t], volume[t], f"frame {t + 1}")
            if t < left:
                show_image(panels[1, t], change[t], f"{t + 1} → {t + 2}", signed=True, limit=0.8)
            else:
                panels[1, t].set_visible(False)
        for axes in panels.flat:
            axes.title.set(fontsize=8.5)
    size, out = ("×".join(map(str, tensor.shape)) for tensor in (volume, change))
    return Figure(
        path,
        "Five frames of a moving square, and the four output frames of a 3-D convolution.",
        f"The 2×3×3 kernel also moves along time, so that the output of a {size} video is a {out} "
        "video. Its two slices are -1/9 and 1/9: it responds where something appears (orange) or "
        "disappears (blue), but not to the bar that does not move.",
    )
