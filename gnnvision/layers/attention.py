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
from gnnvision.layers.attributes import edge_attributes
from gnnvision.layers.compatible import check_defaults
from gnnvision.layers.graph import FamilyConvolution
from gnnvision.layers.linear import Channels, Linear, linear
from gnnvision.layers.memory import drawn_by_rows
from gnnvision.operators.attend import AdditiveScores, Scores
from gnnvision.operators.attention import AttentionEdges, attention_edges
from gnnvision.operators.together import Heads

__all__ = ["Attention", "GATv2Conv"]


class Attention(FamilyConvolution):
    """Y = Σₕ Sₕ(X) (X Wₕ + cₕ) + X W₀ + b.

    The entry of Sₕ for target i and source j is the softmax of a score over the incoming edges of
    i. Sₕ is a function of X, so that this is a convolution only for a given signal. A layer
    defines `sender`, the linear layer with the Wₕ and cₕ, and `scores`.
    """

    columns: ClassVar[tuple[str, ...]] = ("edge_attr", "return_attention_weights")
    bipartite = True
    fill_value: float | Literal["mean"] = "mean"
    per_edge = True
    reads_targets = True
    reads_weights = False
    adds_edges: ClassVar[bool] = False  # whether the E Uₕ are part of the sum

    def __init__(
        self,
        in_channels: Channels,
        out_channels: int,
        heads: int,
        concat: bool,
        dropout: float,
        add_self_loops: bool,
        edge_dim: int | None,
        residual: bool = False,
    ) -> None:
        super().__init__(in_channels, out_channels, None)
        at_least("heads", heads, 1)
        self.heads = heads
        self.concat = concat
        self.dropout = dropout
        self.add_self_loops = add_self_loops
        self.edge_dim = edge_dim
        self.size = heads * out_channels if concat else out_channels  # of the output
        self.lin_edge = None if edge_dim is None else linear(edge_dim, heads * out_channels)
        self.res = linear(in_channels, self.size, end=1) if residual else None

    @property
    @abstractmethod
    def sender(self) -> Linear:
        """The linear layer with the Wₕ and cₕ."""

    @abstractmethod
    def scores(self, x: Tensor, sent: Tensor, attributes: Tensor | None) -> Scores:
        """The score of each entry and head before the softmax.

        Args:
            x: X. Shape (N, in_channels).
            sent: X Wₕ + cₕ. Shape (N, H, C).
            attributes: those of the entries, if there is a `lin_edge`. Shape (E', D).
        """

    @property
    def root(self) -> Tensor | None:
        """W₀, with which a node adds its own signal, if any."""
        return None if self.res is None else self.res.matrix

    def reset_parameters(self) -> None:
        """Initialize the weights with Glorot's uniform distribution and the biases with 0."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif is_lazy(parameter):
                continue
            elif name.startswith(("lin", "res")) and name != "lin_edge.weight":
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
        attributes = self._attributes(graph, edges, x.dtype)
        sent = self.project(x, self.sender)
        scores = self.scores(x, sent, attributes)
        root = None if self.root is None else self.root.to(x.dtype)
        carried = self.adds_edges and self.lin_edge is not None
        keep = None
        if self.dropout and self.training:
            one = torch.ones(edges.pattern.col.shape[0], self.heads, device=x.device)
            keep = F.dropout(one, self.dropout)
        given = (scores, sent, self.concat, keep, edges.left_out, root, carried)
        return Heads(edges.pattern, *given)

    def matrices(self) -> list[Tensor]:
        """The Wₕ, each in the columns of its head, and W₀."""
        root = self.root
        return self._by_head(self.sender.matrix) + ([] if root is None else [root])

    def values(self, x: Tensor, domain: Domain) -> list[Tensor]:
        """The X Wₕ + cₕ, each in the columns of its head; X W₀; the E Uₕ."""
        terms = super().values(x, domain)
        if self.sender.bias is not None:
            constants = self._by_head(self.sender.bias.unsqueeze(0))
            for h, c in enumerate(constants):
                terms[h] = terms[h] + c.to(x.dtype)
        if self.lin_edge is None or not self.adds_edges:
            return terms
        assert isinstance(domain, Graph)
        edges = attention_edges(domain, self.add_self_loops)
        attributes = self._attributes(domain, edges, x.dtype)
        assert attributes is not None
        return terms + [
            attributes @ U.to(x.dtype) for U in self._by_head(self.lin_edge.weight.t())
        ]

    def project(self, x: Tensor, lin: nn.Linear) -> Tensor:
        """The output of a linear layer by heads: (N, C_in) -> (N, H, C)."""
        y: Tensor = lin(x)
        return y.view(-1, self.heads, self.out_channels)

    def _by_head(self, matrix: Tensor) -> list[Tensor]:
        """The columns of each head, in their place among the outputs: (*, H C) -> H (*, C_out)."""
        width, root = self.out_channels, self.root
        blocks = matrix.split(width, 1)
        total = self.size if root is None else root.shape[1]
        if not self.concat:
            return [F.pad(block / self.heads, (0, total - width)) for block in blocks]
        places = range(0, self.size, width)
        return [F.pad(b, (p, total - p - width)) for p, b in zip(places, blocks, strict=True)]

    def _attributes(
        self, graph: Graph, edges: AttentionEdges, dtype: torch.dtype
    ) -> Tensor | None:
        if self.edge_dim is None:
            return None
        fill = None if self.fill_value == "mean" else float(self.fill_value)
        return edges.attributes(edge_attributes(graph, self.edge_dim, dtype), fill)


def checked_fill_value(fill_value: float | Literal["mean"]) -> float | Literal["mean"]:
    """The attributes of added self loops, if they are a number or "mean".

    Raises:
        ValueError: if they are neither.
    """
    if fill_value != "mean" and not isinstance(fill_value, Real):
        raise invalid("fill_value", "be 'mean' or a number", repr(fill_value), "Use 'mean'.")
    return fill_value


class GATv2Conv(Attention):
    """Graph attention with the score aₕ · LeakyReLU(xᵢ Vₕ + xⱼ Wₕ (+ eᵢⱼ Uₕ)).

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
        bias: whether to learn b and the cₕ.
        share_weights: whether V = W.
        residual: whether to learn W₀.
        **defaults: torch-geometric's further arguments, at their default values.

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
        residual: bool = False,
        **defaults: object,
    ) -> None:
        check_defaults(self, defaults)
        sizes = (in_channels, out_channels, heads, concat, dropout, add_self_loops, edge_dim)
        super().__init__(*sizes, residual)
        self.fill_value = checked_fill_value(fill_value)
        self.negative_slope = negative_slope
        self.share_weights = share_weights
        width = heads * out_channels
        self.lin_l = linear(in_channels, width, bias)
        self.lin_r = self.lin_l if share_weights else linear(in_channels, width, bias, end=1)
        self.att = nn.Parameter(torch.empty(1, heads, out_channels))
        self.bias = nn.Parameter(torch.empty(self.size)) if bias else None
        self.reset_parameters()

    @property
    def sender(self) -> Linear:
        """`lin_l`."""
        return self.lin_l

    def scores(self, x: Tensor, sent: Tensor, attributes: Tensor | None) -> Scores:
        """aₕ · LeakyReLU(xᵢ Vₕ + xⱼ Wₕ (+ eᵢⱼ Uₕ))."""
        asked = sent if self.share_weights else self.project(x, self.lin_r)
        att = self.att.squeeze(0).to(sent.dtype)
        matrix = None if self.lin_edge is None else self.lin_edge.weight
        return AdditiveScores.of_slope(self.negative_slope, asked, sent, attributes, matrix, att)
