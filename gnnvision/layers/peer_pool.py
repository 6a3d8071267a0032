"""The pooled graph that a pooling layer of torch-geometric returns in several tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph
from gnnvision.layers.calling import one_tensor

__all__ = ["pools", "take_pooled"]

# What follows the signal in their outputs.
_KEPT = ("edge_index", "edge_attr", "batch", "nodes")
_RETURNED = {
    "TopKPooling": _KEPT,
    "SAGPooling": _KEPT,
    "ASAPooling": ("edge_index", "edge_weight", "batch"),
    "EdgePooling": ("edge_index", "batch"),
    "ClusterPooling": ("edge_index", "batch"),
}


def pools(layer: nn.Module) -> bool:
    """Whether a layer is one of torch-geometric's that return a pooled graph."""
    return _returned(layer) is not None


def take_pooled(layer: nn.Module, output: Any, domain: Domain) -> tuple[Tensor, Graph]:  # noqa: ANN401
    """The signal and the graph in the output of a pooling layer of torch-geometric.

    Nodes are sorted by their graph of the batch. Selected nodes have their subgraph, with all
    columns; merged nodes have the edges that the layer returned.
    """
    names = _returned(layer)
    if names is None or not isinstance(domain, Graph):
        return one_tensor(output, layer), domain  # type: ignore[return-value]
    x, held = output[0], dict(zip(names, output[1:], strict=False))
    batch: Tensor = held["batch"]
    order = batch.argsort(stable=True)
    sizes = torch.bincount(batch, minlength=domain.num_graphs)
    offsets = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    if "nodes" in held:
        graph = domain.subgraph(held["nodes"][order])
        counts = domain.weights_are_counts
    else:
        weight = held.get("edge_weight")
        graph = Graph(order.argsort()[held["edge_index"]], len(order), edge_weight=weight)
        counts = domain.edge_weight is None or domain.weights_are_counts
    more = {"offsets": offsets, "graph_attr": domain.graph_attr, "weights_are_counts": counts}
    return x[order], graph._unchecked(**more)


def _returned(layer: nn.Module) -> tuple[str, ...] | None:
    if not any(kind.__module__.startswith("torch_geometric.") for kind in type(layer).__mro__):
        return None
    return next((r for k in type(layer).__mro__ if (r := _RETURNED.get(k.__name__))), None)
