"""A graph from an adjacency matrix: dense, a sparse tensor, or a scipy sparse matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gnnvision.domains import Graph
from gnnvision.errors import invalid, wrong_dtype

__all__ = ["graph_of_adjacency", "is_sparse"]


def is_sparse(matrix: object) -> bool:
    """Whether it is a scipy sparse matrix or a sparse tensor."""
    if isinstance(matrix, Tensor):
        return matrix.layout is not torch.strided
    return hasattr(matrix, "tocoo") and hasattr(matrix, "shape")


def graph_of_adjacency(adjacency: Any, **options: Any) -> Graph:  # noqa: ANN401
    """A graph with an edge from row to column for each entry that is not 0.

    Entries other than 1 become the weights of the edges. Edges are sorted by row, then column.

    Args:
        adjacency: The matrix (N, N): an array, a tensor, or a scipy sparse matrix.
        **options: Further arguments of `Graph`.

    Raises:
        TypeError: It does not have real numbers.
        ValueError: It is not square, or an entry is NaN or infinite.
    """
    if isinstance(adjacency, Tensor):
        coo = adjacency.detach().cpu().to_sparse_coo().coalesce()
        shape, indices, values = tuple(coo.shape), coo.indices().numpy(), coo.values().numpy()
    elif is_sparse(adjacency):
        merged = adjacency.tocsr(copy=True)
        merged.sum_duplicates()
        merged = merged.tocoo()
        shape, values = merged.shape, merged.data
        indices = np.stack([merged.row, merged.col])
    else:
        array = np.asarray(adjacency)
        indices = np.stack(np.nonzero(array)) if array.ndim == 2 else np.zeros((2, 0), np.int64)
        shape, values = array.shape, array[tuple(indices)] if array.ndim == 2 else array
    if len(shape) != 2 or shape[0] != shape[1]:
        advice = "Pass one row and one column for each node; edge pairs are 'edge_index'."
        raise invalid("adjacency", "have shape (N, N)", tuple(shape), advice)
    if values.dtype.kind not in "biuf":
        advice = "Use numbers: 0 for no edge."
        raise wrong_dtype("adjacency", "have real numbers", values.dtype, advice)
    kept = values != 0
    indices, values = indices[:, kept].astype(np.int64), values[kept]
    if not (values == 1).all() and "edge_weight" not in options:
        weight = torch.from_numpy(values.astype(np.float64)).to(torch.get_default_dtype())
        options["edge_weight"] = weight
    return Graph(torch.from_numpy(np.ascontiguousarray(indices)), int(shape[0]), **options)


def with_directions(graph: Graph, undirected: bool | None) -> tuple[Graph, dict[str, str]]:
    """The graph with the reverse of every edge if `undirected`, and a note on its directions.

    Args:
        graph: The graph, or a batch.
        undirected: Whether to add a reverse to each edge without one; None keeps the edges, and
            notes that some have none.

    Returns:
        The graph, and "directions" -> text if there is something to say.
    """
    n = graph.num_nodes
    source, target = graph.edge_index
    forth, back = source * n + target, target * n + source
    single = (~torch.isin(back, forth)).nonzero().squeeze(1)
    if not len(single) or undirected is False:
        return graph, {}
    if undirected is None:
        text = (
            f"{len(single):,} of {graph.num_edges:,} edges have no reverse and are "
            "one-directional; undirected=True adds it"
        )
        return graph, {"directions": text}
    rows = torch.cat([torch.arange(graph.num_edges), single])
    pairs = torch.cat([graph.edge_index, graph.edge_index[:, single].flip(0)], 1)
    order = torch.argsort(pairs[0] * n + pairs[1], stable=True)
    rows, pairs = rows[order], pairs[:, order]
    columns = {
        name: None if (values := getattr(graph, name)) is None else values[rows]
        for name in ("edge_weight", "edge_attr", "edge_type")
    }
    made = Graph(
        pairs,
        n,
        **columns,
        num_relations=graph.num_relations,
        offsets=graph.offsets,
        graph_attr=graph.graph_attr,
        node_names=graph.node_names,
    )
    return made, {"directions": f"{len(single):,} reverse edges were added"}
