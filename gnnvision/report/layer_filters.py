"""Figures of convolution kernels."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.explain import Filters
from gnnvision.report.sheet import Tile, draw_sheet, even, signed

__all__ = ["draw_filters", "filter_pixels", "has_kernel_images"]

_COLUMNS = 8


def has_kernel_images(found: Filters) -> bool:
    """Whether the kernels are two-dimensional, with more than one pixel."""
    size = found.kernel_size
    return size is not None and len(size) == 2 and prod(size) > 1


def draw_filters(path: Path, found: Filters, count: int = 32) -> int:
    """Draw the first kernels of a convolution on images, each with its index.

    Args:
        path: ends with .svg, or .png for large kernels.
        found: what `gnnvision.explain.filter_weights` returns, with two-dimensional kernels.
        count: the largest number of kernels.

    Returns:
        The number of kernels drawn.
    """
    kernels = found.on_grid()[:count].float().cpu().numpy()
    tiles = [Tile(filter_pixels(one), [f"{n}"]) for n, one in enumerate(kernels)]
    draw_sheet(path, tiles, even(len(tiles), _COLUMNS))
    return len(tiles)


def filter_pixels(values: NDArray[np.float32]) -> NDArray[Any]:
    """One kernel (C, h, w) as the pixels of a tile; in color if it has three channels."""
    if len(values) == 3:
        shares = signed(values.reshape(3, -1)).reshape(values.shape)
        return np.round(127.5 + 127.5 * shares).astype(np.uint8).transpose(1, 2, 0)
    return signed(values.mean(0))
