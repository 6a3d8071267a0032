"""Graphs from and to other forms, as the arguments of `Graph`.

`Graph` documents each of these; here is how it is done.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from gnnvision.domains.compose import is_symmetric

if TYPE_CHECKING:
    import networkx as nx
    from torch_geometric.data import Data

    from gnnvision.domains.graph import Graph

Arguments = dict[str, Any]


def from_edges(
    edges: Iterable[tuple[int, int]],
    num_nodes: int,
    undirected: bool,
    edge_weight: Sequence[float] | Tensor | None,
) -> Arguments:
    """Pairs, each way if `undirected`."""
    if isinstance(edges, Tensor):
        edges = edges.tolist()
    pairs = [tuple(edge) if isinstance(edge, Iterable) else (edge,) for edge in edges]
    for pair in pairs:
        if len(pair) != 2 or any(isinstance(v, bool) or not isinstance(v, Integral) for v in pair):
            raise TypeError(
                f"'edges' must hold pairs of integers, got {pair!r}. "
                "Give (source, target); weights go into edge_weight."
            )
    double = isinstance(edge_weight, Tensor) and edge_weight.dtype is torch.float64
    dtype = torch.float64 if double else torch.get_default_dtype()
    weight = None if edge_weight is None else _weights(edge_weight, dtype)
    if weight is not None and weight.shape != (len(pairs),):
        raise ValueError(
            f"'edge_weight' must have one weight for each of the {len(pairs)} edges, got shape "
            f"{tuple(weight.shape)}. Give them in the order of the edges."
        )
    if undirected:
        values = [1.0] * len(pairs) if weight is None else weight.tolist()
        once: dict[tuple[int, int], int] = {}
        for edge, (i, j) in enumerate(pairs):
            for way in ((i, j), (j, i)):
                first = once.setdefault(way, edge)
                if values[first] != values[edge]:
                    raise ValueError(
                        f"'edge_weight' must give one weight to an undirected edge, got "
                        f"{values[edge]} and {values[first]} for {i} and {j}. List the edge once."
                    )
        pairs = list(once)
        weight = None if weight is None else weight[list(once.values())]
    return {
        "edge_index": torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).t(),
        "num_nodes": num_nodes,
        "edge_weight": weight,
    }


def from_dense(adjacency: Tensor) -> Arguments:
    """The nonzero entries."""
    if not isinstance(adjacency, Tensor):
        raise TypeError(
            f"'adjacency' must be a torch.Tensor, got {type(adjacency).__name__}. "
            "Convert it with torch.as_tensor."
        )
    if adjacency.ndim != 2 or adjacency.shape[0] != adjacency.shape[1]:
        raise ValueError(
            f"'adjacency' must have shape (N, N), got {tuple(adjacency.shape)}. "
            "Give one row and one column for each node."
        )
    if adjacency.is_complex():
        raise TypeError(
            f"'adjacency' must be of real numbers, got {adjacency.dtype}. Give its "
            "absolute value, or its real part."
        )
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
    """The edges in networkx's order of nodes, each way if it is undirected."""
    import networkx as nx

    if not isinstance(graph, nx.Graph):
        raise TypeError(
            f"'graph' must be a networkx graph, got {type(graph).__name__}. "
            "Use Graph.from_edges for a list of edges."
        )
    names: tuple[Hashable, ...] = tuple(graph.nodes)
    number = {name: i for i, name in enumerate(names)}
    listed = list(graph.edges(data=True))
    if not graph.is_directed():
        listed += [(v, u, data) for u, v, data in listed if u != v]

    if isinstance(edge_attrs, str):
        raise TypeError(
            f"'edge_attrs' must be a list of names, got {edge_attrs!r}. Write [{edge_attrs!r}]."
        )
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
    allowed = Integral if whole else Real
    for u, v, data in listed:
        if attribute not in data:
            raise ValueError(
                f"'graph' must have the attribute {attribute!r} on every edge, got none on "
                f"{u!r} to {v!r}. Name an attribute that all edges have."
            )
        value = data[attribute]
        is_boolean = isinstance(value, (bool, np.bool_))
        if is_boolean and booleans:
            continue
        if is_boolean or not isinstance(value, allowed) or not _is_finite(value):
            must = "an integer from 0, one for each kind of edge" if whole else "a finite number"
            remedy = (
                "Number the kinds from 0" if whole else "Convert text with float(), fill in others"
            )
            raise ValueError(
                f"{attribute!r} must be {must}, got {value!r} on the edge {u!r} to {v!r}. "
                f"{remedy}."
            )
        if whole and value < 0:
            raise ValueError(
                f"{attribute!r} must be an integer from 0, got {value} on the edge {u!r} to "
                f"{v!r}. Number the kinds from 0."
            )
    return torch.tensor([data[attribute] for *_, data in listed], dtype=dtype)


def _weights(given: Sequence[float] | Tensor, dtype: torch.dtype) -> Tensor:
    """Numbers, one for each edge."""
    try:
        weight = given if isinstance(given, Tensor) else torch.tensor(np.asarray(given))
    except TypeError:
        weight = None
    if weight is None or weight.dtype is torch.bool or weight.is_complex():
        kind = np.asarray(given).dtype if weight is None else weight.dtype
        raise TypeError(
            f"'edge_weight' must hold numbers, got {kind}. Convert text with float(), and fill in "
            "what is missing."
        )
    if not bool(weight.isfinite().all()):
        edge = int((~weight.isfinite()).nonzero()[0, 0]) if weight.ndim else 0
        raise ValueError(
            f"'edge_weight' must be finite, got {weight.flatten()[edge]} for edge {edge}. Remove "
            "or fill in the missing values."
        )
    return weight.to(dtype)


