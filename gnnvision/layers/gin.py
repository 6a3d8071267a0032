"""The graph isomorphism network's layer: a sum over neighbors, then an MLP."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gnnvision.domains import Domain, Graph
from gnnvision.errors import invalid
from gnnvision.layers.graph import GraphConvolution
from gnnvision.operators import Identity, Operator, adjacency
from gnnvision.operators.signals import dense

__all__ = ["GINConv"]


class GINConv(GraphConvolution):
    """Y = MLP(A X + (1 + ε) X).

    The sum is a convolution with the operators A and I and fixed taps, the identity and
    (1 + ε) times the identity; the MLP after it is not. Edge weights are not part of the formula:
    a graph with edge weights raises a ValueError.

    Args:
        nn: the MLP, any module from (N, in_channels) to (N, out_channels).
        eps: ε, or its initial value.
        train_eps: whether to learn ε.

    Shapes:
        Input (N, in_channels); output that of `nn`. A sparse input is converted to dense.

    Raises:
        ValueError: if `nn` has no linear layer, which defines the number of input channels.

    References:
        Xu, Hu, Leskovec, Jegelka, "How Powerful are Graph Neural Networks?", 2019,
        https://arxiv.org/abs/1810.00826, equation 4.1.

    Example:
        >>> graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> GINConv(nn.Linear(4, 2))(torch.ones(3, 4), graph).shape
        torch.Size([3, 2])
    """

    bias = None
    reads_weights = False

    def __init__(self, nn: nn.Module, eps: float = 0.0, train_eps: bool = False) -> None:
        matrices = [p for p in nn.parameters() if p.ndim == 2]
        if not matrices:
            raise invalid("nn", "have a linear layer", nn, "Use for example nn.Linear(4, 2).")
        super().__init__(matrices[0].shape[1], matrices[-1].shape[0])
        self.nn = nn
        self.initial_eps = eps
        value = torch.full((1,), float(eps))
        if train_eps:
            self.eps: Tensor = torch.nn.Parameter(value)
        else:
            self.register_buffer("eps", value)

    def reset_parameters(self) -> None:
        """Reset ε and the parameters of the MLP."""
        with torch.no_grad():
            self.eps.fill_(self.initial_eps)
        for module in self.nn.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()

    def combine(self, x: Tensor, graph: Graph) -> Tensor:
        """A X + (1 + ε) X, without the fixed taps."""
        neighbors, itself = self.operators(graph, x)
        signal = dense(x)
        return neighbors.times(signal) + (1 + self.eps) * itself.times(signal)

    def finish(self, y: Tensor) -> Tensor:
        """The MLP, in the precision of `y`."""
        same = next(self.nn.parameters(), y).dtype is y.dtype  # none where torch quantized it
        if same or torch.is_autocast_enabled(y.device.type):
            plain: Tensor = self.nn(y)
            return plain
        held = {**dict(self.nn.named_parameters()), **dict(self.nn.named_buffers())}
        cast = {name: v.to(y.dtype) for name, v in held.items() if v.is_floating_point()}
        out: Tensor = functional_call(self.nn, cast, (y,))
        return out

    def operators(self, domain: Domain, x: Tensor | None = None) -> list[Operator]:
        """The adjacency operator and the identity."""
        graph, dtype = self.out_domain(domain), self.arithmetic(x)
        neighbors = adjacency(graph, dtype, weighted=False)
        return [neighbors, Identity(graph.num_nodes, graph.device)]

    def matrices(self) -> list[Tensor]:
        """The identity and (1 + ε) times the identity."""
        one = torch.eye(self.in_channels, dtype=self.eps.dtype, device=self.eps.device)
        return [one, (1 + self.eps) * one]

    def extra_repr(self) -> str:
        """Empty: `repr` shows the MLP."""
        return ""
