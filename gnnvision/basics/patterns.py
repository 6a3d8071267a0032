"""Convolution by its formula, and what it looks for.

    Y[m] = Σₖ w[k] · X[m·s + k·d - p]

For every output site m the window lies on the input, every number under it is multiplied with
the number of the kernel that lies on it, and all products are added up: a dot product of kernel
and window. It is large where the window looks like the kernel.
"""

from __future__ import annotations

from itertools import product
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from gnnvision.basics.worked import Worked, decimal
from gnnvision.domains import PaddingMode, Window

__all__ = [
    "convolve",
    "correlate",
    "cosine_similarity",
    "dot_product",
    "find_pattern",
    "worked_at",
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
    """Y[m] = Σₖ w[k] · X[m·s + k·d - p]: what neural networks call convolution.

    One term for each number of the kernel: the signal, moved by k, times that number. This is
    Y = Σₖ Sₖ X Wₖ with one channel.

    Args:
        signal: X, along one, two or three axes.
        kernel: w, with as many axes.
        stride: s, from one output site to the next.
        padding: p; or "valid", "same" or "full".
        dilation: d, from one number of the kernel to the next.
        padding_mode: what lies outside: "zeros", "replicate", "reflect" or "circular".

    Returns:
        Y, with floor((n + 2p - d(f - 1) - 1) / s) + 1 sites along each axis.

    Raises:
        ValueError: if the axes differ in number or the kernel does not fit.

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
        # every stride-th site, from where this number of the kernel lies at the first window
        moved = padded[
            tuple(
                slice(d * i, d * i + s * (m - 1) + 1, s)
                for i, d, s, m in zip(k, window.dilation, window.stride, out, strict=True)
            )
        ]
        y += kernel[k] * moved
    return y


def convolve(signal: Tensor, kernel: Tensor, **options: int | str) -> Tensor:
    """Convolution as in mathematics: the kernel is turned around before it is laid on.

    Neural networks leave the turning out. They learn the kernel anyway, so they would only learn
    it turned around; and for a symmetric kernel there is no difference.

    Args:
        signal: X.
        kernel: w, turned around along every axis.
        **options: as those of `correlate`.

    Returns:
        Y.

    Raises:
        ValueError: as `correlate`.

    Example:
        >>> signal, kernel = torch.tensor([0, 0, 1, 0, 0]), torch.tensor([1, 2, 3])
        >>> correlate(signal, kernel).tolist(), convolve(signal, kernel).tolist()
        ([3, 2, 1], [1, 2, 3])
    """
    return correlate(signal, kernel.flip(tuple(range(kernel.ndim))), **options)  # type: ignore[arg-type]


def worked_at(signal: Tensor, kernel: Tensor, *position: int) -> Worked:
    """One number of the output, as on the blackboard: stride 1, without padding.

    Args:
        signal: X.
        kernel: w.
        *position: where the first number of the kernel lies.

    Returns:
        The sum of the products, and the products.

    Raises:
        ValueError: if the axes differ in number or the window leaves the signal.

    Example:
        >>> print(worked_at(torch.tensor([2, 9, 9]), torch.tensor([-1, 0, 1]), 0))
        2·(-1) + 9·0 + 9·1
        = -2 + 0 + 9
        = 7
    """
    window, _ = _padded(signal, kernel, 1, 0, 1, "zeros")
    out = window.out_size(signal.shape)
    if len(position) != signal.ndim or any(not 0 <= i < m for i, m in zip(position, out)):  # noqa: B905
        raise ValueError(
            f"'position' must be inside the output of size {tuple(out)}, got {position}. "
            "Count from 0."
        )
    pairs = [
        (float(signal[tuple(i + j for i, j in zip(position, k, strict=True))]), float(kernel[k]))
        for k in product(*map(range, kernel.shape))
    ]
    total = sum(x * w for x, w in pairs)
    products = " + ".join(f"{decimal(x)}·{_bracketed(w)}" for x, w in pairs)
    values = " + ".join(decimal(x * w) for x, w in pairs).replace("+ -", "- ")
    return Worked(total, (products, f"= {values}", f"= {decimal(total)}"))


def dot_product(a: Tensor, b: Tensor) -> float:
    """Σᵢ aᵢ bᵢ: large where both are large at the same places.

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> dot_product(torch.tensor([2, 9, 9]), torch.tensor([-1, 0, 1]))
        7.0
    """
    if a.shape != b.shape:
        raise ValueError(
            f"'b' must have the shape of 'a', {tuple(a.shape)}, got {tuple(b.shape)}. "
            "Cut a window as large as the pattern."
        )
    return float((a.double() * b.double()).sum())


def cosine_similarity(a: Tensor, b: Tensor) -> float:
    """The dot product over both lengths, a·b / (|a| |b|): from -1 (opposite) over 0 to 1 (alike).

    Unlike the dot product it does not grow with the brightness. It is 0 where one is all zeros.

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> pattern = torch.tensor([1.0, 0.0, -1.0])
        >>> cosine_similarity(pattern, 5 * pattern), cosine_similarity(pattern, -pattern)
        (1.0, -1.0)
    """
    lengths = (dot_product(a, a) * dot_product(b, b)) ** 0.5
    return dot_product(a, b) / lengths if lengths else 0.0


def find_pattern(
    signal: Tensor, pattern: Tensor, by: Measure = "centered"
) -> tuple[Tensor, tuple[int, ...]]:
    """How much every window of a signal looks like a pattern, and where it does most.

    Args:
        signal: X.
        pattern: what is looked for, with as many axes.
        by: "dot" is the convolution itself, which prefers bright places; "cosine" divides by
            the lengths; "centered" takes the mean off first, so that only the form counts (the
            correlation coefficient).

    Returns:
        The value for every window, and the place of the largest: where the pattern's first
        number lies.

    Raises:
        ValueError: if the axes differ in number, the pattern does not fit, or `by` is unknown.

    Example:
        >>> find_pattern(torch.tensor([0.0, 1, 0, 9, 9, 9]), torch.tensor([0.0, 1, 0]), "dot")[1]
        (2,)
        >>> find_pattern(torch.tensor([0.0, 1, 0, 9, 9, 9]), torch.tensor([0.0, 1, 0]))[1]
        (0,)
    """
    if by not in ("dot", "cosine", "centered"):
        raise ValueError(
            f"'by' must be 'dot', 'cosine' or 'centered', got {by!r}. Choose one of them."
        )
    x, w = signal.double(), pattern.double()
    if by == "centered":
        w = w - w.mean()
    found = correlate(x, w)
    if by != "dot":
        ones = torch.ones_like(w)
        length = correlate(x * x, ones)
        if by == "centered":  # Σ (x - mean)² = Σ x² - (Σ x)² / n
            length = length - correlate(x, ones) ** 2 / w.numel()
        # In a window without any contrast nothing is found; rounding must not be amplified.
        flat = length <= 1e-9 * float((x * x).max()) * w.numel()
        lengths = (length.clamp(min=0) * (w * w).sum()).sqrt()
        found = torch.where(flat | (lengths == 0), torch.zeros_like(found), found / lengths)
    place = torch.unravel_index(found.argmax(), found.shape)
    return found, tuple(int(i) for i in place)


def _padded(
    signal: Tensor,
    kernel: Tensor,
    stride: int,
    padding: int | str,
    dilation: int,
    padding_mode: PaddingMode,
) -> tuple[Window, Tensor]:
    """The window, and the signal with what it sees outside."""
    if not 1 <= signal.ndim <= 3 or kernel.ndim != signal.ndim:
        raise ValueError(
            f"'kernel' must have as many axes as 'signal', one to three, got {kernel.ndim} and "
            f"{signal.ndim}. Give for example a 3x3 kernel for a picture (H, W)."
        )
    window = Window.make(signal.ndim, tuple(kernel.shape), stride, padding, dilation, padding_mode)
    window.out_size(signal.shape)
    sides = [side for pads in window.pads[::-1] for side in pads]  # F.pad counts from the last
    mode = "constant" if padding_mode == "zeros" else padding_mode
    return window, F.pad(signal[None, None], sides, mode)[0, 0]


def _bracketed(value: float) -> str:
    return f"({decimal(value)})" if value < 0 else decimal(value)
