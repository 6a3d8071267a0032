"""Facts about a graph on disk, in one pass over its edges and none over its features."""

from __future__ import annotations

import numpy as np

from gnnvision.data.graphs.facts import edge_values, spread
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.domains import StoredGraph

__all__ = ["stored_node_facts"]

_ON_DISK = "not computed for a graph on disk"


def stored_node_facts(task: NodeTask, graph: StoredGraph) -> dict[str, str]:
    """As `node_facts`, for a graph whose edges are read in blocks.

    Args:
        task: The task.
        graph: Its graph.
    """
    nodes = graph.num_nodes
    labels = task.y.numpy() if task.kind == "classification" else None
    into, out = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
    loops = repeated = same = joined = 0
    last = (-1, -1)
    for targets, sources, _ in graph.edge_blocks():
        target, source = targets.numpy(), sources.numpy()
        other = target != source
        loops += len(target) - int(other.sum())
        # Edges are sorted by target, then source: equal ones are neighbors.
        again = (target[1:] == target[:-1]) & (source[1:] == source[:-1])
        repeated += int(again.sum()) + ((int(target[0]), int(source[0])) == last)
        last = (int(target[-1]), int(source[-1]))
        np.add.at(into, target[other], 1)
        np.add.at(out, source[other], 1)
        if labels is not None:
            ends = labels[source[other]], labels[target[other]]
            known = (ends[0] >= 0) & (ends[1] >= 0)
            joined += int(known.sum())
            same += int((known & (ends[0] == ends[1])).sum())
    if graph.is_undirected:
        count = (graph.num_edges - loops) // 2 + loops
        facts = {"edges": f"{count:,}, undirected", "degrees": spread(into)}
    else:
        facts = {"edges": f"{graph.num_edges:,}, in the directions that were written"}
        facts["degrees"] = f"in: {spread(into)}; out: {spread(out)}"
    facts["self loops"] = f"{loops:,}"
    if repeated:
        facts["duplicate edges"] = f"{repeated:,}"
    if alone := int(((into == 0) & (out == 0)).sum()):
        facts["isolated nodes"] = f"{alone:,} of {nodes:,}, with no edge to another node"
    facts["components"] = facts["leaks"] = _ON_DISK
    for name in ("edge_weight", "edge_attr", "edge_type"):
        if (value := getattr(graph, name)) is not None:
            facts[name.replace("_", " ")] = edge_values(name, value)
    if labels is not None:
        facts["homophily"] = "no edge joins two labeled nodes"
        if joined:
            share = np.bincount(labels[labels >= 0]) / max(1, int((labels >= 0).sum()))
            facts["homophily"] = (
                f"{100 * same / joined:.1f} % of the edges join nodes of one class; of random "
                f"pairs of nodes {100 * float((share**2).sum()):.1f} %"
            )
        missing = int((labels < 0).sum())
    else:
        missing = int(task.y.isnan().reshape(nodes, -1).all(1).sum())
    if missing:
        facts["unlabeled"] = f"{missing:,} of {nodes:,} nodes, which can be predicted"
    encoder = task.encoder
    facts["features"] = f"{task.in_channels:,} columns" if encoder is None else encoder.summary()
    return facts
