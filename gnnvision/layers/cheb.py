"""Chebyshev filters: Sₖ = Tₖ(L̂), polynomials of the graph Laplacian."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph
from gnnvision.errors import at_least, one_of
from gnnvision.layers.graph import GraphConvolution, as_graph, multiply
from gnnvision.layers.memory import drawn_by_rows, linear, weight_of
from gnnvision.operators import Chebyshev, Identity, scaled_laplacian
from gnnvision.operators.chebyshev import chebyshev_terms
from gnnvision.operators.signals import dense

__all__ = ["ChebConv"]


class ChebConv(GraphConvolution):
    """Y = Σₖ Tₖ(L̂) X Wₖ + b, k = 0 … K - 1, with L̂ = 2 L / λ_max - I.

    Tₖ is the k-th Chebyshev polynomial: the receptive field of a node is K - 1 hops.

    Args:
        in_channels: number of columns of X.
        out_channels: number of columns of Y.
        K: the number of polynomials.
        normalization: the normalization of the Laplacian: None, "sym" or "rw".
        bias: whether to learn b.

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
        >>> graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> ChebConv(4, 2, K=3).taps().shape
        torch.Size([3, 4, 2])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        K: int,
        normalization: Literal["sym", "rw"] | None = "sym",
        bias: bool = True,
    ) -> None:
        super().__init__(in_channels, out_channels)
        at_least("K", K, 1, "K = 1 uses only the node itself.")
        one_of("normalization", normalization, (None, "sym", "rw"))
        self.K = K
        self.normalization = normalization
        self.lins = nn.ModuleList(linear(in_channels, out_channels) for _ in range(K))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialize the weights with Glorot's uniform distribution and the bias with 0."""
        for matrix in self.parameters():
            if matrix.ndim == 2:
                drawn_by_rows(matrix, nn.init.xavier_uniform_)
            else:
                nn.init.zeros_(matrix)

    def forward(
        self,
        x: Tensor,
        domain: Graph | Tensor,
        edge_weight: Tensor | None = None,
        lambda_max: float | Tensor | None = None,
    ) -> Tensor:
        """Y = Σₖ Tₖ(L̂) X Wₖ + b.

        Args:
            x: X. Shape (N, in_channels).
            domain: a graph, or torch-geometric's edge_index.
            edge_weight: weights of the edges, only with an edge_index. Shape (E,).
            lambda_max: the largest eigenvalue of the Laplacian, one for all graphs of the batch
                or one for each.
        """
        graph = as_graph(domain, x, edge_weight)
        self.check(x, graph)
        y = self.combine(x, graph, lambda_max)
        return y if self.bias is None else y + self.bias

    def combine(self, x: Tensor, graph: Graph, lambda_max: float | Tensor | None = None) -> Tensor:
        """Σₖ Tₖ(L̂) X Wₖ, by one recurrence and one product with all weights."""
        if self.K == 1:
            return multiply(Identity(graph.num_nodes), x, self.matrices()[0])
        laplacian = scaled_laplacian(graph, self.normalization, lambda_max, self.arithmetic(x))
        terms = chebyshev_terms(laplacian, dense(x), self.K)
        return torch.cat(terms, 1) @ torch.cat(self.matrices())

    def operators(self, domain: Domain, x: Tensor | None = None) -> list[Chebyshev]:
        """T₀(L̂), T₁(L̂), …, with the default λ_max."""
        graph = self.out_domain(domain)
        laplacian = scaled_laplacian(graph, self.normalization, None, self.arithmetic(x))
        return [Chebyshev(laplacian, k) for k in range(self.K)]

    def matrices(self) -> list[Tensor]:
        """W₀, W₁, …."""
        return [weight_of(lin).t() for lin in self.lins]
