"""Layers that take the maximum over neighbors, or compute on edges: not sums of operators.

max over j of x_j is not linear in X, and h(x_i, x_j - x_i) is a function of pairs of nodes, so
that neither is Y = Σₖ Sₖ X Wₖ + b with any operators Sₖ. These layers have no `operators`, `taps`
or `reference`, but work in `Sequential`, summaries, explanations and training like the others.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Frontier, Graph
from gnnvision.domains.steps import step_graph
from gnnvision.errors import invalid, one_of, wrong_type
from gnnvision.layers.calls import read_call
from gnnvision.layers.compatible import MessagePassingNames, check_defaults
from gnnvision.layers.graph import refuse_weights
from gnnvision.layers.interface import OnDomain, require
from gnnvision.operators.signals import dense

__all__ = ["EdgeConv", "MaxPropagation"]

Aggregation = Literal["max", "mean", "sum", "add"]


class _OverEdges(MessagePassingNames, OnDomain):
    """What both layers share: their arguments, and the reduction over the edges of a node."""

    columns: ClassVar[tuple[str, ...]] = ()  # after an edge_index, as `read_call` reads them
    bipartite = True
    reads_targets = False
    embeds = False
    in_channels = None  # any number

    def forward(self, x: Tensor, domain: Any = None, *columns: Any, **named: Any) -> Tensor:  # noqa: ANN401
        """The output at each node.

        Args:
            x: node features; with an edge_index also a pair of those of source and target nodes.
                Shape (N, in_channels).
            domain: a graph, or torch-geometric's edge_index of shape (2, E).
            columns: none.
            named: `edge_index` by name.

        Returns:
            Shape (N, out_channels).

        Raises:
            TypeError: if `domain` is neither of the two.
            ValueError: if a shape is wrong, or the graph has edge weights.
        """
        if isinstance(domain, Frontier):
            here = domain.on(x)
            return here.restrict(self(x, step_graph(here)), here.inward())
        call = read_call(self, x, domain, columns, named)
        x, graph = call.x, require(call.domain, Graph, self)
        if graph.edge_weight is not None:
            refuse_weights(graph, self)
        if x.ndim != 2 or x.shape[0] != graph.num_nodes:
            condition = f"have shape (N={graph.num_nodes}, C)"
            raise invalid("x", condition, tuple(x.shape), "Give one row for each node.")
        y = self._on_edges(dense(x), graph)
        y = y if call.targets is None else y[call.targets]
        out: Tensor = y if call.finish is None else call.finish(y, [])
        return out

    def _on_edges(self, x: Tensor, graph: Graph) -> Tensor:
        raise NotImplementedError

    def out_domain(self, domain: Domain) -> Domain:
        """The same graph; of a frontier, the next one."""
        return domain.inward() if isinstance(domain, Frontier) else require(domain, Graph, self)


class EdgeConv(_OverEdges):
    """yᵢ = max over edges j → i of h(xᵢ, xⱼ - xᵢ), with a network h.

    This is not a sum of operators; see `GraphConvolution` for those. Edge weights are not part of
    the formula: a graph with edge weights raises a ValueError.

    Args:
        nn: h, a module that maps pairs of rows (E, 2 in_channels) to (E, out_channels).
        aggr: "max", "mean" or "sum" ("add"), over the edges that arrive at a node. A node without
            such edges gets 0.
        **defaults: torch-geometric's further arguments, at their default values.

    Shapes:
        Input (N, in_channels), output (N, out_channels).

    Raises:
        TypeError: if `nn` is not a module.
        ValueError: if `aggr` is unknown.

    References:
        Wang et al., "Dynamic Graph CNN for Learning on Point Clouds", 2019,
        https://arxiv.org/abs/1801.07829, equation 8.

    Example:
        >>> graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> EdgeConv(nn.Linear(8, 5))(torch.ones(3, 4), graph).shape
        torch.Size([3, 5])
    """

    reads_targets = True

    def __init__(self, nn: nn.Module, aggr: Aggregation = "max", **defaults: object) -> None:
        super().__init__()
        check_defaults(self, defaults)
        one_of("aggr", aggr, ("max", "mean", "sum", "add"))
        if not isinstance(nn, torch.nn.Module):
            advice = "Use for example torch.nn.Linear(2 * in_channels, out_channels)."
            raise wrong_type("nn", "be a torch.nn.Module", nn, advice)
        self.nn = nn
        self.aggr: Aggregation = aggr

    def reset_parameters(self) -> None:
        """Initialize the parameters of h."""
        for module in self.nn.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()

    def _on_edges(self, x: Tensor, graph: Graph) -> Tensor:
        source, target = graph.edge_index
        receiver = x.index_select(0, target)
        messages: Tensor = self.nn(
            torch.cat([receiver, x.index_select(0, source) - receiver], 1)
        )  # (E, C_out)
        return _reduce(messages, target, graph.num_nodes, self.aggr)

    def extra_repr(self) -> str:
        """The reduction, for `repr`."""
        return f"aggr={self.aggr!r}"


class MaxPropagation(_OverEdges):
    """yᵢ = max over edges j → i of xⱼ, for each channel: the maximum over neighbors.

    This is `Propagation` with a maximum in place of a sum, and no operator, as it is not linear. A
    node without such edges gets 0.

    Shapes:
        Input and output (N, C).

    Example:
        >>> graph = Graph.from_edges([(0, 1), (2, 1)], num_nodes=3)
        >>> MaxPropagation()(torch.tensor([[1.0], [0.0], [3.0]]), graph).tolist()
        [[0.0], [3.0], [0.0]]
    """

    def _on_edges(self, x: Tensor, graph: Graph) -> Tensor:
        source, target = graph.edge_index
        return _reduce(x.index_select(0, source), target, graph.num_nodes, "max")


def _reduce(messages: Tensor, target: Tensor, num_nodes: int, aggr: Aggregation) -> Tensor:
    """The messages of the edges at their targets: (E, C) -> (N, C)."""
    index = target.unsqueeze(1).expand_as(messages)
    zeros = messages.new_zeros(num_nodes, messages.shape[1])
    if aggr == "max":
        return zeros.scatter_reduce(0, index, messages, "amax", include_self=False)
    total = zeros.scatter_add(0, index, messages)
    if aggr != "mean":
        return total
    ones = torch.ones_like(target, dtype=messages.dtype)
    return total / zeros[:, 0].scatter_add(0, target, ones).clamp(min=1).unsqueeze(1)
