"""Who attends to whom: the edges of a graph, with one loop at each node if asked for."""

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
    """The places of an attention matrix and how the graph's edges are laid out on them.

    Args:
        pattern: E' places, sorted by target.
        order: which of (kept edges, then loops) stands at each place. Shape (E',).
        kept: the edges of the graph that are kept.
        target: where those arrive.
        num_loops: how many loops were added.
        left_out: the places of the graph's own loops where those stay but count for nothing, as
            the compiler has it; else None. Shape (E',).
    """

    pattern: Pattern
    order: Tensor
    kept: Tensor
    target: Tensor
    num_loops: int
    left_out: Tensor | None = None

    def attributes(self, edge_attr: Tensor) -> Tensor:
        """The attributes at each place; a loop has the mean of those that arrive at its node."""
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
    """The edges of `graph`; its own loops make way for one at each node if those are asked for."""

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
