"""Figures on the formula: a window on the input, output sizes, pattern search."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from gnnvision.basics.arithmetic import output_size
from gnnvision.basics.panels import (
    HIGHLIGHT,
    PADDED,
    WINDOW_COLOR,
    draw_cells,
    draw_frame,
    fit_axes,
    show_image,
)
from gnnvision.basics.patterns import (
    Measure,
    argmax,
    correlate,
    find_pattern,
    output_at,
    window_sums,
)
from gnnvision.domains import Window
from gnnvision.report.parts import Figure
from gnnvision.report.style import CLASS_COLORS, INK, MUTED, drawing, plain_axes

__all__ = [
    "FEATURE_EXAMPLE",
    "PRODUCT_EXAMPLE",
    "SIGNAL_EXAMPLE",
    "draw_convolution_1d",
    "draw_convolution_2d",
    "draw_pattern_search",
    "draw_window_positions",
]

# Three examples from lectures 003 and 004: input and kernel.
PRODUCT_EXAMPLE = (
    ((10, 20, 30, 40), (0, 1, 0, 1), (30, 0, 10, 20), (0, 10, 20, 30)),
    ((1, 0), (0, 2)),
)
FEATURE_EXAMPLE = (
    ((1, 1, 1, 0, 0), (0, 1, 1, 1, 0), (0, 0, 1, 1, 1), (0, 0, 1, 1, 0), (0, 1, 1, 0, 0)),
    ((1, 0, 1), (0, 1, 0), (1, 0, 1)),
)
# Lecture 004 gives only the three values 2, 9, 9 around index 5 of indices 0 to 7.
SIGNAL_EXAMPLE = ((2, 2, 2, 2, 2, 9, 9, 9), (-1, 0, 1))


def draw_convolution_2d(
    path: Path,
    example: tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]],
    caption: str,
    place: tuple[int, int] = (0, 0),
) -> Figure:
    """One window of a 2-D convolution, with its kernel and the whole output.

    Args:
        path: of the image file.
        example: input and kernel.
        caption: of the figure.
        place: row and column of the highlighted output value.
    """
    image, kernel = (torch.tensor(values) for values in example)
    output = correlate(image, kernel)
    (rows, columns), (f, g), (m, n) = image.shape, kernel.shape, output.shape
    i, j = place
    first, second = columns + 1.4, columns + g + 2.9
    total = second + n
    with drawing(path, 5.4 * (rows + 1.9) / total) as figure:
        axes = figure.add_subplot()
        fit_axes(axes, total, rows + 1.8, top=-0.8)

        def in_window(a: int, b: int) -> str:
            return HIGHLIGHT if i <= a < i + f and j <= b < j + g else "none"

        middle = rows / 2
        draw_cells(axes, image.tolist(), color=in_window)
        draw_frame(axes, j, i, g, f)
        draw_cells(axes, kernel.tolist(), first, middle - f / 2, color=lambda a, b: HIGHLIGHT)
        draw_frame(axes, first, middle - f / 2, g, f)
        draw_cells(
            axes,
            output.tolist(),
            second,
            middle - m / 2,
            color=lambda a, b: HIGHLIGHT if (a, b) == place else "none",
        )
        draw_frame(axes, second + j, middle - m / 2 + i, 1, 1)
        axes.text(columns + 0.7, middle, "∗", ha="center", va="center", fontsize=17)
        axes.text(second - 0.75, middle, "=", ha="center", va="center", fontsize=17)
        for x, top, word in (
            (columns / 2, 0.0, "input"),
            (first + g / 2, middle - f / 2, "kernel"),
            (second + n / 2, middle - m / 2, "output"),
        ):
            axes.text(x, top - 0.25, word, ha="center", va="bottom", weight="bold")
        text = "  ".join(output_at(image, kernel, *place).steps[::2])
        axes.text(total / 2, rows + 0.35, text, ha="center", va="top", color=WINDOW_COLOR)
    steps = " ".join(output_at(image, kernel, *place).steps)
    return Figure(
        path,
        f"A {rows}×{columns} input, a {f}×{g} kernel and the {m}×{n} output: {steps}.",
        caption,
    )


def draw_convolution_1d(path: Path) -> Figure:
    """The 1-D example: a signal with a step, and the kernel that detects it."""
    signal, kernel = (torch.tensor(values) for values in SIGNAL_EXAMPLE)
    output = correlate(signal, kernel)
    n, f = len(signal), len(kernel)
    place = 5 - f // 2
    with drawing(path, 3.1) as figure:
        axes = figure.add_subplot()
        fit_axes(axes, n + 2.2, 5.2, left=-2.2, top=-0.5)
        inside = range(place, place + f)
        draw_cells(
            axes, [signal.tolist()], color=lambda i, j: HIGHLIGHT if j in inside else "none"
        )
        draw_cells(axes, [kernel.tolist()], place, 1.7, color=lambda i, j: HIGHLIGHT)
        draw_cells(axes, [output.tolist()], f // 2, 3.4, color=lambda i, j: _only(j, place))
        for x in (0, n - 1):
            draw_cells(axes, [[None]], x, 3.4, color=lambda i, j: PADDED)
        draw_frame(axes, place, 0, f, 1)
        draw_frame(axes, place, 1.7, f, 1)
        draw_frame(axes, 5, 3.4, 1, 1)
        for k in range(f):
            axes.plot([place + k + 0.5] * 2, [1.02, 1.68], color=WINDOW_COLOR, lw=1.2)
            axes.plot([place + k + 0.5, 5.5], [2.72, 3.38], color=WINDOW_COLOR, lw=1.2)
        for y, word in ((0.5, "input"), (2.2, "kernel"), (3.9, "output")):
            axes.text(-0.35, y, word, ha="right", va="center", weight="bold")
        for x in range(n):
            axes.text(x + 0.5, -0.12, f"[{x}]", ha="center", va="bottom", color=MUTED, fontsize=8)
    steps = output_at(signal, kernel, place).steps
    return Figure(
        path,
        f"Eight values with a step from 2 to 9, the kernel -1 0 1, and the output: {steps[0]}.",
        f"At index [5]: {' '.join(steps)}. The kernel subtracts the left neighbor from the right "
        "one, so it responds where the signal rises. At [0] and [7] the window would extend past "
        "the signal; without padding there is no output.",
    )


def _only(j: int, place: int) -> str:
    return HIGHLIGHT if j == place else "none"


def draw_window_positions(
    path: Path, size: int, settings: list[tuple[int, int, int | str]]
) -> Figure:
    """Every position of the window along one axis, for several settings.

    Args:
        path: of the image file.
        size: n, the input size.
        settings: kernel size, stride and padding of each panel.
    """
    panels = []
    for f, s, p in settings:
        ((low, high),) = Window.make(1, f, s, p).pads
        panels.append((f, s, p, low, high, int(output_size(size, f, s, p))))
    before, after = max(low for *_, low, _, _ in panels), max(high for *_, high, _ in panels)
    word_at = size + after + 1.0
    width, height = word_at + before + 6.5, sum(2.0 + 0.42 * out for *_, out in panels) - 0.5
    with drawing(path, 5.4 * height / width) as figure:
        axes = figure.add_subplot()
        fit_axes(axes, width, height, left=-before - 0.6)
        top = 0.0
        for f, s, p, low, high, out in panels:
            draw_cells(axes, [[0] * low], -low, top, color=lambda i, j: PADDED)
            draw_cells(axes, [list(range(1, size + 1))], 0, top)
            draw_cells(axes, [[0] * high], size, top, color=lambda i, j: PADDED)
            for m in range(out):
                start, y = m * s - low, top + 1.4 + 0.42 * m
                color = CLASS_COLORS[m % 4]
                axes.plot([start + 0.12, start + f - 0.12], [y, y], color=color, lw=4.5)
                axes.text(
                    start - 0.1, y, f"{m + 1}", ha="right", va="center", color=color, fontsize=8.5
                )
            pad = f"p = {low}" if low == high else f"p = {low}, {high}"
            name = f"{p}: {pad}" if isinstance(p, str) else pad
            axes.text(word_at, top + 0.5, name, va="center", weight="bold")
            axes.text(word_at, top + 1.4, f"stride {s}: output size {out}", va="center")
            top += 2.0 + 0.42 * out
    listing = "; ".join(
        f"kernel {f}, stride {s}, padding {p}: {out}" for f, s, p, _, _, out in panels
    )
    return Figure(
        path,
        f"The positions of a window on an input of size {size}. Output sizes: {listing}.",
        f"Kernel size {settings[0][0]} on an input of size {size} (positions 1 to {size}; gray: "
        "padded zeros). Each bar is one position of the window, which gives one output value.",
    )


def draw_pattern_search(path: Path, image: Tensor, side: int = 24) -> Figure:
    """Search for a patch of an image, by dot product and by correlation coefficient.

    Args:
        path: of the image file.
        image: grayscale. Shape (H, W).
        side: of the patch, in pixels; it is cut where the contrast is largest.
    """
    from matplotlib.patches import Rectangle

    corner = top, left = _highest_contrast(image, side)
    patch = image[top : top + side, left : left + side]
    height, width = image.shape
    correct, highest = [], 0.0
    with drawing(path, 5.4 * height / width + 0.6) as figure:
        first, second, third, fourth = figure.subplots(2, 2).flat
        show_image(first, image, "Photograph")
        first.add_patch(Rectangle((left, top), side, side, fill=False, ec=WINDOW_COLOR, lw=1.8))
        show_image(second, patch, "Patch to find")
        room = side * width / height / 2  # the same shape as the photograph
        second.set_xlim(side / 2 - 0.5 - room, side / 2 - 0.5 + room)
        measures: tuple[Measure, ...] = ("dot", "centered")
        for axes, by, name in zip(
            (third, fourth), measures, ("Dot product", "Correlation"), strict=True
        ):
            similarity, (i, j) = find_pattern(image, patch, by)
            highest = float(similarity.max())
            plain_axes(axes)
            half = (side - 1) / 2  # each value is drawn at the center of its window
            reach = (half - 0.5, width - half - 0.5, height - half - 0.5, half - 0.5)
            axes.imshow(similarity.numpy(), cmap="cividis", extent=reach)
            axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
            place = (j + half, i + half)
            axes.plot(*place, "o", ms=12, mfc="none", mec="white", mew=3, clip_on=False)
            axes.plot(*place, "o", ms=12, mfc="none", mec=WINDOW_COLOR, mew=1.6, clip_on=False)
            correct.append((i, j) == corner)
            verdict = "correct position" if correct[-1] else "wrong position"
            axes.set_title(f"{name}: {verdict}", fontsize=9.5)
            axes.title.set_color(INK)
    failed = "" if correct[0] else ", and here it picks the wrong position"
    ending = f", and finds the patch with a value of {highest:.2f}" if correct[1] else ""
    return Figure(
        path,
        "A photograph, a patch of it, and the similarity of every window to the patch.",
        "Bright: the window centered here is similar to the patch. The circle marks the maximum. "
        f"The dot product grows with brightness{failed}. The correlation coefficient subtracts "
        f"the mean and divides by both norms, so that only the shape counts{ending}.",
    )


def _highest_contrast(image: Tensor, side: int) -> tuple[int, int]:
    """The top left pixel of the window with the largest variance."""
    squares, sums = (window_sums(x, (side, side)) for x in (image**2, image))
    variance = squares - sums**2 / side**2  # times a constant
    row, column = argmax(variance)
    return row, column
