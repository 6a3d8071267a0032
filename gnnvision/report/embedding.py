"""The features of the items before and after the network, and their maps in the plane."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.report.observe import MOST_ITEMS, Observed
from gnnvision.report.tsne import Maps

__all__ = ["NEIGHBORS", "Embedding", "View", "embed_items"]

Array = NDArray[np.floating[Any]]
NEIGHBORS = 10
_FEWEST = 8
_MODERATE = (1e-6, 1e6)  # between them the largest value stays as it is


@dataclass(frozen=True)
class View:
    """One table of features.

    Args:
        name: "input" or "hidden".
        title: what the features are, as text.
        agreement: the share of each item's nearest neighbors that have its class; NaN if
            undefined.
    """

    name: str
    title: str
    agreement: float


@dataclass(frozen=True)
class Embedding:
    """The data of the t-SNE maps of a report.

    Args:
        items: the numbers of the items on the maps.
        views: the tables of features that can be mapped.
        infinite: the titles of the other tables, which contain values that are not finite.
        maps: a map of each view; another process may still be computing some of them.
    """

    items: Tensor
    views: Sequence[View]
    infinite: Sequence[str]
    maps: Maps


def embed_items(seen: Observed, item: str, features: int) -> Embedding:
    """The features before and after the network; starts to compute their maps.

    Args:
        seen: of the kept model.
        item: the word for one of them.
        features: how many the task has of each.
    """
    items = _sample(len(seen.target))
    target = seen.target[items]
    given, width = seen.given or f"{features:,} features", f"{seen.hidden.shape[1]:,} channels"
    found, infinite = [], []
    for name, signal, title in (
        ("input", seen.inputs, f"Before: the {given} of each {item}"),
        ("hidden", seen.hidden, f"After: the {width} entering layer {seen.layer}"),
    ):
        if signal is None:
            continue
        table = _rows(signal, items)
        values = _scaled(table.to_dense().numpy())
        if not np.isfinite(values).all():
            infinite.append(title)
        elif _can_map(values):
            found.append(
                (name, title, table if table.is_sparse else torch.from_numpy(values), values)
            )
    maps = Maps([values for *_, values in found])  # begun before the rest
    views = [View(name, title, _agreement(table, target)) for name, title, table, _ in found]
    return Embedding(items, views, infinite, maps)


def _sample(count: int) -> Tensor:
    """All numbers below `count`, or as many of them as a map can show, always the same."""
    if count <= MOST_ITEMS:
        return torch.arange(count)
    chosen = np.random.default_rng(0).choice(count, MOST_ITEMS, replace=False)
    return torch.from_numpy(np.sort(chosen))


def _rows(signal: Tensor, items: Tensor) -> Tensor:
    """One row of float32 an item, sparse where the signal is."""
    held = signal.to_sparse_coo() if signal.layout is torch.sparse_csr else signal
    rows = held.index_select(0, items).detach().float().cpu()
    return rows.coalesce() if rows.is_sparse else rows.flatten(1)


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


def _agreement(features: Tensor, target: Tensor) -> float:
    """Of each item's nearest ones, the share that has its class, over items with a class."""
    known = (target >= 0).nonzero().squeeze(1)
    count = min(NEIGHBORS, len(known) - 1)
    if count < 1:
        return math.nan
    rows, labels = features.index_select(0, known).double(), target[known]
    products = rows @ rows.to_dense().T.contiguous()  # which a sparse product wants
    squares = products.diagonal().clone()
    # |a - b|^2 without |a|^2, which is the same for all that a is compared with
    distances = products.mul_(-2).add_(squares)
    distances.fill_diagonal_(math.inf)
    nearest = distances.topk(count, largest=False, sorted=False).indices
    return float((labels[nearest] == labels[:, None]).double().mean())
