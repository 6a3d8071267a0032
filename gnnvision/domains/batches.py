"""Batches of graphs: their columns joined, selected and cut out.

The columns of a graph are its fields by name, as `Graph` takes and documents them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.domains.device import count, send
from gnnvision.errors import invalid

__all__ = ["edges_of_members", "join", "of_edges", "ranges", "section", "select", "spans"]

Columns = Mapping[str, Any]
OF_EDGES = ("edge_weight", "edge_attr", "edge_type")
TENSORS = ("edge_index", *OF_EDGES, "offsets", "graph_attr")


def join(graphs: Sequence[Columns]) -> dict[str, Any]:
    """The columns of the disjoint union of graphs, with their nodes and edges in order."""
    if not graphs:
        raise invalid("graphs", "have at least one graph", "none", "Give at least one Graph.")
    *starts, num_nodes = accumulate((g["num_nodes"] for g in graphs), initial=0)
    shifted = list(zip(graphs, starts, strict=True))
    offsets = [g["offsets"][:-1] + start for g, start in shifted]
    relations = [g["num_relations"] for g in graphs if g["num_relations"] is not None]
    names = [g["node_names"] for g in graphs]
    return {
        "edge_index": torch.cat([g["edge_index"] + start for g, start in shifted], 1),
        "num_nodes": num_nodes,
        "edge_weight": _joined(graphs, "edge_weight", filled=True),
        "edge_attr": _joined(graphs, "edge_attr"),
        "edge_type": _joined(graphs, "edge_type"),
        "num_relations": max(relations, default=None),
        "offsets": torch.cat([*offsets, offsets[0].new_tensor([num_nodes])]),
        "graph_attr": _joined(graphs, "graph_attr"),
        "node_names": None if None in names else sum(names, ()),
    }


def _joined(graphs: Sequence[Columns], name: str, filled: bool = False) -> Tensor | None:
    """A column of all graphs, with ones where it is missing if `filled`; None if all lack it."""
    columns = [g[name] for g in graphs]
    missing = [i for i, column in enumerate(columns) if column is None]
    if len(missing) == len(graphs):
        return None
    if missing and not filled:
        condition = f"either all have {name} or all lack it"
        got, advice = f"graph {missing[0]} without it", "Give it to all of them."
        raise invalid("graphs", condition, got, advice)
    for i in missing:
        edge_index = graphs[i]["edge_index"]
        columns[i] = torch.ones(edge_index.shape[1], device=edge_index.device)
    return torch.cat(columns)


def select(
    graph: Columns,
    node_ends: NDArray[np.int64],
    edge_ends: NDArray[np.int64],
    order: Tensor | None,
    members: Tensor,
) -> dict[str, Any]:
    """The columns of a batch of some graphs of a batch; a graph may occur more than once.

    Returns:
        The columns, and as "_derived" the first edges, on the device and on the CPU.
    """
    device = graph["edge_index"].device
    (starts, sizes), (first, edge_sizes) = spans(node_ends, members), spans(edge_ends, members)
    ends = torch.stack([_ends(sizes), _ends(edge_sizes)])
    num_nodes, num_edges = ends[:, -1].tolist()
    offsets, edge_offsets = send(ends, device)
    moves = torch.stack([ends[0, :-1] - starts, first, edge_sizes])
    move, first, edge_sizes = send(moves, device)
    edges = ranges(first, edge_sizes, num_edges)
    edges = edges if order is None else order[edges]
    moved = move.repeat_interleave(edge_sizes, output_size=num_edges)
    names, attributes = graph["node_names"], graph["graph_attr"]
    if names is not None:
        names = tuple(names[i] for i in ranges(starts, sizes, num_nodes).tolist())
    if attributes is not None:
        attributes = attributes[send(members, device)]
    return of_edges(graph, edges) | {
        "edge_index": graph["edge_index"].index_select(1, edges) + moved,
        "num_nodes": num_nodes,
        "offsets": offsets,
        "graph_attr": attributes,
        "node_names": names,
        "_derived": {
            "edge_offsets": (edge_offsets, None),
            "host_offsets": tuple(ends.numpy()),
        },
    }


def section(graph: Columns, members: slice, nodes: slice, edges: slice) -> dict[str, Any]:
    """The columns of consecutive graphs of a batch, without copying, given by their ranges."""
    first = nodes.start
    out = {name: None if (v := graph[name]) is None else v[edges] for name in OF_EDGES}
    attributes, names = graph["graph_attr"], graph["node_names"]
    out["edge_index"] = graph["edge_index"][:, edges] - first
    out["num_nodes"] = nodes.stop - first
    out["offsets"] = graph["offsets"][members.start : members.stop + 1] - first
    out["graph_attr"] = None if attributes is None else attributes[members]
    out["node_names"] = None if names is None else names[nodes]
    return out


def of_edges(graph: Columns, edges: Tensor) -> dict[str, Any]:
    """The columns of some edges."""
    return {
        name: None if (v := graph[name]) is None else v.index_select(0, edges) for name in OF_EDGES
    }


def edges_of_members(edge_index: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor | None]:
    """The first edge of each graph of a batch, and the order that sorts the edges by graph.

    The order is None if they are sorted already.
    """
    member = torch.bucketize(edge_index[0], offsets[1:], right=True)
    is_sorted = bool((member.diff() >= 0).all())
    order = None if is_sorted else member.argsort(stable=True)
    return _ends(count(member, offsets.numel() - 1)), order


def spans(ends: NDArray[np.int64], members: Tensor) -> tuple[Tensor, Tensor]:
    """The starts and sizes of some of the consecutive ranges that `ends` separates."""
    all_ends = torch.from_numpy(ends)
    starts = all_ends[members]
    return starts, all_ends[members + 1] - starts


def ranges(starts: Tensor, sizes: Tensor, total: int) -> Tensor:
    """The concatenation of ranges: `size` integers from each `start`."""
    shift = (starts - sizes.cumsum(0) + sizes).repeat_interleave(sizes, output_size=total)
    return torch.arange(total, device=starts.device) + shift


def _ends(sizes: Tensor) -> Tensor:
    """The start of each of several consecutive ranges, then the end: (n,) -> (n + 1,)."""
    return torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
