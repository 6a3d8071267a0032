"""The graph of a run on a user's own data, stored with it so that it loads anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gnnvision.data import ColumnEncoder, LinkTask, NodeTask, Split, Task, dataset_names
from gnnvision.domains import Graph, StoredGraph
from gnnvision.errors import invalid
from gnnvision.operators.signals import is_sparse
from gnnvision.training.checkpoint import Checkpoint, read_checkpoint
from gnnvision.training.stored import checkpoint_errors

__all__ = ["GRAPH", "pack_graph", "read_graph_task"]

GRAPH = "checkpoints/graph.safetensors"
_COLUMNS = ("edge_weight", "edge_attr", "edge_type")


def pack_graph(task: Task) -> Checkpoint | None:
    """The graph, features and targets of a task on one graph of the user's own; None for others.

    Those of a built-in dataset are loaded by its name, and a graph on disk from its folder.
    """
    links = isinstance(task, LinkTask)
    if not isinstance(task, NodeTask | LinkTask) or (
        task.origin.get("name", "" if links else task.name) in dataset_names()
    ):
        return None
    if isinstance(task, NodeTask) and isinstance(task.graph, StoredGraph):
        return None  # which stays where it is: the run names its folder and its hash
    graph = task.known if isinstance(task, LinkTask) else task.in_memory
    tensors = {"edge_index": graph.edge_index.to(torch.int32), "y": task.y}
    if isinstance(task, LinkTask):
        tensors["pairs"] = task.pairs.to(torch.int32)
    for name in _COLUMNS:
        if (value := getattr(graph, name)) is not None:
            tensors[name] = value
    if is_sparse(task.x):
        x = task.x.to_sparse_coo().coalesce()
        tensors |= {"x_indices": x.indices().to(torch.int32), "x_values": x.values()}
    else:
        tensors["x"] = task.x
    names = graph.node_names
    state = {
        "data_hash": task.data_hash,
        "name": task.name,
        "num_nodes": graph.num_nodes,
        "num_relations": graph.num_relations,
        "in_channels": task.in_channels,
        "node_names": None if names is None else [_plain(name) for name in names],
    }
    return Checkpoint(tensors, state)


def read_graph_task(file: Path, about: Mapping[str, Any]) -> NodeTask | LinkTask:
    """The task that `pack_graph` stored, with the split of the run.

    Args:
        file: the file in the run folder.
        about: the description of the run in its checkpoint.

    Raises:
        ValueError: if the file is damaged, or of another run.
    """
    held = read_checkpoint(file)
    state, tensors = held.state, held.tensors
    if state.get("data_hash") != about.get("data_hash"):
        got = f"{str(file)!r} of other data"
        raise invalid("checkpoint", "have the graph of its run", got, "Use the run as it was.")
    with checkpoint_errors(file):
        names = state["node_names"]
        graph = Graph(
            tensors["edge_index"].long(),
            state["num_nodes"],
            num_relations=state["num_relations"],
            node_names=None if names is None else tuple(names),
            **{name: tensors[name] for name in _COLUMNS if name in tensors},
        )
        split = about["split"]
        values: dict[str, Any] = {
            "name": state["name"],
            "kind": about["kind"],
            "in_channels": state["in_channels"],
            "num_outputs": len(about["class_names"]),
            "class_names": tuple(about["class_names"]),
            "split": Split(split["name"], *(split[part] for part in ("train", "val", "test"))),
            "seed": about.get("seed", 0),
            "data_hash": state["data_hash"],
            "x": _features(tensors, state["num_nodes"], state["in_channels"]),
            "y": tensors["y"],
        }
        if "pairs" in tensors:
            return LinkTask(known=graph, pairs=tensors["pairs"].long(), **values)
        given = about["input"]
        encoder = given.get("encoder") and ColumnEncoder.from_dict(given["encoder"])
        return NodeTask(graph=graph, encoder=encoder, tables=given.get("tables"), **values)


def _features(tensors: Mapping[str, Tensor], nodes: int, channels: int) -> Tensor:
    if "x" in tensors:
        return tensors["x"]
    indices, values = tensors["x_indices"].long(), tensors["x_values"]
    return torch.sparse_coo_tensor(
        indices, values, (nodes, channels), is_coalesced=True, check_invariants=True
    )


def _plain(name: object) -> str | int:
    return name if isinstance(name, (str, int)) and not isinstance(name, bool) else str(name)
