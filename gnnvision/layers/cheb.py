"""Chebyshev filters: Sₖ = Tₖ(L̂), polynomials of the graph Laplacian."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from gnnvision.errors import at_least, one_of
from gnnvision.layers.compatible import check_defaults
from gnnvision.layers.graph import FamilyConvolution
from gnnvision.layers.linear import linear
from gnnvision.layers.memory import drawn_by_rows
from gnnvision.operators import families

__all__ = ["ChebConv"]


class ChebConv(FamilyConvolution):
    """Y = Σₖ Tₖ(L̂) X Wₖ + b, k = 0 … K - 1, with L̂ = 2 L / λ_max - I.

    Tₖ is the k-th Chebyshev polynomial: the receptive field of a node is K - 1 hops.

    Args:
        in_channels: number of columns of X.
        out_channels: number of columns of Y.
        K: the number of polynomials.
        normalization: the normalization of the Laplacian: None, "sym" or "rw".
        bias: whether to learn b.
        **defaults: torch-geometric's further arguments, at their default values.

    Shapes:
        Input (N, in_channels), dense or sparse; output (N, out_channels).

    Raises:
        ValueError: if `K` is below 1 or `normalization` is unknown.

    References:
        Defferrard, Bresson, Vandergheynst, "Convolutional Neural Networks on Graphs with Fast
        Localized Spectral Filtering", 2016, https://arxiv.org/abs/1606.09375, equation 4.
        Differs from the paper: unless given, λ_max is bounded by twice the largest entry of
        the Laplacian of each graph, as in torch-geometric, instead of computed.

    Example:
        >>> ChebConv(4, 2, K=3).taps().shape
        torch.Size([3, 4, 2])
    """

    columns: ClassVar[tuple[str, ...]] = ("edge_weight", "batch", "lambda_max")

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        K: int,
        normalization: Literal["sym", "rw"] | None = "sym",
        bias: bool = True,
        **defaults: object,
    ) -> None:
        check_defaults(self, defaults)
        at_least("K", K, 1, "K = 1 uses only the node itself.")
        one_of("normalization", normalization, (None, "sym", "rw"))
        family = partial(families.chebyshev, K=K, normalization=normalization)
        super().__init__(in_channels, out_channels, family)
        self.K = K
        self.normalization = normalization
        self.lins = nn.ModuleList(linear(in_channels, out_channels) for _ in range(K))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialize the weights with Glorot's uniform distribution and the bias with 0."""
        for weight in self.lins.parameters():
            drawn_by_rows(weight, nn.init.xavier_uniform_)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def matrices(self) -> list[Tensor]:
        """W₀, W₁, …."""
        return [weight.t() for weight in self.lins.parameters()]
