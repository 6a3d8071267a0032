"""The checks a graph passes once, when it is made."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from gnnvision.domains.modes import is_batched, plainly

__all__ = ["check_edges", "check_members", "check_num_nodes", "check_offsets"]


def check_num_nodes(num_nodes: int) -> None:
    """`num_nodes` is a count.

    Raises:
        TypeError: if it is not an integer.
        ValueError: if it is negative.
    """
    if isinstance(num_nodes, bool) or not isinstance(num_nodes, int):
        raise TypeError(
            f"'num_nodes' must be an integer, got {num_nodes!r}. Give the number of nodes."
        )
    if num_nodes < 0:
        raise ValueError(
            f"'num_nodes' must be at least 0, got {num_nodes}. Give the number of nodes."
        )


def check_edges(
    edge_index: Tensor,
    num_nodes: int,
    edge_weight: Tensor | None,
    edge_attr: Tensor | None,
    edge_type: Tensor | None,
    num_relations: int | None,
) -> dict[str, Any]:
    """The edge columns of a graph, checked and copied.

    Raises:
        TypeError: if one is of the wrong kind.
        ValueError: if one is of the wrong shape or out of range.
    """
    edge_index = _kept(_indices(edge_index, "edge_index"))
    if edge_index.ndim != 2 or edge_index.shape[0] != 2:
        raise ValueError(
            f"'edge_index' must have shape (2, E), got {tuple(edge_index.shape)}. "
            "Its first row holds the sources, its second the targets; transpose an (E, 2) list."
        )
    num_edges = edge_index.shape[1]
    looks = not torch.compiler.is_compiling()  # which must not depend on values
    if looks and num_edges and not 0 <= int(edge_index.min()) <= int(edge_index.max()) < num_nodes:
        outside = ((edge_index < 0) | (edge_index >= num_nodes)).any(0).nonzero()[0].item()
        source, target = edge_index[:, int(outside)].tolist()
        raise ValueError(
            f"'edge_index' must hold nodes from 0 to num_nodes - 1 = {num_nodes - 1}, got edge "
            f"{int(outside)} from {source} to {target}. Count from 0, or set a larger num_nodes."
        )
    columns: dict[str, Any] = {"edge_index": edge_index}
    if edge_weight is not None:
        columns["edge_weight"] = _weights(edge_weight, num_edges, edge_index.device)
    if edge_attr is not None:
        _tensor(edge_attr, "edge_attr")
        if edge_attr.ndim != 2 or edge_attr.shape[0] != num_edges:
            raise ValueError(
                f"'edge_attr' must have shape (E={num_edges}, D), got {tuple(edge_attr.shape)}. "
                "Give one row for each edge."
            )
        _finite(edge_attr, "edge_attr")
        columns["edge_attr"] = _kept(edge_attr)
    if edge_type is not None:
        columns |= _types(edge_type, num_edges, num_relations)
    elif num_relations is not None:
        raise ValueError(
            f"'num_relations' must come with 'edge_type', got {num_relations} alone. "
            "Give the relation of each edge too."
        )
    return columns


def check_offsets(offsets: Tensor | None, num_nodes: int, edge_index: Tensor) -> Tensor:
    """Where the members of a batch begin; one member if `offsets` is None.

    Raises:
        TypeError: if it is not an integer tensor.
        ValueError: if it does not run from 0 to `num_nodes`, falls, or an edge joins two members.
    """
    if offsets is None:
        with nullcontext() if torch.compiler.is_compiling() else plainly():
            return torch.arange(2, device=edge_index.device) * num_nodes
    offsets = _kept(_indices(offsets, "offsets"))
    ends = (offsets[0].item(), offsets[-1].item()) if offsets.numel() else ()
    if offsets.ndim != 1 or ends != (0, num_nodes) or bool((offsets.diff() < 0).any()):
        raise ValueError(
            f"'offsets' must rise from 0 to num_nodes = {num_nodes}, got {offsets.tolist()}. "
            "Give the first node of each member and the end."
        )
    if edge_index.shape[1] and offsets.numel() > 2:
        member = torch.bucketize(edge_index, offsets[1:], right=True)
        if bool((member[0] != member[1]).any()):
            edge = int((member[0] != member[1]).nonzero()[0])
            raise ValueError(
                f"'edge_index' must stay within the members of the batch, got edge {edge} from "
                f"{edge_index[0, edge]} to {edge_index[1, edge]}. Correct 'offsets' or the edge."
            )
    return offsets


def check_members(graph_attr: Tensor | None, num_graphs: int) -> dict[str, Tensor]:
    """The attributes of members, checked and copied; nothing if there are none.

    Raises:
        TypeError: if it is no tensor.
        ValueError: if its shape does not fit, or an attribute is NaN or infinite.
    """
    if graph_attr is None:
        return {}
    _tensor(graph_attr, "graph_attr")
    if graph_attr.ndim != 2 or graph_attr.shape[0] != num_graphs:
        raise ValueError(
            f"'graph_attr' must have shape (G={num_graphs}, D), got {tuple(graph_attr.shape)}. "
            "Give one row for each member of the batch."
        )
    _finite(graph_attr, "graph_attr")
    return {"graph_attr": _kept(graph_attr)}


def _tensor(value: object, name: str) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(
            f"'{name}' must be a torch.Tensor, got {type(value).__name__}. "
            "Convert it with torch.as_tensor, or use one of the Graph.from_... constructors."
        )


def _indices(value: Tensor, name: str) -> Tensor:
    _tensor(value, name)
    if value.dtype not in (torch.int64, torch.int32):
        raise TypeError(
            f"'{name}' must have dtype int64, got {value.dtype}. Convert it with .long()."
        )
    return value.long()


def _kept(value: Tensor) -> Tensor:
    """A copy that later edits do not reach; of what is learned there is none."""
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
        raise ValueError(
            f"'{name}' must be finite, got {value[tuple(where)].item()} at {where}. "
            "Remove or fill in the missing values."
        )


def _weights(edge_weight: Tensor, num_edges: int, device: torch.device) -> Tensor:
    _tensor(edge_weight, "edge_weight")
    if not edge_weight.is_floating_point():
        raise TypeError(
            f"'edge_weight' must be floating point, got {edge_weight.dtype}. "
            "Convert it with .float()."
        )
    if edge_weight.shape != (num_edges,):
        raise ValueError(
            f"'edge_weight' must have shape (E={num_edges},), got {tuple(edge_weight.shape)}. "
            "Give one number for each edge."
        )
    if edge_weight.device != device:
        raise ValueError(
            f"'edge_weight' must be on {device} as edge_index, got {edge_weight.device}. "
            "Move it with .to()."
        )
    _finite(edge_weight, "edge_weight")
    return _kept(edge_weight)


def _types(edge_type: Tensor, num_edges: int, num_relations: int | None) -> dict[str, Any]:
    edge_type = _kept(_indices(edge_type, "edge_type"))
    if edge_type.shape != (num_edges,):
        raise ValueError(
            f"'edge_type' must have shape (E={num_edges},), got {tuple(edge_type.shape)}. "
            "Give one relation for each edge."
        )
    if torch.compiler.is_compiling():
        return {"edge_type": edge_type, "num_relations": num_relations}
    least, most = (int(edge_type.min()), int(edge_type.max())) if num_edges else (0, -1)
    limit = most + 1 if num_relations is None else num_relations
    if least < 0 or most >= limit:
        raise ValueError(
            f"'edge_type' must be from 0 to num_relations - 1 = {limit - 1}, got "
            f"{least if least < 0 else most}. Count relations from 0."
        )
    return {"edge_type": edge_type, "num_relations": limit}
