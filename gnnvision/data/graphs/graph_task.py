"""A task on whole graphs, such as molecules or proteins, with a target for each graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from gnnvision._renamed import former_arguments
from gnnvision.data.arrays import UNLABELED
from gnnvision.data.batching import (
    ALONE,
    Share,
    check_batches,
    check_tensors,
    own_part,
    split_into_batches,
)
from gnnvision.data.graphs.choose_split import choose_split
from gnnvision.data.graphs.features import constant_features, to_features
from gnnvision.data.graphs.labels import read_labels
from gnnvision.data.moments import target_moments
from gnnvision.data.split import SPLIT_NAMES, Split
from gnnvision.data.targets import Kind
from gnnvision.data.task import SplitName, Task
from gnnvision.domains import Domain, Graph
from gnnvision.domains.device import full_device, send
from gnnvision.errors import invalid, wrong_type

__all__ = ["GraphTask", "graph_tensors"]

TRAIN_BATCH, _EVALUATION_BATCH = 64, 256
BLOCK = 4096  # graphs that are concatenated at once; batches are slices of the result


@dataclass(frozen=True, eq=False, kw_only=True)
class GraphTask(Task):
    """Graph classification or regression: one target, or several, for each graph.

    All graphs are stored as one disjoint union. A training epoch concatenates thousands of graphs
    at a time in the order of the epoch and slices batches from the result, which is faster than
    assembling each batch graph by graph.

    Args:
        graphs: The G graphs, as one batch (`Graph.batch`).
        x: The features of all nodes. Shape (N, C).
        y: The targets. Classes: int64 (G,), -100 if unlabeled. Regression and multi-label
            tasks: floating point (G, num_outputs), NaN where a target is missing.
        splitter: A function from a seed to a split; None if there is only one split.
        item_names: The names of the graphs for figures and tables, e.g. SMILES.

    Raises:
        ValueError: The sizes of features, graphs, targets and split do not match.
    """

    item_kind = "graph"

    graphs: Graph
    x: Tensor
    y: Tensor
    splitter: Callable[[int], Split] | None = None
    item_names: Sequence[str] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        check_tensors(x=self.x, y=self.y)
        nodes, members = self.graphs.num_nodes, self.graphs.num_graphs
        if tuple(self.x.shape) != (nodes, self.in_channels):
            raise invalid(
                "x",
                f"have shape (N={nodes}, in_channels={self.in_channels})",
                tuple(self.x.shape),
                "Pass one row for each node of all graphs.",
            )
        labels = self.kind == "classification"
        shape = (members,) if labels else (members, self.num_outputs)
        if tuple(self.y.shape) != shape or (self.y.dtype == torch.int64) != labels:
            got = f"{self.y.dtype} of shape {tuple(self.y.shape)}"
            condition = f"be {'int64' if labels else 'floating point'} of shape {shape}"
            raise invalid("y", condition, got, "Pass one row for each graph.")
        self.split.check(members)
        super().__post_init__()

    @classmethod
    def from_graphs(
        cls,
        graphs: Sequence[Graph] | Graph,
        y: Any,  # noqa: ANN401 - a tensor, an array or a list
        x: Sequence[Any] | Tensor | None = None,
        *,
        names: Sequence[str] = (),
        kind: Kind | None = None,
        class_names: Sequence[str] | None = None,
        split: Split | None = None,
        seed: int = 0,
        name: str = "your graphs",
    ) -> Self:
        """A task from graphs of your own and a label, or several, for each.

        Integers are classes, columns of 0 and 1 are several labels, and other numbers are values
        to predict. Class -1 or -100 and NaN mean that a label is missing: such graphs are in no
        random split, and can be predicted.

        Args:
            graphs: The graphs, or one batch of them.
            y: Their labels. Shape (G,) or (G, T).
            x: The node features: one tensor (N_i, C) for each graph, or one (N, C) for all
                nodes; None for a single feature 1.
            names: The names of the graphs, for figures and tables.
            kind: "classification", "multilabel" or "regression"; None infers it from `y`.
            class_names: The names of the classes or targets, in order.
            split: A fixed split; None for a random one, stratified by class.
            seed: The seed of a random split.
            name: Of the data.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: The numbers of graphs, nodes, features, labels or names do not agree.

        Example:
            >>> ring = Graph.from_edges([(0, 1), (1, 2), (2, 0)], num_nodes=3, undirected=True)
            >>> path = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
            >>> task = GraphTask.from_graphs([ring, path] * 5, [1, 0] * 5)
            >>> task.kind, task.split.sizes
            ('classification', {'train': 8, 'val': 1, 'test': 1})
        """
        whole = graphs if isinstance(graphs, Graph) else Graph.batch(_checked_graphs(graphs))
        count = whole.num_graphs
        labels = read_labels(y, count, "graph", kind, class_names)
        chosen = choose_split(labels, seed, split=split)
        details = {**labels.notes, **chosen.notes}
        if x is None:
            features = constant_features(whole.num_nodes)
            details["features"] = "none, so every node has the single feature 1"
        else:
            features = _joined_features(x, whole)
        if names and (isinstance(names, str) or len(names) != count):
            condition = f"have one name for each of the {count} graphs"
            raise invalid("names", condition, len(names), "Pass them in the order of the graphs.")
        return cls(
            name=name,
            kind=labels.kind,
            in_channels=features.shape[1],
            num_outputs=labels.num_outputs,
            class_names=labels.names,
            split=chosen.split,
            splitter=chosen.splitter,
            seed=seed,
            details=details,
            graphs=whole,
            x=features,
            y=labels.y,
            item_names=tuple(names),
        )

    def _contents(self) -> Mapping[str, Tensor]:
        offsets = self.graphs.offsets
        return {"x": self.x, "y": self.y, "offsets": offsets} | graph_tensors(self.graphs)

    @property
    def _targets(self) -> Tensor:
        return self.y

    def overview(self) -> dict[str, str]:
        """The summary of every task, with the number and size of the graphs and their features."""
        graphs = self.graphs
        nonempty = int((graphs.offsets.diff() > 0).sum())
        words = ("molecules", "atoms") if self.card.kind == "molecule" else ("graphs", "nodes")
        features = f"{self.in_channels:,} per {words[1][:-1]}"
        more = ((self.num_edge_attr, "edge"), (self.num_graph_attr, words[0][:-1]))
        features += "".join(f", {count:,} per {what}" for count, what in more if count)
        known = super().overview()
        return {
            "data": known.pop("data"),
            words[0]: f"{nonempty:,} with {graphs.num_nodes:,} {words[1]}",
            **known,
            "features": self.details.get("features", features),
        }

    @former_arguments(part="split")
    def batches(
        self,
        split: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
        share: Share = ALONE,
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """Iterate over batches of graphs: node features, a batched graph, and targets.

        Only the training split is shuffled, and only with a `generator`. A last training batch
        of a single graph is merged into the one before, as batch norm needs at least two.

        Args:
            split: "train", "val" or "test".
            batch_size: Graphs in a batch; None for 64 in training and 256 in evaluation.
            generator: A CPU generator that shuffles the training split; None keeps the order.
            epoch: Ignored: there is no augmentation.
            share: See `Task.batches`.

        Shapes:
            Yields: x (N, C), a `Graph` of B members, y (B,) or (B, num_outputs).

        Raises:
            ValueError: `split` is not one of these, or the batch size is not positive.
        """
        check_batches(split, batch_size, "graphs")
        if split == "train" and generator is not None:
            order = torch.from_numpy(np.array(self.split.train))
            order = order[torch.randperm(len(order), generator=generator)]
            yield from self._shuffled_batches(order, batch_size or TRAIN_BATCH, share)
            return
        members, x, y = self._in_order(split, share)
        size = batch_size or _EVALUATION_BATCH
        yield from _slices(members, x, y, range(0, members.num_graphs, size))

    def _shuffled_batches(
        self, order: Tensor, size: int, share: Share
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """Training batches of the graphs in this order."""
        batches = split_into_batches(order, size, share[1])
        batches = [batch[own_part(len(batch), share)] for batch in batches]
        at_once = max(1, BLOCK // size)
        for start in range(0, len(batches), at_once):
            block = batches[start : start + at_once]
            starts = np.cumsum([0, *map(len, block[:-1])]).tolist()
            yield from _slices(*self._select(torch.cat(block)), starts)

    def _select(self, members: Tensor) -> tuple[Graph, Tensor, Tensor]:
        nodes = self.graphs.member_nodes(members)
        return (
            self.graphs.select(members),
            self.x.index_select(0, nodes),
            self.y.index_select(0, send(members, self.y.device)),
        )

    def _in_order(self, split: str, share: Share) -> tuple[Graph, Tensor, Tensor]:
        """The graphs of a split in order; kept, as every epoch evaluates them again."""
        if (split, share) not in self._held:
            index = torch.from_numpy(np.array(getattr(self.split, split)))
            self._held[split, share] = self._select(index[own_part(len(index), share)])
        return self._held[split, share]

    @cached_property
    def _held(self) -> dict[tuple[str, Share], tuple[Graph, Tensor, Tensor]]:
        return {}

    @property
    def target_statistics(self) -> tuple[Tensor, Tensor] | None:
        """Mean and standard deviation of the training targets; None for classes.

        The standard deviation of a constant target is 1. Shapes (num_outputs,).
        """
        return target_moments(self.y, self.split.train) if self.kind == "regression" else None

    def is_labeled(self, split: SplitName) -> bool:
        """Whether every graph of a split has a label; False for a regression."""
        return self._labeled[split]

    @cached_property
    def _labeled(self) -> dict[str, bool]:
        if self.kind != "classification":
            return dict.fromkeys(SPLIT_NAMES, False)
        known = self.y.cpu().numpy() != UNLABELED
        return {name: bool(known[getattr(self.split, name)].all()) for name in SPLIT_NAMES}

    @property
    def num_edge_attr(self) -> int:
        """The number of edge attributes; 0 if there are none."""
        attributes = self.graphs.edge_attr
        return 0 if attributes is None else attributes.shape[1]

    @property
    def num_graph_attr(self) -> int:
        """The number of attributes of a whole graph; 0 if there are none."""
        attributes = self.graphs.graph_attr
        return 0 if attributes is None else attributes.shape[1]

    def with_seed(self, seed: int) -> Self:
        """The task with the split of this seed; itself if there is only one split."""
        if self.splitter is None or seed == self.seed:
            return self
        return replace(self, split=self.splitter(seed), seed=seed)

    def to(self, device: torch.device | str) -> Self:
        """The task with graphs, features and targets on `device`; itself if they already are."""
        if self.y.device == full_device(device):
            return self
        graphs = self.graphs.to(device)
        return replace(self, graphs=graphs, x=self.x.to(device), y=self.y.to(device))


def _checked_graphs(graphs: Sequence[Graph]) -> list[Graph]:
    listed = list(graphs)
    for number, graph in enumerate(listed):
        if not isinstance(graph, Graph):
            advice = "Convert it, for example with gnnvision.Graph.from_networkx."
            raise wrong_type(f"graphs[{number}]", "be a gnnvision.Graph", graph, advice)
    return listed


def _joined_features(x: Sequence[Any] | Tensor, graphs: Graph) -> Tensor:
    """The features of all nodes."""
    if isinstance(x, Tensor) or hasattr(x, "shape"):
        return to_features(x, graphs.num_nodes)
    if len(x) != graphs.num_graphs:
        condition = f"have one tensor for each of the {graphs.num_graphs} graphs"
        raise invalid("x", condition, len(x), "Pass them in the order of the graphs.")
    sizes = graphs.offsets.diff().tolist()
    found = [to_features(each, sizes[n], f"x[{n}]") for n, each in enumerate(x)]
    for number, each in enumerate(found):
        if each.shape[1] != found[0].shape[1]:
            got = f"{found[0].shape[1]} of graph 0 and {each.shape[1]} of graph {number}"
            advice = "Give all nodes the same features."
            raise invalid("x", "have as many features in every graph", got, advice)
    return torch.cat(found)


def _slices(
    members: Graph, x: Tensor, y: Tensor, starts: Sequence[int]
) -> Iterator[tuple[Tensor, Domain, Tensor]]:
    """Batches of the graphs, of which these are the first ones."""
    if not len(starts):
        return
    for start, stop in zip(starts, [*starts[1:], members.num_graphs], strict=True):
        graph, nodes = members.section(start, stop)
        yield x[nodes], graph, y[start:stop]


def graph_tensors(graph: Graph) -> dict[str, Tensor]:
    """The edges of a graph and their weights, types and attributes, by name."""
    names = ("edge_index", "edge_weight", "edge_type", "edge_attr", "graph_attr")
    held = {name: getattr(graph, name) for name in names}
    return {name: tensor for name, tensor in held.items() if tensor is not None}
