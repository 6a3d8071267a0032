"""Layers one after another, each on the domain that the one before it leaves."""

from __future__ import annotations

from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.layers.graph import as_graph
from gnnvision.layers.interface import OnDomain

__all__ = ["Sequential"]


class Sequential(nn.Sequential, OnDomain):
    """`torch.nn.Sequential` whose layers may read the domain: convolutions, pooling, readout.

    Others (activations, norms, `nn.Linear`) get the signal alone. Pictures need no domain.

    Example:
        >>> import torch
        >>> from gnnvision.domains import Graph
        >>> from gnnvision.layers import GCNConv
        >>> graph = Graph.from_edges([(0, 1)], num_nodes=2, undirected=True)
        >>> Sequential(GCNConv(4, 8), nn.ReLU(), GCNConv(8, 3))(torch.ones(2, 4), graph).shape
        torch.Size([2, 3])
    """

    def forward(self, x: Tensor, domain: Domain | Tensor | None = None) -> Tensor:
        """The signal after all layers.

        Args:
            x: (B, C, H, W) on a grid, (N, C) on a graph.
            domain: a grid or graph, or torch-geometric's edge_index; a grid may be left out.

        Raises:
            TypeError: if a layer needs a graph and there is none.
        """
        here = as_graph(domain, x) if isinstance(domain, Tensor) else domain
        for layer in self:
            if isinstance(layer, OnDomain):
                x = layer(x, here)
                here = None if here is None else layer.out_domain(here)
            else:
                x = layer(x)
        return x

    def out_domain(self, domain: Domain) -> Domain | None:
        """The domain after all layers."""
        here: Domain | None = domain
        for layer in self:
            if isinstance(layer, OnDomain) and here is not None:
                here = layer.out_domain(here)
        return here
