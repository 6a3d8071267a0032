"""A task: data, labels and a split, in the form that training reads."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor

from gnnvision._html import card
from gnnvision._renamed import former_attributes
from gnnvision.data.arrays import hash_tensors
from gnnvision.data.batching import ALONE, Share
from gnnvision.data.card import Card
from gnnvision.data.notebook import task_drawing
from gnnvision.data.overview import describe_split, describe_targets, split_warnings
from gnnvision.data.split import Split
from gnnvision.domains import Domain
from gnnvision.layers.calling import call

__all__ = ["SplitName", "Task"]

# The splits of a task: training, validation and test.
SplitName = Literal["train", "val", "test"]
_RENAMED = {  # since version 0.1
    "answer": "predict",
    "coarse": "low_resolution",
    "concerns": "data_warnings",
    "target_moments": "target_statistics",
}
_NO_CARD = Card("", "your own data", "", "Your own data.", "Your own.", "Not stated.", "")


@former_attributes(_RENAMED)
@dataclass(frozen=True, eq=False, kw_only=True)
class Task(ABC):
    """Data, targets and a split: the interface between data and training.

    Args:
        name: The dataset that was loaded, e.g. "stdlib", or a name of your own.
        kind: The kind of target: "classification", "regression" or "multilabel".
        in_channels: The number of input channels (features).
        num_outputs: The number of classes, or of targets of a regression or multi-label task.
        class_names: The names of the outputs, in order.
        split: The training, validation and test indices.
        requested: The name that was requested, e.g. "auto"; by default `name`.
        card: Source, license, citation and published results of the dataset; by default one
            that only has its name.
        data_hash: The SHA-256 of the arrays, in hexadecimal; computed if left out.
        seed: The seed of a random split.
        origin: The arguments of `gnnvision.data.load` that made the task, if any: the name or
            the absolute path, and the options that differ from their defaults.
        preferred: The dataset that "auto" prefers, if `requested` is "auto".
        reason: Why an embedded dataset was loaded in its place, as a sentence; else empty.
        details: How the data were read, as further lines of the overview: title -> text.
    """

    name: str
    kind: Literal["classification", "regression", "multilabel"]
    in_channels: int
    num_outputs: int
    class_names: tuple[str, ...]
    split: Split
    requested: str = ""
    card: Card = _NO_CARD
    data_hash: str = ""
    seed: int = 0
    origin: Mapping[str, Any] = field(default_factory=dict, repr=False)
    preferred: str = ""
    reason: str = ""
    details: Mapping[str, str] = field(default_factory=dict, repr=False)

    item_kind: ClassVar[str] = ""  # what one item is, as in a card: "node", "graph", "image"

    def __post_init__(self) -> None:
        """Fill in what was left out; kinds of tasks call it after their checks."""
        found: dict[str, Any] = {"requested": self.requested or self.name}
        if self.card is _NO_CARD:
            found["card"] = replace(
                _NO_CARD, name=self.name, title=self.name, kind=self.item_kind,
                class_names=tuple(self.class_names),
            )  # fmt: skip
        if not self.data_hash:
            found["data_hash"] = hash_tensors(self._contents())
        for name, value in found.items():
            object.__setattr__(self, name, value)

    def _contents(self) -> Mapping[str, Tensor]:
        """The tensors that `data_hash` covers, by name."""
        return {}

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
        share: Share = ALONE,
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """Iterate over batches of inputs, their domain and their targets.

        Targets outside the split, and missing ones, are -100 (classes) or NaN.

        Args:
            split: "train", "val" or "test".
            batch_size: Items in a batch; None for the task's default.
            generator: Shuffles and augments the training split; None does neither.
            epoch: The epoch from 0, for augmentations that depend on it.
            share: The number of this process, from 0, and how many processes share the work, as
                `torchrun` starts them. A shuffled training batch then has `batch_size` items for
                each process and is yielded to each in part; a split in order is divided into as
                many consecutive parts, which are then cut into batches.

        Raises:
            ValueError: `split` is not one of these, or the batch size does not fit the task.
        """

    def low_resolution(self, scale: float = 0.75) -> Self:
        """The task at a lower resolution, for progressive resizing; itself if it has no images.

        Args:
            scale: Of the height and width of the images, from 0 to 1.
        """
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
            **self.details,
        }

    def _repr_html_(self) -> str:
        """The overview and a drawing, for notebooks."""
        title = f"{type(self).__name__}: {self.name}"
        return card(title, self.overview().items(), self._drawing())

    def _drawing(self) -> str:
        return task_drawing(self)

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
