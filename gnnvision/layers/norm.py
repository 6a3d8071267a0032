"""Normalization of the features of each graph or image."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Frontier, Graph, Grid
from gnnvision.errors import integer, invalid, wrong_type
from gnnvision.layers.interface import OnDomain
from gnnvision.operators.signals import dense

__all__ = ["GraphNorm"]


class GraphNorm(nn.Module, OnDomain):
    """y = γ (x - α E[x]) / √(E[(x - α E[x])²] + ε) + β, with means over the sites of each sample.

    Each graph of a batch, and each image, is normalized by itself, each channel by itself. How
    much of the mean is subtracted, α, is learned.

    Args:
        in_channels: number of channels.
        eps: ε.
        device: where the parameters are.

    Shapes:
        Input and output (N, in_channels) on a graph; on another domain its own layout, as
        (B, in_channels, H, W) on a grid.

    Raises:
        TypeError: if `in_channels` is not an integer.
        ValueError: if it is not positive.

    References:
        Cai et al., "GraphNorm: A Principled Approach to Accelerating Graph Neural Network
        Training", 2021, https://arxiv.org/abs/2009.03294, equation 6. With α = 1 this is instance
        normalization.

    Example:
        >>> graph = Graph.from_edges([(0, 1)], num_nodes=2)
        >>> GraphNorm(1)(torch.tensor([[1.0], [3.0]]), graph).round(decimals=3)
        tensor([[-1.],
                [ 1.]], grad_fn=<RoundBackward1>)
    """

    def __init__(
        self, in_channels: int, eps: float = 1e-5, device: torch.device | str | None = None
    ) -> None:
        integer("in_channels", in_channels, 1)
        super().__init__()
        self.in_channels = in_channels
        self.eps = eps
        self.weight = nn.Parameter(torch.empty(in_channels, device=device))
        self.bias = nn.Parameter(torch.empty(in_channels, device=device))
        self.mean_scale = nn.Parameter(torch.empty(in_channels, device=device))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialize γ and α with 1 and β with 0."""
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)
        nn.init.ones_(self.mean_scale)

    def forward(
        self,
        x: Tensor,
        domain: Domain | Tensor | None = None,
        batch_size: int | None = None,
        *,
        batch: Tensor | None = None,
    ) -> Tensor:
        """The normalized signal.

        Args:
            x: (N, in_channels) on a graph, (B, in_channels, H, W) on a grid.
            domain: the graph; or, as in torch-geometric, the index of the graph of each node, of
                shape (N,). A single graph or a grid may be omitted.
            batch_size: the number of graphs, only with such an index; by default the largest index
                plus one.
            batch: such an index by name, instead of `domain`.

        Raises:
            TypeError: if `domain` is neither a domain nor such an index.
            ValueError: if a shape is wrong.
        """
        where = batch if domain is None else domain
        sites, index, number = dense(x), None, 1
        if where is None and x.ndim > 2:
            where = Grid(x.shape[2:])
        if isinstance(where, Frontier):
            where.refuse(self)
        if isinstance(where, Domain):
            sites = where.to_sites(sites)
            free = torch.compiler.is_compiling()  # a program takes any number of graphs
            if isinstance(where, Graph) and (free or where.num_graphs != 1):
                index, number = where.graph_index, where.num_graphs
        elif isinstance(where, Tensor):
            if where.shape != x.shape[:1] or where.dtype != torch.int64:
                condition = f"be an int64 index of shape ({x.shape[0]},), one for each node"
                got = f"{where.dtype} of shape {tuple(where.shape)}"
                raise invalid("batch", condition, got, "Pass the graph, or its graph_index.")
            index, number = where, batch_size  # type: ignore[assignment]
            if batch_size is None:
                number = int(where.max()) + 1 if where.shape[0] else 0
        elif where is not None:
            condition = "be a domain, or the index of the graph of each node"
            raise wrong_type("domain", condition, where, "Pass the graph.")
        rows = where.num_sites if isinstance(where, Domain) else x.shape[0]
        if sites.shape[0] != rows or sites.shape[-1] != self.in_channels:
            condition = f"have {rows} sites and in_channels={self.in_channels} channels"
            advice = "Set in_channels to the number of channels."
            raise invalid("x", condition, f"{tuple(sites.shape)}, sites first", advice)
        y = self._normalized(sites, index, number)
        return where.from_sites(y) if isinstance(where, Domain) else y

    def _normalized(self, x: Tensor, index: Tensor | None, number: int) -> Tensor:
        """The signal (N, *, C), normalized over its sites or those of each index."""

        def mean(values: Tensor) -> Tensor:  # (G, *, C)
            if index is None:
                return values.sum(0, keepdim=True) / max(values.shape[0], 1)
            rows = index.unsqueeze(1).expand_as(values)
            return values.new_zeros(number, values.shape[1]).scatter_add(0, rows, values) / sizes

        def at_sites(values: Tensor) -> Tensor:
            return values if index is None else values.index_select(0, index)

        if index is not None:
            ones = torch.ones_like(index, dtype=x.dtype)
            sizes = x.new_zeros(number).scatter_add(0, index, ones).clamp(min=1).unsqueeze(1)
        out = x - at_sites(mean(x) * self.mean_scale)
        scale = self.weight / (mean(out.square()) + self.eps).sqrt()
        return out * at_sites(scale) + self.bias

    def out_domain(self, domain: Domain) -> Domain:
        """The same domain."""
        return domain

    def extra_repr(self) -> str:
        """The number of channels, for `repr`."""
        return f"{self.in_channels}"
