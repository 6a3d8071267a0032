"""Networks for the nodes of one graph: of graph convolutions, with a nonlinearity between."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from gnnvision.domains import Domain, Graph
from gnnvision.errors import one_of
from gnnvision.layers import Dropout, GCNConv, OnDomain, Rescale, SAGEConv, Sequential
from gnnvision.layers.linear import linear
from gnnvision.models.registry import register

__all__ = ["Block", "classic_gcn", "gcn", "graphsage"]


@register
def gcn(
    in_channels: int,
    hidden_channels: int,
    num_classes: int,
    *,
    num_layers: int = 2,
    dropout: float = 0.5,
) -> Sequential:
    """The GCN of Kipf and Welling: Â ReLU(Â X W₁ + b₁) W₂ + b₂, with dropout before each layer.

    Args:
        in_channels: features of a node.
        hidden_channels: width of the hidden layers.
        num_classes: classes; the outputs are logits.
        num_layers: number of graph convolutions.
        dropout: the probability of zeroing a value, in training.

    Returns:
        A network from (N, in_channels), dense or sparse, to (N, num_classes).

    References:
        Kipf, Welling, "Semi-Supervised Classification with Graph Convolutional Networks",
        2017, https://arxiv.org/abs/1609.02907, equation 9.

    Example:
        >>> import torch
        >>> graph = Graph.from_edges([(0, 1)], num_nodes=2, undirected=True)
        >>> gcn(4, 16, 7)(torch.ones(2, 4), graph).shape
        torch.Size([2, 7])
    """
    widths = [in_channels, *[hidden_channels] * (num_layers - 1), num_classes]
    layers: list[nn.Module] = []
    for narrow, wide in pairwise(widths):
        layers += [Dropout(dropout), GCNConv(narrow, wide), nn.ReLU()]
    return Sequential(*layers[:-1])


@register
def graphsage(
    in_channels: int,
    hidden_channels: int,
    num_classes: int,
    *,
    num_layers: int = 2,
    dropout: float = 0.5,
) -> Sequential:
    """GraphSAGE with the mean of the neighbors: ReLU and dropout after each layer but the last.

    A layer also reads the node itself, which makes it the usual choice where neighbors are
    sampled.

    Args:
        in_channels: features of a node.
        hidden_channels: width of the hidden layers.
        num_classes: classes; the outputs are logits.
        num_layers: number of graph convolutions.
        dropout: the probability of zeroing a value, in training.

    Returns:
        A network from (N, in_channels), dense or sparse, to (N, num_classes).

    References:
        Hamilton, Ying, Leskovec, "Inductive Representation Learning on Large Graphs", 2017,
        https://arxiv.org/abs/1706.02216.

    Example:
        >>> import torch
        >>> graph = Graph.from_edges([(0, 1)], num_nodes=2, undirected=True)
        >>> graphsage(4, 16, 7)(torch.ones(2, 4), graph).shape
        torch.Size([2, 7])
    """
    widths = [in_channels, *[hidden_channels] * (num_layers - 1), num_classes]
    layers: list[nn.Module] = []
    for narrow, wide in pairwise(widths):
        layers += [SAGEConv(narrow, wide), nn.ReLU(), Dropout(dropout)]
    return Sequential(*layers[:-2])


@register
def classic_gcn(
    in_channels: int,
    hidden_channels: int,
    num_classes: int,
    *,
    num_layers: int = 3,
    dropout: float = 0.7,
    norm: Literal["batch", "layer"] | None = None,
    residual: bool = False,
    rescale: bool = False,
) -> Sequential:
    """The tuned GCN (2024): wider and deeper, with a linear head.

    Args:
        in_channels: features of a node.
        hidden_channels: width of every layer.
        num_classes: classes; the outputs are logits.
        num_layers: number of graph convolutions, each in a `Block`.
        dropout: the probability of zeroing a value, in training; also of the input.
        norm: the normalization after each convolution: None, "batch" or "layer".
        residual: whether each block adds a linear projection of its input.
        rescale: for a regression: whether the outputs have the units of the targets.

    Returns:
        A network from (N, in_channels), dense or sparse, to (N, num_classes).

    References:
        Luo, Shi, Wu, "Classic GNNs are Strong Baselines", 2024,
        https://arxiv.org/abs/2406.08993, section 2. Differs from it: the input has dropout too.

    Example:
        >>> import torch
        >>> graph = Graph.from_edges([(0, 1)], num_nodes=2, undirected=True)
        >>> classic_gcn(4, 32, 7, norm="batch")(torch.ones(2, 4), graph).shape
        torch.Size([2, 7])
    """
    widths = [in_channels, *[hidden_channels] * num_layers]
    blocks = [
        Block(GCNConv(narrow, wide), norm=norm, dropout=dropout, residual=residual)
        for narrow, wide in pairwise(widths)
    ]
    head = [nn.Linear(hidden_channels, num_classes), *[Rescale(num_classes)] * rescale]
    return Sequential(Dropout(dropout), *blocks, *head)


class Block(nn.Module, OnDomain):
    """Dropout(ReLU(norm(conv(x) + x W))), with an optional norm and residual projection x W.

    Args:
        conv: a graph convolution.
        norm: None, "batch" or "layer".
        dropout: the probability of zeroing a value, in training.
        residual: whether to add x W.

    Raises:
        ValueError: if `norm` is not one of these.
    """

    def __init__(
        self,
        conv: GCNConv,
        *,
        norm: Literal["batch", "layer"] | None = None,
        dropout: float = 0.5,
        residual: bool = False,
    ) -> None:
        super().__init__()
        one_of("norm", norm, (None, "batch", "layer"))
        norms = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
        self.conv = conv
        self.skip = linear(conv.in_channels, conv.out_channels) if residual else None
        self.norm = nn.Identity() if norm is None else norms[norm](conv.out_channels)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, domain: Graph | Tensor) -> Tensor:
        """(N, in_channels) -> (N, out_channels)."""
        y = self.conv(x, domain)
        if self.skip is not None:
            y = y + self.skip(x)
        out: Tensor = self.dropout(self.norm(y).relu())
        return out

    def out_domain(self, domain: Domain) -> Domain:
        """The same graph."""
        return self.conv.out_domain(domain)
