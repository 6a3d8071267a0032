"""The graph isomorphism network's layers: a sum over neighbors, then an MLP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph
from gnnvision.errors import invalid
from gnnvision.layers.attributes import apply_in_dtype, edge_attributes
from gnnvision.layers.compatible import check_defaults
from gnnvision.layers.graph import FamilyConvolution
from gnnvision.layers.linear import linear
from gnnvision.operators import I as identity
from gnnvision.operators import Operator, arriving, families, leaving
from gnnvision.operators.signals import dense
from gnnvision.operators.together import Messages

__all__ = ["GINConv", "GINEConv"]


class _SumThenNetwork(FamilyConvolution):
    """Y = MLP(S X + (1 + ε) X): a convolution with fixed weights, and a network after it."""

    bias = None
    bipartite = True
    reads_weights = False
    finishes = True

    def __init__(self, nn: nn.Module, eps: float, train_eps: bool) -> None:
        matrices = [p for p in nn.parameters() if p.ndim == 2]
        if not matrices:
            raise invalid("nn", "have a linear layer", nn, "Use for example nn.Linear(4, 2).")
        super().__init__(matrices[0].shape[1], matrices[-1].shape[0], families.sum_and_self)
        self.nn = nn
        self.initial_eps = eps
        value = torch.full((1,), float(eps))
        if train_eps:
            self.eps: Tensor = torch.nn.Parameter(value)
        else:
            self.register_buffer("eps", value)

    def reset_parameters(self) -> None:
        """Reset ε and the parameters of the networks."""
        with torch.no_grad():
            self.eps.fill_(self.initial_eps)
        super().reset_parameters()

    def finish(self, y: Tensor) -> Tensor:
        """The MLP, in the dtype of `y`."""
        return apply_in_dtype(self.nn, y)

    def matrices(self) -> list[Tensor | None]:
        """1 and 1 + ε."""
        return [None, 1 + self.eps]

    def extra_repr(self) -> str:
        """Empty: `repr` shows the MLP."""
        return ""


class GINConv(_SumThenNetwork):
    """Y = MLP(A X + (1 + ε) X).

    The sum is a convolution with the operators A and I and fixed weights, 1 and 1 + ε; the MLP
    after it is not. Edge weights are not part of the formula: a graph with edge weights raises a
    ValueError.

    Args:
        nn: the MLP, any module from (N, in_channels) to (N, out_channels).
        eps: ε, or its initial value.
        train_eps: whether to learn ε.
        **defaults: torch-geometric's further arguments, at their default values.

    Shapes:
        Input (N, in_channels); output that of `nn`. A sparse input is converted to dense.

    Raises:
        ValueError: if `nn` has no linear layer, which defines the number of input channels.

    References:
        Xu, Hu, Leskovec, Jegelka, "How Powerful are Graph Neural Networks?", 2019,
        https://arxiv.org/abs/1810.00826, equation 4.1.

    Example:
        >>> from gnnvision.domains import Graph
        >>> graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> GINConv(nn.Linear(4, 2))(torch.ones(3, 4), graph).shape
        torch.Size([3, 2])
    """

    columns: ClassVar[tuple[str, ...]] = ("size",)

    def __init__(
        self, nn: nn.Module, eps: float = 0.0, train_eps: bool = False, **defaults: object
    ) -> None:
        check_defaults(self, defaults)
        super().__init__(nn, eps, train_eps)


class GINEConv(_SumThenNetwork):
    """Y = MLP(S M(X) + (1 + ε) X), with M(X) = ReLU(xⱼ + eᵢⱼ U + c) at the edge from j to i.

    S (N x E) is the sum over the incoming edges of a node. The formula Y = Σₖ Sₖ X Wₖ + b has no
    ReLU on edges: the operators are S, applied to M(X), and I, applied to X; the MLP comes after
    their sum. A graph with edge weights raises a ValueError.

    Args:
        nn: the MLP, any module from (N, in_channels) to (N, out_channels).
        eps: ε, or its initial value.
        train_eps: whether to learn ε.
        edge_dim: the number of columns of `edge_attr`; if None, it must be in_channels and there
            is no U and no c.
        **defaults: torch-geometric's further arguments, at their default values.

    Shapes:
        Input (N, in_channels); output that of `nn`. A sparse input is converted to dense.

    Raises:
        ValueError: if `nn` has no linear layer, which defines the number of input channels, or
            a graph has no `edge_attr` of that width.

    References:
        Hu et al., "Strategies for Pre-training Graph Neural Networks", 2020,
        https://arxiv.org/abs/1905.12265.

    Example:
        >>> edges = torch.tensor([[0, 1], [1, 2]])
        >>> graph = Graph(edges, num_nodes=3, edge_attr=torch.ones(2, 5))
        >>> GINEConv(nn.Linear(4, 2), edge_dim=5)(torch.ones(3, 4), graph).shape
        torch.Size([3, 2])
    """

    per_edge = True
    columns: ClassVar[tuple[str, ...]] = ("edge_attr", "size")

    def __init__(
        self,
        nn: nn.Module,
        eps: float = 0.0,
        train_eps: bool = False,
        edge_dim: int | None = None,
        **defaults: object,
    ) -> None:
        check_defaults(self, defaults)
        super().__init__(nn, eps, train_eps)
        self.edge_dim = edge_dim or self.in_channels
        self.lin = None if edge_dim is None else linear(edge_dim, self.in_channels, bias=True)

    def operators(self, domain: Domain, x: Tensor | None = None) -> Sequence[Operator]:
        """S and I."""
        graph = self.out_domain(domain)
        assert isinstance(graph, Graph)
        dtype = torch.promote_types((self.eps if x is None else x).dtype, torch.float32)
        carried = None if x is None else self._messages(dense(x), graph)
        return Messages(arriving(graph, dtype), carried, [identity(graph, dtype)])

    def values(self, x: Tensor, domain: Domain) -> list[Tensor]:
        """M(X) and (1 + ε) X."""
        assert isinstance(domain, Graph)
        return [self._messages(x, domain), x * (1 + self.eps).to(x.dtype)]

    def _messages(self, x: Tensor, graph: Graph) -> Tensor:
        attributes = edge_attributes(graph, self.edge_dim, x.dtype)
        added = attributes if self.lin is None else self.lin(attributes)
        dtype = torch.promote_types(x.dtype, torch.float32)
        return (leaving(graph, dtype).T.times(x) + added).relu()
