"""A task: data, labels and a split in the one form that training reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor

from gnnvision.data.arrays import UNLABELED
from gnnvision.data.batching import check_batches, check_tensors
from gnnvision.data.card import Card
from gnnvision.data.overview import describe_split, describe_targets, split_warnings
from gnnvision.data.split import SPLIT_NAMES, Split, random_node_split
from gnnvision.domains import Domain, Graph
from gnnvision.domains.device import full_device
from gnnvision.layers.calling import call

__all__ = ["NodeTask", "SplitName", "Task"]

SplitName = Literal["train", "val", "test"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Task(ABC):
    """What a model is to learn, and from what: the interface between data and training.

    Args:
        name: The data set that is really loaded, e.g. "stdlib".
        requested: What was asked for, e.g. "auto".
        kind: What the outputs mean.
        in_channels: Channels of a signal.
        num_outputs: Classes, or targets of a regression or multi-label task.
        class_names: Names of the outputs, in order.
        split: Which items train, validate and test.
        card: Origin, license, citation and published results of the data set.
        data_hash: SHA-256 over the arrays in use, in hexadecimal.
        seed: The seed of a random split.
        origin: What `gnnvision.data.load` was given, if it made the task: the name or the whole
            path, and the options that are not the usual ones.
    """

    name: str
    requested: str
    kind: Literal["classification", "regression", "multilabel"]
    in_channels: int
    num_outputs: int
    class_names: tuple[str, ...]
    split: Split
    card: Card
    data_hash: str
    seed: int = 0
    origin: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def num_classes(self) -> int:
        """Another name for `num_outputs`."""
        return self.num_outputs

    @property
    def split_name(self) -> str:
        """The name of the split: "public" or "random"."""
        return self.split.name

    @property
    def split_rule(self) -> str:
        """What decides the split: its name, and a version where its rule has changed."""
        return self.split.name

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or pickle holds: not what was worked out on the way and would be again."""
        kinds = (vars(kind).items() for kind in type(self).__mro__)
        made = {name for items in kinds for name, v in items if isinstance(v, cached_property)}
        return {name: value for name, value in vars(self).items() if name not in made}

    @abstractmethod
    def batches(
        self,
        part: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """Signals, their domain and their targets, batch by batch.

        Targets that do not belong to the part, or are not known, are -100 (classes) or NaN.

        Args:
            part: "train", "val" or "test".
            batch_size: Items in a batch; None for the task's own choice.
            generator: Shuffles and varies the training part; None leaves it as it is.
            epoch: The number of the epoch, from 0, where what is given out depends on it.

        Raises:
            ValueError: There is no such part, or the batch size does not fit the task.
        """

    def low_resolution(self) -> Self:
        """The task with less detail, quicker to train on; itself where there is no such form."""
        return self

    def predict(self, model: Callable[..., Tensor], x: Tensor, domain: Domain) -> Tensor:
        """What a model says of an evaluation batch: its output, unless the task asks twice.

        Args:
            model: any module; or a function of a signal and its domain.
            x: a signal.
            domain: where it lives.
        """
        return call(model, x, domain)

    @property
    def target_moments(self) -> tuple[Tensor, Tensor] | None:
        """Mean and standard deviation of the training targets of a regression, else None."""
        return None

    def is_labeled(self, part: SplitName) -> bool:
        """Whether every item of a part is known to have its label; False if nobody looked.

        Training then need not look for those that have, for which it would wait for a GPU.
        """
        return False

    @property
    def _targets(self) -> Tensor | None:
        """The targets of all items, for counting; None where they cannot be counted."""
        return None

    def overview(self) -> dict[str, str]:
        """What the data were understood to be, in words: for people, before training.

        The entries are in the order in which they are to be read: data set, targets or classes
        with their counts, split. Each kind of task adds what it has more: columns, rows left
        out and why, features.
        """
        unit = self.card.facts.get("unit", "")
        asked = (
            "" if self.requested in (self.name, self.card.title) else f", for {self.requested!r}"
        )
        return {
            "data": f"{self.card.title}{asked}",
            **describe_targets(self.kind, self._targets, self.class_names, self.split, unit),
            "split": describe_split(self.split, self.seed),
        }

    def data_warnings(self) -> list[str]:
        """What makes a part of the split useless, in sentences; `fit` warns of each.

        That is a part without any known label, or with one class only, of the whole task or of
        one of its targets; and classes that are measured but never trained on.
        """
        return split_warnings(self.kind, self._targets, self.class_names, self.split)

    def input_description(self) -> dict[str, Any]:
        """What must be known to give a model new input, for JSON: sizes, normalization."""
        return {}

    @abstractmethod
    def with_seed(self, seed: int) -> Self:
        """The task with the split of this seed if its split is random; otherwise itself."""

    @abstractmethod
    def to(self, device: torch.device | str) -> Self:
        """The task with its tensors on `device`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class NodeTask(Task):
    """Classify the nodes of one graph; some labels are known, the rest is to be found.

    Args:
        x: Node features, dense or sparse COO. Shape (N, C).
        graph: The graph.
        y: Labels from 0; -100 for a node without a label. Shape (N,).

    Raises:
        ValueError: The sizes of features, graph, labels and split do not agree.
    """

    x: Tensor
    graph: Graph
    y: Tensor
    _batch: dict[str, tuple[Tensor, Domain, Tensor]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_tensors(x=self.x, y=self.y)
        n = self.graph.num_nodes
        if tuple(self.x.shape) != (n, self.in_channels):
            raise ValueError(
                f"'x' must have shape (N={n}, in_channels={self.in_channels}), "
                f"got {tuple(self.x.shape)}. Give one row for each node of the graph."
            )
        if tuple(self.y.shape) != (n,) or self.y.dtype != torch.int64:
            raise ValueError(
                f"'y' must be int64 of shape (N={n},), got {self.y.dtype} of shape "
                f"{tuple(self.y.shape)}. Give one label for each node, -100 for none."
            )
        self.split.check(n)
        batch = {}
        for part in SPLIT_NAMES:
            nodes = torch.from_numpy(np.array(getattr(self.split, part))).to(self.y.device)
            target = torch.full_like(self.y, UNLABELED)
            target[nodes] = self.y[nodes]
            batch[part] = (self.x, self.graph, target)
        object.__setattr__(self, "_batch", batch)

    @property
    def _targets(self) -> Tensor:
        return self.y

    def overview(self) -> dict[str, str]:
        """As of every task, with the size of the graph."""
        graph = self.graph
        edges = graph.num_edges // (2 if graph.is_undirected else 1)
        size = f"{graph.num_nodes:,} nodes, {edges:,} edges, {self.in_channels:,} features each"
        known = super().overview()
        return {"data": known.pop("data"), "graph": size, **known}

    def batches(
        self,
        part: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """The one full batch of a part: features, graph, and labels that are -100 elsewhere.

        Every call yields the same tensors, so a loop of many epochs costs nothing here.

        Args:
            part: "train", "val" or "test".
            batch_size: Of no effect: a node sees its neighbors, so all go together.
            generator: Not used: there is nothing to shuffle.
            epoch: Not used: every epoch is the same.

        Raises:
            ValueError: There is no such part.
        """
        check_batches(part, None, "nodes")
        return iter((self._batch[part],))

    def with_seed(self, seed: int) -> Self:
        """The task with the random split of this seed; itself if its split is not random."""
        if self.split.name != "random":
            return self
        rule = self.card.split_rule("random")
        sizes = {
            name: value
            for name in ("per_class", "num_val", "num_test")
            if (value := getattr(rule, name)) is not None
        }
        return replace(self, split=random_node_split(self.y, seed, **sizes), seed=seed)

    def to(self, device: torch.device | str) -> Self:
        """The task with features, graph and labels on `device`; itself if they are there."""
        if self.x.device == full_device(device):
            return self
        return replace(self, x=self.x.to(device), graph=self.graph.to(device), y=self.y.to(device))
