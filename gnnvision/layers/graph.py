"""What all convolutions on graphs share: how they are called, and the sum itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from gnnvision.domains import Domain, Graph
from gnnvision.domains.modes import is_live, is_transformed
from gnnvision.layers.interface import Convolution, require
from gnnvision.layers.missing import check_given, check_not_nan
from gnnvision.operators import Identity, Operator
from gnnvision.operators.signals import is_sparse, signal_operator

__all__ = ["GraphConvolution", "as_graph", "multiply"]


class GraphConvolution(nn.Module, Convolution):
    """Y = Σₖ Sₖ X Wₖ + b on the nodes of a graph.

    A graph convolution says what its operators are (`operators`) and which matrices it learns
    (`matrices`), and sets `bias`; this class does the rest, each product in the cheaper order.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.

    Raises:
        TypeError: if one is not an integer.
        ValueError: if one is not positive.
    """

    reads_weights = True  # whether the operators depend on the weights of edges

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        for name, value in (("in_channels", in_channels), ("out_channels", out_channels)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"'{name}' must be an integer, got {value!r}. Give a count.")
            if value < 1:
                raise ValueError(f"'{name}' must be at least 1, got {value}. Give a count.")
        self.in_channels = in_channels
        self.out_channels = out_channels

    def matrices(self) -> Sequence[Tensor]:
        """The Wₖ one by one, each of shape (in_channels, out_channels)."""
        raise NotImplementedError

    def taps(self) -> Tensor:
        """The weights Wₖ. Shape (K, in_channels, out_channels)."""
        return torch.stack(list(self.matrices()))

    def out_domain(self, domain: Domain) -> Graph:
        """The same graph."""
        require(domain, Graph, self)
        assert isinstance(domain, Graph)
        return domain

    def forward(
        self, x: Tensor, domain: Graph | Tensor, edge_weight: Tensor | None = None
    ) -> Tensor:
        """Y = Σₖ Sₖ X Wₖ + b.

        Args:
            x: X, dense or sparse. Shape (N, in_channels).
            domain: a graph, or torch-geometric's edge_index of shape (2, E).
            edge_weight: with an edge_index only: the weight of each edge. Shape (E,).

        Returns:
            Y. Shape (N, out_channels).

        Raises:
            TypeError: if `x` is not floating point or `domain` is neither of the two.
            ValueError: if the shapes do not fit, or the graph is not one; see `Graph`.
        """
        graph = as_graph(domain, x, edge_weight)
        self.check(x, graph)
        y = self.combine(x, graph)
        if self.bias is not None:
            # In place, as the products above are nobody else's; but not into a batched bias.
            y = y + self.bias if is_transformed() else y.add_(self.bias)
        return self.finish(y)

    def combine(self, x: Tensor, graph: Graph) -> Tensor:
        """Σₖ Sₖ X Wₖ."""
        pairs = zip(self.operators(graph, x), self.matrices(), strict=True)
        return reduce(torch.add, [multiply(S, x, W) for S, W in pairs])

    def arithmetic(self, x: Tensor | None) -> torch.dtype:
        """The precision in which operators are made: the signal's, but at least float32."""
        held = next(self.parameters()) if x is None else x
        return torch.promote_types(held.dtype, torch.float32)

    def check(self, x: Tensor, graph: Graph) -> None:
        """`x` is a signal on `graph` that this layer can read.

        Raises:
            TypeError: if it is not floating point, or not of the layer's dtype.
            ValueError: if its shape does not fit, features that were given hold NaN, or the
                graph has weights of edges, of which the layer knows nothing.
        """
        if graph.edge_weight is not None and not self.reads_weights:
            refuse_weights(graph, self)
        if not x.is_floating_point():
            raise TypeError(
                f"'x' must be floating point, got {x.dtype}. Convert it with x.float()."
            )
        if x.layout not in (torch.strided, torch.sparse_coo, torch.sparse_csr):
            raise TypeError(
                f"'x' must be dense, torch.sparse_coo or torch.sparse_csr, got {x.layout}. "
                "Convert it with x.to_sparse_csr() or x.to_dense()."
            )
        bias = self.bias  # quicker to find than the first of all parameters
        dtype = (next(self.parameters(), x) if bias is None else bias).dtype
        if x.dtype is not dtype and not torch.is_autocast_enabled(x.device.type):
            raise TypeError(
                f"'x' must have dtype {dtype} as the layer, got {x.dtype}. "
                f"Convert it with x.to({dtype}), or the layer with layer.to({x.dtype})."
            )
        if x.shape != (graph.num_nodes, self.in_channels):
            raise ValueError(
                f"'x' must have shape (N={graph.num_nodes}, in_channels={self.in_channels}), "
                f"got {tuple(x.shape)}. Give one row for each node of the graph and set "
                "in_channels to the number of columns."
            )
        if x.device != graph.device:
            raise ValueError(
                f"'domain' must be on {x.device} as x, got {graph.device}. "
                f"Move it with domain.to('{x.device}')."
            )
        if not is_transformed() and x.grad_fn is None:
            if x.device.type == "cpu":
                check_not_nan(x)
            else:
                check_given(x)

    def extra_repr(self) -> str:
        """The sizes, as torch.nn writes them."""
        return f"{self.in_channels}, {self.out_channels}, bias={self.bias is not None}"


