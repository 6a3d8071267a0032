"""Batches, subgraphs and line graphs, as the arguments of `Graph`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from gnnvision.domains.device import count, send
from gnnvision.domains.indices import to_index
from gnnvision.errors import invalid

if TYPE_CHECKING:
    from gnnvision.domains.graph import Graph

Arguments = dict[str, Any]


def batch(graphs: Sequence[Graph]) -> Arguments:
    """The disjoint union of the graphs, with their nodes and edges in order."""
    graphs = list(graphs)
    if not graphs:
        raise invalid("graphs", "have at least one graph", "none", "Give at least one Graph.")
    shifts = torch.tensor([0] + [g.num_nodes for g in graphs]).cumsum(0).tolist()
    edges = [g.edge_index + shift for g, shift in zip(graphs, shifts[:-1], strict=True)]
    starts = [g.offsets[:-1] + shift for g, shift in zip(graphs, shifts[:-1], strict=True)]
    end = graphs[0].offsets.new_tensor([shifts[-1]])
    weighted = any(g.edge_weight is not None for g in graphs)
    relations = [g.num_relations for g in graphs if g.num_relations is not None]
    names = [g.node_names for g in graphs]
    return {
        "edge_index": torch.cat(edges, 1),
        "num_nodes": shifts[-1],
        "edge_weight": torch.cat([_weight(g) for g in graphs]) if weighted else None,
        "edge_attr": _column(graphs, "edge_attr"),
        "edge_type": _column(graphs, "edge_type"),
        "num_relations": max(relations, default=None),
        "offsets": torch.cat([*starts, end]),
        "graph_attr": _column(graphs, "graph_attr"),
        "node_names": None if None in names else sum((n for n in names if n), ()),
    }


def unbatch(graph: Graph) -> list[Arguments]:
    """Each graph of the batch, with its nodes and edges in the order of the batch."""
    offsets = graph.offsets.tolist()
    member = torch.bucketize(graph.edge_index[0], graph.offsets[1:], right=True)
    order = member.argsort(stable=True)
    counts = count(member, graph.num_graphs).tolist()
    out = []
    for g, edges in enumerate(order.split(counts)):
        start, end = offsets[g], offsets[g + 1]
        names = None if graph.node_names is None else graph.node_names[start:end]
        out.append(
            _edge_columns(graph, edges)
            | {
                "edge_index": graph.edge_index[:, edges] - start,
                "num_nodes": end - start,
                "node_names": names,
                "graph_attr": None if graph.graph_attr is None else graph.graph_attr[g : g + 1],
            }
        )
    return out


def runs(starts: Tensor, sizes: Tensor, total: int) -> Tensor:
    """The concatenation of ranges: `size` integers from each `start`.

    Args:
        starts: the first integer of each range.
        sizes: the length of each range.
        total: the sum of the lengths.
    """
    ends = sizes.cumsum(0)
    shift = (starts - ends + sizes).repeat_interleave(sizes, output_size=total)
    return torch.arange(total, device=starts.device) + shift


def edge_offsets(graph: Graph) -> tuple[Tensor, Tensor | None]:
    """The first edge of each graph of the batch, and the order that sorts the edges by graph.

    The order is None if they are sorted already.
    """
    member = torch.bucketize(graph.edge_index[0], graph.offsets[1:], right=True)
    counts = count(member, graph.num_graphs)
    sorted_already = bool((member.diff() >= 0).all())
    return _ends(counts), None if sorted_already else member.argsort(stable=True)


def member_nodes(graph: Graph, members: Tensor) -> Tensor:
    """The nodes of some graphs of the batch, graph by graph; `members` are on the CPU."""
    ends = torch.from_numpy(graph.host_offsets[0])
    starts = ends[members]
    sizes = ends[members + 1] - starts
    starts_there, sizes_there = send(torch.stack([starts, sizes]), graph.device)
    return runs(starts_there, sizes_there, int(sizes.sum()))


def select(graph: Graph, members: Tensor) -> Arguments:
    """The arguments of a batch of some graphs of this batch; a graph may occur more than once.

    Args:
        graph: the batch.
        members: indices of its graphs, on the CPU, so that a GPU need not be waited for.

    Returns:
        The arguments of the smaller batch, and under "_derived" the first edge of each graph, on
        its device and on the CPU.
    """
    node_ends, edge_ends = (torch.from_numpy(ends) for ends in graph.host_offsets)
    starts, first = node_ends[members], edge_ends[members]
    sizes, edge_sizes = node_ends[members + 1] - starts, edge_ends[members + 1] - first
    ends = torch.stack([_ends(sizes), _ends(edge_sizes)])
    num_nodes, num_edges = ends[:, -1].tolist()
    offsets, edge_offsets = send(ends, graph.device)
    moves = torch.stack([ends[0, :-1] - starts, first, edge_sizes])
    move, first, edge_sizes = send(moves, graph.device)
    edges = runs(first, edge_sizes, num_edges)
    order = graph.edge_offsets[1]
    edges = edges if order is None else order[edges]
    moved = move.repeat_interleave(edge_sizes, output_size=num_edges)
    names, attributes = graph.node_names, graph.graph_attr
    if names is not None:
        names = tuple(names[i] for i in runs(starts, sizes, num_nodes).tolist())
    if attributes is not None:
        attributes = attributes[send(members, graph.device)]
    return _edge_columns(graph, edges) | {
        "edge_index": graph.edge_index.index_select(1, edges) + moved,
        "num_nodes": num_nodes,
        "offsets": offsets,
        "graph_attr": attributes,
        "node_names": names,
        "_derived": {
            "edge_offsets": (edge_offsets, None),
            "host_offsets": tuple(ends.numpy()),
        },
    }


def section(
    graph: Graph, members: tuple[int, int], nodes: tuple[int, int], edges: tuple[int, int]
) -> Arguments:
    """The arguments of consecutive graphs of a batch: from the first to the second of each."""
    (start, stop), (first, last) = members, nodes

    def cut(column: Tensor | None) -> Tensor | None:
        return None if column is None else column[edges[0] : edges[1]]

    attributes = graph.graph_attr
    return {
        "edge_index": graph.edge_index[:, edges[0] : edges[1]] - first,
        "num_nodes": last - first,
        "offsets": graph.offsets[start : stop + 1] - first,
        "edge_weight": cut(graph.edge_weight),
        "edge_attr": cut(graph.edge_attr),
        "edge_type": cut(graph.edge_type),
        "graph_attr": None if attributes is None else attributes[start:stop],
        "node_names": None if graph.node_names is None else graph.node_names[first:last],
    }


def line_graph(graph: Graph) -> Arguments:
    """Edge e becomes node e, connected to the edges that leave its target, except its reverse."""
    source, target = graph.edge_index
    leaving = source.argsort(stable=True)  # the edges by where they start
    counts = count(source, graph.num_nodes)
    starts = counts.cumsum(0) - counts
    onward = counts[target]
    total = int(onward.sum())
    edges = torch.arange(graph.num_edges, device=graph.device)
    before = edges.repeat_interleave(onward, output_size=total)
    after = leaving[runs(starts[target], onward, total)]
    forward = (target[after] != source[before]).nonzero().squeeze(1)
    offsets, order = graph.edge_offsets
    if order is not None:
        condition = "have its edges sorted by the graph of the batch"
        raise invalid("graph", condition, "another order", "Use Graph.batch.")
    return {
        "edge_index": torch.stack([before[forward], after[forward]]),
        "num_nodes": graph.num_edges,
        "offsets": offsets,
    }


def subgraph(graph: Graph, nodes: Tensor) -> Arguments:
    """The given nodes, renumbered in this order, and the edges between them."""
    if nodes.unique().numel() < nodes.numel():
        condition = f"be distinct nodes from 0 to {graph.num_nodes - 1}"
        raise invalid("nodes", condition, "a node twice", "Remove the duplicates.")
    nodes = nodes.to(graph.device)
    number = torch.full((graph.num_nodes,), -1, device=graph.device)
    number[nodes] = torch.arange(nodes.numel(), device=graph.device)
    edge_index = number[graph.edge_index]
    edges = (edge_index >= 0).all(0).nonzero().squeeze(1)
    names = graph.node_names
    return _edge_columns(graph, edges) | {
        "edge_index": edge_index[:, edges],
        "num_nodes": nodes.numel(),
        "node_names": None if names is None else tuple(names[i] for i in nodes.tolist()),
    }


def neighborhood(graph: Graph, node: int, hops: int) -> Tensor:
    """`node`, then the nodes that reach it over one edge, then over two, and so on."""
    node = to_index(node, graph.num_nodes, "node", "nodes")
    if isinstance(hops, bool) or not isinstance(hops, int) or hops < 0:
        raise invalid("hops", "be an integer of at least 0", repr(hops), "Give a number of edges.")
    source, target = graph.edge_index
    found = torch.tensor([node], device=graph.device)
    for _ in range(hops):
        reaching = source[torch.isin(target, found)].unique()
        found = torch.cat([found, reaching[~torch.isin(reaching, found)]])
    return found


def _ends(sizes: Tensor) -> Tensor:
    """Where runs of these sizes begin, and the end: (n,) -> (n + 1,)."""
    return torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])


def is_symmetric(graph: Graph, with_attributes: bool = False) -> bool:
    """Whether every edge has its reverse, with the same weight and relation.

    Args:
        graph: the graph.
        with_attributes: whether `edge_attr` must agree too.
    """
    source, target = graph.edge_index.cpu().numpy()
    extra = [
        column.detach().cpu().double().numpy()
        for column in (graph.edge_weight, graph.edge_type)
        if column is not None
    ]
    if with_attributes and graph.edge_attr is not None:
        extra += list(graph.edge_attr.detach().cpu().double().numpy().T)
    forth = np.lexsort([*extra, target, source])
    back = np.lexsort([*extra, source, target])
    same = [(source, target), (target, source), *((column, column) for column in extra)]
    return all(bool((a[forth] == b[back]).all()) for a, b in same)


def _edge_columns(graph: Graph, edges: Tensor) -> Arguments:
    columns = {name: getattr(graph, name) for name in ("edge_weight", "edge_attr", "edge_type")}
    picked = {n: None if v is None else v.index_select(0, edges) for n, v in columns.items()}
    return picked | {"num_relations": graph.num_relations}


def _weight(graph: Graph) -> Tensor:
    if graph.edge_weight is not None:
        return graph.edge_weight
    return torch.ones(graph.num_edges, device=graph.device)


def _column(graphs: Sequence[Graph], name: str) -> Tensor | None:
    columns = [getattr(g, name) for g in graphs]
    if all(column is None for column in columns):
        return None
    if any(column is None for column in columns):
        missing = next(i for i, column in enumerate(columns) if column is None)
        condition = f"either all have {name} or all lack it"
        advice = "Give it to all of them."
        raise invalid("graphs", condition, f"graph {missing} without it", advice)
    return torch.cat(columns)
