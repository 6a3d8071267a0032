"""Write the graph of a task in memory to disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch

from gnnvision.data.graphs.graph_writer import GraphWriter
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.domains import StoredGraph
from gnnvision.errors import invalid, wrong_type
from gnnvision.operators.signals import is_sparse

__all__ = ["write_graph"]

EDGES = 2**20  # that are written together
VALUES = 2**24  # of features
WIDEST = 2**15  # features of a node


def write_graph(
    task: NodeTask,
    folder: str | os.PathLike[str],
    *,
    memory: int = 2**30,
    key: str = "",
    step: Callable[[int], None] = lambda count: None,
) -> None:
    """Write the nodes, edges, targets and split of a task for `gnnvision.data.load(folder)`.

    Args:
        task: A task on the nodes of a graph in memory.
        folder: A new folder, or an unfinished one of the same task.
        memory: About the bytes to sort the edges with.
        key: As for `GraphWriter`.
        step: Called with the number of edges that were written since the last call.

    Raises:
        OSError: The disk is full.
        TypeError: It is another kind of task.
        ValueError: The folder is not empty; features are too wide to be dense.

    Example:
        >>> import tempfile
        >>> import gnnvision as gv
        >>> folder = tempfile.mkdtemp()
        >>> write_graph(gv.data.load("karate"), folder)
        >>> gv.data.load(folder).graph
        StoredGraph(num_nodes=34, num_edges=156)
    """
    if not isinstance(task, NodeTask):
        raise wrong_type("task", "be a task on the nodes of one graph", task, "Load a graph.")
    if isinstance(task.graph, StoredGraph):
        advice = "It is a folder already, which can be copied."
        raise invalid("task", "have its graph in memory", "one on disk", advice)
    if task.in_channels > WIDEST:
        advice = "Use features='degree', or fewer columns."
        raise invalid("x", f"have at most {WIDEST:,} columns", task.in_channels, advice)
    graph = task.graph.to("cpu")
    held = {
        name: value
        for name in ("edge_weight", "edge_type", "edge_attr")
        if (value := getattr(graph, name)) is not None
    }
    with GraphWriter(
        folder, graph.num_nodes, columns=[*held], num_relations=graph.num_relations,
        memory=memory, key=key or task.data_hash,
    ) as writer:  # fmt: skip
        size = max(1, VALUES // max(1, task.in_channels))
        names = graph.node_names
        for start in range(writer.next_node, graph.num_nodes, size):
            rows = torch.arange(start, min(start + size, graph.num_nodes))
            x = task.x.cpu().index_select(0, rows)
            ids: Any = None if names is None else names[start : start + size]
            if ids is not None and not all(type(one) is int for one in names or ()):
                ids = [str(one) for one in ids]
            writer.add_nodes(
                x=x.to_dense() if is_sparse(x) else x, y=task.y.cpu()[rows],
                ids=None if ids is None else list(ids),
            )  # fmt: skip
        pairs = graph.edge_index.split(EDGES, dim=1)
        for number in range(writer.next_block, len(pairs)):
            part = slice(number * EDGES, (number + 1) * EDGES)
            columns = {name: value[part] for name, value in held.items()}
            writer.add_edges(*pairs[number], **columns)
            step(pairs[number].shape[1])
        writer.finish(
            split=task.split, kind=task.kind, class_names=task.class_names, name=task.name,
            is_undirected=graph.is_undirected,
            about={
                "details": dict(task.details),
                "encoder": None if task.encoder is None else task.encoder.to_dict(),
                "tables": None if task.tables is None else dict(task.tables),
            },
        )  # fmt: skip
