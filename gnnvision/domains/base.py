"""The abstract base of all domains: sites, signals on them, and a cache of derived values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Self, TypeVar

import torch
from torch import Tensor

from gnnvision.domains.device import send
from gnnvision.domains.modes import made_plainly
from gnnvision.errors import invalid

__all__ = ["Domain"]

T = TypeVar("T")
_NOTHING: dict[Hashable, Any] = {}  # derived so far


class Domain(ABC):
    """The sites of a signal: the pixels of a grid, or the nodes of a graph.

    A domain is immutable. Values derived from it (a normalized adjacency, its transpose, a
    clustering) are computed once and cached here, never on a layer, so that a layer can be used
    on many domains.

    A new kind of domain defines `num_sites`, `to`, `to_sites` and `from_sites`. All else follows:
    by default a batch of samples is an axis of the signal, as in (B, C, H, W). A domain whose
    signals have the samples one after another defines `offsets`, `sample_count` and `sample`
    as well, as `Graph` does. In every signal, dimension 1 has the channels.
    """

    @property
    @abstractmethod
    def num_sites(self) -> int:
        """The number of sites N: pixels of a grid, nodes of a graph."""

    @abstractmethod
    def to(self, device: torch.device | str) -> Self:
        """The same domain with its tensors on `device`."""

    @abstractmethod
    def to_sites(self, x: Tensor) -> Tensor:
        """A signal in the layout that operators multiply: sites first, channels last.

        Shapes:
            x: (B, C, H, W) on a grid, (N, C) on a graph.
            Output: (N, B, C) on a grid, (N, C) on a graph.
        """

    @abstractmethod
    def from_sites(self, y: Tensor) -> Tensor:
        """The inverse of `to_sites`."""

    # --- samples of a batch -----------------------------------------------------------------

    @property
    def offsets(self) -> Tensor | None:
        """The first site of each sample, then N; None if samples are an axis of the signal."""
        return None

    def sample_count(self, x: Tensor) -> int:
        """The number of samples in a signal: images, or graphs of a batch."""
        return x.shape[0]

    def sample(self, x: Tensor, samples: Sequence[int]) -> tuple[Tensor, Self]:
        """The signal and the domain of some samples, in the given order, with repetition.

        Args:
            x: the signal.
            samples: indices from 0.
        """
        return x[send(torch.tensor(list(samples), dtype=torch.int64), x.device)], self

    def signal_shape(self, channels: int, batch_size: int = 1) -> tuple[int, ...]:
        """The shape of a signal: (B, C, H, W) on a grid, (N, C) on a graph."""
        samples = () if self.offsets is not None else (batch_size,)
        blank = torch.empty(self.num_sites, *samples, channels, device="meta")
        return tuple(self.from_sites(blank).shape)

    def domain_of(self, x: Tensor) -> Self | None:
        """The domain of the output of a layer that knows no domain; None if it has no sites.

        This is the same domain if the output has the shape of a signal on it. On a grid, it is
        the grid of the output's shape.
        """
        if x.ndim < 2 or x.shape != self.signal_shape(x.shape[1], x.shape[0]):
            return None
        return self

    def restrict(self, x: Tensor, onto: Tensor | Domain) -> Tensor:
        """The part of a signal at the sites that are left after convolutions.

        A skip connection adds `domain.restrict(x, y)` to y. All sites are left, except on a
        `Frontier`.

        Args:
            x: the signal.
            onto: the domain after the convolutions, or a signal on it.
        """
        return x

    # --- derived values -----------------------------------------------------------------------

    # Tensors of the domain that must not be edited, each with its version when it was made.
    _fixed: Sequence[tuple[Tensor, int]] = ()

    def derived(self, key: Hashable, build: Callable[[], T]) -> T:
        """The result of `build()`, computed at most once for each `key` and cached.

        It is computed outside inference mode, whose tensors cannot be used in a backward pass.
        Values that depend on weights with gradients are computed at each call.

        Raises:
            ValueError: if a tensor of the domain was edited in place after it was made.
        """
        # Every layer comes through here at every call: no function is called on a hit.
        is_live = False
        fixed = () if torch.compiler.is_dynamo_compiling() else self._fixed
        for tensor, version in fixed:
            if tensor._version != version:
                kind = type(self).__name__
                advice = f"Make a new {kind} from the edited tensor."
                got = "a tensor that was edited in place"
                raise invalid(kind.lower(), "not change", got, advice)
            is_live = is_live or tensor.requires_grad
        cache: dict[Hashable, Any] = self.__dict__.get("_derived", _NOTHING)
        if key in cache and not is_live:
            value: T = cache[key]
            return value
        if is_live or torch.compiler.is_compiling() or self._is_live():
            return build()
        value = made_plainly(build)
        self.__dict__.setdefault("_derived", {})[key] = value
        return value

    def _is_live(self) -> bool:
        """Whether its tensors take part in differentiation or a transform."""
        return False

    def __getstate__(self) -> dict[str, Any]:
        """All but what is derived."""
        return {name: v for name, v in self.__dict__.items() if not name.startswith("_")}
