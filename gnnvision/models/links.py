"""Networks that predict which nodes of a graph are linked."""

from __future__ import annotations

from torch import nn

from gnnvision.layers import Dropout, GCNConv, PairReadout, Sequential
from gnnvision.models.registry import register

__all__ = ["gae"]


@register
def gae(
    in_channels: int,
    hidden_channels: int = 32,
    latent_channels: int = 16,
    *,
    dropout: float = 0.0,
) -> Sequential:
    """The graph autoencoder of Kipf and Welling: Z = Â ReLU(Â X W₁) W₂, and zᵢ · zⱼ for a pair.

    Args:
        in_channels: features of a node.
        hidden_channels: width of the hidden layer.
        latent_channels: width of the embedding Z of a node.
        dropout: the probability of zeroing a value before each convolution, in training.

    Returns:
        A network from (N, in_channels), dense or sparse, to a logit for each of the P pairs of
        the graph, (P, 1); see `PairReadout`.

    References:
        Kipf, Welling, "Variational Graph Auto-Encoders", 2016,
        https://arxiv.org/abs/1611.07308, section 2. Differs from the paper: pairs without a link
        are sampled in every epoch, as many as there are links, in place of all of them.

    Example:
        >>> import torch
        >>> from gnnvision.domains import Graph
        >>> graph = Graph.from_edges([(0, 1)], num_nodes=3, undirected=True)
        >>> pairs = torch.tensor([[0, 0], [1, 2]])
        >>> gae(4)(torch.ones(3, 4), graph.with_pairs(pairs)).shape
        torch.Size([2, 1])
    """
    return Sequential(
        Dropout(dropout), GCNConv(in_channels, hidden_channels, bias=False), nn.ReLU(),
        Dropout(dropout), GCNConv(hidden_channels, latent_channels, bias=False),
        PairReadout("dot"),
    )  # fmt: skip
