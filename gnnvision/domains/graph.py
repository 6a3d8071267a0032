"""The domain of citation networks, molecules and meshes: nodes connected by edges."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.domains import compose, convert
from gnnvision.domains.base import Domain
from gnnvision.domains.constructors import Constructors
from gnnvision.domains.device import full_device
from gnnvision.domains.indices import Indices, to_indices
from gnnvision.domains.matrices import Matrices
from gnnvision.domains.modes import is_live
from gnnvision.domains.validate import check_edges, check_members, check_num_nodes, check_offsets
from gnnvision.errors import invalid

if TYPE_CHECKING:
    import networkx as nx
    from torch_geometric.data import Data

__all__ = ["Graph"]

T = TypeVar("T")


class Section(NamedTuple):
    """The ranges of graphs, nodes and edges that a section takes from a larger batch."""

    whole: Graph
    members: tuple[int, int]
    nodes: tuple[int, int]
    edges: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Graph(Constructors, Matrices, Domain):
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
    _fixed: list[Tensor] = field(default_factory=list, init=False)
    _made: list[int] = field(default_factory=list, init=False)
    section_of: Section | None = field(default=None, init=False)
    num_sources: int | None = field(default=None, init=False)  # the first nodes, if bipartite
    weights_are_counts: bool = field(default=False, init=False)  # of edges that a pooling joined

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
            columns |= check_members(self.graph_attr, columns["offsets"].numel() - 1)
        if self.node_names is not None:
            columns["node_names"] = tuple(self.node_names)
            if len(self.node_names) != self.num_nodes:
                condition = f"have one name for each of the {self.num_nodes} nodes"
                advice = "Give them in the order of the nodes."
                raise invalid("node_names", condition, len(self.node_names), advice)
        for name, value in columns.items():
            object.__setattr__(self, name, value)
        self._close()

    # --- turning it into something else -----------------------------------------------------

    def unbatch(self) -> list[Graph]:
        """The graphs of a batch, in order; a list of one for a single graph."""
        return [Graph(**member) for member in compose.unbatch(self)]

    def select(self, members: Indices) -> Graph:
        """A batch of some graphs of this batch, in the given order, with repetition if given.

        `member_nodes` of the same graphs returns the corresponding rows of a signal.

        Args:
            members: indices of graphs from 0, or a boolean mask with one entry for each graph.

        Raises:
            TypeError: if they are neither.
            ValueError: if an index is out of range, or the mask has another length.
        """
        return self._unchecked(**compose.select(self, self._members(members)))

    def member_nodes(self, members: Indices) -> Tensor:
        """The nodes of some graphs of the batch, graph by graph; `members` as for `select`."""
        return compose.member_nodes(self, self._members(members))

    def _members(self, members: Indices) -> Tensor:
        must = f"be from 0 to num_graphs - 1 = {self.num_graphs - 1}"
        return to_indices(members, self.num_graphs, "members", "graphs in the batch", must)

    def section(self, start: int, stop: int) -> tuple[Graph, slice]:
        """The batch of the graphs from `start` to `stop`, and the slice of its nodes.

        This is fast: nothing is validated or copied, and the matrices of layers are slices of
        those of the whole batch.
        """
        if not 0 <= start <= stop <= self.num_graphs:
            condition = f"be at most 'stop' and both from 0 to num_graphs = {self.num_graphs}"
            advice = "Choose graphs of the batch."
            raise invalid("start", condition, f"{start} and {stop}", advice)
        node_offsets, edge_offsets = self.host_offsets
        nodes = (int(node_offsets[start]), int(node_offsets[stop]))
        if self.edge_offsets[1] is not None:
            return self.select(range(start, stop)), slice(*nodes)
        edges = (int(edge_offsets[start]), int(edge_offsets[stop]))
        changes = compose.section(self, (start, stop), nodes, edges)
        place = Section(self, (start, stop), nodes, edges)
        return self._unchecked(**changes, section_of=place), slice(*nodes)

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
            if self.section_of is None:
                columns = ("edge_weight", "edge_attr", "edge_type", "graph_attr", "node_names")
                bare = dict.fromkeys((*columns, "num_relations"))
                return self._unchecked(**bare, **compose.line_graph(self))
            return self.section_of.whole.line_graph.section(*self.section_of.members)[0]

        return self.derived("line_graph", build)

    def to_networkx(self) -> nx.Graph:
        """The networkx graph, undirected if every edge has its reverse with the same attributes.

        Nodes are the `node_names` if those are unique, else 0 to N - 1. Edges have the attributes
        `weight`, `type` and `attr` if the graph has them. Parallel edges give a multigraph.
        """
        return convert.to_networkx(self)

    def to_pyg(self, x: Tensor | None = None, y: Tensor | None = None) -> Data:
        """A torch-geometric `Data` of the graph, with features `x` and labels `y`."""
        return convert.to_pyg(self, x, y)

    def to(self, device: torch.device | str) -> Self:
        """The same graph on `device`; itself if it is already there."""
        device = full_device(device)
        if self.edge_index.device == device:
            return self
        tensors = ("edge_index", "edge_weight", "edge_attr", "edge_type", "offsets", "graph_attr")
        moved = {k: None if (v := getattr(self, k)) is None else v.to(device) for k in tensors}
        return self._unchecked(**moved)

    def subgraph(self, nodes: Indices) -> Graph:
        """The induced subgraph: some nodes, in the given order, and the edges between them.

        Args:
            nodes: indices from 0, or a boolean mask with one entry for each node.

        Raises:
            TypeError: if they are neither.
            ValueError: if a node occurs twice or is out of range, or the mask has another length.
        """
        must = f"be distinct nodes from 0 to {self.num_nodes - 1}"
        chosen = to_indices(nodes, self.num_nodes, "nodes", "nodes", must)
        return Graph(**compose.subgraph(self, chosen))

    def without_weights(self) -> Graph:
        """The same graph without `edge_weight`; itself if it has none."""
        if self.edge_weight is None:
            return self
        plain = {"edge_weight": None, "weights_are_counts": False}
        return super().derived("without_weights", lambda: self._unchecked(**plain))

    def neighborhood(self, node: int, hops: int = 1) -> Tensor:
        """`node` and all nodes that reach it over at most `hops` edges, sorted by distance.

        Raises:
            ValueError: if the node is out of range.
        """
        return compose.neighborhood(self, node, hops)

    def to_sites(self, x: Tensor) -> Tensor:
        """A signal in the layout that operators multiply: itself, (N, C)."""
        return x

    def from_sites(self, y: Tensor) -> Tensor:
        """The inverse of `to_sites`: the signal itself, (N, C)."""
        return y

    def sample_count(self, x: Tensor) -> int:
        """The number of graphs of the batch."""
        return self.num_graphs

    def sample(self, x: Tensor, samples: Sequence[int]) -> tuple[Tensor, Graph]:
        """The features and the batch of some graphs; see `select`."""
        return x[self.member_nodes(samples)], self.select(samples)

    def domain_of(self, x: Tensor) -> Self | None:
        """The graph itself if `x` has one row for each node, else None."""
        return self if x.ndim == 2 and x.shape[0] == self.num_nodes else None

    # --- what it looks like -----------------------------------------------------------------

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
        return self.derived("edge_offsets", lambda: compose.edge_offsets(self))

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
        return self.derived("is_undirected", lambda: compose.is_symmetric(self))

    @property
    def graph_index(self) -> Tensor:
        """The index of the graph of each node, torch-geometric's `batch`. Shape (N,)."""
        return self.derived(
            "graph_index",
            lambda: torch.repeat_interleave(
                torch.arange(self.num_graphs, device=self.device),
                self.offsets.diff(),
                output_size=self.num_nodes,
            ),
        )

    # --- what is derived --------------------------------------------------------------------

    def derived(self, key: Hashable, build: Callable[[], T]) -> T:
        """The result of `build()`, computed at most once for each `key` and cached.

        Raises:
            ValueError: if a tensor of the graph was edited in place after it was made.
        """
        if not torch.compiler.is_compiling() and self._edits() != self._made:
            advice = "Make a new Graph from the edited tensor."
            raise invalid("graph", "not change", "a tensor that was edited in place", advice)
        if self.edge_weight is not None and is_live(self.edge_weight):
            return build()
        return super().derived(key, build)

    def _edits(self) -> list[int]:
        """The version of each tensor, which in-place edits increase."""
        return [t._version for t in self._fixed]

    def _close(self) -> None:
        """Record the tensor versions, so that later in-place edits are detected."""
        names = ("edge_index", "edge_weight", "edge_attr", "edge_type", "offsets", "graph_attr")
        held = [getattr(self, name) for name in names]
        if torch.compiler.is_compiling():
            held = []
        fixed = [t for t in held if t is not None and not (t.requires_grad or t.is_inference())]
        object.__setattr__(self, "_fixed", fixed)
        object.__setattr__(self, "_made", self._edits())

    def _unchecked(self, **changes: Any) -> Self:  # noqa: ANN401
        """A copy with some tensors replaced by ones that need no checking."""
        other = object.__new__(type(self))
        # Not by setattr, one by one: training cuts out thousands of graphs in a second.
        vars(other).update(vars(self) | {"_derived": {}, "section_of": None} | changes)
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
            for name in ("edge_weight", "edge_attr", "edge_type", "graph_attr")
            if (value := getattr(self, name)) is not None
        ]
        members = f", num_graphs={self.num_graphs}" if self.num_graphs != 1 else ""
        sizes = f"num_nodes={self.num_nodes}, num_edges={self.num_edges}"
        return f"Graph({sizes}{members}{''.join(extras)})"
