"""Graph attention: operators Sₕ that depend on the signal, one for each head."""

from __future__ import annotations

from abc import abstractmethod
from numbers import Real
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from gnnvision.domains import Domain, Graph
from gnnvision.errors import at_least, invalid
from gnnvision.layers.compatible import check_defaults
from gnnvision.layers.graph import FamilyConvolution
from gnnvision.layers.linear import Channels, Linear, linear
from gnnvision.layers.memory import drawn_by_rows
from gnnvision.operators import segment_softmax
from gnnvision.operators.attention import AttentionEdges, attention_edges
from gnnvision.operators.together import Heads

__all__ = ["Attention", "GATv2Conv"]


class Attention(FamilyConvolution):
    """Y = Σₕ Sₕ(X) (X Wₕ + cₕ) + b.

    The entry of Sₕ for target i and source j is the softmax of a score over the incoming edges of
    i. Sₕ is a function of X, so that this is a convolution only for a given signal. A layer
    defines `sender`, the linear layer with the Wₕ and cₕ, and `scores`.
    """

    columns: ClassVar[tuple[str, ...]] = ("edge_attr", "return_attention_weights")
    bipartite = True
    fill_value: float | Literal["mean"] = "mean"
    reads_targets = True
    reads_weights = False

    def __init__(
        self,
        in_channels: Channels,
        out_channels: int,
        heads: int,
        concat: bool,
        dropout: float,
        add_self_loops: bool,
        edge_dim: int | None,
        bias: bool,
    ) -> None:
        super().__init__(in_channels, out_channels, None)
        at_least("heads", heads, 1)
        self.heads = heads
        self.concat = concat
        self.dropout = dropout
        self.add_self_loops = add_self_loops
        self.edge_dim = edge_dim
        width = heads * out_channels
        self.lin_edge = None if edge_dim is None else linear(edge_dim, width)
        self.bias = nn.Parameter(torch.empty(width if concat else out_channels)) if bias else None

    @property
    @abstractmethod
    def sender(self) -> Linear:
        """The linear layer with the Wₕ and cₕ."""

    @abstractmethod
    def scores(
        self, x: Tensor, sent: Tensor, edges: AttentionEdges, onto: Tensor | None
    ) -> Tensor:
        """The score of each entry and head before the softmax.

        Args:
            x: X. Shape (N, in_channels).
            sent: X Wₕ + cₕ. Shape (N, H, C).
            edges: the E' entries.
            onto: their attributes times the weights of `lin_edge`, if any. Shape (E', H, C).

        Returns:
            Shape (E', H).
        """

    def reset_parameters(self) -> None:
        """Initialize the weights with Glorot's uniform distribution and the bias with 0."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif is_lazy(parameter):
                continue
            elif name.startswith("lin") and name != "lin_edge.weight":
                drawn_by_rows(parameter, nn.init.xavier_uniform_)
            else:
                nn.init.xavier_uniform_(parameter)

    def operators(self, domain: Domain, x: Tensor | None = None) -> Heads:
        """The attention of each head for the signal `x`.

        Raises:
            ValueError: if `x` is not given.
        """
        graph = self.out_domain(domain)
        assert isinstance(graph, Graph)
        if x is None:
            advice = "Attention depends on the signal."
            raise invalid("x", f"be given to {type(self).__name__}.operators", None, advice)
        edges = attention_edges(graph, self.add_self_loops)
        sent = self.project(x, self.sender)
        score = self.scores(x, sent, edges, self._of_edges(graph, edges, x.dtype))
        if edges.left_out is not None:
            score = score.masked_fill(edges.left_out.unsqueeze(1), -torch.inf)
        weight = F.dropout(segment_softmax(score, edges.pattern), self.dropout, self.training)
        return Heads(edges.pattern, weight, sent, self.concat)

    def matrices(self) -> list[Tensor]:
        """The Wₕ, each in the columns of its head."""
        return self._by_head(self.sender.matrix)

    def values(self, x: Tensor, domain: Domain) -> list[Tensor]:
        """The X Wₕ + cₕ, each in the columns of its head."""
        bias = self.sender.bias
        constants = [0.0] * self.heads if bias is None else self._by_head(bias.unsqueeze(0))
        pairs = zip(self.matrices(), constants, strict=True)
        return [x @ W.to(x.dtype) + c for W, c in pairs]

    def project(self, x: Tensor, lin: nn.Linear) -> Tensor:
        """The output of a linear layer by heads: (N, C_in) -> (N, H, C)."""
        y: Tensor = lin(x)
        return y.view(-1, self.heads, self.out_channels)

    def _by_head(self, matrix: Tensor) -> list[Tensor]:
        """The columns of each head, in their place among the outputs: (*, H C) -> H (*, C_out)."""
        assert self.out_channels is not None
        width, last = self.out_channels, self.heads - 1
        blocks = matrix.split(width, 1)
        if not self.concat:
            return [block / self.heads for block in blocks]
        return [F.pad(b, (h * width, (last - h) * width)) for h, b in enumerate(blocks)]

    def _of_edges(self, graph: Graph, edges: AttentionEdges, dtype: torch.dtype) -> Tensor | None:
        given = graph.edge_attr
        if self.lin_edge is None:
            return None
        if given is None or given.shape[1] != self.edge_dim:
            got = None if given is None else tuple(given.shape)
            condition = f"have an edge_attr of {self.edge_dim} columns"
            advice = "Make the Graph with edge_attr, or the layer without edge_dim."
            raise invalid("domain", condition, got, advice)
        fill = None if self.fill_value == "mean" else float(self.fill_value)
        return self.project(edges.attributes(given.to(dtype), fill), self.lin_edge)


def checked_fill_value(fill_value: float | Literal["mean"]) -> float | Literal["mean"]:
    """The attributes of added self loops, if they are a number or "mean".

    Raises:
        ValueError: if they are neither.
    """
    if fill_value != "mean" and not isinstance(fill_value, Real):
        raise invalid("fill_value", "be 'mean' or a number", repr(fill_value), "Use 'mean'.")
    return fill_value


class GATv2Conv(Attention):
    """Graph attention with the score aₕ · LeakyReLU(xᵢ Vₕ + xⱼ Wₕ (+ eᵢⱼ Uₕ)); see `Attention`.

    Edge weights are not part of the formula: a graph with edge weights raises a ValueError.

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
        bias: whether to learn b and the cₕ.
        share_weights: whether V = W.

    Shapes:
        Input (N, in_channels); output (N, heads * out_channels), or (N, out_channels) without
        `concat`.

    References:
        Brody, Alon, Yahav, "How Attentive are Graph Attention Networks?", 2022,
        https://arxiv.org/abs/2105.14491, equation 7.

    Example:
        >>> graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> layer = GATv2Conv(4, 2, heads=3)
        >>> layer(torch.ones(3, 4), graph).shape, len(layer.operators(graph, torch.ones(3, 4)))
        (torch.Size([3, 6]), 3)
    """

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
        share_weights: bool = False,
        **defaults: object,
    ) -> None:
        check_defaults(self, defaults, residual=False)
        sizes = (in_channels, out_channels, heads, concat, dropout, add_self_loops, edge_dim, bias)
        super().__init__(*sizes)
        self.fill_value = checked_fill_value(fill_value)
        self.negative_slope = negative_slope
        self.share_weights = share_weights
        width = heads * out_channels
        self.lin_l = linear(in_channels, width, bias)
        self.lin_r = self.lin_l if share_weights else linear(in_channels, width, bias, end=1)
        self.att = nn.Parameter(torch.empty(1, heads, out_channels))
        self.reset_parameters()

    @property
    def sender(self) -> Linear:
        """`lin_l`."""
        return self.lin_l

    def scores(
        self, x: Tensor, sent: Tensor, edges: AttentionEdges, onto: Tensor | None
    ) -> Tensor:
        """aₕ · LeakyReLU(xᵢ Vₕ + xⱼ Wₕ (+ eᵢⱼ Uₕ))."""
        asked = sent if self.share_weights else self.project(x, self.lin_r)
        row, col = edges.pattern.row.long(), edges.pattern.col.long()
        together = asked[row] + sent[col]  # (E', H, C)
        together = together if onto is None else together + onto
        return (F.leaky_relu(together, self.negative_slope) * self.att).sum(-1)
