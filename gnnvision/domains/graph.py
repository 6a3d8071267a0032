"""The domain of citations, molecules and meshes: nodes joined by edges."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import torch
from torch import Tensor

from gnnvision.domains import compose, convert, entries
from gnnvision.domains.base import Domain, remember
from gnnvision.domains.validate import check_edges, check_num_nodes, check_offsets

if TYPE_CHECKING:
    import networkx as nx
    from torch_geometric.data import Data

__all__ = ["Graph"]

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Graph(Domain):
    """A graph: `num_nodes` nodes and directed edges from a source to a target.

    An undirected graph holds each edge in both directions. Self loops and parallel edges are
    kept as they are; the matrices add parallel edges up. Messages flow from source to target,
    as in torch-geometric. Matrices have the source in the row and the target in the column, as
    in networkx, so a layer, in which nodes *receive*, multiplies by their transposes; on
    undirected graphs the two are the same.

    A graph is checked once, when it is made, and never changes: it takes a copy of
    `edge_index`, so editing yours later has no effect on it. What is derived from it is
    computed once and kept. The exception is a weight that requires gradients: what depends on
    it is computed anew each time, as each backward pass needs.

    A batch is a graph of several members side by side: see `Graph.batch`.

    Args:
        edge_index: source and target of each edge, int64, counted from 0. Shape (2, E).
        num_nodes: the number of nodes N; never guessed from the edges.
        edge_weight: a weight for each edge, floating point; 1 where there are none. Shape (E,).
        edge_attr: attributes of each edge. Shape (E, D).
        edge_type: the relation of each edge, int64, from 0. Shape (E,).
        num_relations: the number of relations; one more than the largest of `edge_type` if
            not given.
        offsets: where the nodes of each member of a batch begin, and the end: (G + 1,), int64,
            from 0 to N. One member if not given.
        node_names: the nodes' own names, in order, kept for whoever draws or returns them.

    Raises:
        TypeError: if an argument is of another kind, for example a list or a float index.
        ValueError: if a shape does not fit, an index is out of range, a weight is NaN or
            infinite, or an edge joins two members of a batch.

    Example:
        >>> graph = Graph(torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]), num_nodes=3)
        >>> graph.adjacency().to_dense()
        tensor([[0., 1., 0.],
                [1., 0., 1.],
                [0., 1., 0.]])
    """

    edge_index: Tensor
    num_nodes: int
    edge_weight: Tensor | None = field(default=None, kw_only=True)
    edge_attr: Tensor | None = field(default=None, kw_only=True)
    edge_type: Tensor | None = field(default=None, kw_only=True)
    num_relations: int | None = field(default=None, kw_only=True)
    offsets: Tensor = field(default=None, kw_only=True)  # type: ignore[assignment]
    node_names: tuple[Hashable, ...] | None = field(default=None, kw_only=True)
    _derived: dict[Hashable, Any] = field(default_factory=dict, init=False)
    _fixed: list[Tensor] = field(default_factory=list, init=False)
    _made: list[int] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        check_num_nodes(self.num_nodes)
        # A graph that is made in inference mode may be trained on later.
        with torch.inference_mode(False):
            columns = check_edges(
                self.edge_index,
                self.num_nodes,
                self.edge_weight,
                self.edge_attr,
                self.edge_type,
                self.num_relations,
            )
            columns["offsets"] = check_offsets(self.offsets, self.num_nodes, columns["edge_index"])
        if self.node_names is not None:
            columns["node_names"] = tuple(self.node_names)
            if len(self.node_names) != self.num_nodes:
                raise ValueError(
                    f"'node_names' must have one name for each of the {self.num_nodes} nodes, "
                    f"got {len(self.node_names)}. Give them in the order of the nodes."
                )
        for name, value in columns.items():
            object.__setattr__(self, name, value)
        self._close()

    # --- making one -------------------------------------------------------------------------

    @classmethod
    def from_edges(
        cls,
        edges: Iterable[tuple[int, int]],
        num_nodes: int,
        *,
        undirected: bool = False,
        edge_weight: Sequence[float] | Tensor | None = None,
    ) -> Self:
        """A graph from (source, target) pairs.

        Args:
            edges: the pairs, counted from 0.
            num_nodes: the number of nodes.
            undirected: add each edge in the other direction too. A pair that is listed twice,
                in either order, is one undirected edge.
            edge_weight: a weight for each pair.

        Raises:
            TypeError: if an entry is not a pair of integers.
            ValueError: if an index is out of range, or `undirected` and one edge has two
                weights.

        Example:
            >>> Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True).num_edges
            4
        """
        return cls(**convert.from_edges(edges, num_nodes, undirected, edge_weight))

    @classmethod
    def from_dense(cls, adjacency: Tensor) -> Self:
        """A graph from its adjacency matrix: entry (i, j) is the weight of the edge i to j.

        A matrix of zeros and ones gives a graph without weights.

        Args:
            adjacency: the matrix, of any numeric kind. Shape (N, N).

        Raises:
            TypeError: if it is not a tensor.
            ValueError: if it is not square, or holds NaN or infinity.

        Example:
            >>> Graph.from_dense(torch.tensor([[0, 1], [1, 0]])).num_edges
            2
        """
        return cls(**convert.from_dense(adjacency))

    @classmethod
    def from_networkx(
        cls,
        graph: nx.Graph,
        *,
        edge_weight: str | None = None,
        edge_attrs: Sequence[str] = (),
        edge_type: str | None = None,
    ) -> Self:
        """A graph from networkx, its nodes in networkx's order, kept in `node_names`.

        Args:
            graph: directed or not, simple or with parallel edges.
            edge_weight: the edge attribute that becomes `edge_weight`.
            edge_attrs: the numeric edge attributes that become the columns of `edge_attr`.
            edge_type: the edge attribute, an integer, that becomes `edge_type`.

        Raises:
            TypeError: if `graph` is not a networkx graph.
            ValueError: if an edge lacks a named attribute.
        """
        return cls(**convert.from_networkx(graph, edge_weight, edge_attrs, edge_type))

    @classmethod
    def from_pyg(cls, data: Data) -> Self:
        """A graph from torch-geometric's `Data` or `Batch`; features and labels stay there.

        Raises:
            TypeError: if `data` has no `edge_index`.
        """
        return cls(**convert.from_pyg(data))

    @classmethod
    def from_triangles(cls, faces: Tensor, num_nodes: int) -> Self:
        """The graph of a triangle mesh: its corners joined along the sides of its faces.

        Args:
            faces: the corners of each triangle, int64. Shape (F, 3).
            num_nodes: the number of corners.

        Raises:
            TypeError: if `faces` is not an integer tensor.
            ValueError: if its shape is not (F, 3) or a corner is out of range.

        Example:
            >>> Graph.from_triangles(torch.tensor([[0, 1, 2], [1, 2, 3]]), 4).num_edges
            10
        """
        return cls(**convert.from_triangles(faces, num_nodes))

    @classmethod
    def from_smiles(cls, smiles: str) -> Self:
        """The graph of a molecule: its heavy atoms, joined by bonds in both directions.

        `node_names` holds the element symbols and `edge_type` the bond kinds: 0 single,
        1 double, 2 triple, 3 aromatic, 4 any other.

        Raises:
            ValueError: if rdkit cannot read the string, with rdkit's reason.

        Example:
            >>> Graph.from_smiles("CCO").node_names
            ('C', 'C', 'O')
        """
        return cls(**convert.from_smiles(smiles))

    @classmethod
    def batch(cls, graphs: Sequence[Graph]) -> Self:
        """Several graphs side by side as one, without edges between them.

        Members keep their order, also those without edges or nodes. `unbatch` undoes it.

        Raises:
            ValueError: if there are none, or only some have edge attributes or relations.

        Example:
            >>> pair = Graph.from_edges([(0, 1)], num_nodes=2)
            >>> batch = Graph.batch([pair, pair])
            >>> batch.num_graphs, batch.offsets.tolist(), batch.edge_index.tolist()
            (2, [0, 2, 4], [[0, 2], [1, 3]])
        """
        return cls(**compose.batch(graphs))

    # --- turning it into something else -----------------------------------------------------

    def unbatch(self) -> list[Graph]:
        """The members of a batch, in order; a single graph gives a list of itself."""
        return [Graph(**member) for member in compose.unbatch(self)]

    def to_networkx(self) -> nx.Graph:
        """The networkx graph: undirected if every edge has its reverse, else directed.

        Nodes are the `node_names` if those are unique, else 0 to N - 1; edges carry `weight`,
        `type` and `attr` where the graph has them. Parallel edges give a multigraph.
        """
        return convert.to_networkx(self)

    def to_pyg(self, x: Tensor | None = None, y: Tensor | None = None) -> Data:
        """torch-geometric's `Data`, with `x` and `y` as its features and labels."""
        return convert.to_pyg(self, x, y)

    def to_dense(self) -> Tensor:
        """The adjacency matrix with all its zeros, for the blackboard. Shape (N, N)."""
        return self.adjacency().to_dense()

    def to(self, device: torch.device | str) -> Self:
        """The same graph on `device`; itself if it is there already."""
        if self.edge_index.device == torch.device(device):
            return self
        tensors = ("edge_index", "edge_weight", "edge_attr", "edge_type", "offsets")
        moved = {k: None if (v := getattr(self, k)) is None else v.to(device) for k in tensors}
        return self._unchecked(**moved)

    def subgraph(self, nodes: Tensor | Sequence[int]) -> Graph:
        """The graph of some nodes, in the given order, and the edges between them.

        Raises:
            ValueError: if a node is named twice or out of range.
        """
        return Graph(**compose.subgraph(self, torch.as_tensor(nodes, dtype=torch.int64)))

    def neighborhood(self, node: int, hops: int = 1) -> Tensor:
        """`node` and all that reach it in at most `hops` edges, `node` first, then by distance.

        Raises:
            ValueError: if the node is out of range.
        """
        return compose.neighborhood(self, node, hops)

    # --- what it looks like -----------------------------------------------------------------

    @property
    def num_sites(self) -> int:
        """The number of nodes."""
        return self.num_nodes

    @property
    def num_edges(self) -> int:
        """The number of directed edges; an undirected edge counts twice."""
        return self.edge_index.shape[1]

    @property
    def num_graphs(self) -> int:
        """The number of members of a batch; 1 for a single graph."""
        return self.offsets.shape[0] - 1

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.edge_index.device

    @property
    def is_undirected(self) -> bool:
        """Whether every edge has its reverse, with the same weight and relation."""
        return self.derived("is_undirected", lambda: compose.is_undirected(self))

    @property
    def graph_index(self) -> Tensor:
        """The member that each node belongs to: torch-geometric's `batch`. Shape (N,)."""
        return self.derived(
            "graph_index",
            lambda: torch.repeat_interleave(
                torch.arange(self.num_graphs, device=self.device), self.offsets.diff()
            ),
        )

    def adjacency(self, dtype: torch.dtype | None = None) -> Tensor:
        """The adjacency matrix A: entry (i, j) is the weight of the edge i to j.

        Args:
            dtype: of the entries; that of `edge_weight`, or torch's default.

        Returns:
            A coalesced sparse matrix; parallel edges are added up. Shape (N, N).
        """
        return self._matrix("adjacency", lambda: entries.adjacency(self, dtype), dtype)

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
        return entries.degree(self, direction, dtype)

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
        its inverse is taken as 0, so an isolated node has 1 on the diagonal of the normalised
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
            lambda: entries.laplacian(self, normalization, dtype),
            dtype,
        )

    def normalized_adjacency(
        self,
        *,
        add_self_loops: bool = True,
        self_loop_weight: float = 1.0,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        """The normalised adjacency D^(-1/2) (A + I) D^(-1/2) of Kipf and Welling.

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
            lambda: entries.normalized_adjacency(self, add_self_loops, self_loop_weight, dtype),
            dtype,
        )

    # --- what is derived --------------------------------------------------------------------

    def derived(self, key: Hashable, build: Callable[[], T]) -> T:
        """What `build()` returns, computed at most once for each `key`.

        Raises:
            ValueError: if a tensor of the graph was edited in place after it was made.
        """
        if self._edits() != self._made:
            raise ValueError(
                "'graph' must not change, got a tensor of it that was edited in place. "
                "Make a new Graph from the edited tensor."
            )
        if self.edge_weight is not None and self.edge_weight.requires_grad:
            return build()
        return remember(self._derived, key, build)

    def _edits(self) -> list[int]:
        """How often each tensor was edited in place; a learned weight may be."""
        return [t._version for t in self._fixed]

    def _close(self) -> None:
        """From here on the graph does not change, and notices if somebody changes it."""
        names = ("edge_index", "edge_weight", "edge_attr", "edge_type", "offsets")
        held = (getattr(self, name) for name in names)
        fixed = [t for t in held if t is not None and not (t.requires_grad or t.is_inference())]
        object.__setattr__(self, "_fixed", fixed)
        object.__setattr__(self, "_made", self._edits())

    def _matrix(
        self, key: Hashable, build: Callable[[], entries.Entries], dtype: torch.dtype | None
    ) -> Tensor:
        return self.derived((key, dtype), lambda: build().to_sparse(self.num_nodes))

    def _unchecked(self, **changes: Tensor | None) -> Self:
        """A copy with some tensors replaced by ones that need no checking."""
        other = object.__new__(type(self))
        for name in self.__dataclass_fields__:
            object.__setattr__(other, name, changes.get(name, getattr(self, name)))
        object.__setattr__(other, "_derived", {})
        other._close()
        return other

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"_derived": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)
        self._close()

    def __repr__(self) -> str:
        extras = [
            f", {name}={tuple(value.shape)}"
            for name in ("edge_weight", "edge_attr", "edge_type")
            if (value := getattr(self, name)) is not None
        ]
        members = f", num_graphs={self.num_graphs}" if self.num_graphs != 1 else ""
        sizes = f"num_nodes={self.num_nodes}, num_edges={self.num_edges}"
        return f"Graph({sizes}{members}{''.join(extras)})"
