"""Readout: one vector for a whole picture or graph."""

from __future__ import annotations

from typing import get_args

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.layers.interface import OnDomain
from gnnvision.operators.segments import Reduction, segment_reduce

__all__ = ["Readout"]


class Readout(nn.Module, OnDomain):
    """The mean, sum or maximum over all sites.

    On a grid this is global pooling, (B, C, H, W) -> (B, C); on a graph one row for each member
    of the batch, (N, C) -> (num_graphs, C), zeros for a member without nodes.

    Args:
        reduce: "mean", "sum" or "max".

    Raises:
        ValueError: if `reduce` is none of the three.

    Example:
        >>> graph = Graph.from_edges([(0, 1)], num_nodes=2)
        >>> Readout("mean")(torch.tensor([[1.0], [3.0]]), graph)
        tensor([[2.]])
        >>> Readout("mean")(torch.ones(8, 3, 32, 32)).shape
        torch.Size([8, 3])
    """

    def __init__(self, reduce: Reduction = "mean") -> None:
        super().__init__()
        if reduce not in get_args(Reduction):
            raise ValueError(
                f"'reduce' must be 'mean', 'sum' or 'max', got {reduce!r}. Choose one of them."
            )
        self.reduce: Reduction = reduce

    def forward(self, x: Tensor, domain: Domain | None = None) -> Tensor:
        """One vector for each picture or graph.

        Args:
            x: (B, C, *size) on a grid, (N, C) on a graph.
            domain: the graph; a grid may be left out.

        Raises:
            ValueError: if `x` does not fit the domain, or is (N, C) without a graph.
        """
        if isinstance(domain, Graph):
            if x.ndim != 2 or x.shape[0] != domain.num_nodes:
                raise ValueError(
                    f"'x' must have shape (N={domain.num_nodes}, C), got {tuple(x.shape)}. "
                    "Give one row for each node of the graph."
                )
            return segment_reduce(x, domain.offsets, self.reduce)
        if x.ndim < 3 or (isinstance(domain, Grid) and x.shape[2:] != domain.size):
            raise ValueError(
                f"'x' must have shape (B, C, *size) on {domain or 'a grid'}, got "
                f"{tuple(x.shape)}. Give the graph of node features as 'domain'."
            )
        sites = x.flatten(2)
        match self.reduce:
            case "mean":
                return sites.mean(2)
            case "sum":
                return sites.sum(2)
            case "max":
                return torch.amax(sites, 2)

    def out_domain(self, domain: Domain) -> None:
        """None: the sites are gone."""
        return None

    def extra_repr(self) -> str:
        """What is taken over the sites."""
        return repr(self.reduce)
