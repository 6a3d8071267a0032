"""Checks of the arguments of `Graph`, which are copied, and of indices that select items."""

from __future__ import annotations

import operator
from collections.abc import Hashable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.domains.modes import is_batched, plainly
from gnnvision.errors import integer, invalid, wrong_dtype, wrong_type

__all__ = ["Indices", "checked_columns", "checked_pairs", "to_index", "to_indices"]

Indices = Tensor | NDArray[np.generic] | Sequence[int] | Sequence[bool] | range


def checked_columns(
    edge_index: Tensor,
    num_nodes: int,
    edge_weight: Tensor | None,
    edge_attr: Tensor | None,
    edge_type: Tensor | None,
    num_relations: int | None,
    offsets: Tensor | None,
    graph_attr: Tensor | None,
    node_names: Sequence[Hashable] | None,
) -> dict[str, Any]:
    """Validate and copy the arguments of a graph; each is documented by `Graph`."""
    if not isinstance(num_nodes, torch.SymInt):  # any number, in an exported program
        integer("num_nodes", num_nodes, 0, "Give the number of nodes.")
    edge_index = _integers("edge_index", edge_index)
    if edge_index.ndim != 2 or edge_index.shape[0] != 2:
        advice = "Give sources in the first row and targets in the second; transpose (E, 2)."
        raise invalid("edge_index", "have shape (2, E)", tuple(edge_index.shape), advice)
    num_edges = edge_index.shape[1]
    looks = not torch.compiler.is_compiling()  # which must not depend on values
    if looks and num_edges and not 0 <= int(edge_index.min()) <= int(edge_index.max()) < num_nodes:
        edge = int(((edge_index < 0) | (edge_index >= num_nodes)).any(0).nonzero()[0])
        condition = f"have nodes from 0 to num_nodes - 1 = {num_nodes - 1}"
        advice = "Node indices start at 0. Correct them, or use a larger num_nodes."
        raise invalid("edge_index", condition, _edge(edge_index, edge), advice)
    if edge_weight is not None:
        edge_weight = _weights(edge_weight, num_edges, edge_index.device)
    if edge_type is not None:
        edge_type, num_relations = _types(edge_type, num_edges, num_relations)
    elif num_relations is not None:
        got, advice = f"{num_relations} without it", "Give the relation of each edge too."
        raise invalid("num_relations", "be given together with 'edge_type'", got, advice)
    edge_attr = _rows("edge_attr", edge_attr, "E", num_edges, "edge")
    offsets = _offsets(offsets, num_nodes, edge_index)
    num_graphs = offsets.shape[0] - 1
    if node_names is not None and len(node_names) != num_nodes:
        condition = f"have one name for each of the {num_nodes} nodes"
        advice = "Give them in the order of the nodes."
        raise invalid("node_names", condition, len(node_names), advice)
    return {
        "edge_index": edge_index,
        "edge_weight": edge_weight,
        "edge_attr": edge_attr,
        "edge_type": edge_type,
        "num_relations": num_relations,
        "offsets": offsets,
        "graph_attr": _rows("graph_attr", graph_attr, "G", num_graphs, "graph of the batch"),
        "node_names": None if node_names is None else tuple(node_names),
    }


def checked_pairs(pairs: Tensor, num_nodes: int) -> Tensor:
    """Validate and copy pairs of nodes; see `Graph.with_pairs`."""
    pairs = _integers("pairs", pairs)
    if pairs.ndim != 2 or pairs.shape[0] != 2:
        advice = "Give the first nodes in the first row and the second ones in the second."
        raise invalid("pairs", "have shape (2, P)", tuple(pairs.shape), advice)
    looks = not torch.compiler.is_compiling() and pairs.numel() > 0
    if looks and not 0 <= int(pairs.min()) <= int(pairs.max()) < num_nodes:
        wrong = int(pairs.min()) if int(pairs.min()) < 0 else int(pairs.max())
        condition = f"have nodes from 0 to num_nodes - 1 = {num_nodes - 1}"
        raise invalid("pairs", condition, wrong, "Correct the nodes.")
    return pairs


def _edge(edge_index: Tensor, edge: int) -> str:
    return f"edge {edge} from {int(edge_index[0, edge])} to {int(edge_index[1, edge])}"


