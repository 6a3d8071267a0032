"""How many edges far a number on a graph depends on the signal."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan

from gnnvision.layers import GraphPool

__all__ = ["Hops"]


@dataclass(frozen=True)
class Hops:
    """What the numbers of one tensor see of a graph, at most.

    Args:
        reach: the edges between a node and the farthest that it sees; between any node of a
            cluster and those, after pooling. `inf` is the whole graph, `nan` not known.
        across: the edges from one end of a cluster to the other; 0 for a node.
    """

    reach: float = 0.0
    across: float = 0.0

    def received(self) -> Hops:
        """After one product with an operator: once through the cluster and one edge further."""
        return Hops(self.reach + self.across + 1, self.across)

    def pooled(self, layer: GraphPool) -> Hops:
        """After clusters were joined, each to at most `kernel_size` in a chain."""
        if layer.cluster is not None:
            return Hops(nan, nan)
        further = (layer.kernel_size - 1) * (self.across + 1)
        return Hops(self.reach + further, self.across + further)

    def everything(self) -> Hops:
        """After a readout."""
        return Hops(inf, self.across)
