"""GraphSAGE: S₁ the mean (or sum) over neighbors, S₂ = I."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

import torch.nn.functional as F
from torch import Tensor

from gnnvision.errors import invalid, one_of
from gnnvision.layers.compatible import check_defaults
from gnnvision.layers.graph import FamilyConvolution
from gnnvision.layers.linear import Channels, linear
from gnnvision.operators import families

__all__ = ["SAGEConv"]


class SAGEConv(FamilyConvolution):
    """Y = mean over neighbors of X W₁ + X W₂ + b.

    Edge weights are not part of the formula, as in the paper: a graph with edge weights raises a
    ValueError.

    Args:
        in_channels: number of columns of X.
        out_channels: number of columns of Y.
        aggr: "mean", or "sum" ("add"). "max" is not linear; see `MaxPropagation`.
        normalize: whether to scale each row of Y to norm 1.
        root_weight: whether to learn W₂.
        bias: whether to learn b.
        **defaults: torch-geometric's further arguments, at their default values.

    Shapes:
        Input (N, in_channels), dense or sparse; output (N, out_channels).

    Raises:
        ValueError: if `aggr` is unknown.

    References:
        Hamilton, Ying, Leskovec, "Inductive Representation Learning on Large Graphs", 2017,
        https://arxiv.org/abs/1706.02216, algorithm 1 without its nonlinearity.

    Example:
        >>> from gnnvision.domains import Graph
        >>> graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> SAGEConv(4, 2).operators(graph)
        [Sparse(shape=(3, 3), entries=4), Identity(shape=(3, 3))]
    """

    columns: ClassVar[tuple[str, ...]] = ("size",)
    bipartite = True
    reads_weights = False
    finishes = True

    def __init__(
        self,
        in_channels: Channels,
        out_channels: int,
        aggr: Literal["mean", "sum", "add"] = "mean",
        *,
        normalize: bool = False,
        root_weight: bool = True,
        bias: bool = True,
        **defaults: object,
    ) -> None:
        check_defaults(self, defaults, project=False)
        if str(aggr) == "max":
            advice = "Use gv.EdgeConv or gv.MaxPropagation, which are not sums of operators."
            raise invalid("aggr", "be one of 'mean', 'sum', 'add'", "'max'", advice)
        one_of("aggr", aggr, ("mean", "sum", "add"))
        kind: Literal["mean", "sum"] = "mean" if aggr == "mean" else "sum"
        family = partial(families.sum_and_self, aggr=kind, itself=root_weight)
        super().__init__(in_channels, out_channels, family)
        self.aggr = aggr
        self.normalize = normalize
        self.lin_l = linear(in_channels, out_channels, bias)
        self.lin_r = linear(in_channels, out_channels, end=1) if root_weight else None

    @property
    def bias(self) -> Tensor | None:  # type: ignore[override]
        """The bias of `lin_l`, as in torch-geometric."""
        return self.lin_l.bias

    def finish(self, y: Tensor) -> Tensor:
        """The output with rows of norm 1 if `normalize`, else unchanged."""
        return F.normalize(y, dim=-1) if self.normalize else y

    def matrices(self) -> list[Tensor]:
        """W₁ and W₂."""
        return [lin.matrix for lin in (self.lin_l, self.lin_r) if lin is not None]
