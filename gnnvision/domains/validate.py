"""Validation of the arguments of `Graph`."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from gnnvision.domains.modes import is_batched, plainly
from gnnvision.errors import integer, invalid, wrong_dtype, wrong_type

__all__ = ["check_edges", "check_members", "check_num_nodes", "check_offsets"]


def check_num_nodes(num_nodes: int) -> None:
    """Check that `num_nodes` is a non-negative integer.

    Raises:
        TypeError: if it is not an integer.
        ValueError: if it is negative.
    """
    integer("num_nodes", num_nodes, 0, "Give the number of nodes.")


def check_edges(
    edge_index: Tensor,
    num_nodes: int,
    edge_weight: Tensor | None,
    edge_attr: Tensor | None,
    edge_type: Tensor | None,
    num_relations: int | None,
) -> dict[str, Any]:
    """Validate and copy the edge columns of a graph.

    Raises:
        TypeError: if one has the wrong type or dtype.
        ValueError: if one has the wrong shape or is out of range.
    """
    edge_index = _kept(_indices(edge_index, "edge_index"))
    if edge_index.ndim != 2 or edge_index.shape[0] != 2:
        advice = "Give sources in the first row and targets in the second; transpose (E, 2)."
        raise invalid("edge_index", "have shape (2, E)", tuple(edge_index.shape), advice)
    num_edges = edge_index.shape[1]
    looks = not torch.compiler.is_compiling()  # which must not depend on values
    if looks and num_edges and not 0 <= int(edge_index.min()) <= int(edge_index.max()) < num_nodes:
        outside = ((edge_index < 0) | (edge_index >= num_nodes)).any(0).nonzero()[0].item()
        source, target = edge_index[:, int(outside)].tolist()
        condition = f"have nodes from 0 to num_nodes - 1 = {num_nodes - 1}"
        got = f"edge {int(outside)} from {source} to {target}"
        raise invalid(
            "edge_index",
            condition,
            got,
            "Node indices start at 0. Correct them, or use a larger num_nodes.",
        )
    columns: dict[str, Any] = {"edge_index": edge_index}
    if edge_weight is not None:
        columns["edge_weight"] = _weights(edge_weight, num_edges, edge_index.device)
    if edge_attr is not None:
        _tensor(edge_attr, "edge_attr")
        if edge_attr.ndim != 2 or edge_attr.shape[0] != num_edges:
            condition, advice = f"have shape (E={num_edges}, D)", "Give one row for each edge."
            raise invalid("edge_attr", condition, tuple(edge_attr.shape), advice)
        _finite(edge_attr, "edge_attr")
        columns["edge_attr"] = _kept(edge_attr)
    if edge_type is not None:
        columns |= _types(edge_type, num_edges, num_relations)
    elif num_relations is not None:
        got, advice = f"{num_relations} without it", "Give the relation of each edge too."
        raise invalid("num_relations", "be given together with 'edge_type'", got, advice)
    return columns


def check_offsets(offsets: Tensor | None, num_nodes: int, edge_index: Tensor) -> Tensor:
    """Validate and copy the offsets of a batch; those of one graph if `offsets` is None.

    Raises:
        TypeError: if it is not an integer tensor.
        ValueError: if it does not increase from 0 to `num_nodes`, or an edge connects two graphs.
    """
    if offsets is None:
        with nullcontext() if torch.compiler.is_compiling() else plainly():
            return torch.arange(2, device=edge_index.device) * num_nodes
    offsets = _kept(_indices(offsets, "offsets"))
    ends = (offsets[0].item(), offsets[-1].item()) if offsets.numel() else ()
    if offsets.ndim != 1 or ends != (0, num_nodes) or bool((offsets.diff() < 0).any()):
        condition = f"increase from 0 to num_nodes = {num_nodes}"
        advice = "Give the first node of each graph, then num_nodes."
        raise invalid("offsets", condition, offsets.tolist(), advice)
    if edge_index.shape[1] and offsets.numel() > 2:
        member = torch.bucketize(edge_index, offsets[1:], right=True)
        if bool((member[0] != member[1]).any()):
            edge = int((member[0] != member[1]).nonzero()[0])
            got = f"edge {edge} from {edge_index[0, edge]} to {edge_index[1, edge]}"
            condition = "have no edges between graphs of the batch"
            raise invalid("edge_index", condition, got, "Correct 'offsets' or the edge.")
    return offsets


def check_members(graph_attr: Tensor | None, num_graphs: int) -> dict[str, Tensor]:
    """Validate and copy the attributes of the graphs of a batch; nothing if there are none.

    Raises:
        TypeError: if it is not a tensor.
        ValueError: if its shape is wrong, or an attribute is NaN or infinite.
    """
    if graph_attr is None:
        return {}
    _tensor(graph_attr, "graph_attr")
    if graph_attr.ndim != 2 or graph_attr.shape[0] != num_graphs:
        condition = f"have shape (G={num_graphs}, D)"
        advice = "Give one row for each graph of the batch."
        raise invalid("graph_attr", condition, tuple(graph_attr.shape), advice)
    _finite(graph_attr, "graph_attr")
    return {"graph_attr": _kept(graph_attr)}


def _tensor(value: object, name: str) -> None:
    if not isinstance(value, Tensor):
        advice = "Convert it with torch.as_tensor, or use a Graph.from_... constructor."
        raise wrong_type(name, "be a torch.Tensor", value, advice)


def _indices(value: Tensor, name: str) -> Tensor:
    _tensor(value, name)
    if value.dtype not in (torch.int64, torch.int32):
        raise wrong_dtype(name, "have dtype int64", value.dtype, "Convert it with .long().")
    return value.long()


def _kept(value: Tensor) -> Tensor:
    """A copy that later edits do not affect; learned tensors are not copied."""
    if value.requires_grad or torch.compiler.is_compiling():
        return value
    with plainly(value):
        return value.clone(memory_format=torch.contiguous_format)


def _finite(value: Tensor, name: str) -> None:
    # Inside vmap and the compiler no value decides anything.
    if is_batched(value) or torch.compiler.is_compiling():
        return
    bad = ~torch.isfinite(value)
    if bool(bad.any()):
        where = bad.nonzero()[0].tolist()
        got = f"{value[tuple(where)].item()} at {where}"
        raise invalid(name, "be finite", got, "Remove or fill in missing values.")


def _weights(edge_weight: Tensor, num_edges: int, device: torch.device) -> Tensor:
    _tensor(edge_weight, "edge_weight")
    if not edge_weight.is_floating_point():
        condition, advice = "be floating point", "Convert it with .float()."
        raise wrong_dtype("edge_weight", condition, edge_weight.dtype, advice)
    if edge_weight.shape != (num_edges,):
        condition, advice = f"have shape (E={num_edges},)", "Give one number for each edge."
        raise invalid("edge_weight", condition, tuple(edge_weight.shape), advice)
    if edge_weight.device != device:
        condition, advice = f"be on the device of 'edge_index', {device}", "Move it with .to()."
        raise invalid("edge_weight", condition, edge_weight.device, advice)
    _finite(edge_weight, "edge_weight")
    return _kept(edge_weight)


def _types(edge_type: Tensor, num_edges: int, num_relations: int | None) -> dict[str, Any]:
    edge_type = _kept(_indices(edge_type, "edge_type"))
    if edge_type.shape != (num_edges,):
        condition, advice = f"have shape (E={num_edges},)", "Give one relation for each edge."
        raise invalid("edge_type", condition, tuple(edge_type.shape), advice)
    if torch.compiler.is_compiling():
        return {"edge_type": edge_type, "num_relations": num_relations}
    least, most = (int(edge_type.min()), int(edge_type.max())) if num_edges else (0, -1)
    limit = most + 1 if num_relations is None else num_relations
    if least < 0 or most >= limit:
        condition = f"be from 0 to num_relations - 1 = {limit - 1}"
        advice = "Number relations from 0."
        raise invalid("edge_type", condition, least if least < 0 else most, advice)
    return {"edge_type": edge_type, "num_relations": limit}