def _check_tensor(name: str, value: object) -> None:
    if not isinstance(value, Tensor):
        advice = "Convert it with torch.as_tensor, or use a Graph.from_... constructor."
        raise wrong_type(name, "be a torch.Tensor", value, advice)


def _copied(value: Tensor) -> Tensor:
    """A copy that later edits do not affect; learned tensors are not copied."""
    if value.requires_grad or torch.compiler.is_compiling():
        return value
    with plainly(value):
        return value.clone(memory_format=torch.contiguous_format)


def _integers(name: str, value: Tensor) -> Tensor:
    _check_tensor(name, value)
    if value.dtype not in (torch.int64, torch.int32):
        raise wrong_dtype(name, "have dtype int64", value.dtype, "Convert it with .long().")
    return _copied(value.long())


def _check_shape(name: str, value: Tensor, shape: str, fits: bool, what: str) -> None:
    if not fits:
        raise invalid(name, f"have shape ({shape})", tuple(value.shape), f"Give one {what}.")


def _finite(name: str, value: Tensor) -> Tensor:
    """A copy of the values, of which none is NaN or infinite."""
    # Inside vmap and the compiler no value decides anything.
    if not (is_batched(value) or torch.compiler.is_compiling()):
        bad = ~torch.isfinite(value)
        if bool(bad.any()):
            where = bad.nonzero()[0].tolist()
            got = f"{value[tuple(where)].item()} at {where}"
            raise invalid(name, "be finite", got, "Remove or fill in missing values.")
    return _copied(value)


def _weights(value: Tensor, num_edges: int, device: torch.device) -> Tensor:
    name = "edge_weight"
    _check_tensor(name, value)
    if not value.is_floating_point():
        advice = "Convert it with .float()."
        raise wrong_dtype(name, "be floating point", value.dtype, advice)
    fits = value.shape == (num_edges,)
    _check_shape(name, value, f"E={num_edges},", fits, "number for each edge")
    if value.device != device:
        condition, advice = f"be on the device of 'edge_index', {device}", "Move it with .to()."
        raise invalid(name, condition, value.device, advice)
    return _finite(name, value)


def _rows(name: str, value: Tensor | None, symbol: str, rows: int, what: str) -> Tensor | None:
    """The rows of attributes, of which there must be `rows`."""
    if value is None:
        return None
    _check_tensor(name, value)
    fits = value.ndim == 2 and value.shape[0] == rows
    _check_shape(name, value, f"{symbol}={rows}, D", fits, f"row for each {what}")
    return _finite(name, value)


def _types(value: Tensor, num_edges: int, num_relations: int | None) -> tuple[Tensor, int | None]:
    value = _integers("edge_type", value)
    fits = value.shape == (num_edges,)
    _check_shape("edge_type", value, f"E={num_edges},", fits, "relation for each edge")
    if torch.compiler.is_compiling():
        return value, num_relations
    least, most = (int(value.min()), int(value.max())) if num_edges else (0, -1)
    limit = most + 1 if num_relations is None else num_relations
    if least < 0 or most >= limit:
        condition = f"be from 0 to num_relations - 1 = {limit - 1}"
        got = least if least < 0 else most
        raise invalid("edge_type", condition, got, "Number relations from 0.")
    return value, limit


def _offsets(value: Tensor | None, num_nodes: int, edge_index: Tensor) -> Tensor:
    if value is None:
        with nullcontext() if torch.compiler.is_compiling() else plainly():
            return torch.arange(2, device=edge_index.device) * num_nodes
    value = _integers("offsets", value)
    if torch.compiler.is_compiling():
        return value
    first_and_last = (value[0].item(), value[-1].item()) if value.numel() else ()
    falls = value.ndim != 1 or bool((value.diff() < 0).any())
    if falls or first_and_last != (0, num_nodes):
        condition = f"increase from 0 to num_nodes = {num_nodes}"
        advice = "Give the first node of each graph, then num_nodes."
        raise invalid("offsets", condition, value.tolist(), advice)
    if edge_index.shape[1] and value.numel() > 2:
        member = torch.bucketize(edge_index, value[1:], right=True)
        if bool((member[0] != member[1]).any()):
            got = _edge(edge_index, int((member[0] != member[1]).nonzero()[0]))
            condition = "have no edges between graphs of the batch"
            raise invalid("edge_index", condition, got, "Correct 'offsets' or the edge.")
    return value


