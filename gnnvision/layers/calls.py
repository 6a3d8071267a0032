"""torch-geometric's call forms, turned into a signal on a graph in this one place.

    layer(x, edge_index)                      layer(x=x, edge_index=edge_index, edge_weight=w)
    layer(x, adj_t)                           # a torch.sparse matrix whose rows receive
    layer((x_source, x_target), edge_index)   # a bipartite graph; x_target may be None
    layer(x, edge_index, return_attention_weights=True)

A bipartite graph becomes one graph of the sources, then the targets. Its signal has the rows of
both, with zeros where one has fewer columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
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

Layer = Any  # a convolution, which imports this file
Given = dict[str, Any]  # the arguments of a call by name
_ADVICE = {
    "SparseTensor": "Use adj.to_torch_sparse_csr_tensor().",
    "Proxy": "torch.fx cannot trace graph layers. For torch-geometric's to_hetero, wrap each in "
    "gnnvision.layers.hetero.MessagePassingLayer.",
}
_SPARSE = (torch.sparse_coo, torch.sparse_csr, torch.sparse_csc)


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
    layer: Layer,
    x: Any,  # noqa: ANN401
    domain: Any,  # noqa: ANN401
    columns: Sequence[Any],
    named: Given,
) -> Call:
    """The signal and the domain of a call in the style of torch-geometric.

    Args:
        layer: with `columns`, the names of the arguments after the edge_index.
        x: the signal, or a pair of those of source and target nodes.
        domain: a domain, an edge_index or a sparse adjacency matrix.
        columns: further arguments by position.
        named: further arguments by name.

    Raises:
        TypeError: if an argument has the wrong type.
        ValueError: if the layer has no such argument, or a shape is wrong.
    """
    given = _arguments(layer, (domain, *columns), named)
    edges = given.pop("edge_index", None)
    weights, lambda_max = (
        given.pop("return_attention_weights", None),
        given.pop("lambda_max", None),
    )
    pair, graph = isinstance(x, (tuple, list)), edges
    if isinstance(edges, Domain):
        if given or pair:
            condition = f"not be {'a pair' if pair else 'given'} together with a Graph"
            raise invalid(min(given, default="x"), condition, "both", "Put all into the Graph.")
        size = None
    else:
        size, edges = _size(edges, given.pop("size", None))
    signals = _signals(layer, x, size)
    count, targets = (_num_nodes(signal) for signal in signals)
    if not isinstance(edges, Domain):
        graph = _graph(layer, edges, count, targets if pair else None, given)
    if lambda_max is not None:
        graph = with_lambda_max(graph, lambda_max)
    copies = signals[0].shape[0] if signals[0].ndim == 3 and isinstance(edges, Tensor) else 0
    if copies:  # signals on one graph are a signal on a batch of it
        single = graph
        graph = graph.derived(("copies", copies), lambda: Graph.batch([single] * copies))
        signals = [signal.flatten(0, 1) for signal in signals]

    def finish(y: Tensor, operators: Sequence[Operator]) -> Any:  # noqa: ANN401
        y = y.view(copies, count, -1) if copies else y
        if not weights:
            return y
        return y, _attention(layer, graph, operators, edges, count if pair else 0)

    rows = slice(count, None) if pair else None
    return Call(_joined(layer, signals, pair), graph, rows, finish if copies or weights else None)


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
    given = {} if edge_weight is None else {"edge_weight": edge_weight}
    return _graph(None, _size(domain, None)[1], x.shape[0], None, given)


# --- arguments --------------------------------------------------------------------------------


def _arguments(layer: Layer, values: Sequence[Any], named: Given) -> Given:
    """The arguments after the signal that are not None, by name."""
    kind, names = type(layer).__name__, ("edge_index", *layer.columns)
    given = {n: v for n, v in zip(names, values, strict=False) if v is not None}
    extra = {n: v for n, v in named.items() if n not in names or n in given}
    if len(values) > len(names):
        extra |= {"columns": values[-1]}
    if isinstance(given.get("size"), Tensor):  # after the edge_index, where others take weights
        extra |= {"edge_weight": given["size"]}
    for name, value in extra.items():
        condition = f"be left out: {kind} takes {', '.join(('x', *names))}, each once"
        raise invalid(name, condition, _described(value))
    given |= {n: v for n, v in named.items() if v is not None}
    attributes, weight = given.get("edge_attr"), given.get("edge_weight")
    if attributes is not None and getattr(layer, "edge_dim", 1) is None:
        condition, advice = f"be left out for a {kind} without edge_dim", "Make it with edge_dim."
        raise invalid("edge_attr", condition, _described(attributes), advice)
    if isinstance(attributes, Tensor) and attributes.ndim == 1:
        given["edge_attr"] = attributes.unsqueeze(1)
    if isinstance(weight, Tensor) and weight.ndim == 2 and weight.shape[1] == 1:
        given["edge_weight"] = weight.squeeze(1)
    return given


def _size(edges: Any, size: Sequence[int] | None) -> tuple[Sequence[int] | None, Tensor]:  # noqa: ANN401
    """The numbers of source and target nodes, if anything but the signals tells, and the edges."""
    if not isinstance(edges, Tensor) or edges.layout not in (torch.strided, *_SPARSE):
        advice = _ADVICE.get(type(edges).__name__, "Make a gnnvision.Graph.")
        raise wrong_type("domain", "be a Graph or an edge_index tensor", edges, advice)
    own: tuple[int | None, ...] = (None,)
    if edges.layout is not torch.strided:
        own = (edges.shape[1], edges.shape[0])
    elif type(edges) is not Tensor and hasattr(edges, "as_tensor"):  # torch-geometric's EdgeIndex
        own, edges = tuple(edges.sparse_size()), edges.as_tensor()  # type: ignore[attr-defined]
    if None in own:
        return size, edges
    if size is not None and tuple(size) != own:
        raise invalid("size", f"be that of the adjacency, {own}", tuple(size), "Leave it out.")
    return own, edges  # type: ignore[return-value]


def _described(value: object) -> str:
    if isinstance(value, Tensor):
        return f"{value.dtype} of shape {tuple(value.shape)}"
    return f"a {type(value).__name__}" if isinstance(value, (tuple, list)) else repr(value)


# --- the signal -------------------------------------------------------------------------------


def _signals(layer: Layer, x: Any, size: Sequence[int] | None) -> list[Tensor]:  # noqa: ANN401
    """The signals of the source and of the target nodes."""
    pair = isinstance(x, (tuple, list))
    if pair and (len(x) != 2 or not layer.bipartite or (x[1] is None and layer.reads_targets)):
        condition = f"be {'source and target features' if layer.bipartite else 'one tensor'}"
        got, name = "(" + ", ".join(map(_described, x)) + ")", type(layer).__name__
        advice = "" if layer.bipartite else "Give all nodes and one graph, or use SAGEConv."
        raise wrong_dtype("x", f"{condition} for {name}", got, advice)
    channels = layer.in_channels
    left, right = channels if isinstance(channels, tuple) else (channels, channels)
    source = _signal(layer, x[0] if pair else x, left)
    if pair and x[1] is None:
        rows = source.shape[0] if size is None else size[1]
        target = source.new_zeros(rows, right or source.shape[-1])
    else:
        target = _signal(layer, x[1] if pair else x, right)
    if pair and (source.ndim, target.ndim) != (2, 2):
        condition = "have shape (N, C) for source and target nodes"
        advice = "Call the layer for each signal of a batch."
        raise invalid("x", condition, tuple(source.shape), advice)
    counts = (_num_nodes(source), _num_nodes(target))
    if size is not None and tuple(size) != counts:
        condition = f"be {counts}, the numbers of source and target nodes"
        raise invalid("size", condition, tuple(size), "Leave it out, or give all rows of x.")
    return [source, target]


def _signal(layer: Layer, x: Any, channels: int | None) -> Tensor:  # noqa: ANN401
    """A signal; for a layer with embeddings also indices of nodes, or None for all in order."""
    if layer.embeds and (x is None or (isinstance(x, Tensor) and x.dtype is torch.int64)):
        weight, width = next(layer.parameters()), int(channels or 0)
        index = (torch.arange(width) if x is None else x).to(weight.device)
        if torch.compiler.is_compiling():
            return F.one_hot(index, width).to(weight.dtype)
        ends = torch.stack([torch.arange(index.shape[0], device=index.device), index])
        ones, shape = weight.new_ones(index.shape[0]), (index.shape[0], width)
        return torch.sparse_coo_tensor(
            ends, ones.detach(), shape, is_coalesced=True, check_invariants=False
        )
    if not isinstance(x, Tensor):
        advice = "Give a floating point tensor of shape (N, in_channels)."
        raise wrong_dtype("x", "be one tensor of node features", _described(x), advice)
    return x


def _num_nodes(x: Tensor) -> int:
    """The number of rows, also of a batch of signals (B, N, C) on one graph."""
    return x.shape[1] if x.ndim == 3 else x.shape[0]


def _joined(layer: Layer, signals: list[Tensor], pair: bool) -> Tensor:
    """One signal with the rows of sources and targets, and zeros where one has fewer columns."""
    widths = tuple(signal.shape[-1] for signal in signals)
    declared, same = layer.in_channels, (widths[0], widths[0])
    if widths != (declared if isinstance(declared, tuple) else same):
        condition = f"have {declared} columns for source and target nodes"
        raise invalid("x", condition, widths, "Set in_channels to them.")
    if not pair:
        return signals[0]
    signals, missing = [dense(x) for x in signals], [max(widths) - width for width in widths]
    pairs = zip(signals, missing, strict=True)
    return torch.cat([F.pad(x, (0, columns)) if columns else x for x, columns in pairs])


# --- the graph --------------------------------------------------------------------------------

# edge_index or matrix -> what its graph was made from, and the graph
_graphs: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def _graph(layer: Layer, edges: Tensor, count: int, targets: int | None, given: Given) -> Graph:
    """The graph of an edge_index or a sparse matrix, cached as long as that tensor exists.

    Args:
        layer: that reads its columns.
        edges: (2, E), or a matrix of shape (targets, sources).
        count: the number of nodes, or of source nodes.
        targets: the number of target nodes of a bipartite graph.
        given: the columns of the edges, and `batch`, the graph of each node.
    """
    if torch.compiler.is_compiling():
        return _made(layer, edges, count, targets, given)
    parts = _parts(edges) | given
    key, held, graph = _graphs.get(edges, (None, {}, None))
    if key == (count, targets) and held.keys() == parts.keys():
        if all(_equal(held[name], part) for name, part in parts.items()):
            return graph  # type: ignore[no-any-return]
    graph = _made(layer, edges, count, targets, given)
    if not any(is_live(part) for part in parts.values()):
        plain = targets is None and edges.layout is torch.strided  # the graph has copies of them
        copies = {
            name: getattr(graph, name) if plain and name != "batch" else part.clone()
            for name, part in parts.items()
        }
        _graphs[edges] = (count, targets), copies, graph
    return graph


def _parts(edges: Tensor) -> dict[str, Tensor]:
    """The tensors that an edge_index or a sparse matrix consists of."""
    match edges.layout:
        case torch.sparse_coo:
            return {"ends": edges._indices(), "values": edges._values()}
        case torch.sparse_csr:
            ends, others = edges.crow_indices(), edges.col_indices()
        case torch.sparse_csc:
            ends, others = edges.ccol_indices(), edges.row_indices()
        case _:
            return {"edge_index": edges}
    return {"ends": ends, "others": others, "values": edges.values()}


def _equal(held: Tensor, part: object) -> bool:
    return (
        isinstance(part, Tensor)
        and not part.requires_grad
        and held.device == part.device
        and torch.equal(held, part.to(held.dtype))
    )


def _made(layer: Layer, edges: Tensor, count: int, targets: int | None, given: Given) -> Graph:
    if edges.layout is not torch.strided:
        edges, given = _from_matrix(layer, edges, given)
    if targets is None:
        batch = given.get("batch")
        columns = {name: value for name, value in given.items() if name != "batch"}
        offsets = None if batch is None else _offsets(batch, count)
        return Graph(edges, count, offsets=offsets, **columns)  # type: ignore[arg-type]
    Graph(edges, max(count, targets))  # validates what is shifted below
    if not torch.compiler.is_compiling() and edges.shape[1]:
        last = tuple(edges.amax(1).tolist())
        if last[0] >= count or last[1] >= targets:
            condition = f"have sources below {count} and targets below {targets}"
            raise invalid("edge_index", condition, last, "Sources are in the first row.")
    shifted = torch.stack([edges[0], edges[1] + count])
    return bipartite(Graph(shifted, count + targets, **given), count)


def _from_matrix(layer: Layer, matrix: Tensor, given: Given) -> tuple[Tensor, Given]:
    """The edge_index and columns of a sparse matrix whose rows receive."""
    coo = (matrix if matrix.layout is torch.sparse_coo else matrix.to_sparse_coo()).coalesce()
    edges, value = coo.indices().flip(0), coo.values()
    columns = ("edge_weight",) if layer is None else layer.columns
    name = "edge_attr" if value.ndim == 2 else "edge_weight"
    name = "edge_type" if "edge_type" in columns else name
    if name in given:
        return edges, given
    if name in columns:
        return edges, given | {name: value.long() if name == "edge_type" else value}
    if not bool((value == 1).all()):
        condition = f"have no values other than 1 for {type(layer).__name__}"
        raise invalid("domain", condition, name, "Set them to 1, or use a layer that reads them.")
    return edges, given


def _offsets(batch: Any, num_nodes: int) -> Tensor:  # noqa: ANN401
    """The first node of each graph of a batch, from the graph of each node."""
    fits = isinstance(batch, Tensor) and not batch.is_floating_point()
    eager = not torch.compiler.is_compiling()
    if not fits or batch.shape != (num_nodes,) or (eager and bool((batch.diff() < 0).any())):
        condition = f"be the graph of each of the {num_nodes} nodes, sorted"
        raise invalid("batch", condition, _described(batch), "Give lambda_max by name.")
    sizes = torch.bincount(batch)
    return torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])


# --- attention --------------------------------------------------------------------------------


def _attention(
    layer: Layer,
    graph: Any,  # noqa: ANN401
    operators: Sequence[Operator],
    given: Any,  # noqa: ANN401
    num_sources: int,
) -> tuple[Tensor, Tensor]:
    """The edges and their attention, as torch-geometric returns them.

    Returns:
        The edge_index (2, E') with self loops and the weights (E', H); for a sparse adjacency the
        matrix of the weights and its values.
    """
    assert isinstance(operators, Heads)
    pattern, weight = operators.pattern, operators.weight
    row, col = pattern.row.long() - num_sources, pattern.col.long()
    if not isinstance(given, Tensor) or given.layout is torch.strided:
        order = attention_edges(graph, layer.add_self_loops).order.argsort()
        return torch.stack([col, row])[:, order], weight[order]
    shape = (*given.shape[:2], weight.shape[1])
    if given.layout is torch.sparse_csr:
        start = pattern.rowptr[num_sources:].long()
        return torch.sparse_csr_tensor(start, col, weight, shape, check_invariants=False), weight
    places = torch.stack([row, col])
    matrix = torch.sparse_coo_tensor(
        places, weight, shape, is_coalesced=True, check_invariants=False
    )
    return matrix, weight
