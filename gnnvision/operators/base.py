"""What an operator Sₖ is: something that can be applied, transposed and written out."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

__all__ = ["Identity", "Operator"]


class Operator(ABC):
    """A linear map Sₖ from the signals on N sites to the signals on M sites.

    An operator is applied with `@`, along the first axis of a signal, whatever axes follow. A
    new family says how it is applied, transposed and how large it is; the rest follows.
    """

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(M, N): sites of the output, sites of the input."""

    @property
    @abstractmethod
    def T(self) -> Operator:
        """The transpose, from M sites to N."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where the operator's numbers are."""

    @abstractmethod
    def apply(self, x: Tensor) -> Tensor:
        """S x, of x's kind and dtype: (N, C) -> (M, C)."""

    def __matmul__(self, x: Tensor) -> Tensor:
        """S x: (N, *) -> (M, *)."""
        return self.times(x)

    def times(self, x: Tensor) -> Tensor:
        """S x: (N, *) -> (M, *); what layers call, as the compiler does not follow `@`.

        Raises:
            ValueError: if `x` does not have N sites.
        """
        if x.shape[0] != self.shape[1]:
            raise ValueError(
                f"'x' must have {self.shape[1]} sites along its first axis, got "
                f"{tuple(x.shape)}. Put the sites first, or use the domain that fits."
            )
        if x.ndim == 2:
            return self.apply(x)
        flat = x.reshape(x.shape[0], x.shape[1:].numel())
        return self.apply(flat).reshape(self.shape[0], *x.shape[1:])

    def to_dense(self, dtype: torch.dtype | None = None) -> Tensor:
        """The matrix with all its zeros, for the blackboard. Shape (M, N)."""
        eye = torch.eye(self.shape[1], dtype=dtype, device=self.device)
        return self.apply(eye)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape})"


class Identity(Operator):
    """Every site keeps its own value: S = I.

    Args:
        num_sites: N.
        device: where signals will be.
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
        """Itself."""
        return self

    @property
    def device(self) -> torch.device:
        """Where signals will be."""
        return self._device

    def apply(self, x: Tensor) -> Tensor:
        """The signal itself."""
        return x
