"""The generated graph as a task, in memory or written to a folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from gnnvision.data.card import Card
from gnnvision.data.graphs.graph_folder import read_graph_folder
from gnnvision.data.graphs.graph_manifest import MANIFEST
from gnnvision.data.graphs.graph_writer import GraphWriter
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.data.graphs.options import GraphOptions
from gnnvision.data.graphs.power_law import PowerLaw
from gnnvision.data.paths import expand_user
from gnnvision.data.root import data_root
from gnnvision.domains import Graph

__all__ = ["generate_graph", "load_power_law", "write_power_law"]

USUAL_NODES = 100_000
MOST_IN_MEMORY = 1_000_000  # nodes


def load_power_law(card: Card, options: GraphOptions, requested: str) -> NodeTask:
    """The task "power-law", with as many nodes as the options say.

    Up to a million nodes it is made in memory; a larger one is written to a folder of the data
    root, once, and read from there.

    Raises:
        OSError: The data root cannot be written, or its disk is full.
        ValueError: An option does not apply.
    """
    options.only({"num_nodes"}, "a generated graph")
    nodes = USUAL_NODES if options.num_nodes is None else options.num_nodes
    graph = PowerLaw(num_nodes=nodes)
    folder = None
    if nodes > MOST_IN_MEMORY:
        folder = data_root(options.root) / card.name / str(nodes)
    task = generate_graph(graph, folder)
    task = replace(task, name=card.name, requested=requested, card=card)
    if options.split == "random":
        drawn = graph.split(options.seed)
        return replace(task, split=drawn, splitter=graph.split, seed=options.seed)
    return task


def generate_graph(graph: PowerLaw, folder: str | os.PathLike[str] | None = None) -> NodeTask:
    """The task of a generated graph.

    Args:
        graph: What to generate.
        folder: Where to write it, block by block, in memory that does not grow with it; if the
            whole graph is there already, it is read. None for a graph in memory.

    Raises:
        OSError: The folder cannot be written, or its disk is full.
        ValueError: The folder contains something else.

    Example:
        >>> generate_graph(PowerLaw(num_nodes=2000, mean_degree=6)).graph
        Graph(num_nodes=2000, num_edges=12000)
    """
    if folder is not None:
        place = expand_user(folder, "folder").absolute()
        write_power_law(graph, place)
        return replace(
            read_graph_folder(place, GraphOptions(), str(place)), origin={"name": str(place)}
        )
    pairs = np.concatenate(list(graph.edges()), 1)
    keys = np.concatenate([
        pairs[0] * graph.num_nodes + pairs[1], pairs[1] * graph.num_nodes + pairs[0]
    ])  # fmt: skip
    keys.sort()  # by target, then source
    edge_index = torch.from_numpy(np.stack([keys % graph.num_nodes, keys // graph.num_nodes]))
    blocks = list(graph.nodes())
    return NodeTask(
        name="power-law", kind="classification", in_channels=graph.channels,
        num_outputs=graph.classes, class_names=_class_names(graph), split=graph.split(),
        x=torch.from_numpy(np.concatenate([block.x for block in blocks])),
        graph=Graph(edge_index, graph.num_nodes),
        y=torch.from_numpy(np.concatenate([block.y for block in blocks])),
        details={"generated": _description(graph)},
    )  # fmt: skip


def write_power_law(graph: PowerLaw, folder: Path) -> None:
    """Write a generated graph to a folder, block by block.

    A folder that has the whole graph is left as it is; an unfinished one is continued.

    Args:
        graph: What to generate.
        folder: A new folder, or one with this graph.

    Raises:
        OSError: The folder cannot be written, or its disk is full.
        ValueError: It contains something else.
    """
    settings = asdict(graph)
    key = json.dumps(settings)
    if (folder / MANIFEST).is_file():
        held = json.loads((folder / MANIFEST).read_text("utf-8"))
        if held.get("key") == key:
            return
    with GraphWriter(folder, graph.num_nodes, undirected=True, key=key) as writer:
        if writer.next_node < graph.num_nodes:
            for block in graph.nodes(writer.next_node):
                done = writer.next_node - block.start
                writer.add_nodes(x=block.x[done:], y=block.y[done:])
        for pairs in graph.edges(writer.next_block):
            writer.add_edges(*pairs)
        writer.finish(
            split=graph.split(), class_names=_class_names(graph), name="power-law",
            about={"details": {"generated": _description(graph)}},
        )  # fmt: skip


def _class_names(graph: PowerLaw) -> tuple[str, ...]:
    return tuple(f"community {number}" for number in range(graph.classes))


def _description(graph: PowerLaw) -> str:
    return (
        f"degree-corrected block model, mean degree {graph.mean_degree:g}, exponent "
        f"{graph.exponent:g}, {graph.classes} communities, {graph.inside:.0%} of the edges drawn "
        f"within one, seed {graph.seed}"
    )
