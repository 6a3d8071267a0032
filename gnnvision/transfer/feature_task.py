"""A task whose inputs are the precomputed outputs of frozen blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from gnnvision._renamed import former_arguments
from gnnvision.data import SplitName, Task
from gnnvision.data.batching import ALONE, Share, check_batches, own_part, split_into_batches
from gnnvision.domains import Domain, Graph, Grid
from gnnvision.domains.device import full_device, send
from gnnvision.errors import invalid

__all__ = ["FeatureTask"]

TRAIN_BATCH, _EVALUATION_BATCH = 32, 256


@dataclass(frozen=True, eq=False, kw_only=True)
class FeatureTask(Task):
    """The items of another task as feature vectors or feature maps.

    A training batch has a random version of each item: the original or one of its precomputed
    augmented views.

    Args:
        source: the task that the items come from.
        x: features of every original item. Shape (N, C) or (N, C, H, W).
        y: targets of every item, as in the source.
        views: features of the augmented training items. Shape (V, M, C) or (V, M, C, H, W).
        rows: the index of each item in `views`; -1 for items without views. Shape (N,).

    Raises:
        ValueError: if the sizes do not match.
    """

    source: Task
    x: Tensor
    y: Tensor
    views: Tensor
    rows: Tensor

    def __post_init__(self) -> None:
        n = len(self.x)
        if not len(self.y) == len(self.rows) == n or self.views.shape[2:] != self.x.shape[1:]:
            shape = (len(self.y), *self.views.shape[2:])
            advice = "Compute features and views with the same network."
            raise invalid("x", f"have shape {shape}", tuple(self.x.shape), advice)
        self.split.check(n)

    @property
    def _targets(self) -> Tensor:
        return self.y

    @classmethod
    def of(cls, source: Task, x: Tensor, views: Tensor, rows: Tensor) -> FeatureTask:
        """Create the task from its source and the precomputed features."""
        named = {item.name: getattr(source, item.name) for item in fields(Task)}
        y: Tensor = source.y  # type: ignore[attr-defined]
        more = {"in_channels": x.shape[1], "source": source, "y": y.to(x.device)}
        return cls(**(named | more), x=x, views=views, rows=rows)

    @former_arguments(part="split")
    def batches(
        self,
        split: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
        share: Share = ALONE,
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """Batches of features, their domain and their targets.

        Args:
            split: "train", "val" or "test".
            batch_size: items per batch; None for 32 in training and 256 otherwise.
            generator: shuffles the training split and chooses the version of each item.
            epoch: ignored.
            share: see `Task.batches`.

        Shapes:
            Yields: x (B, C) on a graph of B nodes without edges, or (B, C, H, W) on its grid.

        Raises:
            ValueError: if there is no such split or the batch size is not positive.
        """
        check_batches(split, batch_size, "items")
        index = torch.from_numpy(np.array(getattr(self.split, split)))
        if split == "train" and generator is not None:
            index = index[torch.randperm(len(index), generator=generator)]
            size = batch_size or TRAIN_BATCH
            there = send(index, self.x.device)  # one transfer for the whole epoch
            pairs = (split_into_batches(each, size, share[1]) for each in (there, index))
            for chosen, items in zip(*pairs, strict=True):
                version = torch.randint(len(self.views) + 1, (len(chosen),), generator=generator)
                own = own_part(len(items), share)
                yield self._batch(chosen[own], self._augmented(items[own], version[own]))
            return
        index = index[own_part(len(index), share)]
        for chosen in send(index, self.x.device).split(batch_size or _EVALUATION_BATCH):
            yield self._batch(chosen, None)

    @cached_property
    def _host_rows(self) -> Tensor:
        return self.rows.cpu()

    def _augmented(self, items: Tensor, version: Tensor) -> Tensor | None:
        """Position in the batch, view and row in it, of the items shown in an augmented view.

        Shapes:
            Output: (3, number of them).
        """
        rows = self._host_rows[items]
        found = ((version > 0) & (rows >= 0)).nonzero().flatten()
        return torch.stack([found, version[found] - 1, rows[found]]) if len(found) else None

    def _batch(self, there: Tensor, augmented: Tensor | None) -> tuple[Tensor, Domain, Tensor]:
        """A batch of original items, some of them replaced by augmented views."""
        x = self.x.index_select(0, there)
        if augmented is not None:
            place, view, row = send(augmented, x.device)
            x[place] = self.views[view, row]
        if x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)
            return x, Grid((x.shape[2], x.shape[3])), self.y[there]
        return x, _points(len(there), x.device), self.y[there]

    def is_labeled(self, split: SplitName) -> bool:
        """As in the source, for this split."""
        return replace(self.source, split=self.split).is_labeled(split)

    @property
    def target_statistics(self) -> tuple[Tensor, Tensor] | None:
        """As in the source, for this split."""
        return replace(self.source, split=self.split).target_statistics

    def input_description(self) -> dict[str, Any]:
        """As in the source."""
        return self.source.input_description()

    def with_seed(self, seed: int) -> Self:
        """The task itself, since its views exist for one split only."""
        return self

    def to(self, device: torch.device | str) -> Self:
        """The task with its tensors on `device`; itself if they are there already."""
        if self.x.device == full_device(device):
            return self
        moved = {name: getattr(self, name).to(device) for name in ("x", "y", "views", "rows")}
        return replace(self, **moved)


def _points(count: int, device: torch.device) -> Graph:
    """The domain of independent vectors: a graph without edges."""
    return Graph(torch.empty(2, 0, dtype=torch.int64, device=device), count)
