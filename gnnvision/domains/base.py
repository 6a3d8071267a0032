"""The abstract base of all domains: sites, a device, and a cache of derived values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from typing import Any, Self, TypeVar

import torch

from gnnvision.domains.modes import plainly

__all__ = ["Domain"]

T = TypeVar("T")


class Domain(ABC):
    """The sites of a signal: the pixels of a grid, or the nodes of a graph.

    A domain is immutable. Values derived from it (a normalized adjacency, its transpose, a
    clustering) are computed once and cached here, never on a layer, so that a layer can be used
    on many domains.
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
        """The result of `build()`, computed at most once for each `key` and cached."""


def remember(cache: dict[Hashable, Any], key: Hashable, build: Callable[[], T]) -> T:
    """`cache[key]`, computed by `build()` on first use.

    It is computed outside inference mode, whose tensors cannot be used in a backward pass.
    """
    if key not in cache:
        if torch.compiler.is_compiling():
            return build()
        with plainly():
            cache[key] = build()
    value: T = cache[key]
    return value
