"""The common interface of all convolutions: Y = Σₖ Sₖ X Wₖ + b on a domain.

The domain defines the operators Sₖ, the layer learns the weights (taps) Wₖ. A layer may compute
the sum in any way; `Convolution.reference` computes it term by term, and the tests compare every
layer with it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, TypeVar

from torch import Tensor

from gnnvision.domains import Domain, Frontier
from gnnvision.domains.steps import step_graph
from gnnvision.errors import wrong_type
from gnnvision.operators import Operator
from gnnvision.operators.signals import dense

__all__ = ["Convolution", "FromSignal", "FromTargets", "OnDomain"]


class OnDomain(ABC):
    """A layer that takes a signal and its domain."""

    @abstractmethod
    def out_domain(self, domain: Domain) -> Domain | None:
        """The domain of the output; None if there are no sites, as after a readout.

        Raises:
            TypeError: if the layer does not support such a domain.
            ValueError: if the domain is too small for the layer.
        """


class FromSignal(ABC):
    """A layer that `fit` initializes from a batch of data before training."""

    @abstractmethod
    def initialize(self, x: Tensor) -> None:
        """Initialize the weights from a batch of inputs of the layer."""


class FromTargets(ABC):
    """A layer that `fit` initializes with the mean and standard deviation of the targets."""

    @abstractmethod
    def initialize_targets(self, mean: Tensor, std: Tensor) -> None:
        """Set the mean and standard deviation of the training targets. Shapes (num_outputs,)."""


class Convolution(OnDomain):
    """Y = Σₖ Sₖ X Wₖ + b.

    A new convolution defines its operators and taps. `bias` is a parameter of shape
    (out_channels,) or None; `finish` is applied after the sum.
    """

    bias: Tensor | None
    per_edge: ClassVar[bool] = False  # whether the operators depend on edges, one by one

    @abstractmethod
    def operators(self, domain: Domain, x: Tensor | None = None) -> Sequence[Operator]:
        """The K operators Sₖ from the N sites of the domain to the M sites of the output.

        Args:
            domain: of the signal.
            x: the signal, which only the operators of attention depend on.
        """

    @abstractmethod
    def taps(self) -> Tensor:
        """The weights Wₖ. Shape (K, in_channels, out_channels)."""

    def values(self, x: Tensor, domain: Domain) -> list[Tensor]:
        """What each operator is applied to: X Wₖ, unless edges or constants add to it.

        Args:
            x: the signal with its sites first. Shape (N, *, in_channels).
            domain: of the signal.

        Returns:
            A tensor for each operator, with as many rows as it has input sites.
        """
        return [x @ W for W in self.taps().to(x.dtype)]

    def finish(self, y: Tensor) -> Tensor:
        """The function after the sum: the identity by default, an MLP in GIN."""
        return y

    def reference(self, x: Tensor, domain: Domain) -> Tensor:
        """Y computed term by term: slow, in any dtype, with gradients.

        Args:
            x: (B, C, H, W) on a grid, (N, C) on a graph.
            domain: of the signal.

        Returns:
            The output of the layer, up to rounding.
        """
        x = dense(x)
        if isinstance(domain, Frontier) and self.per_edge:
            here = domain.on(x)
            return here.restrict(self.reference(x, step_graph(here)), here.inward())
        signal = domain.to_sites(x)  # (N, *, C)
        pairs = zip(self.operators(domain, x), self.values(signal, domain), strict=True)
        first, *others = (S @ value for S, value in pairs)
        y = sum(others, start=first)  # (M, *, C_out)
        if self.bias is not None:
            y = y + self.bias.to(x.dtype)
        y = self.finish(y)
        out = self.out_domain(domain)
        assert out is not None
        return out.from_sites(y)


D = TypeVar("D", bound=Domain)


def require(domain: Domain | None, kind: type[D], layer: object) -> D:
    """A domain, if it is of the type that a layer supports.

    Raises:
        TypeError: if it is not.
    """
    if not isinstance(domain, kind):
        condition = f"be a {kind.__name__} for {type(layer).__name__}"
        raise wrong_type("domain", condition, domain, "Use the layer for that domain.")
    return domain
