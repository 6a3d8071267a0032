"""A task whose signals are what a frozen network has already made of the items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from gnnvision.data import SplitName, Task
from gnnvision.data.batching import check_batches, split_into_batches
from gnnvision.domains import Domain, Graph, Grid
from gnnvision.domains.device import full_device, send

__all__ = ["FeatureTask"]

TRAIN_BATCH, _EVALUATION_BATCH = 32, 256


@dataclass(frozen=True, eq=False, kw_only=True)
class FeatureTask(Task):
    """The items of another task, each as a vector or a map of features.

    A training batch takes each item in one of its versions at random: as it is, or in one of
    the augmented views of it that were computed beforehand.

    Args:
        source: the task whose items these are.
        x: of every item as it is. Shape (N, C) or (N, C, H, W).
        y: the targets of every item, as those of the source.
        views: of the items that train, in augmented versions. Shape (V, M, C) or
            (V, M, C, H, W).
        rows: where in `views` an item is; -1 for one that has none. Shape (N,).

    Raises:
        ValueError: If the sizes do not agree.
    """

    source: Task
    x: Tensor
    y: Tensor
    views: Tensor
    rows: Tensor

    def __post_init__(self) -> None:
        n = len(self.x)
        if not len(self.y) == len(self.rows) == n or self.views.shape[2:] != self.x.shape[1:]:
            raise ValueError(
                f"'x' must have a row for each of {len(self.y)} targets and the shape of the "
                f"views, {tuple(self.views.shape[2:])}, got {tuple(self.x.shape)}. "
                "Compute both with the same network."
            )
        self.split.check(n)

    @property
    def _targets(self) -> Tensor:
        return self.y

    @classmethod
    def of(cls, source: Task, x: Tensor, views: Tensor, rows: Tensor) -> FeatureTask:
        """The features of a task's items."""
        named = {name: getattr(source, name) for name in Task.__dataclass_fields__}
        y: Tensor = source.y  # type: ignore[attr-defined]
        more = {"in_channels": x.shape[1], "source": source, "y": y.to(x.device)}
        return cls(**(named | more), x=x, views=views, rows=rows)

    def batches(
        self,
        part: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """Features of some items, where they live, and their targets.

        Args:
            part: "train", "val" or "test".
            batch_size: Items in a batch; None for 32 to train with and 256 otherwise.
            generator: Shuffles the training part and draws the version of each item.
            epoch: Not used.

        Shapes:
            Yields: x (B, C) on a graph of B nodes without edges, or (B, C, H, W) on its grid.

        Raises:
            ValueError: There is no such part, or the batch size is not positive.
        """
        check_batches(part, batch_size, "items")
        index = torch.from_numpy(np.array(getattr(self.split, part)))
        if part == "train" and generator is not None:
            index = index[torch.randperm(len(index), generator=generator)]
            size = batch_size or TRAIN_BATCH
            there = split_into_batches(
                send(index, self.x.device), size
            )  # once for the whole epoch
            for chosen, items in zip(there, split_into_batches(index, size), strict=True):
                version = torch.randint(len(self.views) + 1, (len(chosen),), generator=generator)
                yield self._batch(chosen, self._seen(items, version))
            return
        for chosen in send(index, self.x.device).split(batch_size or _EVALUATION_BATCH):
            yield self._batch(chosen, None)

    @cached_property
    def _host_rows(self) -> Tensor:
        return self.rows.cpu()

    def _seen(self, items: Tensor, version: Tensor) -> Tensor | None:
        """Places in a batch, views and their rows, for the items of another version than 0.

        Shapes:
            Output: (3, number of them).
        """
        rows = self._host_rows[items]
        seen = ((version > 0) & (rows >= 0)).nonzero().flatten()
        return torch.stack([seen, version[seen] - 1, rows[seen]]) if len(seen) else None

    def _batch(self, there: Tensor, seen: Tensor | None) -> tuple[Tensor, Domain, Tensor]:
        """Items as they are, but for those in one of their views."""
        x = self.x.index_select(0, there)
        if seen is not None:
            place, view, row = send(seen, x.device)
            x[place] = self.views[view, row]
        if x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)
            return x, Grid((x.shape[2], x.shape[3])), self.y[there]
        return x, _points(len(there), x.device), self.y[there]

    def is_labeled(self, part: SplitName) -> bool:
        """That of the source for this split."""
        return replace(self.source, split=self.split).is_labeled(part)

    @property
    def target_moments(self) -> tuple[Tensor, Tensor] | None:
        """Those of the source for this split."""
        return replace(self.source, split=self.split).target_moments

    def input_description(self) -> dict[str, Any]:
        """That of the source."""
        return self.source.input_description()

    def with_seed(self, seed: int) -> Self:
        """The task itself: its split is the one its views are of."""
        return self

    def to(self, device: torch.device | str) -> Self:
        """The task with its tensors on `device`; itself if they are there."""
        if self.x.device == full_device(device):
            return self
        moved = {name: getattr(self, name).to(device) for name in ("x", "y", "views", "rows")}
        return replace(self, **moved)


def _points(count: int, device: torch.device) -> Graph:
    """The domain of vectors that have nothing to do with one another."""
    return Graph(torch.empty(2, 0, dtype=torch.int64, device=device), count)
