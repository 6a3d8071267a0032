"""Loading of graphs: citation graphs, embedded ones, collections of graphs, and your own."""

from __future__ import annotations

from pathlib import Path

import torch

from gnnvision.data.arrays import NodeArrays
from gnnvision.data.card import Card
from gnnvision.data.doors import Door, Format
from gnnvision.data.files import decode_cached, locate, read_verified
from gnnvision.data.graphs.dgl_folder import is_dgl_folder, read_dgl_folder
from gnnvision.data.graphs.embedded import read_embedded
from gnnvision.data.graphs.generated import load_power_law
from gnnvision.data.graphs.graph_folder import is_graph_folder, read_graph_folder
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.data.graphs.ogb_named import load_ogb
from gnnvision.data.graphs.options import GraphOptions
from gnnvision.data.graphs.own_files import FORMATS
from gnnvision.data.graphs.planetoid import decode_planetoid
from gnnvision.data.graphs.table_files import (
    is_nodes_file,
    is_table_folder,
    read_folder,
    read_nodes_file,
)
from gnnvision.data.graphs.tu_load import load_tu
from gnnvision.data.split import Split
from gnnvision.data.task import Task
from gnnvision.domains import Graph
from gnnvision.errors import invalid

__all__ = ["load"]


def _planetoid(card: Card, options: GraphOptions, requested: str) -> NodeTask:
    folder = locate(card, options.root, download=options.download)
    arrays = decode_cached(card, read_verified(card, folder), decode_planetoid)
    return _node_task(arrays, card, options, requested)


def _embedded(card: Card, options: GraphOptions, requested: str) -> NodeTask:
    return _node_task(read_embedded(card), card, options, requested)


def _node_task(arrays: NodeArrays, card: Card, options: GraphOptions, requested: str) -> NodeTask:
    options.check(many=False)
    if options.normalize_features is not False:
        arrays = arrays.normalized()
    names = arrays.class_names.tolist() or card.class_names
    task = NodeTask(
        name=card.name,
        requested=requested,
        kind="classification",
        in_channels=arrays.num_features,
        num_outputs=len(names),
        class_names=tuple(names),
        split=Split(options.split, arrays.train, arrays.val, arrays.test),
        card=card,
        data_hash=arrays.hash(),
        x=arrays.features(options.dense),
        graph=Graph(
            torch.from_numpy(arrays.edge_index),
            arrays.num_nodes,
            node_names=tuple(arrays.node_names.tolist()) or None,
        ),
        y=torch.from_numpy(arrays.y),
    )
    return task.with_seed(options.seed)  # draws the split if it is random


def _unknown(path: Path, options: GraphOptions, requested: str) -> Task:
    if options.edges is not None and path.is_file():
        return read_nodes_file(path, options, requested)
    raise invalid(
        "name",
        "be the name of a dataset of graphs, or a path with graphs",
        repr(str(path)),
        "Name a folder or file in one of the formats that the documentation lists.",
    )


# The test of a format and its reader, in the order in which they are tried.
_FORMATS: tuple[Format[GraphOptions], ...] = (
    (is_graph_folder, read_graph_folder),
    (is_dgl_folder, read_dgl_folder),
    (is_table_folder, read_folder),
    (is_nodes_file, read_nodes_file),
    *FORMATS,
)

load = Door(
    "graphs",
    GraphOptions,
    {
        "cora": _planetoid,
        "citeseer": _planetoid,
        "pubmed": _planetoid,
        "karate": _embedded,
        "stdlib": _embedded,
        "power-law": load_power_law,
        "ogbn-arxiv": load_ogb,
        "ogbn-products": load_ogb,
        "mutag": load_tu,
        "proteins": load_tu,
        "nci1": load_tu,
    },
    _FORMATS,
    _unknown,
)
