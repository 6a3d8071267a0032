"""The abstract base of the operators Sₖ, and the identity."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from gnnvision.errors import invalid

__all__ = ["Identity", "Operator"]


class Operator(ABC):
    """A linear map Sₖ from the signals on N sites to the signals on M sites.

    An operator is applied with `@` along the first axis of a signal with any further axes. A new
    family defines its shape, its transpose and `apply`.
    """

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(M, N): the numbers of output sites and input sites."""

    @property
    @abstractmethod
    def T(self) -> Operator:
        """The transpose, from M sites to N."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """The device of the operator."""

    @abstractmethod
    def apply(self, x: Tensor) -> Tensor:
        """S x, with the layout and dtype of x: (N, C) -> (M, C)."""

    def __matmul__(self, x: Tensor) -> Tensor:
        """S x: (N, *) -> (M, *)."""
        return self.times(x)

    def times(self, x: Tensor) -> Tensor:
        """S x: (N, *) -> (M, *). Layers call this because the compiler does not support `@`.

        Raises:
            ValueError: if `x` does not have N sites.
        """
        if x.shape[0] != self.shape[1]:
            condition = f"have {self.shape[1]} sites along its first axis"
            advice = "Put the sites first, or use the domain of the signal."
            raise invalid("x", condition, tuple(x.shape), advice)
        if x.ndim == 2:
            return self.apply(x)
        flat = x.reshape(x.shape[0], x.shape[1:].numel())
        return self.apply(flat).reshape(self.shape[0], *x.shape[1:])

    def to_dense(self, dtype: torch.dtype | None = None) -> Tensor:
        """The operator as a dense matrix. Shape (M, N)."""
        eye = torch.eye(self.shape[1], dtype=dtype, device=self.device)
        return self.apply(eye)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape})"


class Identity(Operator):
    """The identity operator S = I.

    Args:
        num_sites: N.
        device: of the signals.
    """

    def __init__(self, num_sites: int, device: torch.device | str = "cpu") -> None:
        self._num_sites = num_sites
        self._device = torch.device(device)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, N)."""
        return (self._num_sites, self._num_sites)

    @property
    def T(self) -> Identity:
        """The identity itself."""
        return self

    @property
    def device(self) -> torch.device:
        """The device of the signals."""
        return self._device

    def apply(self, x: Tensor) -> Tensor:
        """The signal, unchanged."""
        return x
