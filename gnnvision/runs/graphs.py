"""Whole graphs for a network: those of the run's task by number, or graphs of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from gnnvision.data import GraphTask, Task
from gnnvision.data.split import SPLIT_NAMES
from gnnvision.domains import Graph
from gnnvision.errors import invalid, wrong_type
from gnnvision.runs.inputs import Block, Input, Reader, refuse_options
from gnnvision.runs.known import known_label, split_of

__all__ = ["GraphReader", "as_graph", "num_kinds"]

_BATCH = 256
_WORDS = {"train": "training", "val": "validation", "test": "test"}


class GraphReader(Reader):
    """Reads the graphs of a run's task by their number from 1, and graphs of the user's own.

    Args:
        about: the description of the run in its checkpoint.
        device: where the network runs.
        task: loads the task of the run.
    """

    kind = "graph"
    id_name = "graph"

    def __init__(self, about: Mapping[str, Any], device: str, task: Callable[[], Task]) -> None:
        super().__init__(about, device)
        self._task = task

    @property
    def task(self) -> GraphTask:
        """The task of the run."""
        task = self._task()
        assert isinstance(task, GraphTask)
        return task

    @cached_property
    def num_kinds(self) -> int:
        """The number of kinds of nodes that the first features encode."""
        return num_kinds(self.task.x)

    def blocks(self, inputs: Any, **options: Any) -> Iterator[Block]:  # noqa: ANN401
        """Graphs of the task, or others; see `Run.predict`."""
        refuse_options(options, (), "graph")
        if inputs is None:
            return self._of_task(range(self.task.graphs.num_graphs))
        one = isinstance(inputs, (str, int)) or not isinstance(inputs, Sequence)
        if isinstance(inputs, tuple) and len(inputs) == 2 and isinstance(inputs[1], Graph):
            one = True
        listed = [inputs] if one else list(inputs)
        if listed and all(isinstance(item, (str, int)) for item in listed):
            return self._of_task([self._index(str(item)) for item in listed])
        return self._of_graphs([as_graph(item, self.about) for item in listed])

    def _of_task(self, members: Sequence[int]) -> Iterator[Block]:
        task = self.task
        splits = split_of(task.split)
        for first in range(0, max(len(members), 1), _BATCH):
            some = list(members[first : first + _BATCH])
            x = graph = None
            if some:
                x = task.x[task.graphs.member_nodes(some)].to(self.device)
                graph = task.graphs.select(some).to(self.device)
            names = [self.name(row) for row in some]
            known = {
                "split": [splits.get(row, "") for row in some],
                "known label": [known_label(task, row) for row in some],
            }
            yield Block(names, [""] * len(some), x, graph, after=known)

    def _of_graphs(self, items: Sequence[tuple[Tensor, Graph]]) -> Iterator[Block]:
        for first in range(0, max(len(items), 1), _BATCH):
            some = items[first : first + _BATCH]
            reasons = [self._reason(x, graph) for x, graph in some]
            valid = [item for item, reason in zip(some, reasons, strict=True) if not reason]
            x = torch.cat([x for x, _ in valid]).to(self.device) if valid else None
            graph = Graph.batch([g for _, g in valid]).to(self.device) if valid else None
            names = [str(first + number) for number in range(len(some))]
            yield Block(names, reasons, x, graph)

    def _reason(self, x: Tensor, graph: Graph) -> str:
        """Why a graph has no prediction; "" if it has one."""
        wanted = self.about.get("in_channels", x.shape[1] if x.ndim == 2 else 0)
        if tuple(x.shape) != (graph.num_nodes, wanted):
            return f"its features have shape {tuple(x.shape)} instead of {graph.num_nodes, wanted}"
        return "" if bool(x.isfinite().all()) else "its features contain NaN or infinity"

    def name(self, row: int) -> str:
        """The name of a graph of the task."""
        names = self.task.item_names
        return str(names[row]) if len(names) else str(row + 1)

    def _index(self, text: str) -> int:
        total = self.task.graphs.num_graphs
        names = {str(name): row for row, name in enumerate(self.task.item_names)}
        if text in names:
            return names[text]
        plain = text.strip().lower().removeprefix("graph").strip()
        if not (plain.isascii() and plain.isdigit() and 1 <= int(plain) <= total):
            condition = f"be a graph of {self.title}, a number from 1 to {total}"
            advice = "Graphs are numbered from 1, like the lines of the file of their classes."
            raise invalid("input", condition, repr(text), advice)
        return int(plain) - 1

    def read(self, names: Sequence[str]) -> Iterator[Input]:
        """One graph of the task for each number."""
        task, count = self.task, self.num_kinds
        self.kind_names = tuple(map(str, range(count)))  # what they stand for differs
        self.feature_names = (
            *(f"kind {kind}" for kind in self.kind_names),
            *(f"attribute {number}" for number in range(1, task.in_channels - count + 1)),
        )
        for text in names:
            row = self._index(text)
            x, graph = task.x[task.graphs.member_nodes([row])], task.graphs.select([row])
            kinds = x[:, :count].argmax(1).tolist() if count else [-1] * len(x)
            notes = []
            if label := known_label(task, row):
                word = "class" if task.kind == "classification" else "target"
                notes.append(f"in the dataset its {word} is “{label}”")
            split = split_of(task.split).get(row)
            if split is not None:
                notes.append(f"it is in the {_WORDS[split]} split of the run")
            yield Input(
                f"graph {row + 1}", x.to(self.device), graph.to(self.device),
                kinds=tuple(kinds), notes=(", and ".join(notes),) if notes else (),
            )  # fmt: skip

    def describe(self, inputs: Any) -> dict[str, str]:  # noqa: ANN401
        """The number of graphs."""
        if inputs is None:
            task = self.task
            sizes = ", ".join(f"{len(getattr(task.split, n)):,} in {n}" for n in SPLIT_NAMES)
            return {"graphs": f"all {task.graphs.num_graphs:,} of {task.card.title} ({sizes})"}
        return {}


def as_graph(item: Any, about: Mapping[str, Any]) -> tuple[Tensor, Graph]:  # noqa: ANN401
    """The features and the graph of a pair (x, graph) or of torch-geometric's `Data`.

    Raises:
        TypeError: if it is neither.
        ValueError: if it has no node features.
    """
    if isinstance(item, tuple) and len(item) == 2:
        x, graph = item if isinstance(item[1], Graph) else item[::-1]
        if isinstance(x, Tensor) and isinstance(graph, Graph):
            return x, graph
    if hasattr(item, "edge_index") and not isinstance(item, Graph):
        graph = Graph.from_pyg(item)
        x = getattr(item, "x", None)
        if not isinstance(x, Tensor):
            advice = "Set data.x to the features that the run was trained with."
            raise invalid("inputs", "have node features x", "none", advice)
        return x.float(), graph
    raise wrong_type(
        "inputs",
        f"be graphs for a network trained on {about.get('title', 'graphs')}",
        item,
        "Give pairs (x, graph) or torch-geometric's Data, or numbers of graphs of the task.",
    )


def num_kinds(x: Tensor) -> int:
    """The number of leading columns that encode the kind of a node; 0 if none do.

    Those are the node labels of a dataset in TU's layout, one-hot, before its attributes: the
    smallest number of columns with a single one in every row and zeros elsewhere.

    Args:
        x: features of all nodes. Shape (N, C).
    """
    for count in range(1, x.shape[1] + 1):
        block = x[:, :count]
        if not bool(((block == 0) | (block == 1)).all()):
            return 0
        if bool((block.sum(1) == 1).all()):
            return count
    return 0
