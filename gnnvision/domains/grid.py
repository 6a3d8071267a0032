"""The domain of images: a regular grid of sites in one, two or three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Self

import torch
from torch import Tensor

from gnnvision._renamed import former_arguments, former_attributes
from gnnvision.domains.base import Domain
from gnnvision.domains.graph import Graph
from gnnvision.domains.window import PaddingMode, Window, per_axis
from gnnvision.errors import invalid

__all__ = ["Grid"]


@former_attributes({"size": "shape"})
@dataclass(frozen=True, repr=False)
class Grid(Domain):
    """A regular grid: time steps (1-D), pixels (2-D) or voxels (3-D).

    Sites are numbered in row-major order (the last axis fastest). Two grids of the same shape are
    equal.

    Args:
        shape: the number of sites along each axis, for example (H, W).

    Raises:
        TypeError: if an entry is not an integer.
        ValueError: if the number of axes is not 1, 2 or 3, or an axis has no sites.

    Example:
        >>> Grid((32, 48)).num_sites
        1536
    """

    shape: tuple[int, ...]

    @former_arguments(size="shape")
    def __init__(self, shape: int | Sequence[int]) -> None:
        axes = tuple(shape) if isinstance(shape, Sequence) else (shape,)
        if not 1 <= len(axes) <= 3:
            advice = "Use for example (H, W), without batch and channels."
            raise invalid("shape", "have one, two or three axes", len(axes), advice)
        object.__setattr__(self, "shape", per_axis(axes, len(axes), "shape"))

    def __repr__(self) -> str:
        return f"Grid({self.shape})"

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def num_sites(self) -> int:
        """The number of sites: the product of the shape."""
        return prod(self.shape)

    def to(self, device: torch.device | str) -> Self:
        """The grid itself, which has no tensors."""
        return self

    def to_sites(self, x: Tensor) -> Tensor:
        """A signal in the layout that operators multiply: (B, C, *shape) -> (N, B, C)."""
        return x.flatten(2).permute(2, 0, 1)

    def from_sites(self, y: Tensor) -> Tensor:
        """The inverse of `to_sites`: (N, B, C) -> (B, C, *shape)."""
        return y.permute(1, 2, 0).reshape(y.shape[1], y.shape[2], *self.shape)

    def signal_shape(self, channels: int, batch_size: int = 1) -> tuple[int, ...]:
        """The shape of a signal: (B, C, *shape)."""
        return (batch_size, channels, *self.shape)

    def domain_of(self, x: Tensor) -> Self | None:
        """The grid of the shape of `x` in its last `ndim` axes; None if `x` is not an image."""
        if x.ndim != self.ndim + 2:
            return None
        shape = tuple(x.shape[2:])
        return self if shape == self.shape else type(self)(shape)

    def to_graph(
        self,
        kernel_size: int | Sequence[int] = 3,
        *,
        dilation: int | Sequence[int] = 1,
        padding_mode: PaddingMode = "zeros",
    ) -> Graph:
        """The pixel graph: an edge from every site of each window to its center.

        A convolution with `padding="same"` and stride 1 on this grid is a relational graph
        convolution on that graph, one relation for each kernel offset; see
        `RGCNConv.from_grid`.

        Args:
            kernel_size: of the window, along each axis.
            dilation: the distance between adjacent sites of the window.
            padding_mode: at the border, "zeros" omits edges from outside the grid; "circular"
                wraps around (a torus); "replicate" and "reflect" connect the copied site.

        Returns:
            A graph of the sites. `edge_type` is the kernel offset, in row-major order, and
            `num_relations` the number of offsets.

        Example:
            >>> Grid((2, 2)).to_graph(kernel_size=3).num_edges
            16
        """
        window = Window.make(self.ndim, kernel_size, 1, "same", dilation, padding_mode)

        def build() -> Graph:
            sources = window.sources(self.shape)  # (K, N)
            offset, center = (sources >= 0).nonzero(as_tuple=True)
            edge_index = torch.stack([sources[offset, center], center])
            return Graph(
                edge_index,
                self.num_sites,
                edge_type=offset,
                num_relations=window.num_offsets,
            )

        return self.derived(("graph", window), build)
