"""Nodes for a network: those of the training graph, new ones with their edges, other graphs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.data import NodeTask, Task
from gnnvision.data.split import SPLIT_NAMES
from gnnvision.domains import Graph
from gnnvision.errors import invalid, wrong_type
from gnnvision.operators.signals import is_sparse
from gnnvision.runs.graphs import as_graph
from gnnvision.runs.inputs import Block, Input, Reader, as_rows, refuse_options
from gnnvision.runs.known import known_label, split_of
from gnnvision.runs.neighborhood import needed_nodes, num_hops
from gnnvision.runs.new_nodes import NewNodes, add_nodes, read_nodes

__all__ = ["NodeReader"]

_FEATURES = {"cora": "word", "citeseer": "word", "pubmed": "word", "stdlib": "word"}


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
        tables = self.given.get("tables") or {}
        self.id_name = str(tables.get("id") or "node")

    @cached_property
    def task(self) -> NodeTask:
        """The task of the run."""
        task = self._task()
        assert isinstance(task, NodeTask)
        word = _FEATURES.get(task.name, "feature")
        self.feature_names = tuple(f"{word} {number}" for number in range(task.in_channels))
        return task

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
        advice = "Give one of them; pass new nodes with their edges as nodes=... and edges=...."
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
            return iter([self._of_known(range(self.task.graph.num_nodes))])
        if isinstance(inputs, (str, int)):
            inputs = [inputs]
        named = not hasattr(inputs, "edge_index") and not hasattr(inputs, "edges")
        if named and not (isinstance(inputs, tuple) and isinstance(inputs[-1], Graph)):
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
        """All nodes of another graph, without those of the training graph."""
        if hasattr(item, "is_directed") and hasattr(item, "adj"):  # of networkx
            graph = Graph.from_networkx(item)
            cells: dict[str, list[Any]] = {}
            for _, values in item.nodes(data=True):
                for name in values:
                    cells.setdefault(str(name), [])
            for name, column in cells.items():
                column += [values.get(name) for _, values in item.nodes(data=True)]
            table = {"id": list(item.nodes), **cells}
            new = read_nodes(table, {"id": "id"}, self.given, self.task)
            x, reasons, before = new.x, list(new.reasons), dict(new.before)
        else:
            x, graph = as_graph(item, self.about)
            reasons, before = [""] * graph.num_nodes, {}
        wanted = self.about.get("in_channels", self.task.in_channels)
        if tuple(x.shape) != (graph.num_nodes, wanted):
            condition = f"have features of shape (N={graph.num_nodes}, {wanted}) as in training"
            raise invalid("inputs", condition, tuple(x.shape), "Give the same features.")
        names = list(map(str, graph.node_names or range(graph.num_nodes)))
        rows = as_rows([row for row, reason in enumerate(reasons) if not reason])
        signal, domain = x.to(self.device), graph.to(self.device)
        return Block(names, reasons, signal, domain, rows, before=before)

    def _of_new(self, nodes: Any, edges: Any) -> Block:  # noqa: ANN401
        """New nodes with their edges, and the part of the graph that they need."""
        task = self.task
        tables = {"id": "id", **(self.given.get("tables") or {})}
        new = read_nodes(nodes, tables, self.given, task)
        added = add_nodes(task.graph, self.names, new, edges, tables)
        graph = added.graph
        hops = num_hops(self._network, graph, task.in_channels)
        asked = torch.tensor([added.number[name] for name in new.ids], dtype=torch.int64)
        valid = [row for row, reason in enumerate(new.reasons) if not reason]
        if valid:
            needed = needed_nodes(graph, asked[valid], hops)
        else:
            needed = torch.empty(0, dtype=torch.int64)
        place = torch.full((graph.num_nodes,), -1)
        place[needed] = torch.arange(len(needed))
        x = self._features(needed, new, added.first)
        part = graph if len(needed) == graph.num_nodes else _part(graph, needed)
        return Block(
            new.ids,
            new.reasons,
            x.to(self.device) if valid else None,
            part.to(self.device),
            place[asked[valid]],
            changes=new.changes,
            before=new.before,
            after={"known label": new.labels} if any(new.labels) else {},
            notes=(*new.notes, *added.notes, _computed(len(needed), graph.num_nodes, hops)),
        )

    def _features(self, needed: Tensor, new: NewNodes, first: int) -> Tensor:
        """The features of the needed nodes: of the training graph, then of the new ones."""
        old = needed[needed < first]
        x = self.task.x.cpu().index_select(0, old)
        fresh = new.x[new.fresh].index_select(0, needed[needed >= first] - first)
        return torch.cat([x, fresh.to(x.dtype).to_sparse() if is_sparse(x) else fresh.to(x.dtype)])

    def read(self, names: Sequence[str]) -> Iterator[Input]:
        """One node of the training graph for each name, with the whole graph."""
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


def _part(graph: Graph, nodes: Tensor) -> Graph:
    """The induced subgraph of some nodes, without names."""
    return replace(graph.subgraph(nodes), node_names=None)


def _computed(count: int, total: int, hops: float) -> str:
    if math.isinf(hops):
        return f"All {total:,} nodes were computed, as the receptive field is the entire graph."
    unit = "hop" if hops == 1 else "hops"
    return (
        f"{count:,} of {total:,} nodes were computed: those within {hops:.0f} {unit} of the new "
        "nodes, and their neighbors for the degrees."
    )
