"""Attention of the transformer along the edges of a graph."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from gnnvision.layers.attention import Attention
from gnnvision.layers.compatible import check_defaults
from gnnvision.layers.linear import Channels, Linear, linear
from gnnvision.operators.attend import DotScores, Scores

__all__ = ["TransformerConv"]


class TransformerConv(Attention):
    """Graph attention with the score qᵢ · (kⱼ + eᵢⱼ Uₕ) / √C, q = X Qₕ + c' and k = X Kₕ + c''.

    With `edge_dim`, Y also has the term Σₕ S'ₕ E Uₕ, where S'ₕ has the weights of Sₕ and adds what
    the edges carry. The entry of Sₕ for target i and source j is the softmax of the score of head
    h over the incoming edges of i, so that Sₕ is a function of X. Edge weights are not part of the
    formula: a graph with edge weights raises a ValueError.

    Args:
        in_channels: number of columns of X.
        out_channels: C, the number of columns of each head.
        heads: H, the number of heads.
        concat: whether to concatenate the heads; if not, they are averaged.
        beta: whether the result is β R + (1 - β) Y, with R = X W₀ + b, Y the other terms and
            β = sigmoid([Y, R, Y - R] v) learned for each node. It is applied after the sum.
        dropout: the probability of dropping an edge in training.
        edge_dim: the number of columns of `edge_attr` that the layer uses, if any.
        bias: whether to learn b and the constants.
        root_weight: whether to add X W₀ + b.
        **defaults: torch-geometric's further arguments, at their default values.

    Shapes:
        Input (N, in_channels); output (N, heads * out_channels), or (N, out_channels) without
        `concat`.

    References:
        Shi et al., "Masked Label Prediction: Unified Message Passing Model for Semi-Supervised
        Classification", 2021, https://arxiv.org/abs/2009.03509, equations 3 to 5.

    Example:
        >>> from gnnvision.domains import Graph
        >>> graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> layer = TransformerConv(4, 2, heads=3)
        >>> layer(torch.ones(3, 4), graph).shape, len(layer.operators(graph, torch.ones(3, 4)))
        (torch.Size([3, 6]), 4)
    """

    adds_edges = True
    finishes = True

    def __init__(
        self,
        in_channels: Channels,
        out_channels: int,
        heads: int = 1,
        *,
        concat: bool = True,
        beta: bool = False,
        dropout: float = 0.0,
        edge_dim: int | None = None,
        bias: bool = True,
        root_weight: bool = True,
        **defaults: object,
    ) -> None:
        check_defaults(self, defaults)
        super().__init__(in_channels, out_channels, heads, concat, dropout, False, edge_dim)
        self.beta = beta and root_weight
        self.root_weight = root_weight
        width = heads * out_channels
        self.lin_key = linear(in_channels, width, bias)
        self.lin_query = linear(in_channels, width, bias, end=1)
        self.lin_value = linear(in_channels, width, bias)
        self.lin_skip = linear(in_channels, self.size, bias, end=1)
        self.lin_beta = linear(3 * self.size, 1) if self.beta else None

    def reset_parameters(self) -> None:
        """Initialize the parameters like torch.nn.Linear, as in torch-geometric."""
        for module in self.children():
            assert isinstance(module, Linear)
            module.reset_parameters()

    @property
    def sender(self) -> Linear:
        """`lin_value`."""
        return self.lin_value

    @property
    def root(self) -> Tensor | None:
        """W₀; with `beta`, in columns after those of the other terms."""
        return self._beside(self.lin_skip.matrix) if self.root_weight else None

    @property
    def bias(self) -> Tensor | None:  # type: ignore[override]
        """b; with `beta`, in columns after those of the other terms."""
        b = self.lin_skip.bias if self.root_weight else None
        return None if b is None else self._beside(b)

    def scores(self, x: Tensor, sent: Tensor, attributes: Tensor | None) -> Scores:
        """qᵢ · (kⱼ + eᵢⱼ Uₕ) / √C."""
        asked, keys = self.project(x, self.lin_query), self.project(x, self.lin_key)
        matrix = None if self.lin_edge is None else self.lin_edge.weight
        return DotScores(asked / math.sqrt(self.out_channels), keys, attributes, matrix)

    def finish(self, y: Tensor) -> Tensor:
        """β R + (1 - β) Y with `beta`, else Y."""
        if self.lin_beta is None:
            return y
        y, root = y.chunk(2, -1)
        beta: Tensor = self.lin_beta(torch.cat([y, root, y - root], -1)).sigmoid()
        return beta * root + (1 - beta) * y

    def _beside(self, tensor: Tensor) -> Tensor:
        return F.pad(tensor, (self.size, 0)) if self.beta else tensor
