"""The edges of a frontier as a graph, for layers that look at edges one by one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gnnvision.domains.batches import OF_EDGES
from gnnvision.domains.device import send
from gnnvision.domains.frontier import Frontier, entering
from gnnvision.domains.graph import Graph

__all__ = ["step_graph"]


def step_graph(frontier: Frontier) -> Graph:
    """The graph of the nodes with the edges that lead to the next frontier.

    For layers whose output depends on the incoming edges of a node alone.

    Raises:
        TooFewHops: if there is no further frontier.
    """
    inner = frontier.inward()

    def build() -> Graph:
        whole = frontier.whole
        if frontier.steps is None:
            edges, sizes = entering(whole, inner.nodes)
            sources = frontier.place[whole.edge_index[0, edges]]
        else:
            rowptr, sources, edges, _ = frontier.steps[-1]
            sizes = rowptr.diff()
        targets = torch.arange(sizes.numel(), device=frontier.device)
        targets = targets.repeat_interleave(sizes, output_size=edges.numel())
        columns = {name: _taken(getattr(whole, name), edges, frontier.device) for name in OF_EDGES}
        has_types = columns["edge_type"] is not None
        changes: dict[str, Any] = {
            "edge_index": torch.stack([sources, targets]),
            "num_nodes": frontier.num_nodes,
            "offsets": frontier.offsets,
            "graph_attr": None,
            "node_names": None,
            "num_relations": whole.num_relations if has_types else None,
            **columns,
        }
        if isinstance(whole, Graph):
            return whole._unchecked(**changes)
        return Graph(changes["edge_index"][:, :0], 0)._unchecked(**changes)

    return frontier.derived("step", build)


def _taken(column: Tensor | None, edges: Tensor, device: torch.device) -> Tensor | None:
    return None if column is None else send(column[edges.to(column.device)], device)
