"""A third kind of domain for the tests: sites on a circle."""

from dataclasses import dataclass

import gnnvision as gv


@dataclass(frozen=True)
class Ring(gv.Domain):
    """Sites on a circle; signals are (B, C, N)."""

    length: int

    @property
    def num_sites(self):
        return self.length

    def to(self, device):
        return self

    def to_sites(self, x):
        return x.permute(2, 0, 1)

    def from_sites(self, y):
        return y.permute(1, 2, 0)
