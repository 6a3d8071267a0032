"""The attributes of edges that layers read, and networks that are part of a layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gnnvision.domains import Graph
from gnnvision.errors import invalid
from gnnvision.operators.dense import quick_products

__all__ = ["apply_in_dtype", "edge_attributes"]


def edge_attributes(graph: Graph, columns: int, dtype: torch.dtype) -> Tensor:
    """The `edge_attr` of a graph.

    Args:
        graph: with E edges.
        columns: the number D of columns that it must have.
        dtype: of the result.

    Returns:
        Shape (E, D).

    Raises:
        ValueError: if the graph has none, or of another number of columns.
    """
    given = graph.edge_attr
    if given is None or given.shape[1] != columns:
        got = None if given is None else tuple(given.shape)
        advice = "Make the Graph with edge_attr, or the layer with another number of columns."
        raise invalid("domain", f"have an edge_attr of {columns} columns", got, advice)
    return given.to(dtype)


def apply_in_dtype(network: nn.Module, x: Tensor) -> Tensor:
    """The output of a network, computed in the dtype of `x`."""
    same = next(network.parameters(), x).dtype is x.dtype  # none where torch quantized it
    if same or torch.is_autocast_enabled(x.device.type):
        with quick_products(x):
            plain: Tensor = network(x)
        return plain
    held = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    cast = {name: v.to(x.dtype) for name, v in held.items() if v.is_floating_point()}
    out: Tensor = functional_call(network, cast, (x,))
    return out
