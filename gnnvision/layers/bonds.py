"""Convolutions between the nodes and the edges of a graph, with rectangular operators.

A state of each edge starts at a node (`ToEdges`), passes along the edges by a convolution on
`graph.line_graph`, and ends at a node (`ToNodes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from gnnvision.domains import Domain, Graph
from gnnvision.layers.graph import Propagation
from gnnvision.operators import Operator, arriving, leaving

__all__ = ["EdgesOf", "ToEdges", "ToNodes"]


@dataclass(frozen=True, eq=False)
class EdgesOf(Domain):
    """The edges of a graph as the sites of a signal.

    Args:
        graph: with E edges, in the order of its `edge_index`.

    Shapes:
        Signals: (E, C).
    """

    graph: Graph

    @property
    def num_sites(self) -> int:
        """E."""
        return self.graph.num_edges

    def to(self, device: torch.device | str) -> Self:
        """The edges of the graph on `device`."""
        return type(self)(self.graph.to(device))

    def to_sites(self, x: Tensor) -> Tensor:
        """The signal itself."""
        return x

    def from_sites(self, y: Tensor) -> Tensor:
        """The signal itself."""
        return y


class _Move(Propagation):
    """A step inside a network, whose input has been checked."""

    def check(self, x: Tensor, domain: Domain, transformed: bool) -> None:
        """Nothing: the operator checks the number of sites."""


class ToEdges(_Move):
    """Y = Lᵀ X, where each edge receives the value of its source.

    Shapes:
        Input (N, C), output (E, C) on the line graph.

    Example:
        >>> graph = Graph.from_edges([(0, 1), (2, 1)], num_nodes=3)
        >>> ToEdges()(torch.tensor([[1.0], [2.0], [3.0]]), graph).tolist()
        [[1.0], [3.0]]
    """

    kind: ClassVar[type[Domain]] = Graph

    def __init__(self) -> None:
        super().__init__(_to_edges, out_domain=_line_graph)


class ToNodes(_Move):
    """Y = S X, where each node receives the sum over its incoming edges.

    Shapes:
        Input (E, C) on `EdgesOf(graph)`, output (N, C) on the graph.

    Example:
        >>> graph = Graph.from_edges([(0, 1), (2, 1)], num_nodes=3)
        >>> ToNodes()(torch.tensor([[1.0], [3.0]]), EdgesOf(graph)).tolist()
        [[0.0], [4.0], [0.0]]
    """

    kind: ClassVar[type[Domain]] = EdgesOf

    def __init__(self) -> None:
        super().__init__(_to_nodes, out_domain=_nodes)


def _to_edges(graph: Graph, dtype: torch.dtype) -> Sequence[Operator]:
    return [leaving(graph, dtype).T]


def _to_nodes(edges: EdgesOf, dtype: torch.dtype) -> Sequence[Operator]:
    return [arriving(edges.graph, dtype)]


def _line_graph(graph: Domain) -> Domain:
    assert isinstance(graph, Graph)
    return graph.line_graph


def _nodes(edges: Domain) -> Domain:
    assert isinstance(edges, EdgesOf)
    return edges.graph
