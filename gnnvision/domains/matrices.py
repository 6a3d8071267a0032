"""The matrices of a graph, as methods of `Graph`."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Literal, cast

import torch
from torch import Tensor

from gnnvision.domains import entries

if TYPE_CHECKING:
    from gnnvision.domains.graph import Graph

__all__ = ["Matrices"]


class Matrices:
    """Adjacency, degrees and Laplacians; each is computed once and kept."""

    @property
    def _graph(self) -> Graph:
        return cast("Graph", self)

    def adjacency(self, dtype: torch.dtype | None = None) -> Tensor:
        """The adjacency matrix A: entry (i, j) is the weight of the edge i to j.

        Args:
            dtype: of the entries; that of `edge_weight`, or torch's default.

        Returns:
            A coalesced sparse matrix; parallel edges are added up. Shape (N, N).
        """
        return self._matrix("adjacency", lambda: entries.adjacency(self._graph, dtype), dtype)

    def degree(
        self, direction: Literal["out", "in"] = "out", dtype: torch.dtype | None = None
    ) -> Tensor:
        """The sum of the weights of each node's edges: the diagonal of D. Shape (N,).

        Args:
            direction: "out" sums the rows of the adjacency matrix, "in" its columns.
            dtype: of the result; that of `edge_weight`, or torch's default.

        Raises:
            ValueError: if `direction` is neither.
        """
        return entries.degree(self._graph, direction, dtype)

    def laplacian(
        self,
        normalization: Literal["sym", "rw"] | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        """The graph Laplacian, self loops left out.

        * ``None``: L = D - A
        * ``"sym"``: L = I - D^(-1/2) A D^(-1/2)
        * ``"rw"``: L = I - D^(-1) A

        D holds the row sums of A. Where a degree is 0 (or, with negative weights, below it)
        its inverse is taken as 0, so an isolated node has 1 on the diagonal of the normalized
        forms, and nothing is infinite.

        Args:
            normalization: which of the three.
            dtype: of the entries; that of `edge_weight`, or torch's default.

        Returns:
            A coalesced sparse matrix. Shape (N, N).

        Raises:
            ValueError: if `normalization` is none of the three.
        """
        return self._matrix(
            ("laplacian", normalization),
            lambda: entries.laplacian(self._graph, normalization, dtype),
            dtype,
        )

    def normalized_adjacency(
        self,
        *,
        add_self_loops: bool = True,
        self_loop_weight: float = 1.0,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        """The normalized adjacency D^(-1/2) (A + I) D^(-1/2) of Kipf and Welling.

        D holds what each node receives: the column sums of A + I. A node that has a self loop
        already keeps it (of several, the last) instead of getting another. Where a degree is 0
        or below its inverse root is taken as 0.

        Args:
            add_self_loops: whether to add I.
            self_loop_weight: the weight of the added loops; 2 in the "improved" variant.
            dtype: of the entries; that of `edge_weight`, or torch's default.

        Returns:
            A coalesced sparse matrix. Shape (N, N).

        References:
            Kipf, Welling, "Semi-Supervised Classification with Graph Convolutional Networks",
            2017, https://arxiv.org/abs/1609.02907, below equation 2.
        """
        return self._matrix(
            ("normalized_adjacency", add_self_loops, self_loop_weight),
            lambda: entries.normalized_adjacency(
                self._graph, add_self_loops, self_loop_weight, dtype
            ),
            dtype,
        )

    def to_dense(self) -> Tensor:
        """The adjacency matrix with all its zeros, for the blackboard. Shape (N, N)."""
        return self.adjacency().to_dense()

    def _matrix(
        self, key: Hashable, build: Callable[[], entries.Entries], dtype: torch.dtype | None
    ) -> Tensor:
        graph = self._graph
        return graph.derived((key, dtype), lambda: build().to_sparse(graph.num_nodes))
