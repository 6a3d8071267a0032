"""The graph convolution of Kipf and Welling: K = 1, S₁ the normalized adjacency."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from gnnvision.errors import invalid
from gnnvision.layers.compatible import check_defaults
from gnnvision.layers.graph import FamilyConvolution
from gnnvision.layers.linear import linear
from gnnvision.layers.memory import drawn_by_rows
from gnnvision.operators import families

__all__ = ["GCNConv"]


class GCNConv(FamilyConvolution):
    """Y = Â X W + b with Â = D^(-1/2) (A + I) D^(-1/2).

    Each node receives its own features and those of its neighbors, weighted by the degrees of
    both nodes. All nodes share one W.

    Args:
        in_channels: number of columns of X.
        out_channels: number of columns of Y.
        improved: whether self loops have weight 2 instead of 1.
        cached: ignored, for compatibility with torch-geometric: Â is always cached, on the graph.
        add_self_loops: whether to add I, which requires `normalize`; by default the value of
            `normalize`.
        normalize: whether to normalize; if not, Â is A.
        bias: whether to learn b.
        **defaults: torch-geometric's further arguments, at their default values.

    Shapes:
        Input (N, in_channels), dense or sparse; output (N, out_channels).

    Raises:
        ValueError: if `add_self_loops` or `improved` would have no effect.

    References:
        Kipf, Welling, "Semi-Supervised Classification with Graph Convolutional Networks",
        2017, https://arxiv.org/abs/1609.02907, equation 2.

    Example:
        >>> from gnnvision.domains import Graph
        >>> graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> GCNConv(4, 2)(torch.ones(3, 4), graph).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        improved: bool = False,
        cached: bool = False,
        add_self_loops: bool | None = None,
        normalize: bool = True,
        bias: bool = True,
        **defaults: object,
    ) -> None:
        check_defaults(self, defaults)
        if add_self_loops and not normalize:
            advice = "Add the self loops to the graph, or omit the argument."
            raise invalid("add_self_loops", "be False with normalize=False", True, advice)
        add_self_loops = normalize if add_self_loops is None else add_self_loops
        if improved and not add_self_loops:
            advice = "It sets the weight of the self loops."
            raise invalid("improved", "be False without self loops", True, advice)
        loop = 2.0 if improved else 1.0
        family = partial(
            families.gcn,
            normalize=normalize,
            add_self_loops=add_self_loops,
            self_loop_weight=loop,
        )
        super().__init__(in_channels, out_channels, family)
        self.improved = improved
        self.add_self_loops = add_self_loops
        self.normalize = normalize
        self.lin = linear(in_channels, out_channels)
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialize the weights with Glorot's uniform distribution and the bias with 0."""
        drawn_by_rows(self.lin.weight, nn.init.xavier_uniform_)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def matrices(self) -> list[Tensor]:
        """W."""
        return [self.lin.weight.t()]
