"""Convolution on images: the operators Sₖ are shifts by the kernel offsets.

Each layer *is* a torch.nn layer of the same name: it uses the same kernels and loads the same
weights. It adds the common interface, padding "same" at any stride, and padding "full".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gnnvision.domains import Domain, Grid, PaddingMode, Window
from gnnvision.domains.modes import is_symbol
from gnnvision.errors import invalid
from gnnvision.layers.interface import Convolution, require
from gnnvision.operators import Shift, shifts, whole

__all__ = ["Conv1d", "Conv2d", "Conv3d", "GridConvolution"]


class GridConvolution(nn.modules.conv._ConvNd, Convolution):
    """Y = Σₖ Sₖ X Wₖ + b with one shift Sₖ for each offset of the kernel.

    As usual in deep learning this is cross-correlation: the kernel is not flipped. Use `Conv1d`,
    `Conv2d` or `Conv3d`.

    Args:
        in_channels: number of channels of the input.
        out_channels: number of channels of the output.
        kernel_size: one size for all axes, or one for each axis.
        stride: the step from one window to the next.
        padding: an integer, one for each axis, "valid" (none), "same" (the output has
            ceil(n / stride) sites) or "full" (every position where kernel and input overlap).
        dilation: the distance between adjacent kernel weights.
        groups: the number of channel groups.
        bias: whether to learn b.
        padding_mode: "zeros", "replicate", "reflect" or "circular".
        device: the device of the parameters.
        dtype: the dtype of the parameters.

    Shapes:
        Input (B, in_channels, *size), output (B, out_channels, *out_size); see `Window` for the
        formula.

    Raises:
        TypeError: if a size is not an integer.
        ValueError: if a size is out of range or a name is unknown.

    Example:
        >>> Conv2d(3, 8, 3, stride=2, padding="same")(torch.zeros(1, 3, 100, 75)).shape
        torch.Size([1, 8, 50, 38])
    """

    bias: Tensor | None
    _ndim: int
    _convolve: Callable[..., Tensor]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | str = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        window = Window.make(self._ndim, kernel_size, stride, padding, dilation, padding_mode)
        pads = tuple(lo for lo, _ in window.pads)
        sizes = (window.kernel_size, window.stride, pads, window.dilation, groups)
        # The next class in line is nn.Conv1d, nn.Conv2d or nn.Conv3d.
        super().__init__(in_channels, out_channels, *sizes, bias, padding_mode, device, dtype)  # type: ignore[arg-type]
        self.window = window
        # F.pad counts from the last axis.
        self._reversed_padding_repeated_twice = [p for pads in window.pads[::-1] for p in pads]

    def forward(self, input: Tensor, domain: Domain | None = None) -> Tensor:
        """Y = Σₖ Sₖ X Wₖ + b, computed by torch's convolution.

        Args:
            input: X, of shape (B, in_channels, *size).
            domain: the grid; inferred from `input` if not given.

        Raises:
            TypeError: if the domain is not a grid.
            ValueError: if the shape does not match the layer or the domain.
        """
        if not is_symbol(input):
            self._check(input, domain)
        return self._conv_forward(input, self.weight, self.bias)

    def _check(self, input: Tensor, domain: Domain | None) -> None:
        if input.ndim not in (self._ndim + 1, self._ndim + 2):
            axes = "N H W".split() if self._ndim == 3 else "H W".split()[-self._ndim :]
            condition = f"have shape (B, C={self.in_channels}, {', '.join(axes)})"
            advice = "Use the layer for that number of axes."
            raise invalid("input", condition, tuple(input.shape), advice)
        size = tuple(input.shape[-self._ndim :])
        if input.shape[-self._ndim - 1] != self.in_channels:
            got = f"{input.shape[-self._ndim - 1]} in shape {tuple(input.shape)}"
            advice = "Put the channels before the axes of the grid, or change in_channels."
            raise invalid("input", f"have {self.in_channels} channels", got, advice)
        if domain is not None:
            if require(domain, Grid, self).shape != size:
                got = f"shape {tuple(input.shape)}"
                raise invalid("input", f"have the size of {domain}", got, f"Use Grid({size}).")
        self.window.out_size(size)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if not is_symbol(input) and whole.is_worth_it(input, self.window, self.groups):
            return whole.convolve_whole(input, weight, bias, self.window)
        padding: tuple[int, ...] = tuple(lo for lo, _ in self.window.pads)
        if self.padding_mode != "zeros" or not self.window.is_symmetric:
            mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
            input = _padded(input, self._reversed_padding_repeated_twice, mode)
            padding = (0,) * self._ndim
        return self._convolve(
            input, weight, bias, self.stride, padding, self.dilation, self.groups
        )

    def operators(self, domain: Domain, x: Tensor | None = None) -> list[Shift]:
        """The shifts by the kernel's offsets, in row-major order."""
        return shifts(require(domain, Grid, self), self.window, self.weight.device)

    def taps(self) -> Tensor:
        """The weights of each kernel offset, 0 between groups. Shape (K, C_in, C_out)."""
        weight = self.weight.flatten(2).permute(2, 1, 0)  # (K, C_in / groups, C_out)
        group = torch.arange(self.groups, device=weight.device)
        of_in = group.repeat_interleave(self.in_channels // self.groups)
        of_out = group.repeat_interleave(self.out_channels // self.groups)
        same = of_in[:, None] == of_out[None, :]  # (C_in, C_out)
        return torch.where(same, weight.repeat(1, self.groups, 1), weight.new_zeros(()))

    def out_domain(self, domain: Domain) -> Grid:
        """The grid of the output."""
        return Grid(self.window.out_size(require(domain, Grid, self).shape))


class Conv1d(GridConvolution, nn.Conv1d):
    """`GridConvolution` on time series: (B, C, L)."""

    _ndim = 1
    _convolve = staticmethod(F.conv1d)


class Conv2d(GridConvolution, nn.Conv2d):
    """`GridConvolution` on images: (B, C, H, W)."""

    _ndim = 2
    _convolve = staticmethod(F.conv2d)


class Conv3d(GridConvolution, nn.Conv3d):
    """`GridConvolution` on volumes: (B, C, D, H, W)."""

    _ndim = 3
    _convolve = staticmethod(F.conv3d)


def _padded(x: Tensor, sides: Sequence[int], mode: str) -> Tensor:
    """`F.pad`, in a form that is deterministic on a GPU where that is asked for."""
    if mode != "reflect" or not (x.is_cuda and torch.are_deterministic_algorithms_enabled()):
        return F.pad(x, list(sides), mode)
    for number, pads in enumerate(zip(sides[::2], sides[1::2], strict=True)):
        axis = x.ndim - 1 - number
        places = torch.arange(x.shape[axis], device=x.device, dtype=x.dtype)
        x = x.index_select(axis, F.pad(places[None, None], pads, mode)[0, 0].long())
    return x
