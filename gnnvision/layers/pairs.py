"""Pairs: one score for each pair of nodes, for link prediction."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph
from gnnvision.errors import integer, invalid, one_of
from gnnvision.layers.calls import as_graph
from gnnvision.layers.interface import OnDomain, require
from gnnvision.operators.signals import dense

__all__ = ["PairReadout"]

Score = Literal["dot", "bilinear", "mlp"]


class PairReadout(nn.Module, OnDomain):
    """The score sᵢⱼ of each pair of nodes (i, j), a logit: how likely they are linked.

    * "dot": sᵢⱼ = zᵢ · zⱼ, without weights.
    * "bilinear": sᵢⱼ = zᵢᵀ W zⱼ, which can differ from sⱼᵢ, for directed graphs.
    * "mlp": sᵢⱼ = w · ReLU(W (zᵢ ∘ zⱼ) + b) + c.

    The pairs are `graph.pairs` (see `Graph.with_pairs`); those of a graph without pairs are its
    edges.

    Args:
        score: "dot", "bilinear" or "mlp".
        channels: C, the columns of z; only for the scores with weights.

    Shapes:
        Input (N, C), output (P, 1) for P pairs.

    Raises:
        ValueError: if `score` is unknown, or `channels` is missing or needless.

    References:
        Kipf, Welling, "Variational Graph Auto-Encoders", 2016,
        https://arxiv.org/abs/1611.07308, equation 2 (the dot product).

    Example:
        >>> graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3)
        >>> z = torch.tensor([[1.0, 0.0], [2.0, 1.0], [0.0, 3.0]])
        >>> PairReadout("dot")(z, graph.with_pairs(torch.tensor([[0, 0], [1, 2]])))
        tensor([[2.],
                [0.]])
    """

    def __init__(self, score: Score = "dot", channels: int | None = None) -> None:
        super().__init__()
        one_of("score", score, get_args(Score))
        if channels is None and score != "dot":
            advice = "Give the number of columns of the node embeddings."
            raise invalid("channels", f"be given for {score!r}", channels, advice)
        if channels is not None and score == "dot":
            raise invalid("channels", "be left out for 'dot'", channels, "It has no weights.")
        self.score: Score = score
        self.channels = channels
        self.weight: nn.Parameter | None = None
        self.mlp: nn.Sequential | None = None
        if channels is not None:
            integer("channels", channels, 1)
            if score == "bilinear":
                self.weight = nn.Parameter(torch.empty(channels, channels))
            else:
                self.mlp = nn.Sequential(
                    nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, 1)
                )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialize W: uniformly after Glorot, or as `nn.Linear` does."""
        if self.weight is not None:
            nn.init.xavier_uniform_(self.weight)
        for module in () if self.mlp is None else self.mlp:
            if isinstance(module, nn.Linear):
                module.reset_parameters()

    def forward(self, x: Tensor, domain: Graph | Tensor) -> Tensor:
        """The score of each pair.

        Args:
            x: the embedding of each node. Shape (N, C).
            domain: the graph with its pairs; or an edge_index, whose edges are the pairs.

        Raises:
            ValueError: if the shape of `x` does not fit.
        """
        graph = as_graph(domain, x)
        z, width = dense(x), self.channels
        if z.ndim != 2 or z.shape[0] != graph.num_nodes or z.shape[1] != (width or z.shape[1]):
            condition = (
                f"have shape (N={graph.num_nodes}, {f'channels={width}' if width else 'C'})"
            )
            advice = "Give the embedding of each node."
            raise invalid("x", condition, tuple(z.shape), advice)
        first, second = graph.edge_index if graph.pairs is None else graph.pairs
        left, right = z.index_select(0, first), z.index_select(0, second)  # (P, C)
        if self.mlp is not None:
            scores: Tensor = self.mlp(left * right)
            return scores
        if self.weight is not None:
            left = left @ self.weight.to(left.dtype)
        return (left * right).sum(1, keepdim=True)

    def out_domain(self, domain: Domain) -> None:
        """None, because pairs are not sites.

        Raises:
            TypeError: if the domain is not a graph.
        """
        require(domain, Graph, self)

    def extra_repr(self) -> str:
        """The score and the channels, for `repr`."""
        return repr(self.score) + ("" if self.channels is None else f", {self.channels}")
