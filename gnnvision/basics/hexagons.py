"""A third kind of domain, written in a few lines: images of hexagons.

`HexagonalGrid` says how many hexagons there are, how a signal is laid out, and which hexagon lies
in which direction. Convolution, pooling, summary, training and explanations follow from that.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from gnnvision.data import ImageTask
from gnnvision.domains import Domain
from gnnvision.operators import Operator, Shift

__all__ = ["HexagonalGrid", "HexagonalTask"]


@dataclass(frozen=True)
class HexagonalGrid(Domain):
    """Rows of hexagons; every second row begins half a hexagon further to the right."""

    rows: int
    columns: int

    @property
    def num_sites(self) -> int:
        """The number of hexagons."""
        return self.rows * self.columns

    def to(self, device: torch.device | str) -> Self:
        """The grid itself, which has no tensors."""
        return self

    def to_sites(self, x: Tensor) -> Tensor:
        """(B, C, rows, columns) -> (N, B, C)."""
        return x.flatten(2).permute(2, 0, 1)

    def from_sites(self, y: Tensor) -> Tensor:
        """(N, B, C) -> (B, C, rows, columns)."""
        return y.permute(1, 2, 0).reshape(y.shape[1], y.shape[2], self.rows, self.columns)

    def places(self) -> tuple[Tensor, Tensor]:
        """The row and the column of each hexagon. Shapes (N,)."""
        sites = torch.arange(self.num_sites)
        return sites // self.columns, sites % self.columns

    def centers(self) -> Tensor:
        """Right and down, with distance 1 between neighbors. Shape (N, 2)."""
        row, column = self.places()
        return torch.stack([column + row % 2 / 2, row * 0.75**0.5], 1)

    def coarser(self) -> HexagonalGrid:
        """Every second hexagon of every second row, which are twice as far apart."""
        shape = -(-self.rows // 2), self.columns // 2
        return self.derived("coarser", lambda: HexagonalGrid(*shape))

    def shifts(self, dtype: torch.dtype, stride: int = 1) -> list[Operator]:
        """A family: the center and its six neighbors, counterclockwise from the right."""
        row, column = (self if stride == 1 else self.coarser()).places()
        row, column = stride * row, stride * column + (stride - 1) * (row % 2)
        odd, even, zero = row % 2, row % 2 - 1, 0 * row  # columns right and left in other rows
        steps = [
            (0, zero),
            (0, zero + 1),
            (-1, odd),
            (-1, even),
            (0, zero - 1),
            (1, even),
            (1, odd),
        ]
        sources = []
        for down, right in steps:
            i, j = row + down, column + right
            inside = (i >= 0) & (i < self.rows) & (j >= 0) & (j < self.columns)
            sources.append(torch.where(inside, i * self.columns + j, -1))
        return self.derived((dtype, stride), lambda: [Shift(s, self.num_sites) for s in sources])

    def means(self, dtype: torch.dtype) -> list[Operator]:
        """A family: the mean of seven hexagons, at those of the coarser grid."""
        center, *others = self.shifts(dtype, stride=2)
        return [sum(others, start=center) * (1 / 7)]


class HexagonalTask(ImageTask):
    """An image task with hexagons in place of pixels."""

    @property
    def grid(self) -> HexagonalGrid:  # type: ignore[override]
        """The hexagons."""
        return HexagonalGrid(self.images.shape[2], self.images.shape[3])

    @classmethod
    def of(cls, task: ImageTask) -> Self:
        """The task with images resampled at about as many hexagons as they have pixels."""
        height, width = (
            round(n * 0.75**s) for n, s in zip(task.grid.shape, (-0.25, 0.25), strict=True)
        )
        at = HexagonalGrid(height, width).centers().view(1, height, width, 2) + 0.5
        at = 2 * at / (at.amax((1, 2)) + 0.5) - 1  # from -1 to 1
        at = at.expand(len(task.images), -1, -1, -1)
        images = grid_sample(task.images.float(), at, padding_mode="border", align_corners=False)
        held = {field.name: getattr(task, field.name) for field in fields(task) if field.init}
        return cls(**held | {"images": images.round().byte()})
