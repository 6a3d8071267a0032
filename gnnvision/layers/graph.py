"""The common part of all graph convolutions: their arguments, and Y = Σₖ Sₖ X Wₖ + b."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from gnnvision.domains import Domain, Graph
from gnnvision.domains.modes import is_live, is_transformed
from gnnvision.errors import integer, invalid, wrong_dtype, wrong_type
from gnnvision.layers.interface import Convolution, require
from gnnvision.layers.missing import check_given, check_not_nan
from gnnvision.operators import Identity, Operator
from gnnvision.operators.signals import is_sparse, signal_operator

__all__ = ["GraphConvolution", "as_graph", "multiply"]


class GraphConvolution(nn.Module, Convolution):
    """Y = Σₖ Sₖ X Wₖ + b on the nodes of a graph.

    A graph convolution defines its operators (`operators`) and its weights (`matrices`), and sets
    `bias`; this class computes the sum, each product in the cheaper order.

    Args:
        in_channels: number of channels of the input.
        out_channels: number of channels of the output.

    Raises:
        TypeError: if one is not an integer.
        ValueError: if one is not positive.
    """

    reads_weights = True  # whether the operators depend on the weights of edges

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        for name, value in (("in_channels", in_channels), ("out_channels", out_channels)):
            integer(name, value, 1)
        self.in_channels = in_channels
        self.out_channels = out_channels

    def matrices(self) -> Sequence[Tensor]:
        """The weights Wₖ, each of shape (in_channels, out_channels)."""
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
            edge_weight: weights of the edges, only with an edge_index. Shape (E,).

        Returns:
            Y. Shape (N, out_channels).

        Raises:
            TypeError: if `x` is not floating point or `domain` is neither of the two.
            ValueError: if a shape is wrong or the graph is invalid; see `Graph`.
        """
        graph = as_graph(domain, x, edge_weight)
        self.check(x, graph)
        y = self.combine(x, graph)
        if self.bias is not None:
            # In place, as no other code holds the products above; but not into a batched bias.
            y = y + self.bias if is_transformed() else y.add_(self.bias)
        return self.finish(y)

    def combine(self, x: Tensor, graph: Graph) -> Tensor:
        """Σₖ Sₖ X Wₖ."""
        pairs = zip(self.operators(graph, x), self.matrices(), strict=True)
        return reduce(torch.add, [multiply(S, x, W) for S, W in pairs])

    def arithmetic(self, x: Tensor | None) -> torch.dtype:
        """The dtype of the operators: that of the signal, but at least float32."""
        held = next(self.parameters()) if x is None else x
        return torch.promote_types(held.dtype, torch.float32)

    def check(self, x: Tensor, graph: Graph) -> None:
        """Check that `x` is a valid input of this layer on `graph`.

        Raises:
            TypeError: if it is not floating point, or not of the layer's dtype.
            ValueError: if its shape is wrong, the input features contain NaN, or the graph has
                edge weights that the layer does not use.
        """
        if graph.edge_weight is not None and not self.reads_weights:
            refuse_weights(graph, self)
        if not x.is_floating_point():
            raise wrong_dtype("x", "be floating point", x.dtype, "Convert it with x.float().")
        if x.layout not in (torch.strided, torch.sparse_coo, torch.sparse_csr):
            condition = "be dense, torch.sparse_coo or torch.sparse_csr"
            advice = "Convert it with x.to_sparse_csr() or x.to_dense()."
            raise wrong_dtype("x", condition, x.layout, advice)
        bias = self.bias  # quicker to find than the first of all parameters
        dtype = (next(self.parameters(), x) if bias is None else bias).dtype
        if x.dtype is not dtype and not torch.is_autocast_enabled(x.device.type):
            advice = f"Convert it with x.to({dtype}), or the layer with layer.to({x.dtype})."
            raise wrong_dtype("x", f"have the dtype of the layer, {dtype}", x.dtype, advice)
        if x.shape != (graph.num_nodes, self.in_channels):
            condition = f"have shape (N={graph.num_nodes}, in_channels={self.in_channels})"
            advice = "Give one row for each node, and set in_channels to the number of columns."
            raise invalid("x", condition, tuple(x.shape), advice)
        if x.device != graph.device:
            advice = f"Move it with domain.to('{x.device}')."
            raise invalid("domain", f"be on the device of 'x', {x.device}", graph.device, advice)
        if not is_transformed() and x.grad_fn is None:
            if x.device.type == "cpu":
                check_not_nan(x)
            else:
                check_given(x)

    def extra_repr(self) -> str:
        """The sizes, for `repr`."""
        return f"{self.in_channels}, {self.out_channels}, bias={self.bias is not None}"


def refuse_weights(graph: Graph, layer: nn.Module) -> None:
    """Check that a graph has no edge weights, for a layer that does not use them.

    Raises:
        ValueError: if it has; edge counts from pooling are accepted.
    """
    if not graph.weights_are_counts:
        condition = f"be left out for {type(layer).__name__}, which does not use edge weights"
        advice = "Use graph.without_weights(), or a layer with edge weights, such as GCNConv."
        raise invalid(
            "edge_weight", condition, f"a graph with {graph.num_edges} edge weights", advice
        )


def multiply(operator: Operator, x: Tensor, matrix: Tensor) -> Tensor:
    """S X W in the cheaper order: (S X) W if W adds columns, S (X W) if it removes columns.

    A sparse X is always multiplied by W first, as a sparse product.
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
    """The graph of a call in the style of torch-geometric, with an edge_index.

    The graph is cached as long as the edge_index tensor exists, and reused only if its values have
    not changed, so that editing it in place is safe.

    Raises:
        TypeError: if `domain` is neither a graph nor a tensor.
        ValueError: if a graph is given together with edge columns.
    """
    columns = {"edge_weight": edge_weight, "edge_type": edge_type, "edge_attr": edge_attr}
    given: dict[str, Any] = {name: v for name, v in columns.items() if v is not None}
    if not isinstance(x, Tensor):
        pair = " of source and target nodes" if isinstance(x, (tuple, list)) else ""
        advice = "Bipartite graphs are not supported: give all nodes in one tensor and one graph."
        got = f"a {type(x).__name__}{pair}"
        raise wrong_dtype("x", "be one tensor of node features", got, advice)
    if isinstance(domain, Graph):
        if given:
            condition = "not be given together with a Graph"
            raise invalid(next(iter(given)), condition, "both", "Make the Graph with it.")
        return domain
    if not isinstance(domain, Tensor):
        condition = "be a Graph or an edge_index tensor"
        raise wrong_type("domain", condition, domain, "Make a gnnvision.Graph.")
    if domain.layout is not torch.strided:
        got = f"a sparse matrix of shape {tuple(domain.shape)}"
        advice = "Use gnnvision.Graph.from_dense(matrix)."
        raise wrong_dtype("domain", "be an edge_index of shape (2, E)", got, advice)
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
