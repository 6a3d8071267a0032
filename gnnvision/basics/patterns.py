"""Convolution by its formula, and as a search for a pattern.

    Y[m] = Σₖ w[k] · X[m·s + k·d - p]

Each output value is the dot product of the kernel and one window of the input. It is large where
the window resembles the kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gnnvision.basics.calculation import Calculation, format_number
from gnnvision.domains import PaddingMode, Window
from gnnvision.errors import invalid, one_of

__all__ = [
    "argmax",
    "convolve",
    "correlate",
    "cosine_similarity",
    "dot_product",
    "find_pattern",
    "output_at",
    "window_sums",
]


Measure = Literal["dot", "cosine", "centered"]


def correlate(
    signal: Tensor,
    kernel: Tensor,
    *,
    stride: int = 1,
    padding: int | str = 0,
    dilation: int = 1,
    padding_mode: PaddingMode = "zeros",
) -> Tensor:
    """Cross-correlation, Y[m] = Σₖ w[k] · X[m·s + k·d - p], as convolution layers compute it.

    There is one term for each kernel weight: the signal, shifted by k, times that weight. This is
    Y = Σₖ Sₖ X Wₖ with one channel.

    Args:
        signal: X, with one, two or three axes.
        kernel: w, with the same number of axes.
        stride: s, the step from one window to the next.
        padding: p; or "valid", "same" or "full".
        dilation: d, the distance between adjacent kernel weights.
        padding_mode: the values outside: "zeros", "replicate", "reflect" or "circular".

    Returns:
        Y, of size floor((n + 2p - d(f - 1) - 1) / s) + 1 along each axis.

    Raises:
        ValueError: if the numbers of axes differ or the kernel does not fit.

    Example:
        >>> image = [[10, 20, 30, 40], [0, 1, 0, 1], [30, 0, 10, 20], [0, 10, 20, 30]]
        >>> correlate(torch.tensor(image), torch.tensor([[1, 0], [0, 2]]))
        tensor([[12, 20, 32],
                [ 0, 21, 40],
                [50, 40, 70]])
    """
    window, padded = _padded(signal, kernel, stride, padding, dilation, padding_mode)
    out = window.out_size(signal.shape)
    y = torch.zeros(out, dtype=torch.result_type(signal, kernel), device=signal.device)
    for k in product(*map(range, kernel.shape)):
        # every stride-th position, from the position of this weight in the first window
        shifted = padded[
            tuple(
                slice(d * i, d * i + s * (m - 1) + 1, s)
                for i, d, s, m in zip(k, window.dilation, window.stride, out, strict=True)
            )
        ]
        y += kernel[k] * shifted
    return y


def convolve(signal: Tensor, kernel: Tensor, **options: int | str) -> Tensor:
    """Mathematical convolution: cross-correlation with the flipped kernel.

    Neural networks skip the flip: they learn the kernel, so they would simply learn it flipped.

    Args:
        signal: X.
        kernel: w; it is flipped along every axis.
        **options: of `correlate`.

    Returns:
        Y, as from `correlate`.

    Raises:
        ValueError: as `correlate`.

    Example:
        >>> signal, kernel = torch.tensor([0, 0, 1, 0, 0]), torch.tensor([1, 2, 3])
        >>> correlate(signal, kernel).tolist(), convolve(signal, kernel).tolist()
        ([3, 2, 1], [1, 2, 3])
    """
    return correlate(signal, kernel.flip(tuple(range(kernel.ndim))), **options)  # type: ignore[arg-type]


def output_at(signal: Tensor, kernel: Tensor, *position: int) -> Calculation:
    """Calculate one output value of `correlate` step by step, for stride 1 without padding.

    Args:
        signal: X.
        kernel: w.
        *position: the index of the output value.

    Returns:
        The value, with its products and their sum as steps.

    Raises:
        ValueError: if the numbers of axes differ or the position is outside the output.

    Example:
        >>> print(output_at(torch.tensor([2, 9, 9]), torch.tensor([-1, 0, 1]), 0))
        2·(-1) + 9·0 + 9·1
        = -2 + 0 + 9
        = 7
    """
    window, _ = _padded(signal, kernel, 1, 0, 1, "zeros")
    out = window.out_size(signal.shape)
    if len(position) != signal.ndim or any(not 0 <= i < m for i, m in zip(position, out)):  # noqa: B905
        condition = f"be inside the output of size {tuple(out)}"
        raise invalid("position", condition, position, "Indices start at 0.")
    pairs = [
        (float(signal[tuple(i + j for i, j in zip(position, k, strict=True))]), float(kernel[k]))
        for k in product(*map(range, kernel.shape))
    ]
    total = sum(x * w for x, w in pairs)
    products = " + ".join(f"{format_number(x)}·{_in_parentheses(w)}" for x, w in pairs)
    values = " + ".join(format_number(x * w) for x, w in pairs).replace("+ -", "- ")
    return Calculation(total, (products, f"= {values}", f"= {format_number(total)}"))


def dot_product(a: Tensor, b: Tensor) -> float:
    """The dot product Σᵢ aᵢ bᵢ of two tensors of the same shape.

    Args:
        a: a tensor.
        b: a tensor of the same shape.

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> dot_product(torch.tensor([2, 9, 9]), torch.tensor([-1, 0, 1]))
        7.0
    """
    if a.shape != b.shape:
        condition = f"have the shape of 'a', {tuple(a.shape)}"
        raise invalid("b", condition, tuple(b.shape), "Use a window of the same shape.")
    return float((a.double() * b.double()).sum())


def cosine_similarity(a: Tensor, b: Tensor) -> float:
    """The cosine similarity a·b / (|a| |b|), from -1 (opposite) to 1 (same direction).

    Unlike the dot product, it does not depend on brightness. It is 0 if one of them is all zeros.

    Args:
        a: a tensor.
        b: a tensor of the same shape.

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> pattern = torch.tensor([1.0, 0.0, -1.0])
        >>> cosine_similarity(pattern, 5 * pattern), cosine_similarity(pattern, -pattern)
        (1.0, -1.0)
    """
    norms = (dot_product(a, a) * dot_product(b, b)) ** 0.5
    return dot_product(a, b) / norms if norms else 0.0


def find_pattern(
    signal: Tensor, pattern: Tensor, by: Measure = "centered"
) -> tuple[Tensor, tuple[int, ...]]:
    """Compare every window of a signal with a pattern, and find the best match.

    Args:
        signal: X.
        pattern: the pattern to search for, with the same number of axes.
        by: the measure of similarity. "dot" is the convolution itself, which prefers bright
            windows; "cosine" divides by the norms; "centered" subtracts the means first, so that
            only the shape counts (the correlation coefficient).

    Returns:
        The similarity of every window, and the index of the most similar one.

    Raises:
        ValueError: if the numbers of axes differ, the pattern does not fit, or `by` is unknown.

    Example:
        >>> find_pattern(torch.tensor([0.0, 1, 0, 9, 9, 9]), torch.tensor([0.0, 1, 0]), "dot")[1]
        (2,)
        >>> find_pattern(torch.tensor([0.0, 1, 0, 9, 9, 9]), torch.tensor([0.0, 1, 0]))[1]
        (0,)
    """
    one_of("by", by, get_args(Measure))
    x, w = signal.double(), pattern.double()
    if by == "centered":
        w = w - w.mean()
    similarity = correlate(x, w)
    if by != "dot":
        squares = window_sums(x * x, w.shape)
        if by == "centered":  # Σ (x - mean)² = Σ x² - (Σ x)² / n
            squares = squares - window_sums(x, w.shape) ** 2 / w.numel()
        # A window without contrast matches nothing; rounding errors must not be amplified.
        flat = squares <= 1e-9 * float((x * x).max()) * w.numel()
        norms = (squares.clamp(min=0) * (w * w).sum()).sqrt()
        zeros = torch.zeros_like(similarity)
        similarity = torch.where(flat | (norms == 0), zeros, similarity / norms)
    return similarity, argmax(similarity)


def _padded(
    signal: Tensor,
    kernel: Tensor,
    stride: int,
    padding: int | str,
    dilation: int,
    padding_mode: PaddingMode,
) -> tuple[Window, Tensor]:
    """The window, and the padded signal."""
    if not 1 <= signal.ndim <= 3 or kernel.ndim != signal.ndim:
        condition = "have as many axes as 'signal', one to three"
        advice = "Use for example a 3x3 kernel for an image (H, W)."
        raise invalid("kernel", condition, f"{kernel.ndim} and {signal.ndim}", advice)
    window = Window.make(signal.ndim, tuple(kernel.shape), stride, padding, dilation, padding_mode)
    window.out_size(signal.shape)
    sides = [side for pads in window.pads[::-1] for side in pads]  # F.pad counts from the last
    mode = "constant" if padding_mode == "zeros" else padding_mode
    return window, F.pad(signal[None, None], sides, mode)[0, 0]


def argmax(values: Tensor) -> tuple[int, ...]:
    """The index of the largest value, along each axis."""
    # torch.unravel_index would import the front end of the compiler, which takes half a second.
    place = np.unravel_index(int(values.argmax()), tuple(values.shape))
    return tuple(int(i) for i in place)


def window_sums(x: Tensor, shape: Sequence[int]) -> Tensor:
    """The sum over every window of this shape, one axis after the other."""
    for axis, size in enumerate(shape):
        x = x.unfold(axis, size, 1).sum(-1)
    return x


def _in_parentheses(value: float) -> str:
    return f"({format_number(value)})" if value < 0 else format_number(value)
