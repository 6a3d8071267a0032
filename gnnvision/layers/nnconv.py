"""Edge-conditioned convolution: a network makes the weights of each edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph
from gnnvision.errors import invalid, one_of
from gnnvision.layers.attributes import apply_in_dtype, edge_attributes
from gnnvision.layers.compatible import check_defaults
from gnnvision.layers.graph import FamilyConvolution
from gnnvision.layers.linear import Channels, linear, padded
from gnnvision.operators import I as identity
from gnnvision.operators import Operator, Sparse
from gnnvision.operators.attention import attention_edges
from gnnvision.operators.together import Stacked

__all__ = ["NNConv"]


class NNConv(FamilyConvolution):
    """Y = Σ over neighbors of xⱼ Θ(eᵢⱼ) + X W₀ + b, where Θ(e) is the output of a network.

    The last layer of the network is linear in its D inputs h(e), so that this is
    Y = Σ_d S_d X W_d + S X W' + X W₀ + b: the entries of S_d are h_d(eᵢⱼ), S is the adjacency,
    and the W_d and W' are the rows of the last weight and its bias as matrices. Y is computed by
    one sparse product for all S_d, never with a matrix Θ for each edge. A graph with edge weights
    raises a ValueError.

    Args:
        in_channels: number of columns of X.
        out_channels: number of columns of Y.
        nn: the network, from `edge_attr` (E, edge_dim) to (E, in_channels * out_channels): a
            torch.nn.Linear, or a torch.nn.Sequential that ends with one.
        aggr: "add" ("sum"), or "mean" over the incoming edges. "max" is not supported.
        root_weight: whether to learn W₀.
        bias: whether to learn b.
        **defaults: torch-geometric's further arguments, at their default values.

    Shapes:
        Input (N, in_channels); output (N, out_channels). A sparse input is converted to dense.

    Raises:
        ValueError: if `aggr` is unknown, or `nn` does not end with such a linear layer.

    References:
        Gilmer et al., "Neural Message Passing for Quantum Chemistry", 2017,
        https://arxiv.org/abs/1704.01212, section 5; Simonovsky, Komodakis, "Dynamic
        Edge-Conditioned Filters in Convolutional Neural Networks on Graphs", 2017,
        https://arxiv.org/abs/1704.02901.

    Example:
        >>> edges = torch.tensor([[0, 1], [1, 2]])
        >>> graph = Graph(edges, num_nodes=3, edge_attr=torch.ones(2, 5))
        >>> network = nn.Sequential(nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 4 * 2))
        >>> layer = NNConv(4, 2, network)
        >>> layer(torch.ones(3, 4), graph).shape, len(layer.operators(graph))
        (torch.Size([3, 2]), 5)
    """

    per_edge = True
    columns: ClassVar[tuple[str, ...]] = ("edge_attr", "size")
    bipartite = True
    reads_weights = False

    def __init__(
        self,
        in_channels: Channels,
        out_channels: int,
        nn: nn.Module,
        aggr: Literal["add", "sum", "mean"] = "add",
        root_weight: bool = True,
        bias: bool = True,
        **defaults: object,
    ) -> None:
        check_defaults(self, defaults)
        one_of("aggr", aggr, ("add", "sum", "mean"))
        super().__init__(in_channels, out_channels, None)
        self.sent_channels = in_channels[0] if isinstance(in_channels, tuple) else in_channels
        last = nn[-1] if isinstance(nn, torch.nn.Sequential) and len(nn) else nn
        width = self.sent_channels * out_channels
        if not isinstance(last, torch.nn.Linear) or last.out_features != width:
            condition = f"end with a torch.nn.Linear to in_channels * out_channels = {width}"
            advice = "Without it, the layer is not a sum of operators."
            raise invalid("nn", condition, nn, advice)
        self.nn = nn
        for module in nn.modules():  # torch's quantization leaves the weights Wₖ as they are
            vars(module)["qconfig"] = None
        self.aggr = aggr
        self.lin = linear(in_channels, out_channels, end=1) if root_weight else None
        self.bias = torch.nn.Parameter(torch.zeros(out_channels)) if bias else None

    def operators(self, domain: Domain, x: Tensor | None = None) -> Sequence[Operator]:
        """The S_d; S if the last layer has a bias; I with `root_weight`."""
        graph = self.out_domain(domain)
        assert isinstance(graph, Graph)
        first = next(self.nn.parameters())
        dtype = torch.promote_types((first if x is None else x).dtype, torch.float32)
        edges = attention_edges(graph, add_self_loops=False)
        columns = self._first.in_features
        hidden = edges.attributes(edge_attributes(graph, columns, dtype))
        if isinstance(self.nn, torch.nn.Sequential):
            hidden = apply_in_dtype(self.nn[:-1], hidden)
        if self._last.bias is not None:
            hidden = F.pad(hidden, (0, 1), value=1.0)
        if self.aggr == "mean":
            row = edges.pattern.row.long()
            arrivals = hidden.new_zeros(graph.num_nodes)
            arrivals = arrivals.scatter_add(0, row, torch.ones_like(row, dtype=dtype))
            hidden = hidden / arrivals[row].unsqueeze(1)
        num_stacked = hidden.shape[1]
        pattern, order = edges.pattern.interleaved(num_stacked)
        stack = Sparse(pattern, hidden.reshape(-1).index_select(0, order))
        return Stacked(stack, num_stacked, [] if self.lin is None else [identity(graph, dtype)])

    def matrices(self) -> list[Tensor]:
        """The W_d and W', and W₀."""
        rows = list(self._last.weight.t())
        rows += [] if self._last.bias is None else [self._last.bias]
        shape = (self.sent_channels, self.out_channels)
        matrices = [padded(row.view(shape), self.in_channels) for row in rows]
        return matrices + ([] if self.lin is None else [self.lin.matrix])

    @property
    def _first(self) -> torch.nn.Linear:
        return next(m for m in self.nn.modules() if isinstance(m, torch.nn.Linear))

    @property
    def _last(self) -> torch.nn.Linear:
        last = self.nn[-1] if isinstance(self.nn, torch.nn.Sequential) else self.nn
        assert isinstance(last, torch.nn.Linear)
        return last
