"""The one interface of every convolution: Y = Σₖ Sₖ X Wₖ + b on a domain.

The domain says which operators Sₖ there are, the layer learns the taps Wₖ. A layer may compute
the sum in any way it likes; `Convolution.reference` is the sum as it is written, and the tests
hold every layer to it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.operators import Operator
from gnnvision.operators.signals import dense, from_sites, to_sites

__all__ = ["Convolution", "FromSignal", "FromTargets", "OnDomain"]


class OnDomain(ABC):
    """A layer that reads a signal together with the domain it lives on."""

    @abstractmethod
    def out_domain(self, domain: Domain) -> Domain | None:
        """The domain of the output; None where the sites are gone, as after a readout.

        Raises:
            TypeError: if the layer does not work on such a domain.
            ValueError: if the domain is too small for the layer.
        """


class FromSignal(ABC):
    """A layer whose first weights depend on the data: `fit` shows it some before training."""

    @abstractmethod
    def initialize(self, x: Tensor) -> None:
        """Set the weights from a batch of the signal that will enter the layer."""


class FromTargets(ABC):
    """A layer that knows the scale of what is to be predicted: `fit` tells it before training."""

    @abstractmethod
    def initialize_targets(self, mean: Tensor, std: Tensor) -> None:
        """Take over the moments of the training targets. Shapes (num_outputs,)."""


class Convolution(OnDomain):
    """Y = Σₖ Sₖ X Wₖ + b.

    A new convolution says what its operators and taps are. `bias` is a parameter of shape
    (out_channels,) or None; `finish` follows the sum.
    """

    bias: Tensor | None

    @abstractmethod
    def operators(self, domain: Domain, x: Tensor | None = None) -> Sequence[Operator]:
        """The K operators Sₖ from the domain's N sites to the M sites of the output.

        Args:
            domain: where the signal lives.
            x: the signal; only attention, whose operators depend on it, looks at it.
        """

    @abstractmethod
    def taps(self) -> Tensor:
        """The weights Wₖ. Shape (K, in_channels, out_channels)."""

    def finish(self, y: Tensor) -> Tensor:
        """What follows the sum: nothing in a plain convolution, an MLP in GIN."""
        return y

    def reference(self, x: Tensor, domain: Domain) -> Tensor:
        """The formula as it is written: slow, of any dtype, with gradients.

        Args:
            x: (B, C, H, W) on a grid, (N, C) on a graph.
            domain: where the signal lives.

        Returns:
            The same as the layer, up to rounding.
        """
        x = dense(x)
        signal = to_sites(x) if isinstance(domain, Grid) else x  # (N, *, C)
        taps = self.taps().to(x.dtype)
        terms = [(S @ signal) @ W for S, W in zip(self.operators(domain, x), taps, strict=True)]
        y = sum(terms[1:], start=terms[0])  # (M, *, C_out)
        if self.bias is not None:
            y = y + self.bias.to(x.dtype)
        y = self.finish(y)
        out = self.out_domain(domain)
        return from_sites(y, out) if isinstance(out, Grid) else y


def require(domain: Domain | None, kind: type[Grid] | type[Graph], layer: object) -> None:
    """The domain is of the kind that a layer works on.

    Raises:
        TypeError: if it is not.
    """
    if not isinstance(domain, kind):
        raise TypeError(
            f"'domain' must be a {kind.__name__} for {type(layer).__name__}, got "
            f"{type(domain).__name__}. Use the layer for that domain."
        )
