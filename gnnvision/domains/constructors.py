"""Constructors of `Graph` from other formats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

from torch import Tensor

from gnnvision.domains import compose, convert, molecule

if TYPE_CHECKING:
    import networkx as nx
    from rdkit.Chem import Mol
    from torch_geometric.data import Data

    from gnnvision.domains.graph import Graph

__all__ = ["Constructors"]


class Constructors:
    """Constructors from edges, matrices, other libraries, meshes, molecules, or several graphs."""

    if TYPE_CHECKING:

        def __init__(self, **columns: Any) -> None:  # noqa: ANN401
            """As `Graph`."""

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
            edges: the pairs of node indices, from 0.
            num_nodes: the number of nodes.
            undirected: add each edge in the other direction too. A pair that is listed twice,
                in either order, is one undirected edge.
            edge_weight: a weight for each pair.

        Raises:
            TypeError: if an entry is not a pair of integers.
            ValueError: if an index is out of range, or `undirected` and one edge has two
                weights.

        Example:
            >>> from gnnvision import Graph
            >>> Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True).num_edges
            4
        """
        return cls(**convert.from_edges(edges, num_nodes, undirected, edge_weight))

    @classmethod
    def from_dense(cls, adjacency: Tensor) -> Self:
        """A graph from its adjacency matrix: entry (i, j) is the weight of the edge i to j.

        A matrix of zeros and ones gives a graph without weights.

        Args:
            adjacency: the matrix, of any real dtype. Shape (N, N).

        Raises:
            TypeError: if it is not a tensor.
            ValueError: if it is not square, or contains NaN or infinity.

        Example:
            >>> import torch
            >>> from gnnvision import Graph
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
        """A graph from networkx, with its order of nodes; `node_names` has their names.

        Args:
            graph: directed or not, simple or with parallel edges.
            edge_weight: the edge attribute that becomes `edge_weight`.
            edge_attrs: the numeric edge attributes that become the columns of `edge_attr`.
            edge_type: the edge attribute, an integer, that becomes `edge_type`.

        Raises:
            TypeError: if `graph` is not a networkx graph.
            ValueError: if an edge lacks an attribute, or its value is not a finite number; only
                `edge_attrs` accepts booleans as numbers.
        """
        return cls(**convert.from_networkx(graph, edge_weight, edge_attrs, edge_type))

    @classmethod
    def from_pyg(cls, data: Data) -> Self:
        """A graph from torch-geometric's `Data` or `Batch`, without features and labels.

        The graphs of a batch are read from `ptr` or `batch`.

        Raises:
            TypeError: if `data` has no `edge_index`, or several node or edge types.
            ValueError: if `batch` is not sorted, or does not agree with `ptr`.
        """
        return cls(**convert.from_pyg(data))

    @classmethod
    def from_triangles(cls, faces: Tensor, num_nodes: int) -> Self:
        """The graph of a triangle mesh: its vertices, and the sides of its faces as edges.

        Args:
            faces: the vertices of each triangle, int64. Shape (F, 3).
            num_nodes: the number of vertices.

        Raises:
            TypeError: if `faces` is not an integer tensor.
            ValueError: if its shape is not (F, 3) or a vertex is out of range.

        Example:
            >>> import torch
            >>> from gnnvision import Graph
            >>> Graph.from_triangles(torch.tensor([[0, 1, 2], [1, 2, 3]]), 4).num_edges
            10
        """
        return cls(**convert.from_triangles(faces, num_nodes))

    @classmethod
    def from_smiles(cls, smiles: str) -> Self:
        """The graph of a molecule: heavy atoms as nodes, bonds as edges in both directions.

        `node_names` has the element symbols and `edge_type` the bond types: 0 single,
        1 double, 2 triple, 3 aromatic, 4 any other.

        Raises:
            ValueError: if rdkit cannot read the string, with rdkit's reason.

        Example:
            >>> from gnnvision import Graph
            >>> Graph.from_smiles("CCO").node_names
            ('C', 'C', 'O')
        """
        return cls(**molecule.from_smiles(smiles))

    @classmethod
    def from_mol(cls, mol: Mol) -> Self:
        """The graph of an rdkit molecule, with its order of atoms; see `from_smiles`.

        Raises:
            TypeError: if `mol` is not an rdkit molecule.
        """
        return cls(**molecule.from_mol(mol))

    @classmethod
    def batch(cls, graphs: Sequence[Graph]) -> Self:
        """A batch: several graphs as one graph without edges between them.

        The graphs keep their order, including those without nodes or edges. `unbatch` is the
        inverse.

        Raises:
            ValueError: if `graphs` is empty, or only some have edge attributes or relations.

        Example:
            >>> from gnnvision import Graph
            >>> pair = Graph.from_edges([(0, 1)], num_nodes=2)
            >>> batch = Graph.batch([pair, pair])
            >>> batch.num_graphs, batch.offsets.tolist(), batch.edge_index.tolist()
            (2, [0, 2, 4], [[0, 2], [1, 3]])
        """
        return cls(**compose.batch(graphs))
