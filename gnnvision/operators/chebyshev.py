"""Chebyshev polynomials of the Laplacian: filters with a receptive field of K - 1 hops."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from gnnvision.domains import Graph
from gnnvision.domains import entries as formulas
from gnnvision.errors import invalid
from gnnvision.operators.base import Operator
from gnnvision.operators.sparse import Sparse, received

__all__ = ["Chebyshev", "chebyshev_terms", "scaled_laplacian"]


class Chebyshev(Operator):
    """Tₖ(L̂), applied by the recurrence Tₖ = 2 L̂ Tₖ₋₁ - Tₖ₋₂ from T₀ = I and T₁ = L̂.

    Args:
        laplacian: L̂, scaled so that its eigenvalues lie in [-1, 1].
        order: k.
    """

    def __init__(self, laplacian: Sparse, order: int) -> None:
        self.laplacian = laplacian
        self.order = order

    @property
    def shape(self) -> tuple[int, int]:
        """(N, N)."""
        return self.laplacian.shape

    @property
    def device(self) -> torch.device:
        """The device of the Laplacian."""
        return self.laplacian.device

    @property
    def T(self) -> Chebyshev:
        """The same polynomial of the transposed Laplacian."""
        return Chebyshev(self.laplacian.T, self.order)

    def apply(self, x: Tensor) -> Tensor:
        """The last term of the recurrence."""
        return chebyshev_terms(self.laplacian, x, self.order + 1)[-1]


def chebyshev_terms(laplacian: Operator, x: Tensor, count: int) -> list[Tensor]:
    """T₀(L̂) x, T₁(L̂) x, ..., by the recurrence. `count` tensors of the shape of x."""
    terms = [x]
    if count > 1:
        terms.append(laplacian.times(x))
    while len(terms) < count:
        terms.append(2 * laplacian.times(terms[-1]) - terms[-2])
    return terms


def scaled_laplacian(
    graph: Graph,
    normalization: Literal["sym", "rw"] | None = "sym",
    lambda_max: float | Tensor | None = None,
    dtype: torch.dtype | None = None,
) -> Sparse:
    """L̂ = 2 L / λ_max - I, transposed so that target nodes receive.

    Args:
        graph: N nodes; G graphs of a batch.
        normalization: of the Laplacian, as in `Graph.laplacian`.
        lambda_max: the largest eigenvalue, or a bound on it: one number, or one for each graph of
            a batch, shape (G,). If not given, twice the largest entry of the Laplacian of each
            graph, which is 2 for the normalized forms.
        dtype: of the entries.

    Raises:
        ValueError: if `lambda_max` has neither one entry nor one for each graph.
    """
    if isinstance(lambda_max, Tensor) and lambda_max.numel() not in (1, graph.num_graphs):
        condition = f"be one number or one for each of the {graph.num_graphs} graphs of the batch"
        got, advice = f"shape {tuple(lambda_max.shape)}", "Use one of the two."
        raise invalid("lambda_max", condition, got, advice)

    def build() -> Sparse:
        laplacian = formulas.laplacian(graph, normalization, dtype)
        if lambda_max is None:
            member = graph.graph_index[laplacian.source]
            largest = laplacian.value.new_zeros(graph.num_graphs)
            bound = 2 * largest.scatter_reduce(0, member, laplacian.value, "amax")
        else:
            bound = torch.as_tensor(lambda_max).to(laplacian.value).expand(graph.num_graphs)
        scale = torch.where(bound > 0, 2 / torch.where(bound > 0, bound, 1), 0)
        value = laplacian.value * scale[graph.graph_index[laplacian.source]]
        # Of the loops only those of the Laplacian's own diagonal, which come last.
        others = value.new_zeros(value.numel() - graph.num_nodes)
        identity = torch.cat([others, value.new_ones(graph.num_nodes)])
        return received(
            formulas.Entries(laplacian.source, laplacian.target, value - identity),
            graph.num_nodes,
        )

    if isinstance(lambda_max, Tensor):
        return build()
    return graph.derived(("operator", "chebyshev", normalization, lambda_max, dtype), build)
