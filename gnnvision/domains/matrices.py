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
    """Adjacency, degree and Laplacian matrices; each is computed once and cached."""

    @property
    def _graph(self) -> Graph:
        return cast("Graph", self)

    def adjacency(self, dtype: torch.dtype | None = None) -> Tensor:
        """The adjacency matrix A: entry (i, j) is the weight of the edge i to j.

        Args:
            dtype: of the entries; that of `edge_weight`, or torch's default.

        Returns:
            A coalesced sparse matrix; parallel edges are summed. Shape (N, N).
        """
        return self._matrix("adjacency", lambda: entries.adjacency(self._graph, dtype), dtype)

    def degree(
        self, direction: Literal["out", "in"] = "out", dtype: torch.dtype | None = None
    ) -> Tensor:
        """The degree of each node: the sum of its edge weights. Shape (N,).

        Args:
            direction: "out" sums the rows of the adjacency matrix, "in" its columns.
            dtype: of the result; that of `edge_weight`, or torch's default.

        Raises:
            ValueError: if `direction` is unknown.
        """
        return entries.degree(self._graph, direction, dtype)

    def laplacian(
        self,
        normalization: Literal["sym", "rw"] | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        """The graph Laplacian, without self loops.

        * ``None``: L = D - A
        * ``"sym"``: L = I - D^(-1/2) A D^(-1/2)
        * ``"rw"``: L = I - D^(-1) A

        D contains the row sums of A. The inverse of a degree that is 0 (or negative, with negative
        weights) is set to 0, so that isolated nodes have 1 on the diagonal of the normalized
        forms, and nothing is infinite.

        Args:
            normalization: None, "sym" or "rw".
            dtype: of the entries; that of `edge_weight`, or torch's default.

        Returns:
            A coalesced sparse matrix. Shape (N, N).

        Raises:
            ValueError: if `normalization` is unknown.
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

        D contains the column sums of A + I. A node that already has a self loop keeps it (the last
        one, if there are several) and gets no other. The inverse root of a degree that is 0 or
        negative is set to 0.

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
        """The adjacency matrix as a dense tensor. Shape (N, N)."""
        return self.adjacency().to_dense()

    def _matrix(
        self, key: Hashable, build: Callable[[], entries.Entries], dtype: torch.dtype | None
    ) -> Tensor:
        graph = self._graph
        return graph.derived((key, dtype), lambda: build().to_sparse(graph.num_nodes))
