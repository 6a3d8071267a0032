"""Graph attention as it was first published: a score from each end of an edge."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from gnnvision.layers.attention import Attention, checked_fill_value
from gnnvision.layers.compatible import check_defaults
from gnnvision.layers.linear import Channels, Linear, linear
from gnnvision.operators.attend import AdditiveScores, Scores

__all__ = ["GATConv"]


class GATConv(Attention):
    """Graph attention with the score LeakyReLU(aₕ · xᵢ Wₕ + bₕ · xⱼ Wₕ (+ cₕ · eᵢⱼ Uₕ)).

    Y = Σₕ Sₕ(X) X Wₕ + b: the entry of Sₕ for target i and source j is the softmax of the score of
    head h over the incoming edges of i. Sₕ is a function of X, so that this is a convolution only
    for a given signal. Edge weights are not part of the formula: a graph with edge weights
    raises a ValueError.

    Args:
        in_channels: number of columns of X.
        out_channels: number of columns of each head.
        heads: H, the number of heads.
        concat: whether to concatenate the heads; if not, they are averaged.
        negative_slope: of the LeakyReLU.
        dropout: the probability of dropping an edge in training.
        add_self_loops: whether each node attends to itself; replaces self loops of the graph.
        edge_dim: the number of columns of `edge_attr` that attention uses, if any.
        fill_value: the attributes of an added self loop: a number, or "mean" for the mean over the
            incoming edges.
        bias: whether to learn b.
        residual: whether to learn W₀.
        **defaults: torch-geometric's further arguments, at their default values.

    Shapes:
        Input (N, in_channels); output (N, heads * out_channels), or (N, out_channels) without
        `concat`.

    References:
        Veličković et al., "Graph Attention Networks", 2018, https://arxiv.org/abs/1710.10903,
        equations 3 and 4.

    Example:
        >>> from gnnvision.domains import Graph
        >>> graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> GATConv(4, 2, heads=3)(torch.ones(3, 4), graph).shape
        torch.Size([3, 6])
    """

    columns: ClassVar[tuple[str, ...]] = ("edge_attr", "size", "return_attention_weights")
    reads_targets = False

    def __init__(
        self,
        in_channels: Channels,
        out_channels: int,
        heads: int = 1,
        *,
        concat: bool = True,
        negative_slope: float = 0.2,
        dropout: float = 0.0,
        add_self_loops: bool = True,
        edge_dim: int | None = None,
        fill_value: float | Literal["mean"] = "mean",
        bias: bool = True,
        residual: bool = False,
        **defaults: object,
    ) -> None:
        check_defaults(self, defaults)
        sizes = (in_channels, out_channels, heads, concat, dropout, add_self_loops, edge_dim)
        super().__init__(*sizes, residual)
        self.fill_value = checked_fill_value(fill_value)
        self.negative_slope = negative_slope
        width = heads * out_channels
        if isinstance(in_channels, tuple):
            self.lin_src = linear(in_channels, width)
            self.lin_dst = linear(in_channels, width, end=1)
        else:
            self.lin = linear(in_channels, width)
        self.att_src = nn.Parameter(torch.empty(1, heads, out_channels))
        self.att_dst = nn.Parameter(torch.empty(1, heads, out_channels))
        if edge_dim is None:
            self.register_parameter("att_edge", None)
        else:
            self.att_edge = nn.Parameter(torch.empty(1, heads, out_channels))
        self.bias = nn.Parameter(torch.empty(self.size)) if bias else None
        self.reset_parameters()

    @property
    def sender(self) -> Linear:
        """`lin`, or `lin_src` where target nodes have other channels."""
        return self.lin_src if self.pair else self.lin

    def scores(self, x: Tensor, sent: Tensor, attributes: Tensor | None) -> Scores:
        """LeakyReLU(aₕ · xᵢ Wₕ + bₕ · xⱼ Wₕ (+ cₕ · eᵢⱼ Uₕ)), in sums over nodes."""
        asked = self.project(x, self.lin_dst) if self.pair else sent
        onto, sends = (asked * self.att_dst).sum(-1), (sent * self.att_src).sum(-1)  # (N, H)
        read = None
        if self.lin_edge is not None:
            U = self.lin_edge.weight.view(self.heads, self.out_channels, -1)
            read = (U * self.att_edge.squeeze(0).unsqueeze(2)).sum(1)  # (H, D)
        ends = (onto.to(sent.dtype).unsqueeze(2), sends.to(sent.dtype).unsqueeze(2))
        return AdditiveScores.of_slope(self.negative_slope, *ends, attributes, read)
