"""The sparsity pattern of attention: the edges of a graph, optionally with self loops."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gnnvision.domains import Graph
from gnnvision.domains.device import count, sum_at
from gnnvision.operators.pattern import Pattern

__all__ = ["AttentionEdges", "attention_edges", "bipartite"]


@dataclass(frozen=True)
class AttentionEdges:
    """The nonzero entries of an attention matrix, and the edges that they belong to.

    Args:
        pattern: E' entries, sorted by target.
        order: the edge of each entry, among the kept edges followed by loops. Shape (E',).
        kept: the edges of the graph that are kept.
        target: the target nodes of the kept edges.
        loops: the nodes with an added self loop.
        left_out: a mask of self loops of the graph that are masked out under the compiler; else
            None. Shape (E',).
    """

    pattern: Pattern
    order: Tensor
    kept: Tensor
    target: Tensor
    loops: slice
    left_out: Tensor | None = None

    def attributes(self, edge_attr: Tensor, fill_value: float | None = None) -> Tensor:
        """The attributes of each entry.

        Args:
            edge_attr: those of the edges of the graph. Shape (E, D).
            fill_value: of the added self loops; if None, the mean over the incoming edges.
        """
        kept = edge_attr[self.kept]
        num_sites = self.pattern.shape[0]
        if self.loops.start == self.loops.stop:
            return kept[self.order]
        if fill_value is not None:
            filled = kept.new_full((num_sites, kept.shape[1]), fill_value)
        elif self.left_out is None:
            arrivals = count(self.target, num_sites).clamp(min=1)
            filled = sum_at(self.target, kept, num_sites) / arrivals.unsqueeze(1)
        else:
            counted = (~self.left_out[: kept.shape[0]]).to(kept.dtype)
            arrivals = sum_at(self.target, counted, num_sites).clamp(min=1)
            arriving = sum_at(self.target, kept * counted.unsqueeze(1), num_sites)
            filled = arriving / arrivals.unsqueeze(1)
        return torch.cat([kept, filled[self.loops].to(kept.dtype)])[self.order]


def bipartite(graph: Graph, num_sources: int) -> Graph:
    """The same graph, in which the first nodes only send and the others only receive.

    An added self loop of attention connects the i-th source to the i-th target.
    """
    object.__setattr__(graph, "num_sources", num_sources)
    return graph


def attention_edges(graph: Graph, add_self_loops: bool) -> AttentionEdges:
    """The attention edges of a graph; added self loops replace those of the graph."""

    def build() -> AttentionEdges:
        source, target = graph.edge_index
        sources = graph.num_sources
        first = sources or 0  # the target of the first loop
        number = graph.num_nodes if sources is None else min(sources, graph.num_nodes - sources)
        loops = torch.arange(number if add_self_loops else 0, device=graph.device)
        is_loop = source == target - first
        every = torch.arange(graph.num_edges, device=graph.device)
        shape, place = (graph.num_nodes, graph.num_nodes), slice(first, first + loops.numel())
        if torch.compiler.is_compiling():  # which must not ask how many are kept
            ends = torch.cat([target, loops + first]), torch.cat([source, loops])
            pattern, order = Pattern.from_places(*ends, shape)
            added = torch.zeros_like(loops, dtype=torch.bool)
            left_out = torch.cat([is_loop, added]) if add_self_loops else None
            return AttentionEdges(pattern, order, every, target, place, left_out)
        kept = every[~is_loop] if add_self_loops else every
        pattern, order = Pattern.from_places(
            torch.cat([target[kept], loops + first]), torch.cat([source[kept], loops]), shape
        )
        return AttentionEdges(pattern, order, kept, target[kept], place)

    return graph.derived(("attention", add_self_loops), build)
