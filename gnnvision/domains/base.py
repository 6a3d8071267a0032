"""What every domain has: sites, a device, and a cache for what is derived from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from typing import Any, Self, TypeVar

import torch

from gnnvision.domains.modes import plainly

__all__ = ["Domain"]

T = TypeVar("T")


class Domain(ABC):
    """The sites on which a signal lives and over which a convolution shifts it.

    A domain is immutable. Whatever is derived from it (a normalized adjacency, its
    transpose, a clustering) is computed once and kept here, never on a layer, so that a
    layer can be moved from one domain to the next without carrying anything along.
    """

    @property
    @abstractmethod
    def num_sites(self) -> int:
        """The number of sites: pixels of a grid, nodes of a graph."""

    @abstractmethod
    def to(self, device: torch.device | str) -> Self:
        """The same domain with its tensors on `device`."""

    @abstractmethod
    def derived(self, key: Hashable, build: Callable[[], T]) -> T:
        """What `build()` returns, computed at most once for each `key`."""


def remember(cache: dict[Hashable, Any], key: Hashable, build: Callable[[], T]) -> T:
    """`cache[key]`, filled by `build()` on first use.

    Outside of inference mode: what is made in it cannot serve a backward pass later.
    """
    if key not in cache:
        if torch.compiler.is_compiling():
            return build()
        with plainly():
            cache[key] = build()
    value: T = cache[key]
    return value
