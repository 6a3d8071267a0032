"""The domain of citation networks, molecules and meshes: nodes connected by edges."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision._extras import require_extra
from gnnvision._html import card, draw_graph
from gnnvision.domains import batches, convert, drawing, edges, molecule
from gnnvision.domains.base import Domain
from gnnvision.domains.checks import (
    Indices,
    checked_columns,
    checked_pairs,
    to_index,
    to_indices,
)
from gnnvision.domains.device import full_device, segment_index, send
from gnnvision.domains.frontier import Frontier, incoming, reached
from gnnvision.domains.matrix import Entries
from gnnvision.domains.modes import is_live
from gnnvision.domains.stored import StoredGraph, key_of
from gnnvision.errors import integer, invalid

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes
    from rdkit.Chem import Mol
    from torch_geometric.data import Data

__all__ = ["Graph"]

T = TypeVar("T")
_NOT_COPIED: dict[str, Any] = {"section_of": None, "pairs": None}
_COLUMNS = (*batches.TENSORS, "num_nodes", "num_relations", "node_names")


class Section(NamedTuple):
    """The ranges of graphs, nodes and edges that a section takes from a larger batch."""

    whole: Graph
    members: tuple[int, int]
    nodes: tuple[int, int]
    edges: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Graph(Domain):
    """A graph: `num_nodes` nodes and directed edges from a source to a target.

    An undirected graph contains each edge in both directions. Self loops and parallel edges are
    kept; the matrices sum parallel edges. Messages flow from source to target, as in
    torch-geometric. Matrices have the source in the row and the target in the column, as in
    networkx, so that a layer, in which nodes *receive*, multiplies by their transposes; for
    undirected graphs the two are equal.

    A graph is validated once, when it is created, and is immutable: it copies `edge_index`, so
    that later edits of that tensor have no effect on the graph. Derived matrices are computed once
    and cached, except that matrices of weights that require gradients are recomputed for each
    backward pass.

    A batch is one graph that consists of several: see `Graph.batch`.

    Args:
        edge_index: indices of the source and the target of each edge, int64, from 0. Shape (2, E).
        num_nodes: the number of nodes N, which is not inferred from the edges.
        edge_weight: a weight for each edge, floating point; 1 if not given. Shape (E,).
        edge_attr: attributes of each edge. Shape (E, D).
        edge_type: the relation of each edge, int64, from 0. Shape (E,).
        num_relations: the number of relations; the largest of `edge_type` plus one if not given.
        offsets: the index of the first node of each graph of a batch, then N, int64; a single
            graph if not given. Shape (G + 1,) for G graphs.
        graph_attr: attributes of each graph of a batch. Shape (G, D).
        node_names: names of the nodes, in order, for figures and tables.

    Raises:
        TypeError: if an argument has the wrong type or dtype, for example a list or a float index.
        ValueError: if a shape is wrong, an index is out of range, a weight is NaN or infinite, or
            an edge connects two graphs of a batch.

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
    graph_attr: Tensor | None = field(default=None, kw_only=True)
    node_names: tuple[Hashable, ...] | None = field(default=None, kw_only=True)
    _fixed: Sequence[tuple[Tensor, int]] = field(default=(), init=False)
    section_of: Section | None = field(default=None, init=False)
    num_sources: int | None = field(default=None, init=False)  # the first nodes, if bipartite
    lambda_max: float | Tensor | None = field(default=None, init=False)  # of the Laplacian
    weights_are_counts: bool = field(default=False, init=False)  # of edges that a pooling joined
    pairs: Tensor | None = field(default=None, init=False)  # of nodes, to be scored as links

    def __post_init__(self) -> None:
        # A graph that is made in inference mode may be trained on later.
        with torch.inference_mode(False):
            columns = checked_columns(
                self.edge_index,
                self.num_nodes,
                self.edge_weight,
                self.edge_attr,
                self.edge_type,
                self.num_relations,
                self.offsets,
                self.graph_attr,
                self.node_names,
            )
        for name, value in columns.items():
            object.__setattr__(self, name, value)
        self._close()

    # --- constructors from other formats ------------------------------------------------------

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
            >>> Graph.from_dense(torch.tensor([[0, 1], [1, 0]])).num_edges
            2
        """
        return cls(**convert.from_dense(adjacency))

    @classmethod
    def from_stored(cls, stored: StoredGraph) -> Self:
        """A graph of the same nodes and edges in memory, in the order of their targets.

        Args:
            stored: the graph by target, as a folder of `gnnvision graph build` has it.
        """
        targets = torch.arange(stored.num_nodes).repeat_interleave(stored.rowptr.diff())
        return cls(
            torch.stack([stored.source.long(), targets]), stored.num_nodes,
            edge_weight=stored.edge_weight, edge_attr=stored.edge_attr,
            edge_type=stored.edge_type, num_relations=stored.num_relations,
        )  # fmt: skip

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

    # --- batches ------------------------------------------------------------------------------

    @classmethod
    def batch(cls, graphs: Sequence[Graph]) -> Self:
        """A batch: several graphs as one graph without edges between them.

        The graphs keep their order, including those without nodes or edges. `unbatch` is the
        inverse.

        Raises:
            ValueError: if `graphs` is empty, or only some have edge attributes or relations.

        Example:
            >>> pair = Graph.from_edges([(0, 1)], num_nodes=2)
            >>> batch = Graph.batch([pair, pair])
            >>> batch.num_graphs, batch.offsets.tolist(), batch.edge_index.tolist()
            (2, [0, 2, 4], [[0, 2], [1, 3]])
        """
        return cls(**batches.join([vars(g) for g in graphs]))

    def unbatch(self) -> list[Self]:
        """The graphs of a batch, in order; a list of one for a single graph."""
        parts = (self.section(member, member + 1)[0] for member in range(self.num_graphs))
        return [type(self)(**{name: getattr(p, name) for name in _COLUMNS}) for p in parts]

    def select(self, members: Indices) -> Self:
        """A batch of some graphs of this batch, in the given order, with repetition if given.

        `member_nodes` of the same graphs returns the corresponding rows of a signal.

        Args:
            members: indices of graphs from 0, or a boolean mask with one entry for each graph.

        Raises:
            TypeError: if they are neither.
            ValueError: if an index is out of range, or the mask has another length.
        """
        ends, order = self.host_offsets, self.edge_offsets[1]
        columns = batches.select(vars(self), *ends, order, self._members(members))
        return self._unchecked(**columns)

    def member_nodes(self, members: Indices) -> Tensor:
        """The nodes of some graphs of the batch, graph by graph; `members` as for `select`."""
        starts, sizes = batches.spans(self.host_offsets[0], self._members(members))
        first, there = send(torch.stack([starts, sizes]), self.device)
        return batches.ranges(first, there, int(sizes.sum()))

    def _members(self, members: Indices) -> Tensor:
        must = f"be from 0 to num_graphs - 1 = {self.num_graphs - 1}"
        return to_indices(members, self.num_graphs, "members", "graphs in the batch", must)

    def section(self, start: int, stop: int) -> tuple[Self, slice]:
        """The batch of the graphs from `start` to `stop`, and the slice of its nodes.

        This is fast: nothing is validated or copied, and the matrices of layers are slices of
        those of the whole batch.
        """
        if not 0 <= start <= stop <= self.num_graphs:
            condition = f"be at most 'stop' and both from 0 to num_graphs = {self.num_graphs}"
            advice = "Choose graphs of the batch."
            raise invalid("start", condition, f"{start} and {stop}", advice)
        node_ends, edge_ends = self.host_offsets
        nodes = slice(int(node_ends[start]), int(node_ends[stop]))
        if self.edge_offsets[1] is not None:
            return self.select(range(start, stop)), nodes
        own = slice(int(edge_ends[start]), int(edge_ends[stop]))
        columns = batches.section(vars(self), slice(start, stop), nodes, own)
        ranges = ((start, stop), (nodes.start, nodes.stop), (own.start, own.stop))
        return self._unchecked(**columns, section_of=Section(self, *ranges)), nodes

    def sample_count(self, x: Tensor) -> int:
        """The number of graphs of the batch."""
        return self.num_graphs

    def sample(self, x: Tensor, samples: Sequence[int]) -> tuple[Tensor, Self]:
        """The features and the batch of some graphs; see `select`."""
        return x[self.member_nodes(samples)], self.select(samples)

    # --- other graphs and other formats -------------------------------------------------------

    def to(self, device: torch.device | str) -> Self:
        """The same graph on `device`; itself if it is already there."""
        device = full_device(device)
        if self.edge_index.device == device:
            return self
        moved = {
            k: None if (v := getattr(self, k)) is None else v.to(device) for k in batches.TENSORS
        }
        pairs = None if self.pairs is None else self.pairs.to(device)
        return self._unchecked(**moved, pairs=pairs)

    def with_pairs(self, pairs: Tensor) -> Self:
        """The same graph with pairs of nodes that a `PairReadout` scores.

        It shares all matrices with this graph, so that making one for each step costs nothing.

        Args:
            pairs: the two nodes of each pair, int64, from 0. Shape (2, P).

        Raises:
            TypeError: if `pairs` is not an integer tensor.
            ValueError: if its shape is wrong or a node is out of range.

        Example:
            >>> graph = Graph.from_edges([(0, 1)], num_nodes=3)
            >>> graph.with_pairs(torch.tensor([[0, 1], [2, 2]])).pairs.shape
            torch.Size([2, 2])
        """
        checked = checked_pairs(pairs, self.num_nodes).to(self.device)
        other = self._unchecked(pairs=checked)
        vars(other)["_derived"] = vars(self).setdefault("_derived", {})
        vars(other)["section_of"] = self.section_of
        return other

    def subgraph(self, nodes: Indices) -> Graph:
        """The induced subgraph: some nodes, in the given order, and the edges between them.

        Args:
            nodes: indices from 0, or a boolean mask with one entry for each node.

        Raises:
            TypeError: if they are neither.
            ValueError: if a node occurs twice or is out of range, or the mask has another length.
        """
        chosen = self._distinct(nodes)
        names = self.node_names
        edge_index, kept = edges.induced(self.edge_index, self.num_nodes, chosen.to(self.device))
        return Graph(
            edge_index,
            chosen.numel(),
            num_relations=self.num_relations,
            node_names=None if names is None else tuple(names[i] for i in chosen.tolist()),
            **batches.of_edges(vars(self), kept),
        )

    @property
    def line_graph(self) -> Graph:
        """The line graph without backtracking, whose nodes are the edges of this graph.

        Edge i -> j is connected to every edge j -> k except its reverse, k = i. A convolution on
        it passes messages along paths that do not turn back.

        References:
            Yang et al., "Analyzing Learned Molecular Representations for Property Prediction",
            2019, https://arxiv.org/abs/1904.01561, equation 4.
        """

        def build() -> Graph:
            if self.section_of is not None:
                return self.section_of.whole.line_graph.section(*self.section_of.members)[0]
            offsets, order = self.edge_offsets
            if order is not None:
                condition = "have its edges sorted by the graph of the batch"
                raise invalid("graph", condition, "another order", "Use Graph.batch.")
            bare = dict.fromkeys((*batches.OF_EDGES, "num_relations", "graph_attr", "node_names"))
            lines = edges.line_edges(self.edge_index, self.num_nodes)
            changes = {"edge_index": lines, "num_nodes": self.num_edges, "offsets": offsets}
            return self._unchecked(**bare, **changes)

        return self.derived("line_graph", build)

    def without_weights(self) -> Self:
        """The same graph without `edge_weight`; itself if it has none."""
        if self.edge_weight is None:
            return self
        plain = {"edge_weight": None, "weights_are_counts": False}
        return self.derived("without_weights", lambda: self._unchecked(**plain))

    def neighborhood(self, node: int, hops: int = 1) -> Tensor:
        """`node` and all nodes that reach it over at most `hops` edges, sorted by distance.

        Raises:
            ValueError: if the node is out of range.
        """
        node = to_index(node, self.num_nodes, "node", "nodes")
        hops = integer("hops", hops, 0, "Give a number of edges.")
        return reached(self, torch.tensor([node], device=self.device), hops)[0]

    def frontier(
        self,
        nodes: Indices,
        hops: int | None = None,
        *,
        fanouts: Sequence[int] | None = None,
        generator: torch.Generator | None = None,
        key: int | None = None,
    ) -> Frontier:
        """The graph seen from some nodes: with all that they depend on within some hops.

        A network that is called with `x[frontier.nodes]` on the frontier gives exactly the rows
        of these nodes, in this order, and computes nothing else. Each convolution moves one hop
        in; `hops` is their number.

        With `fanouts` a node gets only some of its incoming edges, drawn without replacement, and
        each convolution estimates the sum over all of them; where a fanout covers the degrees it
        is exact.

        Args:
            nodes: the nodes whose output is wanted: distinct indices from 0, or a boolean mask
                with one entry for each node.
            hops: the number of hops, of all layers together.
            fanouts: in its place, how many edges a node gets in each hop, first those of `nodes`
                for the last layer; -1 for all. As torch-geometric's `num_neighbors`.
            generator: draws the key; torch's own if None.
            key: in its place, an integer that determines the edges that each node gets,
                whichever the other nodes are.

        Raises:
            TypeError: if `nodes` are neither, or a number is not an integer.
            ValueError: if a node occurs twice or is out of range, the mask has another length, a
                number is negative, or both or neither of `hops` and `fanouts` are given.

        Example:
            >>> path = Graph.from_edges([(0, 1), (1, 2), (2, 3)], num_nodes=4, undirected=True)
            >>> path.frontier([0], hops=2).nodes.tolist()
            [0, 1, 2]
            >>> path.frontier([1], fanouts=(1,), key=0).num_nodes
            2
        """
        if fanouts is not None:
            fanouts, key = key_of(hops, fanouts, generator, key)
            chosen = self.by_target.frontier(self._distinct(nodes), fanouts=fanouts, key=key)
            return chosen.to(self.device)
        if hops is None:
            key_of(hops, fanouts, generator, key)
        integer("hops", hops, 0, "Give the number of graph convolutions.")
        assert hops is not None
        return Frontier(self, *reached(self, self._distinct(nodes).to(self.device), hops))

    def within(self, nodes: Indices) -> Frontier:
        """The graph seen from some nodes and the edges between them, as those of some clusters.

        Each layer of a network keeps all of these nodes. The entries of its operators are
        multiplied by the degree of the target divided by the number of its edges that are kept,
        so that sums over neighbors are not smaller than in the graph; if all nodes are given,
        the outputs are those of the graph.

        Args:
            nodes: distinct nodes, or a boolean mask.

        Raises:
            TypeError: if `nodes` are neither.
            ValueError: if one is out of range, or given twice.

        Example:
            >>> path = Graph.from_edges([(0, 1), (1, 2), (2, 3)], num_nodes=4, undirected=True)
            >>> part = path.within([1, 2])
            >>> part
            Frontier(num_nodes=2, hops=any, of 4 nodes)
        """
        return self.by_target.within(self._distinct(nodes)).to(self.device)

    def clusters(self, count: int, seed: int = 0) -> Tensor:
        """The cluster of each node: of parts of similar size with few edges between them.

        Nodes join the cluster of most of their neighbors, first in small groups that then count
        as one node each, and these again, until few are left (multilevel partitioning by label
        propagation of bounded size); the largest cluster has at most 1.1 times the mean number
        of nodes, rounded up. Edges are followed in both directions.

        Args:
            count: the number of clusters.
            seed: another seed gives other clusters.

        Returns:
            The cluster of each node, int64, from 0 to `count` - 1. Shape (N,).

        References:
            Meyerhenke, Sanders, Schulz, "Partitioning complex networks via size-constrained
            clustering", 2014, https://doi.org/10.1007/978-3-319-07959-2_30.

        Example:
            >>> pairs = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)]
            >>> cluster = Graph.from_edges(pairs, num_nodes=6, undirected=True).clusters(2)
            >>> (cluster == cluster[0]).tolist()
            [True, True, True, False, False, False]
        """
        return self.by_target.clusters(count, seed).to(self.device)

    @property
    def by_target(self) -> StoredGraph:
        """The same graph as its incoming edges by target, of which frontiers are drawn."""

        def build() -> StoredGraph:
            order, rowptr = incoming(self)
            columns: dict[str, Any] = {
                name: None if (v := getattr(self, name)) is None else v[order].cpu()
                for name in batches.OF_EDGES
            }
            source, rowptr = self.edge_index[0, order].cpu(), rowptr.cpu()
            columns |= {"num_relations": self.num_relations, "node_names": self.node_names}
            return StoredGraph(rowptr, source, **columns)

        return self.derived("by_target", build)

    def _distinct(self, nodes: Indices) -> Tensor:
        must = f"be distinct nodes from 0 to {self.num_nodes - 1}"
        chosen = to_indices(nodes, self.num_nodes, "nodes", "nodes", must)
        if chosen.unique().numel() < chosen.numel():
            raise invalid("nodes", must, "a node twice", "Remove the duplicates.")
        return chosen

    def to_networkx(self) -> nx.Graph:
        """The networkx graph, undirected if every edge has its reverse with the same attributes.

        Nodes are the `node_names` if those are unique, else 0 to N - 1. Edges have the attributes
        `weight`, `type` and `attr` if the graph has them. Parallel edges give a multigraph.
        """
        columns = {"weight": self.edge_weight, "type": self.edge_type, "attr": self.edge_attr}
        return convert.to_networkx(self.edge_index, self.num_nodes, self.node_names, columns)

    def to_pyg(self, x: Tensor | None = None, y: Tensor | None = None) -> Data:
        """A torch-geometric `Data`, or `Batch`, of the graph with features `x` and labels `y`."""
        require_extra("pyg", "Graph.to_pyg")
        from torch_geometric.data import Batch, Data

        columns = {n: v for n in batches.OF_EDGES if (v := getattr(self, n)) is not None}
        columns |= {"x": x, "edge_index": self.edge_index, "y": y, "num_nodes": self.num_nodes}
        if self.num_graphs == 1:
            return Data(**columns)
        return Batch(**columns, ptr=self.offsets, batch=self.graph_index)

    def to_sites(self, x: Tensor) -> Tensor:
        """A signal in the layout that operators multiply: itself, (N, C)."""
        return x

    def from_sites(self, y: Tensor) -> Tensor:
        """The inverse of `to_sites`: the signal itself, (N, C)."""
        return y

    def domain_of(self, x: Tensor) -> Self | None:
        """The graph itself if `x` has one row for each node, else None."""
        return self if x.ndim == 2 and x.shape[0] == self.num_nodes else None

    def draw(
        self,
        ax: Axes | None = None,
        *,
        labels: bool | Sequence[object] | None = None,
        classes: Sequence[Hashable] | Tensor | None = None,
        class_names: Sequence[str] | None = None,
        values: Sequence[float] | Tensor | None = None,
        edge_labels: Literal["weight", "type"] | Sequence[object] | None = None,
        edge_widths: Literal["weight"] | Sequence[float] | Tensor | None = None,
        positions: Tensor | NDArray[Any] | Sequence[Sequence[float]] | None = None,
        seed: int = 0,
    ) -> Axes:
        """Draw the graph with matplotlib; the graphs of a batch are drawn side by side.

        An undirected edge is a line, a directed one an arrow; two opposite arrows bend apart. The
        atoms of a molecule (`from_smiles`) are where rdkit draws them, with single, double,
        triple and aromatic bonds. Edges of other graphs have the color of their `edge_type`.

        Args:
            ax: the matplotlib axes; new ones if not given.
            labels: a text for each node, or whether to write their names, or numbers if they
                have no names. By default only in graphs of up to 60 nodes.
            classes: the class of each node, as integers or names, which become colors with a
                legend. Negative ones are unknown. Shape (N,).
            class_names: the names of the classes, in order.
            values: a number for each node, which become colors with a color bar. Shape (N,).
            edge_labels: "weight", "type" or a text for each edge. Shape (E,).
            edge_widths: "weight" or a number for each edge; negative ones are dashed. Shape (E,).
            positions: x and y of each node. By default a layout that is the same in every run.
                Shape (N, 2).
            seed: another seed gives another layout.

        Returns:
            The matplotlib axes.

        Raises:
            TypeError: if `classes` or `values` are of the wrong kind.
            ValueError: if there is not one for each node or edge, the graph has over 3,000 nodes,
                or lacks the column of its edges that is asked for.
        """
        return drawing.draw(
            vars(self),
            ax,
            labels=labels,
            classes=classes,
            class_names=class_names,
            values=values,
            edge_labels=edge_labels,
            edge_widths=edge_widths,
            positions=positions,
            seed=seed,
        )

    # --- properties -----------------------------------------------------------------------------

    @property
    def num_sites(self) -> int:
        """The number of nodes."""
        return self.num_nodes

    @property
    def num_edges(self) -> int:
        """The number of directed edges; an undirected edge counts as two."""
        return self.edge_index.shape[1]

    @property
    def num_graphs(self) -> int:
        """The number of graphs in a batch; 1 for a single graph."""
        return self.offsets.shape[0] - 1

    @property
    def edge_offsets(self) -> tuple[Tensor, Tensor | None]:
        """The first edge of each graph of a batch, shape (G + 1,), and the order of the edges.

        The order is None if the edges are already sorted by graph, as in any `batch`.
        """
        return self.derived(
            "edge_offsets", lambda: batches.edges_of_members(self.edge_index, self.offsets)
        )

    @property
    def host_offsets(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`offsets` and `edge_offsets` as numpy arrays, which do not need to wait for a GPU."""

        def build() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
            if (place := self.section_of) is None:
                return self.offsets.cpu().numpy(), self.edge_offsets[0].cpu().numpy()
            start, stop = place.members
            nodes, edges = (ends[start : stop + 1] for ends in place.whole.host_offsets)
            return nodes - nodes[0], edges - edges[0]

        return self.derived("host_offsets", build)

    @property
    def device(self) -> torch.device:
        """The device of the tensors."""
        return self.edge_index.device

    @property
    def is_undirected(self) -> bool:
        """Whether every edge has its reverse, with the same weight and relation."""
        columns = (self.edge_weight, self.edge_type)
        return self.derived("is_undirected", lambda: edges.is_symmetric(self.edge_index, columns))

    @property
    def graph_index(self) -> Tensor:
        """The index of the graph of each node, torch-geometric's `batch`. Shape (N,)."""
        return self.derived("graph_index", lambda: segment_index(self.offsets, self.num_nodes))

    # --- matrices -----------------------------------------------------------------------------

    def entries(self, dtype: torch.dtype | None = None, *, weighted: bool = True) -> Entries:
        """The entries of the adjacency matrix A in the order of the edges, of which others follow.

        Args:
            dtype: of the values; that of `edge_weight`, or torch's default.
            weighted: whether they are the edge weights, if the graph has any; else they are 1.
        """
        weight = self.edge_weight if weighted else None
        if weight is None:
            dtype = dtype or torch.get_default_dtype()
            weight = torch.ones(self.num_edges, dtype=dtype, device=self.device)
        source, target = self.edge_index
        return Entries(self.num_nodes, source, target, weight.to(dtype or weight.dtype))

    def adjacency(self, dtype: torch.dtype | None = None) -> Tensor:
        """The adjacency matrix A: entry (i, j) is the weight of the edge i to j.

        Args:
            dtype: of the entries; that of `edge_weight`, or torch's default.

        Returns:
            A coalesced sparse matrix; parallel edges are summed. Shape (N, N).
        """
        return self._matrix("adjacency", lambda: self.entries(dtype), dtype)

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
        return self.entries(dtype).degree(direction)

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
        key = ("laplacian", normalization)
        return self._matrix(key, lambda: self.entries(dtype).laplacian(normalization), dtype)

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
        loops = (add_self_loops, self_loop_weight)
        key = ("normalized_adjacency", *loops)
        return self._matrix(key, lambda: self.entries(dtype).normalized(*loops), dtype)

    def to_dense(self) -> Tensor:
        """The adjacency matrix as a dense tensor. Shape (N, N)."""
        return self.adjacency().to_dense()

    def _matrix(
        self, key: Hashable, build: Callable[[], Entries], dtype: torch.dtype | None
    ) -> Tensor:
        return self.derived((key, dtype), lambda: build().to_sparse())

    # --- what is derived ------------------------------------------------------------------------

    def _is_live(self) -> bool:
        return self.edge_weight is not None and is_live(self.edge_weight)

    def _close(self) -> None:
        """Record the tensor versions, so that later in-place edits are detected."""
        held = [] if torch.compiler.is_compiling() else map(vars(self).get, batches.TENSORS)
        fixed = [
            (v, v._version)
            for v in held
            if v is not None and not (v.requires_grad or v.is_inference())
        ]
        object.__setattr__(self, "_fixed", fixed)

    def _unchecked(self, **changes: Any) -> Self:  # noqa: ANN401
        """A copy with some tensors replaced by ones that need no checking."""
        other = object.__new__(type(self))
        if torch.compiler.is_compiling():  # which does not support `vars`
            changes = _NOT_COPIED | changes
            for name in self.__dataclass_fields__:
                object.__setattr__(other, name, changes.get(name, getattr(self, name)))
            return other
        # Not by setattr, one by one: training cuts out thousands of graphs in a second.
        vars(other).update(vars(self) | _NOT_COPIED | {"_derived": {}} | changes)
        other._close()
        return other

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"section_of": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._close()

    def __repr__(self) -> str:
        extras = [
            f", {name}={tuple(value.shape)}"
            for name in ("edge_weight", "edge_attr", "edge_type", "graph_attr", "pairs")
            if (value := getattr(self, name)) is not None
        ]
        members = f", num_graphs={self.num_graphs}" if self.num_graphs != 1 else ""
        sizes = f"num_nodes={self.num_nodes}, num_edges={self.num_edges}"
        return f"Graph({sizes}{members}{''.join(extras)})"

    def _repr_html_(self) -> str:
        """A small table and a drawing of the graph, or of a part of it, for notebooks."""
        rows = [("nodes", f"{self.num_nodes:,}"), ("edges", f"{self.num_edges:,}")]
        rows += [("graphs", f"{self.num_graphs:,}")] if self.num_graphs != 1 else []
        for name in ("edge_weight", "edge_attr", "edge_type", "graph_attr"):
            if (value := getattr(self, name)) is not None:
                rows.append((name, " × ".join(f"{size:,}" for size in value.shape)))
        return card("Graph", rows, draw_graph(self))
