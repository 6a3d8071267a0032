"""Readout: one vector for each image or graph."""

from __future__ import annotations

from typing import get_args

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Frontier
from gnnvision.domains.modes import is_symbol
from gnnvision.errors import invalid, one_of
from gnnvision.layers.interface import OnDomain
from gnnvision.operators.segments import Reduction, segment_reduce

__all__ = ["Readout"]


class Readout(nn.Module, OnDomain):
    """The mean, sum or maximum over all sites.

    On a grid this is global pooling, (B, C, H, W) -> (B, C); on a graph it gives one row for each
    graph of the batch, (N, C) -> (num_graphs, C), with zeros for a graph without nodes.

    Where several sites have the maximum, they share its gradient; under torch.compile one of them
    gets all of it: there the gradient of torch's `amax` is NaN in bfloat16 on the CPU, as the
    compiled code divides by the number of sites that equal a maximum of other rounding: none.

    Args:
        reduce: "mean", "sum" or "max".

    Raises:
        ValueError: if `reduce` is unknown.

    Example:
        >>> import torch
        >>> from gnnvision.domains import Graph
        >>> graph = Graph.from_edges([(0, 1)], num_nodes=2)
        >>> Readout("mean")(torch.tensor([[1.0], [3.0]]), graph)
        tensor([[2.]])
        >>> Readout("mean")(torch.ones(8, 3, 32, 32)).shape
        torch.Size([8, 3])
    """

    def __init__(self, reduce: Reduction = "mean") -> None:
        super().__init__()
        one_of("reduce", reduce, get_args(Reduction))
        self.reduce: Reduction = reduce

    def forward(self, x: Tensor, domain: Domain | None = None) -> Tensor:
        """One vector for each image or graph.

        Args:
            x: (B, C, *shape) on a grid, (N, C) on a graph.
            domain: the graph; a grid may be omitted.

        Raises:
            TypeError: if the domain has some nodes of a graph only.
            ValueError: if `x` does not match the domain, or is (N, C) without a graph.
        """
        if isinstance(domain, Frontier):
            domain.refuse(self)
        if is_symbol(x):
            domain = None
        elif x.ndim < 3 if domain is None else domain.domain_of(x) is not domain:
            condition = "have shape (B, C, *shape) on a grid"
            if domain is not None:
                condition = f"have the shape of a signal on {domain}"
            advice = "Give one row for each node, and pass the graph as 'domain'."
            raise invalid("x", condition, tuple(x.shape), advice)
        if domain is not None and domain.offsets is not None:
            return segment_reduce(x, domain.offsets, self.reduce)
        sites = x.flatten(2) if domain is None else domain.to_sites(x).movedim(0, -1)  # (B, C, N)
        if self.reduce != "max":
            reduced: Tensor = getattr(sites, self.reduce)(-1)
            return reduced
        compiled = torch.compiler.is_dynamo_compiling() and not torch.compiler.is_exporting()
        return sites.max(-1).values if compiled else sites.amax(-1)

    def out_domain(self, domain: Domain) -> None:
        """None, because the output has no sites."""
        return None

    def extra_repr(self) -> str:
        """The reduction, for `repr`."""
        return repr(self.reduce)
