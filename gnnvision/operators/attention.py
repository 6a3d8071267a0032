"""The sparsity pattern of attention: the edges of a graph, optionally with self loops."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gnnvision.domains import Graph
from gnnvision.domains.device import count
from gnnvision.operators.product import Pattern

__all__ = ["AttentionEdges", "attention_edges"]


@dataclass(frozen=True)
class AttentionEdges:
    """The nonzero entries of an attention matrix, and the edges that they belong to.

    Args:
        pattern: E' entries, sorted by target.
        order: the edge of each entry, among the kept edges followed by loops. Shape (E',).
        kept: the edges of the graph that are kept.
        target: the target nodes of the kept edges.
        num_loops: the number of added self loops.
        left_out: a mask of self loops of the graph that are masked out under the compiler; else
            None. Shape (E',).
    """

    pattern: Pattern
    order: Tensor
    kept: Tensor
    target: Tensor
    num_loops: int
    left_out: Tensor | None = None

    def attributes(self, edge_attr: Tensor) -> Tensor:
        """The attributes of each entry; those of a loop are the mean over the incoming edges."""
        kept = edge_attr[self.kept]
        total = kept.new_zeros(self.num_loops, kept.shape[1])
        if self.num_loops and self.left_out is None:
            arrivals = count(self.target, self.num_loops).clamp(min=1)
            total = total.index_add(0, self.target, kept) / arrivals.unsqueeze(1)
        elif self.left_out is not None:
            counted = (~self.left_out[: len(kept)]).to(kept.dtype)
            arrivals = kept.new_zeros(self.num_loops).index_add(0, self.target, counted)
            arriving = total.index_add(0, self.target, kept * counted.unsqueeze(1))
            total = arriving / arrivals.clamp(min=1).unsqueeze(1)
        return torch.cat([kept, total.to(kept.dtype)])[self.order]


def attention_edges(graph: Graph, add_self_loops: bool) -> AttentionEdges:
    """The attention edges of a graph; added self loops replace those of the graph."""

    def build() -> AttentionEdges:
        source, target = graph.edge_index
        loops = torch.arange(graph.num_nodes if add_self_loops else 0, device=graph.device)
        every = torch.arange(graph.num_edges, device=graph.device)
        shape = (graph.num_nodes, graph.num_nodes)
        if torch.compiler.is_compiling():  # which must not ask how many are kept
            ends = torch.cat([target, loops]), torch.cat([source, loops])
            pattern, order = Pattern.from_places(*ends, shape)
            added = torch.zeros_like(loops, dtype=torch.bool)
            left_out = torch.cat([source == target, added]) if add_self_loops else None
            return AttentionEdges(pattern, order, every, target, loops.numel(), left_out)
        kept = every[source != target] if add_self_loops else every
        pattern, order = Pattern.from_places(
            torch.cat([target[kept], loops]), torch.cat([source[kept], loops]), shape
        )
        return AttentionEdges(pattern, order, kept, target[kept], loops.numel())

    return graph.derived(("attention", add_self_loops), build)
