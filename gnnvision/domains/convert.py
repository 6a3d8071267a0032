"""Conversions from other formats, which return the arguments of `Graph`, and to networkx.

`Graph` documents each of them.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from gnnvision.domains.edges import is_symmetric
from gnnvision.errors import invalid, wrong_dtype, wrong_type

if TYPE_CHECKING:
    import networkx as nx
    from torch_geometric.data import Data

Arguments = dict[str, Any]


def from_edges(
    edges: Iterable[tuple[int, int]],
    num_nodes: int,
    undirected: bool,
    edge_weight: Sequence[float] | Tensor | None,
) -> Arguments:
    """The arguments of a graph from pairs, in both directions if `undirected`."""
    if isinstance(edges, Tensor):
        edges = edges.tolist()
    pairs = [tuple(edge) if isinstance(edge, Iterable) else (edge,) for edge in edges]
    for pair in pairs:
        if len(pair) != 2 or any(isinstance(v, bool) or not isinstance(v, Integral) for v in pair):
            advice = "Give (source, target); weights go into edge_weight."
            raise wrong_dtype("edges", "be pairs of integers", repr(pair), advice)
    weight = None if edge_weight is None else _weights(edge_weight)
    if weight is not None and weight.shape != (len(pairs),):
        condition = f"have one weight for each of the {len(pairs)} edges"
        got, advice = f"shape {tuple(weight.shape)}", "Give them in the order of the edges."
        raise invalid("edge_weight", condition, got, advice)
    if undirected:
        values = [1.0] * len(pairs) if weight is None else weight.tolist()
        once: dict[tuple[int, int], int] = {}
        for edge, (i, j) in enumerate(pairs):
            for way in ((i, j), (j, i)):
                first = once.setdefault(way, edge)
                if values[first] != values[edge]:
                    got = f"{values[edge]} and {values[first]} for {i} and {j}"
                    condition = "have a single weight for each undirected edge"
                    raise invalid("edge_weight", condition, got, "List the edge once.")
        pairs = list(once)
        weight = None if weight is None else weight[list(once.values())]
    return {
        "edge_index": torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).t(),
        "num_nodes": num_nodes,
        "edge_weight": weight,
    }


def _weights(given: Sequence[float] | Tensor) -> Tensor:
    """Finite numbers in float64 if they are so given as a tensor, else in the default dtype."""
    try:
        weight = given if isinstance(given, Tensor) else torch.tensor(np.asarray(given))
    except TypeError:
        weight = None
    if weight is None or weight.dtype is torch.bool or weight.is_complex():
        kind = np.asarray(given).dtype if weight is None else weight.dtype
        advice = "Convert text with float(), and fill in missing values."
        raise wrong_dtype("edge_weight", "be numbers", kind, advice)
    if not bool(weight.isfinite().all()):
        edge = int((~weight.isfinite()).nonzero()[0, 0]) if weight.ndim else 0
        got = f"{weight.flatten()[edge]} for edge {edge}"
        raise invalid("edge_weight", "be finite", got, "Remove or fill in missing values.")
    double = isinstance(given, Tensor) and given.dtype is torch.float64
    return weight.to(torch.float64 if double else torch.get_default_dtype())


def from_dense(adjacency: Tensor) -> Arguments:
    """The arguments of a graph from the nonzero entries of its adjacency matrix."""
    if not isinstance(adjacency, Tensor):
        advice = "Convert it with torch.as_tensor."
        raise wrong_type("adjacency", "be a torch.Tensor", adjacency, advice)
    if adjacency.ndim != 2 or adjacency.shape[0] != adjacency.shape[1]:
        advice = "Give one row and one column for each node."
        raise invalid("adjacency", "have shape (N, N)", tuple(adjacency.shape), advice)
    if adjacency.is_complex():
        advice = "Use its absolute value or its real part."
        raise wrong_dtype("adjacency", "have real numbers", adjacency.dtype, advice)
    if adjacency.layout is not torch.strided:
        adjacency = adjacency.to_dense()
    edge_index = adjacency.nonzero().t()
    weight = adjacency[edge_index[0], edge_index[1]]
    if not weight.is_floating_point():
        weight = weight.to(torch.get_default_dtype())
    plain = not weight.requires_grad and bool((weight == 1).all())
    return {
        "edge_index": edge_index,
        "num_nodes": adjacency.shape[0],
        "edge_weight": None if plain else weight,
    }


def from_networkx(
    graph: nx.Graph, edge_weight: str | None, edge_attrs: Sequence[str], edge_type: str | None
) -> Arguments:
    """The arguments of a networkx graph, with its order of nodes."""
    import networkx as nx

    if not isinstance(graph, nx.Graph):
        advice = "Use Graph.from_edges for a list of edges."
        raise wrong_type("graph", "be a networkx graph", graph, advice)
    names: tuple[Hashable, ...] = tuple(graph.nodes)
    number = {name: i for i, name in enumerate(names)}
    listed = list(graph.edges(data=True))
    if not graph.is_directed():
        listed += [(v, u, data) for u, v, data in listed if u != v]

    if isinstance(edge_attrs, str):
        advice = f"Use [{edge_attrs!r}]."
        raise wrong_dtype("edge_attrs", "be a list of names", repr(edge_attrs), advice)
    default = torch.get_default_dtype()
    pairs = [(number[u], number[v]) for u, v, _ in listed]
    attrs = [_column(listed, name, default, booleans=True) for name in edge_attrs]
    return {
        "edge_index": torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).t(),
        "num_nodes": len(names),
        "edge_weight": None if edge_weight is None else _column(listed, edge_weight, default),
        "edge_attr": torch.stack(attrs, 1) if attrs else None,
        "edge_type": None if edge_type is None else _column(listed, edge_type, torch.int64),
        "node_names": names,
    }


def _is_finite(value: Any) -> bool:  # noqa: ANN401 - any number
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond float64's range
        return False


def _column(
    listed: list[tuple[Hashable, Hashable, dict[str, Any]]],
    attribute: str,
    dtype: torch.dtype,
    booleans: bool = False,
) -> Tensor:
    """An attribute of every edge; integers from 0 for int64, else finite numbers."""
    whole = dtype is torch.int64
    for u, v, data in listed:
        if attribute not in data:
            condition = f"have the attribute {attribute!r} on every edge"
            advice = "Choose an attribute that all edges have."
            raise invalid("graph", condition, f"none on the edge {u!r} to {v!r}", advice)
        value = data[attribute]
        if isinstance(value, (bool, np.bool_)):
            fits = booleans
        elif whole:
            fits = isinstance(value, Integral) and int(value) >= 0
        else:
            fits = isinstance(value, Real) and _is_finite(value)
        if not fits:
            condition = "be an integer of at least 0" if whole else "be a finite number"
            advice = "Convert text with float(), and fill in missing values."
            advice = "Number the edge types from 0." if whole else advice
            raise invalid(attribute, condition, f"{value!r} on the edge {u!r} to {v!r}", advice)
    return torch.tensor([data[attribute] for *_, data in listed], dtype=dtype)


def to_networkx(
    edge_index: Tensor,
    num_nodes: int,
    names: tuple[Hashable, ...] | None,
    columns: dict[str, Tensor | None],
) -> nx.Graph:
    """A networkx graph of the simplest class that can represent all edges."""
    import networkx as nx

    pairs = edge_index.T.tolist()
    undirected = is_symmetric(edge_index, columns.values())
    multi = len(set(map(tuple, pairs))) < len(pairs)
    classes = (nx.DiGraph, nx.Graph, nx.MultiDiGraph, nx.MultiGraph)
    if names is None or len(set(names)) < len(names):
        names = tuple(range(num_nodes))
    out = classes[2 * multi + undirected]()
    out.add_nodes_from(names)
    data = {name: v.tolist() for name, v in columns.items() if v is not None}
    for e, (i, j) in enumerate(pairs):
        if not undirected or i <= j:
            out.add_edge(names[i], names[j], **{name: v[e] for name, v in data.items()})
    return out


def from_pyg(data: Data) -> Arguments:
    """The arguments of a graph from torch-geometric's `Data`."""
    if hasattr(data, "edge_types"):
        got = f"{type(data).__name__} with several node or edge types"
        advice = "Use data.to_homogeneous(), which keeps the types in edge_type."
        raise wrong_dtype("data", "be a torch_geometric.data.Data", got, advice)
    edge_index = getattr(data, "edge_index", None)
    if edge_index is None:
        sparse = ", but with adj_t" if getattr(data, "adj_t", None) is not None else ""
        got = f"{type(data).__name__} without edge_index{sparse}"
        advice = "Give a torch_geometric.data.Data with edge_index."
        raise wrong_dtype("data", "have an edge_index", got, advice)
    edge_attr = getattr(data, "edge_attr", None)
    if edge_attr is not None and edge_attr.ndim == 1:
        edge_attr = edge_attr.unsqueeze(1)
    return {
        "edge_index": edge_index,
        "num_nodes": data.num_nodes,
        "edge_weight": getattr(data, "edge_weight", None),
        "edge_attr": edge_attr,
        "edge_type": getattr(data, "edge_type", None),
        "offsets": _offsets(data),
    }


