"""torch-geometric's call forms, turned into a signal on a graph in this one place.

    layer(x, edge_index)                      layer(x=x, edge_index=edge_index, edge_weight=w)
    layer(x, adj_t)                           # a torch.sparse matrix whose rows receive
    layer((x_source, x_target), edge_index)   # a bipartite graph; x_target may be None
    layer(x, edge_index, return_attention_weights=True)

A bipartite graph becomes one graph of the sources, then the targets. Its signal has the rows of
both; where they have different channels, it has the columns of both, with zeros in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from gnnvision.domains import Domain, Graph
from gnnvision.domains.modes import is_live
from gnnvision.errors import invalid, wrong_dtype, wrong_type
from gnnvision.operators import Operator
from gnnvision.operators.attention import attention_edges, bipartite
from gnnvision.operators.signals import dense
from gnnvision.operators.sparse import with_lambda_max
from gnnvision.operators.together import Heads

__all__ = ["Call", "as_graph", "read_call"]

_EDGE_COLUMNS = {"edge_weight": "edge weights", "edge_attr": "edge attributes"} | {
    "edge_type": "edge types"
}
_STRIDED, _COO = torch.strided, torch.sparse_coo
_BY_ROWS = (_COO, torch.sparse_csr, torch.sparse_csc)
_Size = tuple[int, int]


class Call(NamedTuple):
    """What a layer computes for a call.

    Args:
        x: the signal. Shape (N, C).
        domain: of the signal.
        targets: the rows of the output that are wanted; all if None.
        finish: makes the result from the output and the operators; the output itself if None.
    """

    x: Tensor
    domain: Domain
    targets: slice | None = None
    finish: Callable[[Tensor, Sequence[Operator]], Any] | None = None


def read_call(
    layer: Any,  # noqa: ANN401 - a convolution, which imports this file
    x: Any,  # noqa: ANN401
    domain: Any,  # noqa: ANN401
    columns: Sequence[Any],
    named: dict[str, Any],
) -> Call:
    """The signal and the domain of a call in the style of torch-geometric.

    Args:
        layer: with `columns`, the names of the arguments after the edge_index.
        x: the signal, or a pair of those of source and target nodes.
        domain: a domain, an edge_index or a sparse adjacency matrix.
        columns: further arguments by position.
        named: further arguments by name.

    Raises:
        TypeError: if an argument is unknown, or has the wrong type.
        ValueError: if an argument cannot be used by the layer or has the wrong shape.
    """
    given = _arguments(layer, columns, named)
    edges = given.pop("edge_index", None)
    if edges is not None and domain is not None:
        raise invalid("edge_index", "not be given twice", "two", "Give one graph.")
    domain = edges if domain is None else domain
    if isinstance(domain, Domain):
        return _on_domain(layer, x, domain, given)
    _check_edges(domain)
    size, weights = given.pop("size", None), given.pop("return_attention_weights", None)
    batch, lambda_max = given.pop("batch", None), given.pop("lambda_max", None)
    if domain.layout is not _STRIDED:
        size = _joint_size(size, (domain.shape[1], domain.shape[0]))
    elif type(domain) is not Tensor and hasattr(domain, "as_tensor"):
        sparse_size = tuple(domain.sparse_size())  # an EdgeIndex of torch-geometric
        size = _joint_size(size, sparse_size) if None not in sparse_size else size
        domain = domain.as_tensor()
    pair = isinstance(x, (tuple, list))
    signals = _signals(layer, x, size)
    (count, targets), copies = (_num_nodes(signal) for signal in signals), 0
    graph = _graph(layer, domain, count, targets if pair else None, given, batch)
    if lambda_max is not None:
        graph = with_lambda_max(graph, lambda_max)
    if signals[0].ndim == 3 and not pair:
        copies = signals[0].shape[0]
        graph = graph.derived(("copies", copies), lambda: Graph.batch([graph] * copies))
        signals = [signal.flatten(0, 1) for signal in signals]
    signal = _joined(layer, signals, pair)

    def finish(y: Tensor, operators: Sequence[Operator]) -> Any:  # noqa: ANN401
        y = y.view(copies, count, -1) if copies else y
        if weights:
            return y, _attention(layer, graph, operators, domain, count if pair else 0)
        return y

    rows = slice(count, None) if pair else None
    return Call(signal, graph, rows, finish if copies or weights else None)


def as_graph(domain: Graph | Tensor, x: Tensor, edge_weight: Tensor | None = None) -> Graph:
    """The graph itself, or that of an edge_index or a sparse adjacency matrix for a signal.

    The graph is cached as long as the tensor exists, and reused only if its values have not
    changed, so that editing it in place is safe.

    Raises:
        TypeError: if `domain` is neither a graph nor a tensor.
        ValueError: if the edge_index is invalid; see `Graph`.
    """
    if isinstance(domain, Graph):
        return domain
    _check_edges(domain)
    given = {} if edge_weight is None else {"edge_weight": edge_weight}
    return _graph(None, domain, x.shape[0], None, given, None)


# --- arguments --------------------------------------------------------------------------------


def _arguments(layer: Any, columns: Sequence[Any], named: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """The arguments after the signal that are not None, by name."""
    name, known = type(layer).__name__, layer.columns
    takes = f"takes x, edge_index{''.join(f', {column}' for column in known)}"
    if len(columns) > len(known):
        condition = f"be at most {len(known)} arguments after the edge_index for {name}"
        raise wrong_dtype("columns", condition, len(columns), f"It {takes}.")
    by_position = dict(zip(known, columns, strict=False))
    twice = by_position.keys() & named.keys()
    if twice:
        raise invalid(min(twice), "not be given twice", "two values", "Give it once.")
    given = {k: v for k, v in (by_position | named).items() if v is not None}
    for column in given.keys() - {"edge_index", *known}:
        if column in _EDGE_COLUMNS:
            condition = f"be left out for {name}, which does not use {_EDGE_COLUMNS[column]}"
            raise invalid(column, condition, _described(given[column]), f"It {takes}.")
        condition = f"be left out for {name}, which {takes}"
        raise wrong_dtype(column, condition, _described(given[column]))
    if "edge_attr" in given and getattr(layer, "edge_dim", 1) is None:
        condition, advice = f"be left out for a {name} without edge_dim", "Make it with edge_dim."
        raise invalid("edge_attr", condition, _described(given["edge_attr"]), advice)
    for column in ("edge_weight", "edge_attr"):
        if column in given:
            given[column] = _as_column(column, given[column])
    if isinstance(given.get("size"), Tensor):
        condition = f"be left out for {name}, which does not use edge weights"
        raise invalid("edge_weight", condition, _described(given["size"]), f"It {takes}.")
    return given


def _as_column(name: str, value: Any) -> Any:  # noqa: ANN401
    """Weights (E, 1) as (E,), and attributes (E,) as (E, 1)."""
    if not isinstance(value, Tensor):
        return value
    if name == "edge_weight" and value.ndim == 2 and value.shape[1] == 1:
        return value.squeeze(1)
    return value.unsqueeze(1) if name == "edge_attr" and value.ndim == 1 else value


def _on_domain(layer: Any, x: Any, domain: Domain, given: dict[str, Any]) -> Call:  # noqa: ANN401
    """A call with a domain, which holds everything but a few options."""
    weights, lambda_max = (
        given.pop("return_attention_weights", None),
        given.pop("lambda_max", None),
    )
    if given:
        condition = f"not be given together with a {type(domain).__name__}"
        raise invalid(min(given), condition, "both", "Make the Graph with it.")
    if not isinstance(x, Tensor):
        advice = "Give source and target nodes with an edge_index, or all nodes in one tensor."
        raise wrong_dtype("x", "be one tensor of node features", _described(x), advice)
    if lambda_max is not None and isinstance(domain, Graph):
        domain = with_lambda_max(domain, lambda_max)
    if isinstance(layer.in_channels, tuple):
        x = _joined(layer, [x, x], pair=False)
    if not weights:
        return Call(x, domain)
    graph = domain
    return Call(x, domain, None, lambda y, S: (y, _attention(layer, graph, S, None, 0)))


def _check_edges(domain: object) -> None:
    if isinstance(domain, Tensor) and domain.layout in (_STRIDED, *_BY_ROWS):
        return
    if type(domain).__name__ == "SparseTensor":
        advice = "Use adj.to_torch_sparse_csr_tensor()."
    else:
        advice = "Make a gnnvision.Graph."
    condition = "be a Graph or an edge_index tensor"
    raise wrong_type("domain", condition, domain, advice)


def _joint_size(size: _Size | None, other: _Size) -> _Size:
    if size is not None and tuple(size) != other:
        condition = f"be the shape {other} of the sources and targets of the adjacency"
        raise invalid("size", condition, tuple(size), "Leave it out.")
    return other


def _described(value: object) -> str:
    if isinstance(value, Tensor):
        return f"{value.dtype} of shape {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)} values"
    return repr(value)


# --- the signal -------------------------------------------------------------------------------


def _signals(layer: Any, x: Any, size: _Size | None) -> list[Tensor]:  # noqa: ANN401
    """The signals of the source and of the target nodes."""
    name = type(layer).__name__
    if isinstance(x, (tuple, list)):
        if not layer.bipartite:
            advice = "Give all nodes in one tensor and one graph, or use for example SAGEConv."
            condition = f"be one tensor for {name}, which does not support bipartite graphs"
            raise wrong_dtype("x", condition, f"a {type(x).__name__}", advice)
        if len(x) != 2:
            condition = "be a tensor, or a pair of source and target nodes"
            raise invalid("x", condition, _described(x), "Give (x_source, x_target).")
    source, target = x if isinstance(x, (tuple, list)) else (x, x)
    ends = layer.in_channels if isinstance(layer.in_channels, tuple) else (layer.in_channels,) * 2
    signals = [_signal(layer, source, ends[0], "x")]
    if target is None and isinstance(x, (tuple, list)):
        if layer.reads_targets:
            condition = f"have features of the target nodes for {name}"
            raise invalid("x", condition, "None", "Give (x_source, x_target).")
        count = len(signals[0]) if size is None else size[1]
        signals.append(
            signals[0].new_zeros(count, signals[0].shape[1] if ends[1] is None else ends[1])
        )
    else:
        signals.append(signals[0] if target is source else _signal(layer, target, ends[1], "x"))
    counts = tuple(_num_nodes(signal) for signal in signals)
    if size is not None and tuple(size) != counts:
        condition = f"be {counts}, the numbers of source and target nodes"
        raise invalid("size", condition, tuple(size), "Leave it out, or give all rows of x.")
    return signals


def _num_nodes(x: Tensor) -> int:
    """The number of rows, also of a batch of signals (B, N, C) on one graph."""
    return x.shape[1] if x.ndim == 3 else x.shape[0]


def _signal(layer: Any, x: Any, channels: int | None, name: str) -> Tensor:  # noqa: ANN401
    """A signal; for a layer with embeddings also indices of nodes, or None for all in order."""
    if layer.embeds and (x is None or (isinstance(x, Tensor) and x.dtype is torch.int64)):
        weight = next(layer.parameters())
        count = int(channels or 0) if x is None else x.shape[0]
        columns = torch.arange(count) if x is None else x
        rows = torch.arange(count, device=weight.device)
        ends = torch.stack([rows, columns.to(weight.device)])
        ones = torch.ones(count, dtype=weight.dtype, device=weight.device)
        return torch.sparse_coo_tensor(
            ends, ones, (count, int(channels or 0)), is_coalesced=True, check_invariants=False
        )
    if not isinstance(x, Tensor):
        advice = "Give a floating point tensor of shape (N, in_channels)."
        raise wrong_dtype("x", "be one tensor of node features", _described(x), advice)
    return x


def _joined(layer: Any, signals: list[Tensor], pair: bool) -> Tensor:  # noqa: ANN401
    """One signal of sources and targets: their rows, and the columns of both if they differ."""
    source, target = signals
    if not isinstance(layer.in_channels, tuple):
        return torch.cat([dense(source), dense(target)]) if pair else source
    for end, signal, channels in zip(
        ("source", "target"), signals, layer.in_channels, strict=True
    ):
        if signal.shape[-1] != channels:
            condition = f"have {channels} columns for the {end} nodes"
            raise invalid(
                "x", condition, tuple(signal.shape), f"in_channels is {layer.in_channels}."
            )
    if not pair:
        return torch.cat([dense(source), dense(target)], -1)
    left, right = layer.in_channels
    return torch.cat([F.pad(dense(source), (0, right)), F.pad(dense(target), (left, 0))])


# --- the graph --------------------------------------------------------------------------------


class _Known(NamedTuple):
    """A cached graph and what it was made from."""

    sizes: tuple[int, int | None]
    parts: dict[str, Tensor]
    graph: Graph


_graphs: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def _graph(
    layer: Any,  # noqa: ANN401
    edges: Tensor,
    count: int,
    targets: int | None,
    given: dict[str, Any],
    batch: Tensor | None,
) -> Graph:
    """The graph of an edge_index or a sparse matrix, cached as long as that tensor exists.

    Args:
        layer: that reads its columns.
        edges: (2, E), or a matrix of shape (targets, sources).
        count: the number of nodes, or of source nodes.
        targets: the number of target nodes of a bipartite graph.
        given: the columns of the edges.
        batch: the graph of each node. Shape (N,).
    """
    if torch.compiler.is_compiling():
        return _made(layer, edges, count, targets, given, batch)
    parts = _parts(edges) | given | ({} if batch is None else {"batch": batch})
    known: _Known | None = _graphs.get(edges)
    if known is not None and known.sizes == (count, targets) and _same(known.parts, parts):
        return known.graph
    graph = _made(layer, edges, count, targets, given, batch)
    if not any(isinstance(part, Tensor) and is_live(part) for part in parts.values()):
        plain = targets is None and edges.layout is _STRIDED
        copies = {
            name: getattr(graph, name) if plain and name != "batch" else part.clone()
            for name, part in parts.items()
        }
        _graphs[edges] = _Known((count, targets), copies, graph)
    return graph


def _parts(edges: Tensor) -> dict[str, Tensor]:
    """The tensors that an edge_index or a sparse matrix consists of."""
    if edges.layout is _STRIDED:
        return {"edge_index": edges}
    if edges.layout is _COO:
        return {"indices": edges._indices(), "values": edges._values()}
    csr = edges.layout is torch.sparse_csr
    ends = edges.crow_indices() if csr else edges.ccol_indices()
    return {"ends": ends, "others": edges.col_indices() if csr else edges.row_indices()} | {
        "values": edges.values()
    }


def _same(held: dict[str, Tensor], parts: dict[str, Tensor]) -> bool:
    if held.keys() != parts.keys():
        return False
    return all(
        isinstance(value, Tensor)
        and not value.requires_grad
        and held[name].device == value.device
        and torch.equal(held[name], value.to(held[name].dtype))
        for name, value in parts.items()
    )


def _made(
    layer: Any,  # noqa: ANN401
    edges: Tensor,
    count: int,
    targets: int | None,
    given: dict[str, Any],
    batch: Tensor | None,
) -> Graph:
    if edges.layout is not _STRIDED:
        edges, given = _from_matrix(layer, edges, given)
    if targets is None:
        return Graph(edges, count, offsets=_offsets(batch, count), **given)  # type: ignore[arg-type]
    Graph(edges, max(count, targets))  # validates what is shifted below
    if not torch.compiler.is_compiling() and edges.shape[1]:
        ends = (int(edges[0].max()) + 1, int(edges[1].max()) + 1)
        if ends[0] > count or ends[1] > targets:
            condition = f"have sources below {count} and targets below {targets}"
            got = f"{ends[0] - 1} and {ends[1] - 1}"
            raise invalid("edge_index", condition, got, "Sources are in the first row.")
    shifted = torch.stack([edges[0], edges[1] + count])
    return bipartite(Graph(shifted, count + targets, **given), count)


def _from_matrix(
    layer: Any,  # noqa: ANN401
    matrix: Tensor,
    given: dict[str, Any],
) -> tuple[Tensor, dict[str, Any]]:
    """The edge_index and columns of a sparse matrix whose rows receive."""
    coo = matrix if matrix.layout is _COO else matrix.to_sparse_coo()
    coo = coo.coalesce()
    target, source = coo.indices()
    value, columns = coo.values(), ("edge_weight",) if layer is None else layer.columns
    name = "edge_attr" if value.ndim == 2 else "edge_weight"
    name = "edge_type" if "edge_type" in columns else name
    if name in columns and name not in given:
        value = value.long() if name == "edge_type" else value
        given = given | {name: value}
    elif name not in given and not bool((value == 1).all()):
        condition = f"have no values other than 1 for {type(layer).__name__}"
        got = f"a matrix with other {_EDGE_COLUMNS[name]}"
        raise invalid("domain", condition, got, "Set them to 1, or use a layer that reads them.")
    return torch.stack([source, target]), given


def _offsets(batch: Tensor | None, num_nodes: int) -> Tensor | None:
    """The first node of each graph of a batch, from the graph of each node."""
    if batch is None:
        return None
    if not isinstance(batch, Tensor) or batch.dtype not in (torch.int64, torch.int32):
        condition, advice = "be the graph of each node, int64", "Give lambda_max by name."
        raise wrong_dtype("batch", condition, _described(batch), advice)
    if batch.shape != (num_nodes,) or bool((batch.diff() < 0).any()):
        condition = f"have shape (N={num_nodes},) and be sorted"
        advice = "Sort the nodes by graph, as torch-geometric's Batch does."
        raise invalid("batch", condition, f"shape {tuple(batch.shape)}", advice)
    sizes = torch.bincount(batch)
    return torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])


# --- attention --------------------------------------------------------------------------------


def _attention(
    layer: nn.Module,
    graph: Domain,
    operators: Sequence[Operator],
    given: Tensor | None,
    num_sources: int,
) -> tuple[Tensor, Tensor]:
    """The edges and their attention, as torch-geometric returns them.

    Returns:
        The edge_index (2, E') with self loops and the weights (E', H); for a sparse adjacency the
        matrix of the weights and its values.
    """
    assert isinstance(operators, Heads)
    assert isinstance(graph, Graph)
    pattern, weight = operators.pattern, operators.weight
    row, col = pattern.row.long() - num_sources, pattern.col.long()
    if given is None or given.layout is _STRIDED:
        edges = attention_edges(graph, bool(getattr(layer, "add_self_loops", False)))
        order = edges.order.long()
        edge_index = torch.empty_like(torch.stack([col, row]))
        edge_index[:, order] = torch.stack([col, row])
        return edge_index, weight[order.argsort()]
    shape = (*given.shape[:2], weight.shape[1])
    ends = torch.stack([row, col])
    matrix = torch.sparse_coo_tensor(
        ends, weight, shape, is_coalesced=True, check_invariants=False
    )
    if given.layout is torch.sparse_csr:
        start = pattern.rowptr[num_sources:].long()
        matrix = torch.sparse_csr_tensor(start, col, weight, shape, check_invariants=False)
    return matrix, weight
