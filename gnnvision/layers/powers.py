"""Polynomials of the normalized adjacency: one power, all powers, or personalized PageRank."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph
from gnnvision.errors import at_least, invalid
from gnnvision.layers.compatible import check_defaults
from gnnvision.layers.graph import FamilyConvolution, Propagation
from gnnvision.layers.linear import linear
from gnnvision.operators import Operator, families

__all__ = ["APPNP", "SGConv", "TAGConv"]


class SGConv(FamilyConvolution):
    """Y = Â^K X W + b: K steps of a `GCNConv` with one W.

    Args:
        in_channels: number of columns of X.
        out_channels: number of columns of Y.
        K: the number of steps.
        cached: ignored, for compatibility with torch-geometric: Â is always cached, on the graph,
            and signals never are.
        add_self_loops: whether Â has self loops.
        bias: whether to learn b.
        **defaults: torch-geometric's further arguments, at their default values.

    Shapes:
        Input (N, in_channels), dense or sparse; output (N, out_channels).

    Raises:
        ValueError: if `K` is negative.

    References:
        Wu et al., "Simplifying Graph Convolutional Networks", 2019,
        https://arxiv.org/abs/1902.07153, equation 8.

    Example:
        >>> from gnnvision.domains import Graph
        >>> graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> SGConv(4, 2, K=3).operators(graph)
        [Product(shape=(3, 3), factors=3)]
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        K: int = 1,
        cached: bool = False,
        add_self_loops: bool = True,
        bias: bool = True,
        **defaults: object,
    ) -> None:
        check_defaults(self, defaults)
        at_least("K", K, 0)
        family = partial(families.power, K=K, add_self_loops=add_self_loops)
        super().__init__(in_channels, out_channels, family)
        self.K = K
        self.add_self_loops = add_self_loops
        self.lin = linear(in_channels, out_channels, bias)

    @property
    def bias(self) -> Tensor | None:  # type: ignore[override]
        """The bias of `lin`, as in torch-geometric."""
        return self.lin.bias

    def matrices(self) -> list[Tensor]:
        """W."""
        return [self.lin.matrix]


class TAGConv(FamilyConvolution):
    """Y = Σₖ Sᵏ X Wₖ + b, k = 0 … K, with S = D^(-1/2) A D^(-1/2).

    The receptive field of a node is K hops.

    Args:
        in_channels: number of columns of X.
        out_channels: number of columns of Y.
        K: the largest power.
        bias: whether to learn b.
        normalize: whether to normalize; if not, S is A.
        **defaults: torch-geometric's further arguments, at their default values.

    Shapes:
        Input (N, in_channels), dense or sparse; output (N, out_channels).

    Raises:
        ValueError: if `K` is negative.

    References:
        Du et al., "Topology Adaptive Graph Convolutional Networks", 2017,
        https://arxiv.org/abs/1710.10370, equation 2.

    Example:
        >>> TAGConv(4, 2, K=3).taps().shape
        torch.Size([4, 4, 2])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        K: int = 3,
        bias: bool = True,
        normalize: bool = True,
        **defaults: object,
    ) -> None:
        check_defaults(self, defaults)
        at_least("K", K, 0)
        family = partial(families.powers, K=K, normalize=normalize)
        super().__init__(in_channels, out_channels, family)
        self.K = K
        self.normalize = normalize
        self.lins = nn.ModuleList(linear(in_channels, out_channels) for _ in range(K + 1))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None

    def matrices(self) -> list[Tensor]:
        """W₀, W₁, …."""
        return [weight.t() for weight in self.lins.parameters()]


class APPNP(Propagation):
    """Personalized PageRank: Z = (1 - α) Â Z + α X, K times from Z = X; without weights.

    Args:
        K: the number of steps.
        alpha: α, the share of X in each step.
        dropout: the probability of dropping an edge in training, in each step anew.
        cached: ignored, for compatibility with torch-geometric: Â is always cached, on the graph.
        add_self_loops: whether Â has self loops.
        normalize: whether to normalize; if not, Â is A.
        **defaults: torch-geometric's further arguments, at their default values.

    Shapes:
        Input (N, C); output (N, C). A sparse input is converted to dense.

    Raises:
        ValueError: if `K` is negative or `dropout` is not from 0 to 1.

    References:
        Klicpera, Bojchevski, Günnemann, "Predict then Propagate: Graph Neural Networks meet
        Personalized PageRank", 2019, https://arxiv.org/abs/1810.05997, equation 4. In
        torch-geometric, an edge that is dropped in one step stays dropped in the next.

    Example:
        >>> from gnnvision.domains import Graph
        >>> graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> APPNP(K=10, alpha=0.1)(torch.ones(3, 4), graph).shape
        torch.Size([3, 4])
    """

    kind: ClassVar[type[Domain]] = Graph

    def __init__(
        self,
        K: int,
        alpha: float,
        dropout: float = 0.0,
        cached: bool = False,
        add_self_loops: bool = True,
        normalize: bool = True,
        **defaults: object,
    ) -> None:
        check_defaults(self, defaults)
        at_least("K", K, 0)
        if not 0 <= dropout <= 1:
            raise invalid("dropout", "be from 0 to 1", dropout, "It is a probability.")
        family = partial(
            families.personalized_pagerank,
            K=K,
            alpha=alpha,
            add_self_loops=add_self_loops,
            normalize=normalize,
        )
        super().__init__(family)
        self.K = K
        self.alpha = alpha
        self.dropout = dropout

    def applied(self, domain: Domain, dtype: torch.dtype) -> Sequence[Operator]:
        """The only operator, a polynomial of Â; in training with other edges dropped each time."""
        assert self.family is not None
        return self.family(domain, dtype, dropout=self.dropout if self.training else 0.0)

    def extra_repr(self) -> str:
        """The settings, for `repr`."""
        return f"K={self.K}, alpha={self.alpha}"