def _offsets(data: Data) -> Tensor | None:
    """The first node of each graph, from `ptr` or `batch`."""
    ptr: Tensor | None = getattr(data, "ptr", None)
    batch: object = getattr(data, "batch", None)
    if batch is None:
        return ptr
    if not isinstance(batch, Tensor) or batch.is_floating_point() or batch.dtype is torch.bool:
        got = batch.dtype if isinstance(batch, Tensor) else type(batch).__name__
        condition = "be the index of the graph of each node, from 0"
        raise wrong_dtype("data.batch", condition, got, "Convert it with .long().")
    if batch.shape != (data.num_nodes,):
        condition, advice = f"have shape (N={data.num_nodes},)", "Give the graph of each node."
        raise invalid("data.batch", condition, tuple(batch.shape), advice)
    if bool((batch.diff() < 0).any()) or (len(batch) and int(batch[0]) < 0):
        got = f"{batch[:8].tolist()}{'...' if len(batch) > 8 else ''}"
        advice = "Sort the nodes and renumber the edges, or use Batch.from_data_list."
        raise invalid("data.batch", "be sorted in ascending order, from 0", got, advice)
    count = int(batch[-1]) + 1 if len(batch) else 0
    known = getattr(data, "num_graphs", count) if ptr is None else len(ptr) - 1
    sizes = torch.bincount(batch, minlength=max(count, int(known or 0)))
    offsets = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    if ptr is None:
        return offsets
    if not torch.equal(offsets, ptr.to(offsets)):
        got = f"{ptr.tolist()} and {offsets.tolist()}"
        raise invalid("data.ptr", "agree with 'data.batch'", got, "Remove the outdated one.")
    return ptr


def from_triangles(faces: Tensor, num_nodes: int) -> Arguments:
    """The arguments of a graph from the sides of triangles, each in both directions."""
    if not isinstance(faces, Tensor) or faces.dtype not in (torch.int64, torch.int32):
        kind = faces.dtype if isinstance(faces, Tensor) else type(faces).__name__
        raise wrong_dtype("faces", "be a tensor of int64", kind, "Convert it with .long().")
    if faces.ndim != 2 or faces.shape[1] != 3:
        advice = "Give the three vertices of each triangle in a row."
        raise invalid("faces", "have shape (F, 3)", tuple(faces.shape), advice)
    sides = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).long()
    sides = torch.cat([sides, sides.flip(1)])
    sides = sides[sides[:, 0] != sides[:, 1]].unique(dim=0)
    return {"edge_index": sides.t(), "num_nodes": num_nodes}
