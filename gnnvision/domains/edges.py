"""Functions of the edges of a graph: which are induced, lead on, or have their reverse."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from gnnvision.domains.batches import ranges
from gnnvision.domains.device import count

__all__ = ["induced", "is_symmetric", "line_edges"]


def line_edges(edge_index: Tensor, num_nodes: int) -> Tensor:
    """Pairs of edges: each with those that leave its target, except its reverse. Shape (2, L)."""
    source, target = edge_index
    leaving = source.argsort(stable=True)  # the edges by where they start
    counts = count(source, num_nodes)
    starts, onward = counts.cumsum(0) - counts, counts[target]
    total = int(onward.sum())
    edges = torch.arange(source.numel(), device=source.device)
    before = edges.repeat_interleave(onward, output_size=total)
    after = leaving[ranges(starts[target], onward, total)]
    forward = (target[after] != source[before]).nonzero().squeeze(1)
    return torch.stack([before[forward], after[forward]])


def induced(edge_index: Tensor, num_nodes: int, nodes: Tensor) -> tuple[Tensor, Tensor]:
    """The edges between some distinct nodes, renumbered in their order, and their indices."""
    number = torch.full((num_nodes,), -1, device=edge_index.device)
    number[nodes] = torch.arange(nodes.numel(), device=edge_index.device)
    renumbered = number[edge_index]
    edges = (renumbered >= 0).all(0).nonzero().squeeze(1)
    return renumbered[:, edges], edges


def is_symmetric(edge_index: Tensor, columns: Iterable[Tensor | None]) -> bool:
    """Whether every edge has its reverse, with the same values in each column that is given."""
    source, target = edge_index.cpu().numpy()
    values = [v.detach().cpu().double() for v in columns if v is not None]
    extra = [row for v in values for row in (v if v.ndim == 2 else v[:, None]).T.numpy()]
    forth = np.lexsort([*extra, target, source])
    back = np.lexsort([*extra, source, target])
    same = [(source, target), (target, source), *((row, row) for row in extra)]
    return all(bool((a[forth] == b[back]).all()) for a, b in same)
