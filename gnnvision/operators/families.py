"""Families: the operators Sₖ of each named convolution, as functions of a domain.

A family takes a domain and the dtype of the entries, and returns a list of operators. A layer
learns one weight Wₖ for each: `GraphConvolution(16, 32, operators=family)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from gnnvision.domains import Domain, Graph, Grid, Window
from gnnvision.operators.base import Identity, Operator, Shift
from gnnvision.operators.sparse import (
    Sparse,
    adjacency,
    mean_adjacency,
    normalized_adjacency,
    scaled_laplacian,
    stacked_relations,
)
from gnnvision.operators.together import Stacked

__all__ = [
    "Family",
    "I",
    "chebyshev",
    "gcn",
    "identity",
    "personalized_pagerank",
    "power",
    "powers",
    "relations",
    "shifts",
    "sum_and_self",
]

# A function of a domain and a dtype that returns the operators Sₖ of a convolution.
Family = Callable[..., Sequence[Operator]]


def identity(domain: Domain, dtype: torch.dtype | None = None) -> Identity:
    """I: a node, a pixel or a site of any other domain keeps its own value.

    Args:
        domain: the graph, the grid or any other domain.
        dtype: of the operator; None for that of any signal.
    """
    return Identity(domain.num_sites, getattr(domain, "device", "cpu"), dtype)


I = identity  # noqa: E741 - its symbol in formulas


def gcn(
    graph: Graph,
    dtype: torch.dtype,
    normalize: bool = True,
    add_self_loops: bool = True,
    self_loop_weight: float = 1.0,
) -> list[Sparse]:
    """Â = D^(-1/2) (A + I) D^(-1/2), or A without `normalize`."""
    if not normalize:
        return [adjacency(graph, dtype)]
    return [normalized_adjacency(graph, add_self_loops, self_loop_weight, dtype)]


def sum_and_self(
    graph: Graph,
    dtype: torch.dtype,
    aggr: Literal["mean", "sum"] = "sum",
    weighted: bool = False,
    itself: bool = True,
) -> list[Operator]:
    """The sum or mean over neighbors, and I if `itself`."""
    if aggr == "mean":
        neighbors = mean_adjacency(graph, dtype, weighted=weighted)
    else:
        neighbors = adjacency(graph, dtype, weighted=weighted)
    return [neighbors, identity(graph, dtype)] if itself else [neighbors]


def power(graph: Graph, dtype: torch.dtype, K: int, add_self_loops: bool = True) -> list[Operator]:
    """Â^K."""
    return [normalized_adjacency(graph, add_self_loops, dtype=dtype) ** K]


def powers(graph: Graph, dtype: torch.dtype, K: int, normalize: bool = True) -> list[Operator]:
    """I, S, S², …, S^K, with S the normalized adjacency without self loops, or A."""
    (S,) = gcn(graph, dtype, normalize, add_self_loops=False)
    return [S**k for k in range(K + 1)]


def personalized_pagerank(
    graph: Graph,
    dtype: torch.dtype,
    K: int,
    alpha: float,
    add_self_loops: bool = True,
    normalize: bool = True,
    dropout: float = 0.0,
) -> list[Operator]:
    """One operator Sₖ, by Sₖ = (1 - α) Â Sₖ₋₁ + α I from S₀ = I; each Â drops edges anew."""
    (A,) = gcn(graph, dtype, normalize, add_self_loops)
    itself = identity(graph, dtype)
    S: Operator = itself
    for _ in range(K):
        kept = Sparse(A.pattern, F.dropout(A.value, dropout)) if dropout else A
        S = (1 - alpha) * (kept @ S) + alpha * itself
    return [S]


def chebyshev(
    graph: Graph,
    dtype: torch.dtype,
    K: int,
    normalization: Literal["sym", "rw"] | None = "sym",
    lambda_max: float | Tensor | None = None,
) -> list[Operator]:
    """T₀(L̂), …, T_{K-1}(L̂), by Tₖ = 2 L̂ Tₖ₋₁ - Tₖ₋₂ from T₀ = I and T₁ = L̂."""
    terms: list[Operator] = [identity(graph, dtype)]
    if K > 1:
        L = scaled_laplacian(graph, normalization, lambda_max, dtype)
        terms.append(L)
    while len(terms) < K:
        terms.append(2 * (L @ terms[-1]) - terms[-2])
    return terms


def relations(
    graph: Graph,
    dtype: torch.dtype,
    num_relations: int,
    aggr: Literal["mean", "sum"] = "mean",
    itself: bool = True,
) -> Stacked:
    """The mean or sum over incoming edges of each relation, and I if `itself`."""
    stack = stacked_relations(graph, num_relations, aggr == "mean", dtype)
    return Stacked(stack, num_relations, [identity(graph, dtype)] if itself else [])


def shifts(grid: Grid, window: Window, device: torch.device | str = "cpu") -> list[Shift]:
    """The K shifts of a window over a grid, kernel offsets in row-major order.

    Args:
        grid: the grid.
        window: the window of the kernel.
        device: where the indices lie.
    """

    def build() -> list[Shift]:
        sources = window.sources(grid.shape).to(device)
        return [Shift(source, grid.num_sites) for source in sources]

    return grid.derived(("shifts", window, str(device)), build)
