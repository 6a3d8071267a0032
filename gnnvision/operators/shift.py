"""The operators of a grid: translations by the offsets of a window."""

from __future__ import annotations

import torch
from torch import Tensor

from gnnvision.domains import Grid, Window
from gnnvision.operators.base import Operator
from gnnvision.operators.product import Pattern
from gnnvision.operators.sparse import Sparse

__all__ = ["Shift", "shifts"]


class Shift(Operator):
    """Output site m gets the value of input site `source[m]`, or 0 if that is -1.

    With stride, dilation and padding, these are the input sites at one offset of a convolution
    kernel. On a torus (circular padding, stride 1) it is a permutation: the translation.

    Args:
        source: int64. Shape (M,).
        num_sites: N.
    """

    def __init__(self, source: Tensor, num_sites: int) -> None:
        self.source = source
        self._num_sites = num_sites

    @property
    def shape(self) -> tuple[int, int]:
        """(M, N)."""
        return (self.source.numel(), self._num_sites)

    @property
    def device(self) -> torch.device:
        """The device of `source`."""
        return self.source.device

    @property
    def T(self) -> Sparse:
        """The transpose, which may sum several values at one site."""
        m = (self.source >= 0).nonzero().squeeze(1)
        shape = (self._num_sites, self.source.numel())
        pattern, _ = Pattern.from_places(self.source[m], m, shape)
        return Sparse(pattern, torch.ones(m.numel(), device=self.device))

    def apply(self, x: Tensor) -> Tensor:
        """The values of the source sites: (N, C) -> (M, C)."""
        taken = x[self.source.clamp(min=0)]
        return torch.where((self.source >= 0).unsqueeze(1), taken, torch.zeros_like(taken))


def shifts(grid: Grid, window: Window, device: torch.device | str = "cpu") -> list[Shift]:
    """The K shifts of a window over a grid, kernel offsets in row-major order."""

    def build() -> list[Shift]:
        sources = window.sources(grid.shape).to(device)
        return [Shift(source, grid.num_sites) for source in sources]

    return grid.derived(("shifts", window, str(device)), build)
