"""The graph convolution of Morris et al.: S₁ the sum over neighbors, S₂ = I."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

from torch import Tensor

from gnnvision.errors import one_of
from gnnvision.layers.compatible import check_defaults
from gnnvision.layers.graph import FamilyConvolution
from gnnvision.layers.linear import Channels, linear
from gnnvision.operators import families

__all__ = ["GraphConv"]


class GraphConv(FamilyConvolution):
    """Y = A X W₁ + X W₂ + b, with edge weights in A.

    Args:
        in_channels: number of columns of X.
        out_channels: number of columns of Y.
        aggr: "add" ("sum"), or "mean": the sum divided by the number of incoming edges. "max" is
            not linear and not supported.
        bias: whether to learn b.
        **defaults: torch-geometric's further arguments, at their default values.

    Shapes:
        Input (N, in_channels), dense or sparse; output (N, out_channels).

    Raises:
        ValueError: if `aggr` is unknown.

    References:
        Morris et al., "Weisfeiler and Leman Go Neural: Higher-order Graph Neural Networks", 2019,
        https://arxiv.org/abs/1810.02244, equation 1.

    Example:
        >>> from gnnvision.domains import Graph
        >>> graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> GraphConv(4, 2).operators(graph)
        [Sparse(shape=(3, 3), entries=4), Identity(shape=(3, 3))]
    """

    columns: ClassVar[tuple[str, ...]] = ("edge_weight", "size")
    bipartite = True

    def __init__(
        self,
        in_channels: Channels,
        out_channels: int,
        aggr: Literal["add", "sum", "mean"] = "add",
        bias: bool = True,
        **defaults: object,
    ) -> None:
        check_defaults(self, defaults)
        one_of("aggr", aggr, ("add", "sum", "mean"))
        kind: Literal["mean", "sum"] = "mean" if aggr == "mean" else "sum"
        family = partial(families.sum_and_self, aggr=kind, weighted=True)
        super().__init__(in_channels, out_channels, family)
        self.aggr = aggr
        self.lin_rel = linear(in_channels, out_channels, bias)
        self.lin_root = linear(in_channels, out_channels, end=1)

    @property
    def bias(self) -> Tensor | None:  # type: ignore[override]
        """The bias of `lin_rel`, as in torch-geometric."""
        return self.lin_rel.bias

    def matrices(self) -> list[Tensor]:
        """W₁ and W₂."""
        return [self.lin_rel.matrix, self.lin_root.matrix]
