"""Small tasks of every kind, made on the spot, that `fit` must train without knowing which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

import gnnvision as gv
from gnnvision.data import Card, Split, SplitName, Task
from gnnvision.domains import Domain


@dataclass(frozen=True, eq=False, kw_only=True)
class ItemTask(Task):
    """Items with a signal each, batched by `collate`."""

    signals: list[Tensor]
    domains: list[Domain]
    y: Tensor

    def batches(
        self,
        split: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        items = torch.from_numpy(np.array(getattr(self.split, split)))
        if generator is not None:
            items = items[torch.randperm(len(items), generator=generator)]
        for chunk in items.split(batch_size or len(items)):
            x = [self.signals[i] for i in chunk]
            if isinstance(self.domains[0], gv.Graph):
                graph = gv.Graph.batch([self.domains[i] for i in chunk])
                yield torch.cat(x), graph, self.y[chunk]
            else:
                yield torch.stack(x), self.domains[0], self.y[chunk]

    def with_seed(self, seed: int) -> ItemTask:
        return self

    def to(self, device: torch.device | str) -> ItemTask:
        return self


def _task(
    kind: Literal["classification", "regression", "multilabel"],
    signals: list[Tensor],
    domains: list[Domain],
    y: Tensor,
    outputs: int,
    channels: int,
) -> ItemTask:
    n = len(y)
    order = np.arange(n)
    card = replace(gv.data.describe("karate"), name="made", title="Made")
    return ItemTask(
        name="made",
        requested="made",
        kind=kind,
        in_channels=channels,
        num_outputs=outputs,
        class_names=tuple(f"class {i}" for i in range(outputs)),
        split=Split("public", order[: n // 2], order[n // 2 : 3 * n // 4], order[3 * n // 4 :]),
        card=card,
        data_hash="0" * 64,
        signals=signals,
        domains=domains,
        y=y,
    )


def pictures(n: int = 160) -> ItemTask:
    """Which half of a picture is brighter: 2 classes."""
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 2, (n,), generator=generator)
    x = torch.rand(n, 1, 8, 8, generator=generator)
    x[y == 0, :, :, :4] += 0.5
    x[y == 1, :, :, 4:] += 0.5
    return _task("classification", list(x), [gv.Grid((8, 8))] * n, y, 2, 1)


def rings(n: int = 120, missing: bool = True) -> ItemTask:
    """The mean of the features on rings of several sizes: a number, some of them missing."""
    generator = torch.Generator().manual_seed(1)
    sizes = torch.randint(3, 9, (n,), generator=generator).tolist()
    signals = [torch.rand(size, 2, generator=generator) for size in sizes]
    graphs: list[Domain] = [
        gv.Graph.from_edges([(i, (i + 1) % s) for i in range(s)], s, undirected=True)
        for s in sizes
    ]
    y = torch.stack([x.mean(0)[:1] for x in signals])
    if missing:
        y[::7] = torch.nan
    return _task("regression", signals, graphs, y, 1, 2)


def labels(n: int = 160) -> ItemTask:
    """Two questions about a graph at once, some answers unknown."""
    task = rings(n, missing=False)
    mean = torch.stack([x.mean(0) for x in task.signals])
    y = (mean > 0.5).float()
    y[::5, 1] = torch.nan
    return replace(task, kind="multilabel", y=y, num_outputs=2, class_names=("a", "b"))


__all__ = ["Card", "ItemTask", "labels", "pictures", "rings"]
