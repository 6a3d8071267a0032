"""A structure-agnostic baseline for graphs: how well the node features do without the edges."""

from __future__ import annotations

from torch import nn

from gnnvision.layers import Dropout, Readout, Rescale, Sequential
from gnnvision.models.registry import register

__all__ = ["graph_baseline"]


@register
def graph_baseline(
    in_channels: int,
    num_outputs: int,
    hidden_channels: int = 128,
    *,
    dropout: float = 0.0,
) -> Sequential:
    """The structure-agnostic baseline: W₂ ReLU(W₁ Σ x + b₁) + b₂, with the sum over all nodes.

    With one-hot node labels the sum counts the nodes of each label. The edges are not used: a
    graph network that is not better than this one does not benefit from them.

    Args:
        in_channels: features of a node.
        num_outputs: targets or classes.
        hidden_channels: width of the hidden layer.
        dropout: the probability of zeroing a hidden unit, in training.

    Returns:
        A network from (N, in_channels) and a batch of G graphs to (G, num_outputs).

    References:
        Errica, Podda, Bacciu, Micheli, "A Fair Comparison of Graph Neural Networks for Graph
        Classification", 2020, https://arxiv.org/abs/1912.09893, section 4, the baseline of its
        chemical datasets; there after Ralaivola et al., 2005.

    Example:
        >>> import torch
        >>> from gnnvision.domains import Graph
        >>> graph = Graph.from_edges([(0, 1)], num_nodes=2, undirected=True)
        >>> graph_baseline(4, 2)(torch.ones(2, 4), graph).shape
        torch.Size([1, 2])
    """
    return Sequential(
        Readout("sum"),
        nn.Linear(in_channels, hidden_channels),
        nn.ReLU(),
        Dropout(dropout),
        nn.Linear(hidden_channels, num_outputs),
        Rescale(num_outputs),
    )
