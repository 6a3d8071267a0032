"""The graph isomorphism network's layer: a sum over neighbors, then an MLP."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gnnvision.errors import invalid
from gnnvision.layers.compatible import check_defaults
from gnnvision.layers.graph import FamilyConvolution
from gnnvision.operators import families

__all__ = ["GINConv"]


class GINConv(FamilyConvolution):
    """Y = MLP(A X + (1 + ε) X).

    The sum is a convolution with the operators A and I and fixed weights, 1 and 1 + ε; the MLP
    after it is not. Edge weights are not part of the formula: a graph with edge weights raises a
    ValueError.

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
        >>> from gnnvision.domains import Graph
        >>> graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> GINConv(nn.Linear(4, 2))(torch.ones(3, 4), graph).shape
        torch.Size([3, 2])
    """

    bias = None
    columns: ClassVar[tuple[str, ...]] = ("size",)
    bipartite = True
    reads_weights = False
    finishes = True

    def __init__(
        self, nn: nn.Module, eps: float = 0.0, train_eps: bool = False, **defaults: object
    ) -> None:
        check_defaults(self, defaults)
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
        """Reset ε and the parameters of the MLP."""
        with torch.no_grad():
            self.eps.fill_(self.initial_eps)
        for module in self.nn.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()

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

    def matrices(self) -> list[Tensor | None]:
        """1 and 1 + ε."""
        return [None, 1 + self.eps]

    def extra_repr(self) -> str:
        """Empty: `repr` shows the MLP."""
        return ""
