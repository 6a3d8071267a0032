"""The sliding window of image convolution and pooling.

A window computes the output size (`out_size`), the padding on each side (`pads`), and the input
site that output site *m* reads at kernel offset *k* (`sources`). Convolution layers, pooling
layers and `Grid.to_graph` all use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal, get_args

import torch
from torch import Tensor

from gnnvision.errors import invalid, one_of, wrong_dtype

__all__ = ["PaddingMode", "Window", "per_axis"]

# The values of padded sites; see `Window`.
PaddingMode = Literal["zeros", "replicate", "reflect", "circular"]


def per_axis(value: int | Sequence[int], ndim: int, name: str, least: int = 1) -> tuple[int, ...]:
    """One integer for each of `ndim` axes.

    Raises:
        TypeError: if `value` is neither an integer nor a sequence of integers.
        ValueError: if there are too few or too many, or one is below `least`.
    """
    values = tuple(value) if isinstance(value, Sequence) else (value,) * ndim
    if any(isinstance(v, bool) or not isinstance(v, int) for v in values):
        raise wrong_dtype(
            name, "be an integer, or one for each axis", repr(value), f"Use for example {least}."
        )
    if len(values) != ndim:
        condition = f"have one entry for each of the {ndim} axes"
        advice = "Give a single integer for all axes or one for each."
        raise invalid(name, condition, repr(value), advice)
    if min(values) < least:
        raise invalid(name, f"be at least {least}", repr(value), "Choose a larger value.")
    return values


@dataclass(frozen=True)
class Window:
    """A window of `kernel_size` sites that moves over a grid.

    Along one axis of n sites, with kernel f, dilation d, stride s and padding lo + hi, the
    output has floor((n + lo + hi - d(f - 1) - 1) / s) + 1 sites.

    Padding is an integer, or one for each axis, or a name:

    * ``"valid"``: none; n - f + 1 sites at stride 1;
    * ``"same"``: d(f - 1) in total, (f - 1) / 2 on each side for an odd kernel, and one more at
      the end for an even kernel; ceil(n / s) sites at any stride;
    * ``"full"``: d(f - 1) on each side; n + f - 1 sites at stride 1.

    Args:
        kernel_size: f, for each axis.
        stride: s, for each axis.
        dilation: d, for each axis.
        pads: (lo, hi) for each axis; see `Window.make` for the names above.
        padding_mode: the values of padded sites: "zeros", "replicate" (the nearest site),
            "reflect" (mirrored at the border site) or "circular" (the opposite side).
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
        one_of("padding_mode", padding_mode, get_args(PaddingMode))
        reach = [d * (f - 1) for d, f in zip(steps, kernel, strict=True)]
        match padding:
            case "valid":
                pads = [(0, 0)] * ndim
            case "same":
                pads = [(r // 2, r - r // 2) for r in reach]
            case "full":
                pads = [(r, r) for r in reach]
            case str():
                condition = "be an integer, 'valid', 'same' or 'full'"
                raise invalid("padding", condition, repr(padding), "Choose one of them.")
            case _:
                pads = [(p, p) for p in per_axis(padding, ndim, "padding", least=0)]
        return cls(kernel, per_axis(stride, ndim, "stride"), steps, tuple(pads), padding_mode)

    @property
    def num_offsets(self) -> int:
        """K, the number of sites in the window."""
        return prod(self.kernel_size)

    @property
    def is_symmetric(self) -> bool:
        """Whether the padding at the start and the end of each axis is equal."""
        return all(lo == hi for lo, hi in self.pads)

    def out_size(self, size: Sequence[int]) -> tuple[int, ...]:
        """The size of the output for an input of `size`.

        Raises:
            ValueError: if the window does not fit into the padded input, or the padding is too
                large for the padding mode.
        """
        if len(size) != len(self.kernel_size):
            got, advice = f"{len(size)} (size {tuple(size)})", f"Use a {len(size)}-D layer."
            raise invalid("domain", f"have {len(self.kernel_size)} axes", got, advice)
        axes = zip(size, self.kernel_size, self.stride, self.dilation, self.pads, strict=True)
        out = []
        for axis, (n, f, s, d, (lo, hi)) in enumerate(axes):
            span = n + lo + hi - d * (f - 1) - 1
            limit = {"reflect": n - 1, "circular": n}.get(self.padding_mode, max(lo, hi))
            if span < 0:
                got = f"{d * (f - 1) + 1} sites on axis {axis} of {n} + {lo} + {hi} sites"
                advice = "Use a smaller kernel, more padding or a larger input."
                raise invalid("kernel_size", "fit into the padded input", got, advice)
            if max(lo, hi) > limit:
                mode = f"with padding_mode={self.padding_mode!r} on axis {axis} of {n} sites"
                advice = "Use less padding, or padding_mode 'zeros' or 'replicate'."
                raise invalid("padding", f"be at most {limit} {mode}", max(lo, hi), advice)
            out.append(span // s + 1)
        return tuple(out)

    def sources(self, size: Sequence[int]) -> Tensor:
        """The input site that each output site reads at each kernel offset.

        Sites and offsets are numbered in row-major order (the last axis fastest), as in torch.

        Args:
            size: the size of the input.

        Returns:
            Site indices, int64; -1 for a padded zero. Shape (K, M), with M output sites.
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