def refuse_weights(graph: Graph, layer: nn.Module) -> None:
    """Weights that somebody gave are not for a layer that would not read them.

    Raises:
        ValueError: if the graph has some; those that a pooling left are counts of edges.
    """
    if not graph.weights_are_counts:
        name = type(layer).__name__
        raise ValueError(
            f"'edge_weight' must be left out for {name}, whose formula has no weights of edges, "
            f"got a graph with {graph.num_edges}. Give graph.without_weights(), or use a layer "
            "that reads them, such as GCNConv."
        )


def multiply(operator: Operator, x: Tensor, matrix: Tensor) -> Tensor:
    """S X W in the cheaper order: (S X) W where W widens, S (X W) where it narrows.

    A sparse X always meets W first, and as a sparse product.
    """
    if is_sparse(x):
        return operator.times(signal_operator(x).times(matrix))
    if matrix.shape[0] < matrix.shape[1] and not isinstance(operator, Identity):
        return operator.times(x) @ matrix
    return operator.times(x @ matrix)


_graphs: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def as_graph(
    domain: Graph | Tensor,
    x: Tensor,
    edge_weight: Tensor | None = None,
    edge_type: Tensor | None = None,
    edge_attr: Tensor | None = None,
) -> Graph:
    """A graph from what torch-geometric's layers are called with.

    The graph made of an edge_index is remembered as long as that tensor lives, and used again
    only if all its numbers are still the same, so editing them in place is safe.

    Raises:
        TypeError: if `domain` is neither a graph nor a tensor.
        ValueError: if a graph comes with columns of edges, which it must hold itself.
    """
    columns = {"edge_weight": edge_weight, "edge_type": edge_type, "edge_attr": edge_attr}
    given: dict[str, Any] = {name: v for name, v in columns.items() if v is not None}
    if not isinstance(x, Tensor):
        pair = " of source and target nodes" if isinstance(x, (tuple, list)) else ""
        raise TypeError(
            f"'x' must be one tensor of node features, got a {type(x).__name__}{pair}. Bipartite "
            "graphs are not supported: give all nodes in one tensor and one graph."
        )
    if isinstance(domain, Graph):
        if given:
            raise ValueError(
                f"'{next(iter(given))}' must not be given beside a Graph, which holds its own, "
                "got both. Make the Graph with it."
            )
        return domain
    if not isinstance(domain, Tensor):
        raise TypeError(
            f"'domain' must be a Graph or an edge_index tensor, got {type(domain).__name__}. "
            "Make a gnnvision.Graph."
        )
    if domain.layout is not torch.strided:
        raise TypeError(
            f"'domain' must be an edge_index of shape (2, E), got a sparse matrix of shape "
            f"{tuple(domain.shape)}. Give gnnvision.Graph.from_dense(matrix)."
        )
    if torch.compiler.is_compiling():
        return Graph(domain, x.shape[0], **given)
    known: Graph | None = _graphs.get(domain)
    if known is not None and _same(known, domain, x.shape[0], columns):
        return known
    graph = Graph(domain, x.shape[0], **given)
    if not any(is_live(value) for value in given.values()):
        _graphs[domain] = graph
    return graph


def _same(
    graph: Graph, edge_index: Tensor, num_nodes: int, columns: dict[str, Tensor | None]
) -> bool:
    if graph.num_nodes != num_nodes or not _equal(graph.edge_index, edge_index):
        return False
    for name, value in columns.items():
        held = getattr(graph, name)
        if (held is None) != (value is None):
            return False
        if value is not None and (value.requires_grad or not _equal(held, value)):
            return False
    return True


def _equal(held: Tensor, value: Tensor) -> bool:
    return held.device == value.device and torch.equal(held, value.to(held.dtype))
