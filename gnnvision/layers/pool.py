"""Pooling: from a grid to a coarser grid, from a graph to a coarser graph."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import Literal

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph, Grid, Window
from gnnvision.domains.window import per_axis
from gnnvision.errors import invalid, one_of, wrong_dtype
from gnnvision.layers.calls import as_graph
from gnnvision.layers.interface import OnDomain, require
from gnnvision.operators.cluster import Coarsening, coarsen, is_coarsened
from gnnvision.operators.segments import segment_reduce
from gnnvision.operators.signals import dense

__all__ = ["AvgPool2d", "GraphPool", "MaxPool2d", "Upsample"]

_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


class _OnGrid(nn.Module, OnDomain):
    """A layer of torch.nn that is called with its domain, which it does not need."""

    def forward(self, input: Tensor, domain: Domain | None = None) -> Tensor:
        """The output of the layer of torch.nn: (B, C, H, W) -> (B, C, H', W')."""
        out: Tensor = super().forward(input)
        return out


class _GridPool(_OnGrid):
    """The output size of a pooling window."""

    def out_domain(self, domain: Domain) -> Grid:
        """The coarser grid: floor((n + 2p - f) / s) + 1 sites along each axis.

        Raises:
            TypeError: if the domain is not a grid.
            ValueError: if the window does not fit.
        """
        grid, options = require(domain, Grid, self), vars(self)
        sizes = {name: options[name] for name in ("kernel_size", "stride", "padding")}
        window = Window.make(2, **sizes, dilation=options.get("dilation", 1))
        return Grid((_rounded_up if options["ceil_mode"] else Window.out_size)(window, grid.shape))


def _rounded_up(window: Window, size: tuple[int, ...]) -> tuple[int, ...]:
    """Sizes with ceil in place of floor: one more window if it starts in the input."""
    if len(size) != len(window.kernel_size):
        return window.out_size(size)  # refuses it
    axes = zip(size, window.kernel_size, window.stride, window.dilation, window.pads, strict=True)
    out = []
    for n, f, s, d, (lo, hi) in axes:
        m = -((d * (f - 1) + 1 - n - lo - hi) // s) + 1
        out.append(m - 1 if (m - 1) * s >= n + lo else m)
    return tuple(out) if min(out) > 0 else window.out_size(size)


class MaxPool2d(_GridPool, nn.MaxPool2d):
    """`torch.nn.MaxPool2d`, the maximum of each window, with `out_domain`.

    Example:
        >>> MaxPool2d(2, stride=1).out_domain(Grid((4, 4)))
        Grid((3, 3))
    """


class AvgPool2d(_GridPool, nn.AvgPool2d):
    """`torch.nn.AvgPool2d`, the mean of each window, with `out_domain`.

    Example:
        >>> AvgPool2d(2).out_domain(Grid((5, 4)))
        Grid((2, 2))
    """


class Upsample(_OnGrid, nn.Upsample):
    """`torch.nn.Upsample`, to a finer grid, with `out_domain`.

    Example:
        >>> Upsample(scale_factor=2).out_domain(Grid((5, 4)))
        Grid((10, 8))
    """

    def out_domain(self, domain: Domain) -> Grid:
        """The finer grid: `size`, or floor(n * scale_factor) sites along each axis."""
        grid, factor = require(domain, Grid, self), self.scale_factor
        if self.size is not None:
            return Grid(per_axis(self.size, grid.ndim, "size"))
        factors = factor if isinstance(factor, tuple) else (factor,) * grid.ndim
        pairs = zip(grid.shape, factors, strict=True)
        return Grid(tuple(floor(n * float(f or 1)) for n, f in pairs))


class GraphPool(nn.Module, OnDomain):
    """The maximum or mean over clusters of nodes, which become the nodes of a coarser graph.

    Clusters are pairs of nodes connected by an edge of large normalized weight (weight divided by
    degree), as `MaxPool2d(2)` merges neighboring pixels; a node without an unpaired neighbor forms
    its own cluster. `kernel_size` 4 pairs the pairs again, and so on. Two clusters of the coarser
    graph are connected if their nodes were, with the sum of the edge weights.

    Args:
        kernel_size: the maximum number of nodes in a cluster, a power of 2.
        reduce: "max" or "mean".
        cluster: instead of pairing, the index of the cluster of each node, from 0. Shape (N,).

    Shapes:
        Input (N, C); output (number of clusters, C), on `out_domain(graph)`.

    Raises:
        ValueError: if `kernel_size` is not a power of 2 or `reduce` is unknown.

    Under torch.compile the clusters of a graph that it has not seen are found outside the compiled
    code; with fullgraph=True call `out_domain(graph)` before.

    References:
        Dhillon, Guan, Kulis, "Weighted Graph Cuts without Eigenvectors", 2007 (the pairing).
        Differs from it: all nodes choose in parallel, in rounds, and a fixed pseudo-random order
        of the edges of each graph breaks ties.

    Example:
        >>> path = Graph.from_edges([(0, 1), (1, 2), (2, 3)], num_nodes=4, undirected=True)
        >>> GraphPool(2).out_domain(path).num_nodes
        2
    """

    def __init__(
        self,
        kernel_size: int = 2,
        reduce: Literal["max", "mean"] = "max",
        cluster: Tensor | Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size & (kernel_size - 1):
            advice = "Nodes are merged in pairs, pairs of pairs and so on."
            raise invalid("kernel_size", "be a power of 2", kernel_size, advice)
        one_of("reduce", reduce, ("max", "mean"))
        self.kernel_size = kernel_size
        self.reduce: Literal["max", "mean"] = reduce
        given = None if cluster is None else torch.as_tensor(cluster)
        if given is not None and given.numel() and given.dtype not in _INTEGERS:
            advice = "Give the index of the cluster of each node."
            raise wrong_dtype("cluster", "be integers", given.dtype, advice)
        given = None if given is None else given.long()
        self.register_buffer("cluster", given, persistent=False)

    def forward(self, x: Tensor, domain: Graph | Tensor) -> Tensor:
        """One row for each cluster: (N, C) -> (number of clusters, C).

        Raises:
            ValueError: if the shapes do not match.
        """
        graph = as_graph(domain, x)
        if x.ndim != 2 or x.shape[0] != graph.num_nodes:
            condition = f"have shape (N={graph.num_nodes}, C)"
            raise invalid("x", condition, tuple(x.shape), "Give one row for each node.")
        coarse = self._coarsen(graph)
        return segment_reduce(dense(x)[coarse.order], coarse.starts, self.reduce)

    def out_domain(self, domain: Domain) -> Graph:
        """The coarser graph."""
        return self._coarsen(require(domain, Graph, self)).graph

    def _coarsen(self, graph: Graph) -> Coarsening:
        cluster: Tensor | None = self.cluster  # type: ignore[assignment]
        if torch.compiler.is_compiling() and not is_coarsened(graph, self.kernel_size, cluster):
            return _uncompiled(graph, self.kernel_size, cluster)
        return coarsen(graph, self.kernel_size, cluster)

    def extra_repr(self) -> str:
        """The cluster size and the reduction, for `repr`."""
        return f"{self.kernel_size}, {self.reduce!r}"


def _uncompiled(graph: Graph, size: int, cluster: Tensor | None) -> Coarsening:
    found: Coarsening = torch.compiler.disable(coarsen)(graph, size, cluster)
    return found


# As `torch.compiler.disable(reason=...)` marks a function; as a decorator it loads the compiler.
vars(_uncompiled).update(
    _torchdynamo_disable=True,
    _torchdynamo_disable_msg=(
        "Finding clusters is data-dependent control flow. Compile without fullgraph=True; or, "
        "without 'cluster', call GraphPool.out_domain(graph) before: the graph caches them."
    ),
)
