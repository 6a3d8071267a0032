"""Relational graph convolution: one operator for each kind of edge.

On a pixel graph, whose kinds of edges are the offsets of a kernel, this is image convolution;
`RGCNConv.from_grid` makes the one from the other.
"""

from __future__ import annotations

from typing import Literal, Self

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph
from gnnvision.layers.graph import GraphConvolution, as_graph
from gnnvision.layers.grid import GridConvolution
from gnnvision.operators import Identity, Operator
from gnnvision.operators.signals import dense
from gnnvision.operators.sparse import relations, stacked_relations

__all__ = ["RGCNConv"]


class RGCNConv(GraphConvolution):
    """Y = Σᵣ Aᵣ X Wᵣ + X W₀ + b, with Aᵣ the mean (or sum) over incoming edges of relation r.

    With many relations the Wᵣ can share: as combinations of a few bases, or as blocks along
    the diagonal. The formula has no weights of edges, so a graph with some is refused.

    Args:
        in_channels: columns of X.
        out_channels: columns of Y.
        num_relations: R.
        num_bases: learn so many matrices and make each Wᵣ a combination of them.
        num_blocks: let each Wᵣ be zero but for so many blocks along its diagonal.
        aggr: "mean", or "sum" ("add").
        root_weight: whether to learn W₀.
        bias: whether to learn b.

    Shapes:
        Input (N, in_channels); output (N, out_channels). A sparse input is made dense.

    Raises:
        ValueError: if `aggr` is another, both ways of sharing are asked for, or the channels
            do not divide into the blocks.

    References:
        Schlichtkrull et al., "Modeling Relational Data with Graph Convolutional Networks",
        2017, https://arxiv.org/abs/1703.06103, equations 2 to 4.

    Example:
        >>> from gnnvision.domains import Grid
        >>> RGCNConv(3, 8, num_relations=9).operators(Grid((4, 4)).to_graph(3))[0]
        Sparse(shape=(16, 16), entries=9)
    """

    reads_weights = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_relations: int,
        num_bases: int | None = None,
        num_blocks: int | None = None,
        aggr: Literal["mean", "sum", "add"] = "mean",
        *,
        root_weight: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__(in_channels, out_channels)
        if aggr not in ("mean", "sum", "add"):
            raise ValueError(f"'aggr' must be 'mean' or 'sum', got {aggr!r}. Choose one of them.")
        if num_bases is not None and num_blocks is not None:
            raise ValueError(
                "'num_bases' and 'num_blocks' must not both be given, got "
                f"{num_bases} and {num_blocks}. Choose one way of sharing."
            )
        for name, value in (
            ("num_relations", num_relations),
            ("num_bases", num_bases),
            ("num_blocks", num_blocks),
        ):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise TypeError(f"'{name}' must be an integer, got {value!r}. Give a count.")
            if value is not None and value < 1:
                raise ValueError(f"'{name}' must be at least 1, got {value}. Give a count.")
        if num_blocks is not None and (in_channels % num_blocks or out_channels % num_blocks):
            raise ValueError(
                f"'num_blocks' must divide {in_channels} and {out_channels} channels, got "
                f"{num_blocks}. Choose a common divisor."
            )
        self.num_relations = num_relations
        self.num_bases = num_bases
        self.num_blocks = num_blocks
        self.aggr = aggr
        shape: tuple[int, ...] = (num_bases or num_relations, in_channels, out_channels)
        if num_blocks is not None:
            shape = (
                num_relations,
                num_blocks,
                in_channels // num_blocks,
                out_channels // num_blocks,
            )
        self.weight = nn.Parameter(torch.empty(shape))
        self.comp = nn.Parameter(torch.empty(num_relations, num_bases)) if num_bases else None
        self.root = nn.Parameter(torch.empty(in_channels, out_channels)) if root_weight else None
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        self.reset_parameters()

    @classmethod
    def from_grid(cls, conv: GridConvolution) -> Self:
        """The same convolution, on the pixel graph `grid.to_graph(...)`.

        The weights are copied; for pictures of shape (B, C, H, W) give the node features
        `operators.nodes_from_pixels(x)` on a batch of B pixel graphs made with the layer's
        kernel size, dilation and padding mode.

        Args:
            conv: a grid layer with stride 1 and padding "same".

        Raises:
            ValueError: if its output lives on another grid than its input.

        Example:
            >>> from gnnvision.layers import Conv2d
            >>> RGCNConv.from_grid(Conv2d(3, 8, 3, padding="same"))
            RGCNConv(3, 8, num_relations=9, bias=True)
        """
        reach = [d * (f - 1) for d, f in zip(conv.dilation, conv.kernel_size, strict=True)]
        same = tuple((r // 2, r - r // 2) for r in reach)
        if conv.window.pads != same or set(conv.window.stride) != {1}:
            raise ValueError(
                f"'conv' must have stride 1 and padding 'same', got stride {conv.stride} and "
                f"pads {conv.window.pads}. A pixel graph has as many outputs as inputs."
            )
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
        """Glorot's uniform weights over the last two axes, no bias."""
        for parameter in self.parameters():
            if parameter is self.bias:
                nn.init.zeros_(parameter)
            else:
                bound = (6 / sum(parameter.shape[-2:])) ** 0.5
                nn.init.uniform_(parameter, -bound, bound)

    def forward(
        self,
        x: Tensor,
        domain: Graph | Tensor,
        edge_type: Tensor | None = None,
    ) -> Tensor:
        """Y = Σᵣ Aᵣ X Wᵣ + X W₀ + b.

        Args:
            x: X. Shape (N, in_channels).
            domain: a graph with `edge_type`, or torch-geometric's edge_index.
            edge_type: with an edge_index only: the relation of each edge. Shape (E,).
        """
        return super().forward(x, as_graph(domain, x, edge_type=edge_type))

    def combine(self, x: Tensor, graph: Graph) -> Tensor:
        """All relations in one sparse product and one matrix product.

        The operators are laid below one another, so that a node receives R rows, and all of
        them meet the stacked Wᵣ at once. On a picture this is known as "im2col".
        """
        signal = dense(x)
        self._check_relations(graph)
        mean, dtype = self.aggr == "mean", self.arithmetic(x)
        each = stacked_relations(graph, self.num_relations, mean, dtype)
        received = each.times(signal)  # (N R, C_in)
        weight = self._relation_weights()
        rows = weight.flatten(0, 1)  # (R C_in, C_out)
        y = received.view(graph.num_nodes, rows.shape[0]) @ rows
        return y if self.root is None else torch.addmm(y, signal, self.root)

    def operators(self, domain: Domain, x: Tensor | None = None) -> list[Operator]:
        """One mean over incoming edges for each relation, then the identity."""
        graph = self.out_domain(domain)
        self._check_relations(graph)
        each: list[Operator] = list(
            relations(graph, self.num_relations, self.aggr == "mean", self.arithmetic(x))
        )
        root = [] if self.root is None else [Identity(graph.num_nodes, graph.device)]
        return each + root

    def matrices(self) -> list[Tensor]:
        """The Wᵣ, then W₀."""
        return [*self._relation_weights(), *([] if self.root is None else [self.root])]

    def _relation_weights(self) -> Tensor:
        """Shape (R, in_channels, out_channels)."""
        if self.comp is not None:
            return torch.einsum("rb,bio->rio", self.comp, self.weight)
        if self.num_blocks is not None:
            return torch.stack([torch.block_diag(*blocks) for blocks in self.weight])
        return self.weight

    def _check_relations(self, graph: Graph) -> None:
        if graph.edge_type is None or (graph.num_relations or 0) > self.num_relations:
            raise ValueError(
                f"'domain' must have an edge_type below num_relations={self.num_relations}, got "
                f"{'none' if graph.edge_type is None else graph.num_relations} relations. "
                "Make the Graph with edge_type, or the layer with more relations."
            )

    def extra_repr(self) -> str:
        """The sizes, as torch.nn writes them."""
        sizes = f"{self.in_channels}, {self.out_channels}, num_relations={self.num_relations}"
        return f"{sizes}, bias={self.bias is not None}"
