"""Relational graph convolution: one operator for each edge type.

On a pixel graph, whose edge types are kernel offsets, this is image convolution;
`RGCNConv.from_grid` converts an image convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph
from gnnvision.errors import integer, invalid, one_of
from gnnvision.layers.compatible import check_defaults
from gnnvision.layers.graph import FamilyConvolution
from gnnvision.layers.grid import GridConvolution
from gnnvision.layers.linear import padded
from gnnvision.operators import Operator, families

__all__ = ["RGCNConv"]


class RGCNConv(FamilyConvolution):
    """Y = Σᵣ Aᵣ X Wᵣ + X W₀ + b, with Aᵣ the mean (or sum) over incoming edges of relation r.

    With many relations the Wᵣ can share weights, as linear combinations of a few bases, or be
    block-diagonal. Edge weights are not part of the formula: a graph with edge weights raises a
    ValueError.

    Args:
        in_channels: number of columns of X.
        out_channels: number of columns of Y.
        num_relations: R.
        num_bases: the number of basis matrices; each Wᵣ is a linear combination of them.
        num_blocks: the number of diagonal blocks of each Wᵣ.
        aggr: "mean", or "sum" ("add").
        root_weight: whether to learn W₀.
        bias: whether to learn b.
        **defaults: torch-geometric's further arguments, at their default values.

    Shapes:
        Input (N, in_channels); output (N, out_channels). A sparse input is converted to dense.

    Raises:
        ValueError: if `aggr` is unknown, both `num_bases` and `num_blocks` are given, or
            `num_blocks` does not divide the channels.

    References:
        Schlichtkrull et al., "Modeling Relational Data with Graph Convolutional Networks",
        2017, https://arxiv.org/abs/1703.06103, equations 2 to 4.

    Example:
        >>> from gnnvision.domains import Grid
        >>> RGCNConv(3, 8, num_relations=9).operators(Grid((4, 4)).to_graph(3))[0]
        Sparse(shape=(16, 16), entries=9)
    """

    columns: ClassVar[tuple[str, ...]] = ("edge_type",)
    bipartite = True
    per_edge = True
    embeds = True
    reads_weights = False

    def __init__(
        self,
        in_channels: int | tuple[int, int],
        out_channels: int,
        num_relations: int,
        num_bases: int | None = None,
        num_blocks: int | None = None,
        aggr: Literal["mean", "sum", "add"] = "mean",
        *,
        root_weight: bool = True,
        bias: bool = True,
        **defaults: object,
    ) -> None:
        check_defaults(self, defaults, is_sorted=False)
        one_of("aggr", aggr, ("mean", "sum", "add"))
        if num_bases is not None and num_blocks is not None:
            got, advice = f"{num_bases} and {num_blocks}", "Choose one kind of weight sharing."
            raise invalid("num_bases", "not be given together with 'num_blocks'", got, advice)
        for name, value in (
            ("num_relations", num_relations),
            ("num_bases", num_bases),
            ("num_blocks", num_blocks),
        ):
            if value is not None:
                integer(name, value, 1)
        ends = in_channels if isinstance(in_channels, tuple) else (in_channels, in_channels)
        sources, targets = (integer("in_channels", end, 1) for end in ends)
        if num_blocks is not None and (sources % num_blocks or out_channels % num_blocks):
            condition = f"divide {sources} and {out_channels} channels"
            raise invalid("num_blocks", condition, num_blocks, "Choose a common divisor.")
        kind: Literal["mean", "sum"] = "mean" if aggr == "mean" else "sum"
        family = partial(
            families.relations, num_relations=num_relations, aggr=kind, itself=root_weight
        )
        super().__init__(in_channels, out_channels, family)
        self.num_relations = num_relations
        self.num_bases = num_bases
        self.num_blocks = num_blocks
        self.aggr = aggr
        shape: tuple[int, ...] = (num_bases or num_relations, sources, out_channels)
        if num_blocks is not None:
            shape = (
                num_relations,
                num_blocks,
                sources // num_blocks,
                out_channels // num_blocks,
            )
        self.weight = nn.Parameter(torch.empty(shape))
        self.comp = nn.Parameter(torch.empty(num_relations, num_bases)) if num_bases else None
        self.root = nn.Parameter(torch.empty(targets, out_channels)) if root_weight else None
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        self.reset_parameters()

    @classmethod
    def from_grid(cls, conv: GridConvolution) -> Self:
        """The relational graph convolution that equals a convolution on the pixel graph of a grid.

        The weights are copied. For images of shape (B, C, H, W), use the node features
        `operators.nodes_from_pixels(x)` on a batch of B pixel graphs `grid.to_graph(...)` with the
        kernel size, dilation and padding mode of the layer.

        Args:
            conv: a grid layer with stride 1 and padding "same".

        Raises:
            ValueError: if its output has another size than its input.

        Example:
            >>> from gnnvision.layers import Conv2d
            >>> RGCNConv.from_grid(Conv2d(3, 8, 3, padding="same"))
            RGCNConv(3, 8, num_relations=9, bias=True)
        """
        reach = [d * (f - 1) for d, f in zip(conv.dilation, conv.kernel_size, strict=True)]
        same = tuple((r // 2, r - r // 2) for r in reach)
        if conv.window.pads != same or set(conv.window.stride) != {1}:
            got = f"stride {conv.stride} and padding {conv.window.pads}"
            advice = "A pixel graph has as many outputs as inputs."
            raise invalid("conv", "have stride 1 and padding 'same'", got, advice)
        taps = conv.taps().detach()
        layer = cls(
            conv.in_channels,
            conv.out_channels,
            num_relations=len(taps),
            aggr="sum",
            root_weight=False,
            bias=conv.bias is not None,
        ).to(taps)
        with torch.no_grad():
            layer.weight.copy_(taps)
            if layer.bias is not None and conv.bias is not None:
                layer.bias.copy_(conv.bias)
        return layer

    def reset_parameters(self) -> None:
        """Initialize the weights with Glorot's uniform distribution and the bias with 0."""
        for parameter in self.parameters():
            if parameter is self.bias:
                nn.init.zeros_(parameter)
            else:
                bound = (6 / sum(parameter.shape[-2:])) ** 0.5
                nn.init.uniform_(parameter, -bound, bound)

    def operators(self, domain: Domain, x: Tensor | None = None) -> Sequence[Operator]:
        """One mean over incoming edges for each relation, then the identity.

        Raises:
            ValueError: if the graph has no relations, or more than the layer.
        """
        graph = self.out_domain(domain)
        assert isinstance(graph, Graph)
        if graph.edge_type is None or (graph.num_relations or 0) > self.num_relations:
            condition = f"have an edge_type below num_relations={self.num_relations}"
            got = f"{'no' if graph.edge_type is None else graph.num_relations} relations"
            advice = "Make the Graph with edge_type, or the layer with more relations."
            raise invalid("domain", condition, got, advice)
        return super().operators(domain, x)

    def matrices(self) -> list[Tensor]:
        """The Wᵣ, then W₀."""
        weights = [*self._relation_weights(), *([] if self.root is None else [self.root])]
        return [padded(W, self.in_channels) for W in weights] if self.pair else weights

    def _relation_weights(self) -> Tensor:
        """Shape (R, in_channels, out_channels)."""
        if self.comp is not None:
            return torch.einsum("rb,bio->rio", self.comp, self.weight)
        if self.num_blocks is not None:
            return torch.stack([torch.block_diag(*blocks) for blocks in self.weight])
        return self.weight

    def extra_repr(self) -> str:
        """The sizes, for `repr`."""
        sizes = f"{self.in_channels}, {self.out_channels}, num_relations={self.num_relations}"
        return f"{sizes}, bias={self.bias is not None}"
