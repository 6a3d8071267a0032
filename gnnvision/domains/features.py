"""Feature matrices for graphs without features: identity, degree and one-hot encoding."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor

from gnnvision.domains.device import count
from gnnvision.domains.graph import Graph
from gnnvision.errors import invalid

__all__ = ["degree_features", "identity_features", "one_hot"]


def identity_features(graph: Graph) -> Tensor:
    """The identity as a sparse feature matrix, X = I: one feature for each node. Shape (N, N).

    Args:
        graph: the graph.

    Example:
        >>> identity_features(Graph.from_edges([(0, 1)], num_nodes=2)).to_dense()
        tensor([[1., 0.],
                [0., 1.]])
    """
    nodes = torch.arange(graph.num_nodes, device=graph.device)
    return torch.sparse_coo_tensor(
        torch.stack([nodes, nodes]),
        torch.ones(graph.num_nodes, device=graph.device),
        (graph.num_nodes, graph.num_nodes),
        is_coalesced=True,
        check_invariants=False,
    )


def degree_features(graph: Graph) -> Tensor:
    """The in-degree of each node, as one column. Shape (N, 1).

    Args:
        graph: the graph.

    Example:
        >>> degree_features(Graph.from_edges([(0, 1), (2, 1)], num_nodes=3)).tolist()
        [[0.0], [2.0], [0.0]]
    """
    arrivals = count(graph.edge_index[1], graph.num_nodes)
    return arrivals.to(torch.get_default_dtype()).unsqueeze(1)


def one_hot(
    values: Sequence[Hashable], categories: Sequence[Hashable] | None = None
) -> tuple[Tensor, tuple[Hashable, ...]]:
    """The one-hot encoding of an attribute: one column for each category.

    Args:
        values: the attribute of each node, in order: names, symbols, numbers.
        categories: the columns; if not given, the distinct values in order of appearance.

    Returns:
        The matrix of zeros and ones, shape (N, number of categories), and the categories.

    Raises:
        ValueError: if a value is not among the categories.

    Example:
        >>> one_hot(["C", "C", "O"])
        (tensor([[1., 0.],
                [1., 0.],
                [0., 1.]]), ('C', 'O'))
    """
    columns = tuple(dict.fromkeys(values) if categories is None else categories)
    number = {category: i for i, category in enumerate(columns)}
    for value in values:
        if value not in number:
            advice = "Add it to the categories."
            raise invalid("values", f"be among the categories {columns}", repr(value), advice)
    index = torch.tensor([number[value] for value in values], dtype=torch.int64)
    return torch.eye(len(columns))[index], columns
