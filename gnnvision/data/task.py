"""A task: data, labels and a split, in the form that training reads."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor

from gnnvision._renamed import former_arguments, former_attributes
from gnnvision.data.arrays import UNLABELED
from gnnvision.data.batching import check_batches, check_tensors
from gnnvision.data.card import Card
from gnnvision.data.overview import describe_split, describe_targets, split_warnings
from gnnvision.data.split import SPLIT_NAMES, Split, random_node_split
from gnnvision.domains import Domain, Graph
from gnnvision.domains.device import full_device
from gnnvision.errors import invalid
from gnnvision.layers.calling import call

__all__ = ["NodeTask", "SplitName", "Task"]

SplitName = Literal["train", "val", "test"]
_RENAMED = {  # since version 0.1
    "answer": "predict",
    "coarse": "low_resolution",
    "concerns": "data_warnings",
    "target_moments": "target_statistics",
}


@former_attributes(_RENAMED)
@dataclass(frozen=True, eq=False, kw_only=True)
class Task(ABC):
    """Data, targets and a split: the interface between data and training.

    Args:
        name: The dataset that was loaded, e.g. "stdlib".
        requested: The name that was requested, e.g. "auto".
        kind: The kind of target: "classification", "regression" or "multilabel".
        in_channels: The number of input channels (features).
        num_outputs: The number of classes, or of targets of a regression or multi-label task.
        class_names: The names of the outputs, in order.
        split: The training, validation and test indices.
        card: Source, license, citation and published results of the dataset.
        data_hash: The SHA-256 of the arrays, in hexadecimal.
        seed: The seed of a random split.
        origin: The arguments of `gnnvision.data.load` that made the task, if any: the name or
            the absolute path, and the options that differ from their defaults.
        preferred: The dataset that "auto" prefers, if `requested` is "auto".
        reason: Why an embedded dataset was loaded in its place, as a sentence; else empty.
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
    preferred: str = ""
    reason: str = ""

    def __init_subclass__(cls) -> None:
        """Methods that a kind of task overrides by their former names."""
        super().__init_subclass__()
        for former, current in _RENAMED.items():
            if former in vars(cls) and current not in vars(cls):
                setattr(cls, current, vars(cls)[former])

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
        """The name of the split, with a version if its rule has changed between releases."""
        return self.split.name

    def __getstate__(self) -> dict[str, Any]:
        """The state for a copy or pickle, without cached properties."""
        members = (vars(kind).items() for kind in type(self).__mro__)
        cached = {name for items in members for name, v in items if isinstance(v, cached_property)}
        return {name: value for name, value in vars(self).items() if name not in cached}

    @abstractmethod
    def batches(
        self,
        split: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """Iterate over batches of inputs, their domain and their targets.

        Targets outside the split, and missing ones, are -100 (classes) or NaN.

        Args:
            split: "train", "val" or "test".
            batch_size: Items in a batch; None for the task's default.
            generator: Shuffles and augments the training split; None does neither.
            epoch: The epoch from 0, for augmentations that depend on it.

        Raises:
            ValueError: `split` is not one of these, or the batch size does not fit the task.
        """

    def low_resolution(self) -> Self:
        """The task at a lower resolution, for progressive resizing; itself if it has no images."""
        return self

    def predict(self, model: Callable[..., Tensor], x: Tensor, domain: Domain) -> Tensor:
        """The output of a model for an evaluation batch, with test-time augmentation if any.

        Args:
            model: A module, or a function of an input and its domain.
            x: The input.
            domain: The domain of the input: a grid or a graph.
        """
        return call(model, x, domain)

    @property
    def target_statistics(self) -> tuple[Tensor, Tensor] | None:
        """Mean and standard deviation of the training targets of a regression; None otherwise."""
        return None

    def is_labeled(self, split: SplitName) -> bool:
        """Whether every item of a split is known to have a label; False if this is not known.

        Training then skips the search for labeled items, which would synchronize with the GPU.
        """
        return False

    @property
    def _targets(self) -> Tensor | None:
        """The targets of all items, for statistics; None for a task without such targets."""
        return None

    def overview(self) -> dict[str, str]:
        """A summary of the data to print before training: a title and a text for each line.

        The lines are, in order, the dataset, the targets or classes with their counts, and the
        split. Kinds of tasks add their own: columns, rejected rows, features.
        """
        unit = self.card.facts.get("unit", "")
        same = self.requested in (self.name, self.card.title)
        source = "path" if os.sep in self.requested else "requested"
        requested = "" if same else f" ({source}: {self.requested!r})"
        return {
            "data": f"{self.card.title}{requested}",
            **describe_targets(self.kind, self._targets, self.class_names, self.split, unit),
            "split": describe_split(self.split, self.seed),
        }

    def data_warnings(self) -> list[str]:
        """Problems of the data and its split, as sentences that `fit` shows as warnings.

        These are a split without any label, or with a single class, for the whole task or for
        one of its targets; and classes that occur in validation or test but not in training.
        """
        return split_warnings(self.kind, self._targets, self.class_names, self.split)

    def input_description(self) -> dict[str, Any]:
        """What prediction needs to prepare new inputs (sizes, normalization), as JSON types."""
        return {}

    @abstractmethod
    def with_seed(self, seed: int) -> Self:
        """The task with the split of this seed if its split is random; otherwise itself."""

    @abstractmethod
    def to(self, device: torch.device | str) -> Self:
        """The task with its tensors on `device`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class NodeTask(Task):
    """Node classification in one graph (transductive).

    Args:
        x: Node features, dense or sparse COO. Shape (N, C).
        graph: The graph.
        y: Labels from 0; -100 for an unlabeled node. Shape (N,).

    Raises:
        ValueError: The sizes of features, graph, labels and split do not match.
    """

    x: Tensor
    graph: Graph
    y: Tensor
    _batch: dict[str, tuple[Tensor, Domain, Tensor]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_tensors(x=self.x, y=self.y)
        n = self.graph.num_nodes
        if tuple(self.x.shape) != (n, self.in_channels):
            raise invalid(
                "x",
                f"have shape (N={n}, in_channels={self.in_channels})",
                tuple(self.x.shape),
                "Pass one row for each node of the graph.",
            )
        if tuple(self.y.shape) != (n,) or self.y.dtype != torch.int64:
            got = f"{self.y.dtype} of shape {tuple(self.y.shape)}"
            advice = "Pass one label for each node, -100 for an unlabeled node."
            raise invalid("y", f"be int64 of shape (N={n},)", got, advice)
        self.split.check(n)
        batch = {}
        for name in SPLIT_NAMES:
            nodes = torch.from_numpy(np.array(getattr(self.split, name))).to(self.y.device)
            target = torch.full_like(self.y, UNLABELED)
            target[nodes] = self.y[nodes]
            batch[name] = (self.x, self.graph, target)
        object.__setattr__(self, "_batch", batch)

    @property
    def _targets(self) -> Tensor:
        return self.y

    def overview(self) -> dict[str, str]:
        """The summary of every task, and the size of the graph."""
        graph = self.graph
        edges = graph.num_edges // (2 if graph.is_undirected else 1)
        size = f"{graph.num_nodes:,} nodes, {edges:,} edges, {self.in_channels:,} features each"
        known = super().overview()
        return {"data": known.pop("data"), "graph": size, **known}

    @former_arguments(part="split")
    def batches(
        self,
        split: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """The whole graph as one batch; labels of nodes outside the split are -100.

        Every call yields the same tensors, so nothing is copied from epoch to epoch.

        Args:
            split: "train", "val" or "test".
            batch_size: Ignored: a node needs its neighbors, so the whole graph is one batch.
            generator: Ignored: there is nothing to shuffle.
            epoch: Ignored: every epoch is the same.

        Raises:
            ValueError: `split` is not one of these.
        """
        check_batches(split, None, "nodes")
        return iter((self._batch[split],))

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
        """The task with features, graph and labels on `device`; itself if they already are."""
        if self.x.device == full_device(device):
            return self
        return replace(self, x=self.x.to(device), graph=self.graph.to(device), y=self.y.to(device))