def to_networkx(graph: Graph) -> nx.Graph:
    """A networkx graph of the plainest class that holds all edges."""
    import networkx as nx

    source, target = graph.edge_index.tolist()
    undirected = graph.is_undirected and is_symmetric(graph, with_attributes=True)
    multi = len(set(zip(source, target, strict=True))) < len(source)
    classes = {
        (True, False): nx.Graph,
        (True, True): nx.MultiGraph,
        (False, False): nx.DiGraph,
        (False, True): nx.MultiDiGraph,
    }
    names = graph.node_names
    if names is None or len(set(names)) < len(names):
        names = tuple(range(graph.num_nodes))
    out = classes[undirected, multi]()
    out.add_nodes_from(names)
    columns = {"weight": graph.edge_weight, "type": graph.edge_type, "attr": graph.edge_attr}
    data = {k: v.tolist() for k, v in columns.items() if v is not None}
    for e, (i, j) in enumerate(zip(source, target, strict=True)):
        if not undirected or i <= j:
            out.add_edge(names[i], names[j], **{k: v[e] for k, v in data.items()})
    return out


def from_pyg(data: Data) -> Arguments:
    """The graph part of torch-geometric's `Data`."""
    if hasattr(data, "edge_types"):
        raise TypeError(
            f"'data' must be a torch_geometric.data.Data, got {type(data).__name__} with several "
            "kinds of nodes or edges. Give data.to_homogeneous(), whose edge_type says the kind."
        )
    edge_index = getattr(data, "edge_index", None)
    if edge_index is None:
        sparse = " but adj_t" if getattr(data, "adj_t", None) is not None else ""
        raise TypeError(
            f"'data' must have an edge_index, got {type(data).__name__} without one{sparse}. "
            "Give a torch_geometric.data.Data."
        )
    edge_attr = getattr(data, "edge_attr", None)
    weight = getattr(data, "edge_weight", None)
    return {
        "edge_index": edge_index,
        "num_nodes": data.num_nodes,
        "edge_weight": weight,
        "edge_attr": edge_attr.unsqueeze(1)
        if edge_attr is not None and edge_attr.ndim == 1
        else edge_attr,
        "edge_type": getattr(data, "edge_type", None),
        "offsets": _offsets(data),
    }


def _offsets(data: Data) -> Tensor | None:
    """Where the nodes of each member begin, by `ptr` or by `batch`."""
    ptr: Tensor | None = getattr(data, "ptr", None)
    batch: object = getattr(data, "batch", None)
    if batch is None:
        return ptr
    if not isinstance(batch, Tensor) or batch.is_floating_point() or batch.dtype is torch.bool:
        got = batch.dtype if isinstance(batch, Tensor) else type(batch).__name__
        raise TypeError(
            f"'data.batch' must hold the graph of each node, counted from 0, got {got}. Convert "
            "it with .long()."
        )
    if batch.shape != (data.num_nodes,):
        raise ValueError(
            f"'data.batch' must have shape (N={data.num_nodes},), got {tuple(batch.shape)}. Give "
            "the graph of each node."
        )
    if bool((batch.diff() < 0).any()) or (len(batch) and int(batch[0]) < 0):
        raise ValueError(
            "'data.batch' must rise from 0, so that the nodes of each graph lie together, got "
            f"{batch[:8].tolist()}{'...' if len(batch) > 8 else ''}. Sort the nodes by it and "
            "renumber the edges, or make the batch with Batch.from_data_list."
        )
    count = int(batch[-1]) + 1 if len(batch) else 0
    known = getattr(data, "num_graphs", count) if ptr is None else len(ptr) - 1
    sizes = torch.bincount(batch, minlength=max(count, int(known or 0)))
    offsets = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    if ptr is None:
        return offsets
    if not torch.equal(offsets, ptr.to(offsets)):
        raise ValueError(
            f"'data.ptr' must say what 'data.batch' says, got {ptr.tolist()} and "
            f"{offsets.tolist()}. Remove the one that is out of date."
        )
    return ptr


def to_pyg(graph: Graph, x: Tensor | None, y: Tensor | None) -> Data:
    """A torch-geometric `Data`, or `Batch` for several members."""
    from torch_geometric.data import Batch, Data

    columns = {
        "edge_weight": graph.edge_weight,
        "edge_attr": graph.edge_attr,
        "edge_type": graph.edge_type,
    }
    present = {name: value for name, value in columns.items() if value is not None}
    data = (Batch if graph.num_graphs != 1 else Data)(
        x=x, edge_index=graph.edge_index, y=y, num_nodes=graph.num_nodes, **present
    )
    if graph.num_graphs != 1:
        data.ptr, data.batch = graph.offsets, graph.graph_index
    return data


def from_triangles(faces: Tensor, num_nodes: int) -> Arguments:
    """The sides of the triangles, each once and each way."""
    if not isinstance(faces, Tensor) or faces.dtype not in (torch.int64, torch.int32):
        kind = faces.dtype if isinstance(faces, Tensor) else type(faces).__name__
        raise TypeError(f"'faces' must be a tensor of int64, got {kind}. Convert it with .long().")
    if faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(
            f"'faces' must have shape (F, 3), got {tuple(faces.shape)}. "
            "Give the three corners of each triangle in a row."
        )
    sides = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).long()
    sides = torch.cat([sides, sides.flip(1)])
    sides = sides[sides[:, 0] != sides[:, 1]].unique(dim=0)
    return {"edge_index": sides.t(), "num_nodes": num_nodes}