# --- indices ------------------------------------------------------------------------------------


def to_indices(
    given: Indices, count: int, name: str, what: str = "items", must: str = ""
) -> Tensor:
    """Selected indices as int64 on the CPU; of a boolean mask, those of its True entries.

    Args:
        given: indices from 0 as a tensor, array, list or range; or a mask of `count` booleans.
        count: the number of items.
        name: of the argument, for errors.
        what: the plural of the items, for errors.
        must: the condition, for errors, if it is not just the range.
    """
    index = _read(given, name)
    if index.dtype is torch.bool:
        if index.shape != (count,):
            condition = f"be a mask of {count} booleans, one for each of the {what}"
            advice = "Give a mask of that length, or indices."
            raise invalid(name, condition, f"shape {tuple(index.shape)}", advice)
        return index.nonzero().squeeze(1)
    if index.ndim != 1:
        got = f"shape {tuple(index.shape)}"
        raise invalid(name, "have one axis", got, "Give a list of indices.")
    if index.numel():
        least, most = index.aminmax()
        if least < 0 or most >= count:
            raise _out_of_range(name, int(least if least < 0 else most), count, what, must)
    return index


def to_index(given: object, count: int, name: str, what: str = "items", must: str = "") -> int:
    """The value as an index from 0 to `count` - 1."""
    try:
        if isinstance(given, (bool, np.bool_)) or getattr(given, "dtype", None) is torch.bool:
            raise TypeError
        index = operator.index(given)  # type: ignore[arg-type]
    except TypeError:
        advice = f"Give an index from 0 to {count - 1}."
        raise wrong_dtype(name, "be an integer", repr(given), advice) from None
    if not 0 <= index < count:
        raise _out_of_range(name, index, count, what, must)
    return index


def _out_of_range(name: str, index: int, count: int, what: str, must: str) -> ValueError:
    advice = f"There are {count} {what}, counted from 0."
    return invalid(name, must or f"be from 0 to {count - 1}", index, advice)


# Bytes are how other programs write masks; whether these are one cannot be known.
_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8)


def _read(given: Indices, name: str) -> Tensor:
    """The argument as int64 or boolean values on the CPU."""
    dtype: object
    if isinstance(given, Tensor):
        if given.is_meta or given.layout is not torch.strided:
            got = "a tensor without data" if given.is_meta else f"layout {given.layout}"
            advice = "Use tensor.to_dense() on the CPU or a GPU."
            raise invalid(name, "be a dense tensor with values", got, advice)
        if given.dtype in _INTEGERS:
            return given.to("cpu", torch.int64)
        if given.dtype is torch.bool:
            return given.cpu()
        dtype, is_number = given.dtype, not given.is_complex()
    else:
        array = _array(given, name)
        if array.dtype == np.bool_:
            return torch.tensor(array)
        if array.dtype.kind in "iu" and array.dtype != np.uint8:
            return torch.tensor(array.astype(np.int64))
        dtype = type(given).__name__ if array.dtype == np.dtype(object) else array.dtype
        is_number = array.dtype.kind in "uf"
    advice = "Give a list, an array or a tensor of integers or booleans."
    if is_number:
        advice = (
            "Convert indices with .long() or .astype(int), and a mask with .bool() or "
            ".astype(bool)."
        )
    raise wrong_dtype(name, "be integers or a boolean mask", dtype, advice)


def _array(given: Indices, name: str) -> NDArray[Any]:
    """An array, or the array of a list or range."""
    if isinstance(given, np.ma.MaskedArray):
        masked = int(np.ma.getmaskarray(given).sum())
        if masked:
            raise invalid(name, "have no masked values", masked, "Use array.compressed().")
    if isinstance(given, (list, tuple)):
        if len({isinstance(value, (bool, np.bool_)) for value in given}) > 1:
            condition, got = "be either indices or a mask", "a mix of booleans and integers"
            raise wrong_dtype(name, condition, got, "Use one of the two.")
    if isinstance(given, (list, tuple, range)) and not given:
        return np.empty(0, np.int64)
    try:
        return np.asarray(given)
    except (ValueError, TypeError, RuntimeError) as error:
        condition = "be a flat list of indices or booleans"
        got = f"a {type(given).__name__} of another shape"
        raise invalid(name, condition, got, "Give a list of integers.") from error
