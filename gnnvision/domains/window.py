"""The sliding window of image convolution and pooling: sizes, padding, and what it reads.

One window answers the three questions of the textbook: how large is the output
(`out_size`), how much padding is added on either side (`pads`), and which input site does
output site *m* see through kernel offset *k* (`sources`). Convolution layers, pooling
layers and `Grid.to_graph` all ask it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal, get_args

import torch
from torch import Tensor

__all__ = ["PaddingMode", "Window", "per_axis"]

PaddingMode = Literal["zeros", "replicate", "reflect", "circular"]


def per_axis(value: int | Sequence[int], ndim: int, name: str, least: int = 1) -> tuple[int, ...]:
    """One integer for each of `ndim` axes.

    Raises:
        TypeError: if `value` is neither an integer nor a sequence of integers.
        ValueError: if there are too few or too many, or one is below `least`.
    """
    values = tuple(value) if isinstance(value, Sequence) else (value,) * ndim
    if any(isinstance(v, bool) or not isinstance(v, int) for v in values):
        raise TypeError(f"'{name}' must hold integers, got {value!r}. Write for example {least}.")
    if len(values) != ndim:
        raise ValueError(
            f"'{name}' must have one entry for each of the {ndim} axes, got {value!r}. "
            "Give a single integer for all axes or one for each."
        )
    if min(values) < least:
        raise ValueError(
            f"'{name}' must be at least {least}, got {value!r}. Choose a larger value."
        )
    return values


@dataclass(frozen=True)
class Window:
    """A window of `kernel_size` sites that moves over a grid.

    Along one axis of n sites, with kernel f, dilation d, stride s and padding lo + hi, the
    output has floor((n + lo + hi - d(f - 1) - 1) / s) + 1 sites.

    Padding is an integer, or one for each axis, or a name:

    * ``"valid"``: none; n - f + 1 sites at stride 1;
    * ``"same"``: d(f - 1) in all, (f - 1) / 2 on either side for an odd kernel, and the odd
      one at the end for an even kernel; ceil(n / s) sites at any stride;
    * ``"full"``: d(f - 1) on either side; n + f - 1 sites at stride 1.

    Args:
        kernel_size: f, for each axis.
        stride: s, for each axis.
        dilation: d, for each axis.
        pads: (lo, hi) for each axis; see `Window.make` for the names above.
        padding_mode: what the padded sites hold: "zeros", "replicate" (the nearest site),
            "reflect" (mirrored at the border site) or "circular" (the far side).
    """

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    padding_mode: PaddingMode = "zeros"

    @classmethod
    def make(
        cls,
        ndim: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | str = 0,
        dilation: int | Sequence[int] = 1,
        padding_mode: PaddingMode = "zeros",
    ) -> Window:
        """A window on `ndim` axes from the arguments of a convolution layer.

        Raises:
            TypeError: if a size is not an integer.
            ValueError: if a size is out of range or a name is unknown.

        Example:
            >>> Window.make(2, kernel_size=3, stride=2, padding="same").out_size((100, 75))
            (50, 38)
        """
        kernel = per_axis(kernel_size, ndim, "kernel_size")
        steps = per_axis(dilation, ndim, "dilation")
        if padding_mode not in get_args(PaddingMode):
            raise ValueError(
                f"'padding_mode' must be one of {', '.join(get_args(PaddingMode))}, "
                f"got {padding_mode!r}. Choose one of them."
            )
        reach = [d * (f - 1) for d, f in zip(steps, kernel, strict=True)]
        match padding:
            case "valid":
                pads = [(0, 0)] * ndim
            case "same":
                pads = [(r // 2, r - r // 2) for r in reach]
            case "full":
                pads = [(r, r) for r in reach]
            case str():
                raise ValueError(
                    f"'padding' must be an integer, 'valid', 'same' or 'full', got {padding!r}. "
                    "Choose one of them."
                )
            case _:
                pads = [(p, p) for p in per_axis(padding, ndim, "padding", least=0)]
        return cls(kernel, per_axis(stride, ndim, "stride"), steps, tuple(pads), padding_mode)

    @property
    def num_offsets(self) -> int:
        """K, the number of sites in the window."""
        return prod(self.kernel_size)

    @property
    def is_symmetric(self) -> bool:
        """Whether as much is padded at the start of each axis as at its end."""
        return all(lo == hi for lo, hi in self.pads)

    def out_size(self, size: Sequence[int]) -> tuple[int, ...]:
        """The size of the output for an input of `size`.

        Raises:
            ValueError: if the window does not fit into the padded input, or the padding mode
                asks for more sites than there are.
        """
        if len(size) != len(self.kernel_size):
            raise ValueError(
                f"'domain' must have {len(self.kernel_size)} axes, got {len(size)} "
                f"(size {tuple(size)}). Use the layer for {len(size)} axes."
            )
        axes = zip(size, self.kernel_size, self.stride, self.dilation, self.pads, strict=True)
        out = []
        for axis, (n, f, s, d, (lo, hi)) in enumerate(axes):
            span = n + lo + hi - d * (f - 1) - 1
            limit = {"reflect": n - 1, "circular": n}.get(self.padding_mode, max(lo, hi))
            if span < 0:
                raise ValueError(
                    f"'kernel_size' must fit into the padded input, got a reach of "
                    f"{d * (f - 1) + 1} on axis {axis} of {n} + {lo} + {hi} sites. "
                    "Use a smaller kernel, more padding or a larger input."
                )
            if max(lo, hi) > limit:
                raise ValueError(
                    f"'padding' must be at most {limit} with padding_mode={self.padding_mode!r} "
                    f"on axis {axis} of {n} sites, got {max(lo, hi)}. "
                    "Pad less, or use 'zeros' or 'replicate'."
                )
            out.append(span // s + 1)
        return tuple(out)

    def sources(self, size: Sequence[int]) -> Tensor:
        """Which input site each output site sees through each kernel offset.

        Sites and offsets are numbered row by row, the last axis fastest, as torch lays out
        pictures and kernels.

        Args:
            size: the size of the input.

        Returns:
            Site numbers, int64; -1 where the window looks at a zero. Shape (K, M), with M
            the sites of the output.
        """
        out = self.out_size(size)
        axes = enumerate(zip(size, out, strict=True))
        reads = [self._axis_sources(axis, n, m) for axis, (n, m) in axes]
        flat = torch.zeros((1, 1), dtype=torch.int64)
        inside = torch.ones((1, 1), dtype=torch.bool)
        for n, read in zip(size, reads, strict=True):
            # (K, 1, M, 1) with (1, f, 1, m): one more axis of offsets and of sites
            step = flat[:, None, :, None] * n + read.clamp(min=0)[None, :, None, :]
            valid = inside[:, None, :, None] & (read >= 0)[None, :, None, :]
            flat = step.flatten(2).flatten(0, 1)
            inside = valid.flatten(2).flatten(0, 1)
        return flat.masked_fill(~inside, -1)

    def _axis_sources(self, axis: int, n: int, m: int) -> Tensor:
        """The same along one axis: shape (f, m)."""
        offsets = torch.arange(self.kernel_size[axis]) * self.dilation[axis]
        starts = torch.arange(m) * self.stride[axis] - self.pads[axis][0]
        place = offsets[:, None] + starts[None, :]
        match self.padding_mode:
            case "zeros":
                return place.masked_fill((place < 0) | (place >= n), -1)
            case "replicate":
                return place.clamp(0, n - 1)
            case "reflect":
                return (n - 1) - (place.abs() - (n - 1)).abs()
            case "circular":
                return place % n
