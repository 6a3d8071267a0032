"""Facts about a graph or a set of graphs that one wants to know before training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.graphs.graph_task import GraphTask
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.data.leaks import leak_warning, repeated_rows, tensor_rows
from gnnvision.domains import Graph
from gnnvision.operators.signals import is_sparse

__all__ = [
    "edge_values", "graph_set_facts", "graph_set_leaks", "homophily", "node_facts", "node_leaks",
    "spread",
]  # fmt: skip

Facts = dict[str, str]


def homophily(graph: Graph, labels: NDArray[np.int64]) -> tuple[float, float] | None:
    """The fraction of edges between nodes of one class, and that of random pairs of nodes.

    Args:
        graph: The graph; self loops are not counted.
        labels: The class of each node, negative where it is unknown. Shape (N,).

    Returns:
        None if no edge joins two labeled nodes.

    Example:
        >>> graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> homophily(graph, np.array([0, 0, 1]))[0]
        0.5
    """
    source, target = graph.edge_index.cpu().numpy()
    used = (source != target) & (labels[source] >= 0) & (labels[target] >= 0)
    if not used.any():
        return None
    share = np.bincount(labels[labels >= 0]) / max(1, int((labels >= 0).sum()))
    same = labels[source[used]] == labels[target[used]]
    return float(same.mean()), float((share**2).sum())


def node_facts(task: NodeTask) -> Facts:
    """The facts about the graph of a task on nodes: edges, degrees, components, labels, features.

    Args:
        task: The task.
    """
    graph, facts = task.in_memory, _edge_facts(task.in_memory)
    if task.kind == "classification":
        labels = task.y.cpu().numpy()
        found = homophily(graph, labels)
        facts["homophily"] = "no edge joins two labeled nodes"
        if found is not None:
            facts["homophily"] = (
                f"{100 * found[0]:.1f} % of the edges join nodes of one class; of random pairs of "
                f"nodes {100 * found[1]:.1f} %"
            )
        missing = int((labels < 0).sum())
    else:
        missing = int(task.y.isnan().reshape(len(task.y), -1).all(1).sum())
    if missing:
        facts["unlabeled"] = f"{missing:,} of {graph.num_nodes:,} nodes, which can be predicted"
    encoder = task.encoder
    facts["features"] = _features(task.x) if encoder is None else encoder.summary()
    return facts


def node_leaks(task: NodeTask) -> list[str]:
    """A warning about nodes of two splits with the same features and the same neighbors.

    Args:
        task: The task.
    """
    source, target = task.in_memory.edge_index.cpu().numpy()
    order = np.lexsort((source, target))
    starts = np.searchsorted(target[order], np.arange(task.graph.num_nodes + 1))
    neighbors = source[order]
    rows = [
        features + neighbors[starts[n] : starts[n + 1]].tobytes()
        for n, features in enumerate(tensor_rows(task.x))
        if starts[n + 1] > starts[n] or any(features)
    ]
    if len(rows) != task.graph.num_nodes:  # nodes without features and edges are alike by design
        return []
    names = task.in_memory.node_names or range(task.graph.num_nodes)
    shared = repeated_rows(rows, task.split)
    return leak_warning(shared, "node", names, " with the same features and neighbors")


def graph_set_facts(task: GraphTask) -> Facts:
    """The facts about the graphs of a task: sizes, degrees, edges, targets that are missing.

    Args:
        task: The task.
    """
    graphs = task.graphs
    sizes = graphs.offsets.diff().cpu().numpy() if graphs.offsets is not None else np.zeros(0)
    facts = {"sizes": f"{spread(sizes[sizes > 0])} nodes in a graph"} | _edge_facts(
        graphs, many=True
    )
    known = task.y >= 0 if task.kind == "classification" else ~task.y.isnan()
    if missing := int((~known).sum()):
        facts["missing targets"] = f"{missing:,} of {known.numel():,}"
    return facts


def graph_set_leaks(task: GraphTask) -> list[str]:
    """A warning about graphs that occur, node for node, in two splits.

    Args:
        task: The task.
    """
    graphs = task.graphs
    features = tensor_rows(task.x)
    nodes, edges = graphs.host_offsets
    pairs = graphs.edge_index.cpu().numpy()
    rows = []
    for number in range(graphs.num_graphs):
        first, last = int(nodes[number]), int(nodes[number + 1])
        of_graph = pairs[:, int(edges[number]) : int(edges[number + 1])] - first
        of_graph = of_graph[:, np.lexsort(of_graph)]
        rows.append(b"".join(features[first:last]) + b"|" + of_graph.tobytes())
    names = task.item_names or [str(number + 1) for number in range(graphs.num_graphs)]
    return leak_warning(repeated_rows(rows, task.split), "graph", names)


def _edge_facts(graph: Graph, many: bool = False) -> Facts:
    source, target = graph.edge_index.cpu().numpy()
    nodes = graph.num_nodes
    loops = source == target
    parallel = 1 if graph.edge_type is None else graph.edge_type.cpu().numpy()
    keys = np.stack([source, target, np.broadcast_to(parallel, source.shape)])
    distinct = np.unique(keys, axis=1)
    repeated = keys.shape[1] - distinct.shape[1]
    undirected = graph.is_undirected
    facts = {}
    if undirected:
        count = (len(source) - int(loops.sum())) // 2 + int(loops.sum())
        facts["edges"] = f"{count:,}, undirected"
        facts["degrees"] = spread(np.bincount(target[~loops], minlength=nodes))
    else:
        facts["edges"] = f"{len(source):,}, directed"
        into = spread(np.bincount(target[~loops], minlength=nodes))
        out = spread(np.bincount(source[~loops], minlength=nodes))
        facts["degrees"] = f"in: {into}; out: {out}"
    facts["self loops"] = f"{int(loops.sum()):,}"
    if repeated:
        facts["duplicate edges"] = f"{repeated:,}"
    alone = nodes - len(np.unique(np.concatenate([source[~loops], target[~loops]])))
    if alone:
        facts["isolated nodes"] = f"{alone:,} of {nodes:,}, with no edge to another node"
    if not many and nodes:
        facts["components"] = _components(source, target, nodes)
    for name in ("edge_weight", "edge_attr", "edge_type"):
        value = getattr(graph, name)
        if value is not None:
            facts[name.replace("_", " ")] = edge_values(name, value)
    return facts


def _components(source: NDArray[np.int64], target: NDArray[np.int64], nodes: int) -> str:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    matrix = coo_matrix((np.ones(len(source), np.int8), (source, target)), (nodes, nodes))
    count, which = connected_components(matrix, directed=False)
    largest = int(np.bincount(which).max())
    if count == 1:
        return "1, all nodes are connected"
    return f"{count:,}, the largest with {largest:,} of {nodes:,} nodes"


def edge_values(name: str, value: Tensor) -> str:
    """What the weights, types or attributes of edges are, as text."""
    if name == "edge_type":
        return f"{int(value.max()) + 1 if len(value) else 0:,} types"
    if name == "edge_attr":
        return f"{value.shape[-1]:,} for each edge"
    return f"{float(value.min()):.4g} to {float(value.max()):.4g}" if len(value) else "none"


def _features(x: Tensor) -> str:
    count = f"{x.shape[1]:,} columns"
    if is_sparse(x):
        return f"{count}, {x.to_sparse()._nnz() / max(1, x.numel()):.2%} of the values not 0"
    if not x.numel():
        return count
    constant = int((x == x[:1]).all(0).sum())
    more = f", {constant:,} of them the same for all nodes" if constant else ""
    return f"{count}, values {float(x.min()):.4g} to {float(x.max()):.4g}{more}"


def spread(values: NDArray[np.int64] | Sequence[int]) -> str:
    """The smallest, middle and largest of some numbers, as text."""
    if not len(values):
        return "none"
    low, middle, high = np.min(values), np.median(values), np.max(values)
    return f"{low:,} / {middle:,.10g} / {high:,} (min / median / max)"
