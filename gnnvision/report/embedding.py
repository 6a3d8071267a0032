"""The features of the items before and after the network, and their maps in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gnnvision.data import NodeTask
from gnnvision.report.observe import MOST_ITEMS, Observed
from gnnvision.report.tsne import Array, Labels, Maps

__all__ = ["Embedding", "View", "begin_inputs", "embed_items"]

_FEWEST = 8
_MODERATE = (1e-6, 1e6)  # between them the largest value stays as it is


@dataclass(frozen=True)
class View:
    """One table of features.

    Args:
        name: "input" or "hidden".
        title: what the features are, as text.
        table: the features of the items on the maps. Shape (n, C).
    """

    name: str
    title: str
    table: Array


@dataclass(frozen=True)
class Embedding:
    """What the maps of a report are drawn from.

    Args:
        items: the numbers of the items on the maps.
        views: the tables of features that can be mapped.
        infinite: the titles of the other tables, which contain values that are not finite.
        labels: the true class of each item on the maps, negative where unknown.
        maps: of the views; another process may still be computing some of them.
    """

    items: Tensor
    labels: Labels
    views: Sequence[View]
    infinite: Sequence[str]
    maps: Maps


def embed_items(seen: Observed, item: str, features: int, maps: Maps | None = None) -> Embedding:
    """The features before and after the network; starts to compute their maps.

    Args:
        seen: of the kept model.
        item: the word for one of them.
        features: how many the task has of each.
        maps: those begun before; new ones if not given.
    """
    maps = Maps() if maps is None else maps
    items = _sample(len(seen.target))
    labels = seen.target[items].numpy()
    given, width = seen.given or f"{features:,} features", f"{seen.hidden.shape[1]:,} channels"
    views, infinite = [], []
    for name, signal, title in (
        ("input", seen.inputs, f"Before: the {given} of each {item}"),
        ("hidden", seen.hidden, f"After: the {width} entering layer {seen.layer}"),
    ):
        if signal is None:
            continue
        table = _table(signal, items)
        if not np.isfinite(table).all():
            infinite.append(title)
        elif _can_map(table):
            maps.add(table, labels)
            views.append(View(name, title, table))
    return Embedding(items, labels, views, infinite, maps)


def begin_inputs(task: NodeTask, maps: Maps) -> None:
    """Begin the map of the input features, which do not depend on the model."""
    items = _sample(len(task.y))
    table = _table(task.x.cpu(), items)
    if np.isfinite(table).all() and _can_map(table):
        maps.add(table, task.y.cpu()[items].numpy())


def _sample(count: int) -> Tensor:
    """All numbers below `count`, or as many of them as a map can show, always the same."""
    if count <= MOST_ITEMS:
        return torch.arange(count)
    chosen = np.random.default_rng(0).choice(count, MOST_ITEMS, replace=False)
    return torch.from_numpy(np.sort(chosen))


def _table(signal: Tensor, items: Tensor) -> Array:
    """One dense row of float32 an item, scaled."""
    held = signal.to_sparse_coo() if signal.layout is torch.sparse_csr else signal
    return _scaled(
        held.index_select(0, items).detach().to_dense().float().cpu().flatten(1).numpy()
    )


def _scaled(features: Array) -> Array:
    """The same with values of moderate size: distances of larger ones leave float32's range.

    Those that are of moderate size stay as they are.
    """
    most = float(np.abs(features).max(initial=0.0))
    if not np.isfinite(most) or _MODERATE[0] < most < _MODERATE[1]:
        return features
    scaled: Array = (features.astype(np.float64) / (most or 1.0)).astype(np.float32)
    return scaled


def _can_map(features: Array) -> bool:
    rows, columns = features.shape
    return rows >= _FEWEST and columns >= 2 and float(features.std(0).max()) > 1e-12
