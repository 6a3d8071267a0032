"""A convolution on a small grid as one matrix product.

If the kernel has as many offsets as the grid has sites, the matrix Σₖ Sₖ ⊗ Wₖ of the whole layer
needs no more multiplications than the convolution, and a matrix product is several times faster
on the CPU than torch's convolution on such grids.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gnnvision.domains import Grid, Window
from gnnvision.domains.modes import is_transformed

__all__ = ["convolve_whole", "is_worth_it"]

LEAST_PICTURES = 32  # building the matrix costs about as much as one product with 100 images


def is_worth_it(x: Tensor, window: Window, groups: int) -> bool:
    """Whether `convolve_whole` supports this convolution and is faster than torch's.

    Args:
        x: images of shape (B, C, H, W).
        window: of the convolution.
        groups: the number of channel groups.
    """
    return (
        not is_transformed()
        and x.device.type == "cpu"
        and x.ndim == 4
        and len(x) >= LEAST_PICTURES
        and groups == 1
        and window.padding_mode == "zeros"
        and x.shape[2] * x.shape[3] <= window.num_offsets
        and x.is_contiguous(memory_format=torch.channels_last)
    )


def convolve_whole(x: Tensor, weight: Tensor, bias: Tensor | None, window: Window) -> Tensor:
    """The result of `F.conv2d` with the padding of the window.

    Args:
        x: images of shape (B, C_in, H, W), channels-last in memory.
        weight: of shape (C_out, C_in, h, w).
        bias: of shape (C_out,).
        window: of the convolution, padded with zeros.

    Returns:
        Images of shape (B, C_out, H', W'), channels-last in memory.
    """
    grid = Grid(tuple(x.shape[2:]))
    size = window.out_size(grid.shape)
    offsets = _offsets(grid, window)
    m, n = offsets.shape
    if torch.is_autocast_enabled("cpu"):
        weight = weight.to(torch.get_autocast_dtype("cpu"))
    c_out, c_in = weight.shape[:2]
    taps = weight.flatten(2).permute(2, 0, 1).flatten(1)  # (K, C_out C_in)
    taps = torch.cat([taps, taps.new_zeros(1, taps.shape[1])])
    blocks = taps.index_select(0, offsets.flatten()).view(m, n, c_out, c_in)
    matrix = blocks.permute(0, 2, 1, 3).reshape(m * c_out, n * c_in)
    y = F.linear(x.permute(0, 2, 3, 1).flatten(1), matrix).view(len(x), *size, c_out)
    return (y if bias is None else y + bias.to(y.dtype)).permute(0, 3, 1, 2)


def _offsets(grid: Grid, window: Window) -> Tensor:
    """The kernel offset from each output site to each input site; K for none. Shape (M, N)."""

    def build() -> Tensor:
        sources = window.sources(grid.shape)  # (K, M)
        k, m = sources.shape
        table = torch.full((m, grid.num_sites + 1), k)
        table.scatter_(1, sources.T % (grid.num_sites + 1), torch.arange(k).expand(m, k))
        return table[:, :-1]  # the last column gathered the zeros around the grid

    return grid.derived(("offsets", window), build)
