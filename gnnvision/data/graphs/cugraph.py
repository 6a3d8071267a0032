"""Neighbors drawn on a GPU by cugraph-pyg, where it is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from gnnvision._extras import MissingPackage
from gnnvision.data.graphs.sampled_nodes import Loader
from gnnvision.domains import Graph, StoredGraph

__all__ = ["cugraph_loader"]

_NODES = "node"  # the one type of nodes


def cugraph_loader(graph: Graph | StoredGraph) -> Loader:
    """The `loader` of a `NodeTask` that draws neighbors on a GPU, by cugraph-pyg's NeighborLoader.

    The edges are copied to the GPU when it is called first. It draws for one process; that is
    initialized for torch.distributed if it is not yet, as cugraph-pyg needs it. Each epoch draws
    by the seed of the training.

    This is tested with a stand-in for cugraph-pyg that follows its source, not on a GPU.

    Args:
        graph: that of the task.

    Raises:
        ModuleNotFoundError: if cugraph-pyg is not installed.
    """
    if find_spec("cugraph_pyg") is None:
        raise MissingPackage(
            "cugraph_loader needs cugraph-pyg, which is not installed. "
            "Install it for your CUDA with: pip install cugraph-pyg-cu13"
        )
    from cugraph_pyg.data import FeatureStore, GraphStore
    from cugraph_pyg.loader import NeighborLoader
    from torch._C._distributed_c10d import HashStore

    if not torch.distributed.is_initialized():
        os.environ.setdefault("LOCAL_WORLD_SIZE", "1")
        backend = "nccl" if torch.cuda.is_available() else "gloo"
        store = HashStore()
        torch.distributed.init_process_group(backend, store=store, rank=0, world_size=1)
    edges, n = GraphStore(), graph.num_nodes
    edges[(_NODES, "to", _NODES), "coo", False, (n, n)] = edge_index_of(graph)

    def load(nodes: Tensor, fanouts: Sequence[int], batch_size: int, seed: int) -> Iterator[Any]:
        loader = NeighborLoader(
            (FeatureStore(), edges),
            num_neighbors=list(fanouts),
            input_nodes=nodes,
            batch_size=batch_size,
        )
        with torch.random.fork_rng():
            torch.manual_seed(seed)  # from which the loader draws its own
            return iter(loader)

    return load


def edge_index_of(graph: Graph | StoredGraph) -> Tensor:
    """The edges of a graph, in the order of their numbers. Shape (2, E)."""
    if isinstance(graph, Graph):
        return graph.edge_index
    targets = torch.arange(graph.num_nodes).repeat_interleave(graph.rowptr.diff())
    return torch.stack([graph.source.long(), targets])
