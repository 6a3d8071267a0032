"""Nodes for a network: those of the training graph, new ones with their edges, other graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.data import NodeTask, Task, read_columns
from gnnvision.data.graphs.new_nodes import NewNodes, encode_nodes
from gnnvision.data.split import SPLIT_NAMES
from gnnvision.domains import Domain, Frontier, Graph, StoredGraph
from gnnvision.errors import invalid, nearest, wrong_type
from gnnvision.operators.signals import is_sparse
from gnnvision.runs.graphs import as_graph
from gnnvision.runs.inputs import Block, Input, Reader, as_rows, refuse_options
from gnnvision.runs.known import known_label, split_of
from gnnvision.runs.stored_nodes import StoredNodes
from gnnvision.training.dependence import hops_of

__all__ = ["NodeReader"]

_FEATURES = {"cora": "word", "citeseer": "word", "pubmed": "word", "stdlib": "word"}

MOST_FEATURES = 30  # columns of features that a table of predictions repeats


class NodeReader(Reader):
    """Reads nodes of a run's graph by their id, new nodes, and other graphs.

    Args:
        about: the description of the run in its checkpoint.
        device: where the network runs.
        task: loads the task of the run.
        network: a network of the run, whose receptive field decides what new nodes need.
    """

    kind = "node"

    def __init__(
        self,
        about: Mapping[str, Any],
        device: str,
        task: Callable[[], Task],
        network: nn.Module,
    ) -> None:
        super().__init__(about, device)
        self._task, self._network = task, network
        plain = {"source": "source", "target": "target", "id": "id", "attributes": ()}
        self._tables: Mapping[str, Any] = self.given.get("tables") or {
            **plain,
            "weight": None,
            "type": None,
        }
        self.id_name = str(self._tables["id"] or "node") if self.given.get("tables") else "node"

    @cached_property
    def task(self) -> NodeTask:
        """The task of the run."""
        task = self._task()
        assert isinstance(task, NodeTask)
        word = _FEATURES.get(task.name, "feature")
        self.feature_names = tuple(f"{word} {number}" for number in range(task.in_channels))
        return task

    @cached_property
    def _stored(self) -> StoredNodes | None:
        """The nodes of a graph on disk; None for one in memory."""
        task = self.task
        if not isinstance(task.graph, StoredGraph):
            return None
        return StoredNodes(task, task.graph, self._network, self.device, self.title)

    def output(self, network: nn.Module, x: Tensor, domain: Domain) -> Tensor:
        """The output of a network for a block."""
        if isinstance(domain, StoredGraph) and self._stored is not None:
            return self._stored.output(network, x)
        return super().output(network, x, domain)

    def with_signal(self, block: Block) -> Iterator[Block]:
        """The same nodes with their signal."""
        if isinstance(block.domain, StoredGraph) and self._stored is not None:
            return self._stored.with_signal(block)
        return super().with_signal(block)

    @cached_property
    def names(self) -> list[str]:
        """The id of each node."""
        graph = self.task.graph
        if graph.node_names is None or len(set(graph.node_names)) < graph.num_nodes:
            return list(map(str, range(graph.num_nodes)))
        return list(map(str, graph.node_names))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        """The index of each node by its name, or by its number where that is no name."""
        numbers = {str(number): number for number in range(self.task.graph.num_nodes)}
        own = {str(name): n for n, name in enumerate(self.task.graph.node_names or ())}
        return numbers | own

    def index(self, name: object) -> int:
        """The index of a node of the training graph.

        Raises:
            ValueError: if there is none of this name.
        """
        number = self._numbers.get(str(name).strip())
        if number is not None:
            return number
        last = self.task.graph.num_nodes - 1
        by_name = " or a name" if self.task.graph.node_names else ""
        condition = f"be a node of {self.title}, a number from 0 to {last}{by_name}"
        near = nearest(str(name).strip(), self.task.graph.node_names or ())
        advice = f"Did you mean {near[0]!r}? " if near else ""
        advice += "A new node needs tables of nodes and edges: nodes= (--nodes), edges= (--edges)."
        raise invalid("input", condition, repr(str(name)), advice)

    def blocks(self, inputs: Any, **options: Any) -> Iterator[Block]:  # noqa: ANN401
        """Nodes of the training graph, new nodes, or another graph; see `Run.predict`."""
        refuse_options(options, ("nodes", "edges"), "node")
        nodes, edges = options.get("nodes"), options.get("edges")
        if nodes is not None:
            if inputs is not None:
                advice = "Name nodes of the training graph in a call of their own."
                raise invalid("inputs", "be None for new nodes", type(inputs).__name__, advice)
            return iter([self._of_new(nodes, edges)])
        if edges is not None:
            advice = "Give the table of the new nodes too."
            raise invalid("nodes", "be given with edges", None, advice)
        if inputs is None:
            if self._stored is not None:
                return self._stored.all_blocks()
            return iter([self._of_known(range(self.task.graph.num_nodes))])
        if isinstance(inputs, (str, int)):
            inputs = [inputs]
        named = not hasattr(inputs, "edge_index") and not hasattr(inputs, "edges")
        if named and not (isinstance(inputs, tuple) and isinstance(inputs[-1], Graph)):
            if self._stored is not None:
                return iter([self._stored.block(self._stored.indices(self._ids(inputs)))])
            return iter([self._of_known([self.index(name) for name in self._ids(inputs)])])
        return iter([self._of_graph(inputs)])

    def _ids(self, inputs: Any) -> Sequence[Any]:  # noqa: ANN401
        listed = inputs.tolist() if hasattr(inputs, "tolist") else inputs
        if isinstance(listed, Mapping) or not isinstance(listed, Sequence):
            condition = "be ids of nodes, or another graph"
            advice = "Pass tables of new nodes as nodes=... and edges=...."
            raise wrong_type("inputs", condition, inputs, advice)
        return listed

    def _of_known(self, nodes: Sequence[int]) -> Block:
        task = self.task
        splits = split_of(task.split)
        return Block(
            [self.names[node] for node in nodes],
            [""] * len(nodes),
            task.x.to(self.device),
            task.graph.to(self.device),
            as_rows(list(nodes)),
            after={
                "split": [splits.get(node, "") for node in nodes],
                "known label": [known_label(task, node) for node in nodes],
            },
        )

    def _of_graph(self, item: Any) -> Block:  # noqa: ANN401
        """All nodes of another graph, without those of the training graph.

        Raises:
            ValueError: if its features are not those of the training.
        """
        remarks: Mapping[int, str] = {}
        if hasattr(item, "is_directed") and hasattr(item, "adj"):  # of networkx
            x, graph, remarks = self._of_networkx(item)
        else:
            x, graph = as_graph(item, self.about)
        wanted = self.about.get("in_channels", self.task.in_channels)
        if tuple(x.shape) != (graph.num_nodes, wanted):
            condition = f"have features of shape (N={graph.num_nodes}, {wanted}) as in training"
            raise invalid("inputs", condition, tuple(x.shape), "Give the same features.")
        finite = (x.to_dense() if is_sparse(x) else x).isfinite().all(1)
        if not bool(finite.all()):
            got = f"NaN or infinity in node {int((~finite).nonzero()[0])}"
            raise invalid("inputs", "have finite features", got, "Replace missing values.")
        names = list(map(str, graph.node_names or range(graph.num_nodes)))
        changes = [remarks.get(row, "") for row in range(len(names))]
        signal, domain = x.to(self.device), graph.to(self.device)
        return Block(names, [""] * len(names), signal, domain, changes=changes)

    def _of_networkx(self, item: Any) -> tuple[Tensor, Graph, Mapping[int, str]]:  # noqa: ANN401
        """The features and the graph of a networkx graph, encoded as those of the training."""
        known = self.task.graph
        names = sorted({str(name) for _, values in item.nodes(data=True) for name in values})
        nodes = {name: [values.get(name) for _, values in item.nodes(data=True)] for name in names}
        tables = self._tables
        nodes[str(tables["id"] or "id")] = [str(name) for name in item.nodes]
        pairs = list(item.edges(data=True))
        edges: dict[str, list[Any]] = {
            str(tables["source"]): [str(one) for one, _, _ in pairs],
            str(tables["target"]): [str(other) for _, other, _ in pairs],
        }
        for name in filter(None, (tables["weight"], tables["type"], *tables["attributes"])):
            edges[name] = [values.get(name) for *_, values in pairs]
        columns: dict[str, Any] = {
            name: value[:0]
            for name in ("edge_weight", "edge_type", "edge_attr")
            if (value := getattr(known, name)) is not None
        }
        no_edges, relations = torch.zeros((2, 0), dtype=torch.int64), known.num_relations
        start = Graph(no_edges, 0, num_relations=relations, **columns)
        new = encode_nodes(self.given, start, nodes, edges)
        return new.x, new.graph, new.remarks

    def _of_new(self, nodes: Any, edges: Any) -> Block:  # noqa: ANN401
        """New nodes with their edges, and the part of the graph that they need."""
        task = self.task
        known = task.in_memory.to("cpu")
        if known.node_names is not None and len(set(known.node_names)) < known.num_nodes:
            known = replace(known, node_names=None)  # names that are no ids
        new = encode_nodes(self.given, known, nodes, edges)
        if new.x.shape[1] != task.in_channels:
            condition = f"have {task.in_channels} features as in training"
            raise invalid("nodes", condition, new.x.shape[1], "Give the same features.")
        bad = (~new.x.isfinite().all(1)).nonzero().squeeze(1) + known.num_nodes
        asked = torch.from_numpy(new.node_of_row)
        failed = torch.isin(asked, bad).tolist()
        reasons = ["its features contain NaN or infinity" if one else "" for one in failed]
        valid = [row for row, reason in enumerate(reasons) if not reason]
        wanted, place = asked[valid].unique(return_inverse=True)

        def rows(nodes: Tensor) -> Tensor:
            return self._features(nodes, new)

        hops = hops_of(self._network, new.graph, rows, wanted) if valid else 0
        part: Graph | Frontier = new.graph
        needed = torch.arange(part.num_nodes)
        if hops is None:
            place = wanted[place]
        else:
            part = new.graph.frontier(wanted, hops)
            needed = part.nodes
        names = new.graph.node_names
        assert names is not None
        before, labels = self._columns(nodes)
        notes = [f"{title.capitalize()}: {text}." for title, text in new.notes.items()]
        return Block(
            [str(names[node]) for node in new.node_of_row],
            reasons,
            rows(needed).to(self.device) if valid else None,
            part.to(self.device),
            place,
            changes=[new.remarks.get(row, "") for row in range(len(asked))],
            before=before,
            after={"known label": labels} if any(labels) else {},
            notes=(*notes, _computed(len(needed), new.graph.num_nodes, hops)),
        )

    def _features(self, nodes: Tensor, new: NewNodes) -> Tensor:
        """The features of some nodes of the graph that the new nodes have joined."""
        first = self.task.graph.num_nodes
        known = nodes < first
        x = self.task.x.cpu().index_select(0, nodes[known])
        fresh = new.x.index_select(0, nodes[~known] - first).to(x.dtype)
        together = torch.cat([x, fresh.to_sparse() if is_sparse(x) else fresh])
        order = torch.cat([known.nonzero(), (~known).nonzero()]).squeeze(1)
        x = together.index_select(0, order.argsort())
        return x.coalesce() if x.layout is torch.sparse_coo else x

    def _columns(self, nodes: Any) -> tuple[dict[str, list[str]], list[str]]:  # noqa: ANN401
        """The user's columns of new nodes, and their labels, none of which may be new.

        Features are left out where there are many.

        Raises:
            ValueError: if a label was not seen in training.
        """
        task, table = self.task, read_columns(nodes, "nodes")
        given = {name: [*map(_text, table[name])] for name in table if name != "x"}
        listed = [name for name in self._tables.get("label") or () if name in table]
        labels = [
            "; ".join(filter(None, cells))
            for cells in zip(*(given[n] for n in listed), strict=True)
        ]
        if task.kind == "classification" and listed:
            for row, label in enumerate(labels):
                if label and label not in task.class_names:
                    known = ", ".join(map(repr, task.class_names[:8]))
                    condition = f"have labels that training has seen, such as {known}"
                    got = f"{label!r} in row {row} of {listed[0]!r}"
                    raise invalid("nodes", condition, got, "Leave it empty, or train again.")
        skipped = {*listed} if self.given.get("tables") else {"id"}  # which the ids already are
        features = {one["name"] for one in (self.given.get("encoder") or {}).get("columns", ())}
        skipped |= features if len(features) > MOST_FEATURES else set()
        before = {name: cells for name, cells in given.items() if name not in skipped}
        return before, labels or [""] * table.num_rows

    def read(self, names: Sequence[str]) -> Iterator[Input]:
        """One node of the training graph for each name, with the graph that it depends on."""
        if self._stored is not None:
            yield from self._stored.read(names)
            return
        numbers = [self.index(name) for name in names]
        x, graph = self.task.x.to(self.device), self.task.graph.to(self.device)
        for name, number in zip(names, numbers, strict=True):
            yield Input(f"node {name}", x, graph, node=number)

    def describe(self, inputs: Any, **options: Any) -> dict[str, str]:  # noqa: ANN401
        """How many nodes are predicted."""
        if inputs is None and options.get("nodes") is None:
            task = self.task
            sizes = ", ".join(f"{len(getattr(task.split, n)):,} in {n}" for n in SPLIT_NAMES)
            return {"nodes": f"all {task.graph.num_nodes:,} of {task.card.title} ({sizes})"}
        return {}


def _text(cell: Any) -> str:  # noqa: ANN401 - of any column
    """A cell as text; "" for a missing one."""
    return "" if cell is None or cell != cell else str(cell).strip()


def _computed(count: int, total: int, hops: int | None) -> str:
    if hops is None:
        return f"All {total:,} nodes were computed, as the outputs depend on all of them."
    unit = "hop" if hops == 1 else "hops"
    return (
        f"{count:,} of {total:,} nodes were computed: those within {hops} {unit} of the new nodes."
    )
