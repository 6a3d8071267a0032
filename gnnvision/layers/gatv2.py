"""Graph attention: operators Sₕ that depend on the signal, one for each head."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph
from gnnvision.errors import at_least, invalid
from gnnvision.layers.graph import GraphConvolution, as_graph
from gnnvision.layers.memory import bias_of, drawn_by_rows, linear, weight_of
from gnnvision.operators import Sparse, segment_softmax
from gnnvision.operators.attention import AttentionEdges, attention_edges
from gnnvision.operators.signals import is_sparse, signal_operator

__all__ = ["GATv2Conv"]


class GATv2Conv(GraphConvolution):
    """Y = Σₕ Sₕ(X) (X Wₕ + cₕ) + b, with Sₕ the attention of head h.

    The entry of Sₕ for target i and source j is the softmax, over the incoming edges of i, of
    aₕ · LeakyReLU(xᵢ Vₕ + xⱼ Wₕ (+ eᵢⱼ Uₕ)). Sₕ is a function of X, so that this is a convolution
    only for a given signal. Edge weights are not part of the formula: a graph with edge weights
    raises a ValueError.

    Args:
        in_channels: number of columns of X.
        out_channels: number of columns of each head.
        heads: H, the number of heads.
        concat: whether to concatenate the heads; if not, they are averaged.
        negative_slope: of the LeakyReLU.
        dropout: the probability of dropping an edge in training.
        add_self_loops: whether each node attends to itself; replaces self loops of the graph.
        edge_dim: the number of columns of `edge_attr` that attention uses, if any. An added self
            loop gets the mean attributes of the incoming edges.
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

    reads_weights = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        heads: int = 1,
        *,
        concat: bool = True,
        negative_slope: float = 0.2,
        dropout: float = 0.0,
        add_self_loops: bool = True,
        edge_dim: int | None = None,
        bias: bool = True,
        share_weights: bool = False,
    ) -> None:
        super().__init__(in_channels, out_channels)
        at_least("heads", heads, 1)
        self.heads = heads
        self.concat = concat
        self.negative_slope = negative_slope
        self.dropout = dropout
        self.add_self_loops = add_self_loops
        self.edge_dim = edge_dim
        self.share_weights = share_weights
        width = heads * out_channels
        self.lin_l = linear(in_channels, width, bias)
        self.lin_r = self.lin_l if share_weights else linear(in_channels, width, bias)
        self.att = nn.Parameter(torch.empty(1, heads, out_channels))
        self.lin_edge = None if edge_dim is None else nn.Linear(edge_dim, width, bias=False)
        self.bias = nn.Parameter(torch.empty(width if concat else out_channels)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialize the weights with Glorot's uniform distribution and the bias with 0."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif name in ("lin_l.weight", "lin_r.weight"):
                drawn_by_rows(parameter, nn.init.xavier_uniform_)
            else:
                nn.init.xavier_uniform_(parameter)

    def forward(
        self, x: Tensor, domain: Graph | Tensor, edge_attr: Tensor | None = None
    ) -> Tensor:
        """Y = Σₕ Sₕ(X) (X Wₕ + cₕ) + b.

        Args:
            x: X. Shape (N, in_channels).
            domain: a graph, or torch-geometric's edge_index.
            edge_attr: attributes of the edges, only with an edge_index. Shape (E, edge_dim).
        """
        if edge_attr is not None and self.lin_edge is None:
            condition = f"be left out for a {type(self).__name__} without edge_dim"
            got, advice = f"shape {tuple(edge_attr.shape)}", "Make the layer with edge_dim."
            raise invalid("edge_attr", condition, got, advice)
        return super().forward(x, as_graph(domain, x, edge_attr=edge_attr))

    def combine(self, x: Tensor, graph: Graph) -> Tensor:
        """The attention of each head times its features."""
        attention, features = self._attend(x, graph)
        received = [S.times(features[:, h]) for h, S in enumerate(attention)]
        return torch.cat(received, 1) if self.concat else torch.stack(received).mean(0)

    def operators(self, domain: Domain, x: Tensor | None = None) -> list[Sparse]:
        """The attention of each head for the signal `x`.

        Raises:
            ValueError: if `x` is not given.
        """
        if x is None:
            advice = "Attention depends on the signal."
            raise invalid("x", "be given to GATv2Conv.operators", None, advice)
        return self._attend(x, self.out_domain(domain))[0]

    def matrices(self) -> list[Tensor]:
        """The Wₕ, each in the columns of its head."""
        return self._by_head(weight_of(self.lin_l).t())

    def reference(self, x: Tensor, domain: Domain) -> Tensor:
        """The formula term by term, with the cₕ, which attention also propagates."""
        y = super().reference(x, domain)
        bias = bias_of(self.lin_l)
        if bias is None:
            return y
        constants = self._by_head(bias.to(x.dtype).unsqueeze(0))  # (1, C_out)
        ones = torch.ones(domain.num_sites, 1, dtype=x.dtype, device=x.device)
        terms = zip(self.operators(domain, x), constants, strict=True)
        return y + torch.stack([(S @ ones) * c for S, c in terms]).sum(0)

    def _by_head(self, matrix: Tensor) -> list[Tensor]:
        """The columns of each head, in their place among the outputs: (*, H C) -> H (*, C_out)."""
        blocks = matrix.split(self.out_channels, 1)
        if not self.concat:
            return [block / self.heads for block in blocks]
        width, last = self.out_channels, self.heads - 1
        return [F.pad(b, (h * width, (last - h) * width)) for h, b in enumerate(blocks)]

    def _attend(self, x: Tensor, graph: Graph) -> tuple[list[Sparse], Tensor]:
        """The operators Sₕ, and the features X Wₕ + cₕ that they multiply. Shape (N, H, C)."""
        edges = attention_edges(graph, self.add_self_loops)
        sent = self._project(x, self.lin_l)
        asked = sent if self.share_weights else self._project(x, self.lin_r)
        row, col = edges.pattern.row.long(), edges.pattern.col.long()
        together = asked[row] + sent[col]  # (E, H, C)
        if self.lin_edge is not None:
            features = self._edge_features(graph, edges, x.dtype)
            together = together + features.view_as(together)
        score = (F.leaky_relu(together, self.negative_slope) * self.att).sum(-1)
        if edges.left_out is not None:
            score = score.masked_fill(edges.left_out.unsqueeze(1), -torch.inf)
        weight = segment_softmax(score, edges.pattern)  # (E, H)
        weight = F.dropout(weight, self.dropout, self.training)
        return [Sparse(edges.pattern, w) for w in weight.unbind(1)], sent

    def _project(self, x: Tensor, lin: nn.Linear) -> Tensor:
        weight, bias = (
            None if p is None else p.to(x.dtype) for p in (weight_of(lin), bias_of(lin))
        )
        assert weight is not None
        if is_sparse(x):
            y = signal_operator(x).times(weight.t())
            y = y if bias is None else y + bias
        else:
            y = F.linear(x, weight, bias)
        return y.view(-1, self.heads, self.out_channels)

    def _edge_features(self, graph: Graph, edges: AttentionEdges, dtype: torch.dtype) -> Tensor:
        assert self.lin_edge is not None
        if graph.edge_attr is None or graph.edge_attr.shape[1] != self.edge_dim:
            got = None if graph.edge_attr is None else tuple(graph.edge_attr.shape)
            condition = f"have an edge_attr of {self.edge_dim} columns"
            advice = "Make the Graph with edge_attr, or the layer without edge_dim."
            raise invalid("domain", condition, got, advice)
        attributes = edges.attributes(graph.edge_attr.to(dtype))
        return F.linear(attributes, weight_of(self.lin_edge).to(dtype))
