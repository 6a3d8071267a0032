"""Similarity of a task to the data a backbone was trained on, measured without training."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from gnnvision._extras import require_extra
from gnnvision.data import Split, Task
from gnnvision.training.measures import format_number, mean
from gnnvision.training.seeds import fresh_model, seeded
from gnnvision.transfer.backbone import Backbone
from gnnvision.transfer.features import FrozenFeatures, frozen_features

__all__ = ["Similarity", "similarity"]

_ITEMS = 100
_NEIGHBORS = 5
_FOLDS = 5
_SEED = 0


@dataclass(frozen=True)
class Similarity:
    """The share of errors with random features that the backbone's features avoid.

    Args:
        value: 1 - (1 - trained) / (1 - untrained), at least 0. 0: the weights do not help;
            1: they separate everything. NaN where it is undefined: for fewer than 10 items, or
            for constant targets.
        trained: k-nearest-neighbor score with the backbone's features: accuracy, or R².
        untrained: the same with features of this network with random weights.
        metric: "accuracy" or "R²".
        items: number of training items used.
    """

    value: float
    trained: float
    untrained: float
    metric: str
    items: int

    def __str__(self) -> str:
        scores = (
            f"{format_number(self.trained, 3)} with pretrained and "
            f"{format_number(self.untrained, 3)} with random weights"
        )
        return (
            f"similarity {format_number(self.value, 2)}: {self.metric} of "
            f"{_NEIGHBORS}-nearest-neighbor prediction on {self.items} training items is {scores}"
        )


def similarity(
    backbone: Backbone,
    task: Task,
    frozen: FrozenFeatures | None = None,
    progress: bool = True,
) -> Similarity:
    """Measure how well a backbone's features already predict the targets of a task.

    Up to 100 training items are predicted by 5-nearest-neighbor cross-validation with cosine
    distance, once with the features of the backbone and once with those of the same network with
    random weights. The validation and test splits are not used.

    Args:
        backbone: with its pretrained weights.
        task: after the backbone's preprocessing.
        frozen: its features, if they are computed already.
        progress: whether to show progress bars.
    """
    train = np.array(task.split.train)
    rng = np.random.default_rng(_SEED)
    items = np.sort(rng.permutation(train)[:_ITEMS])
    few = replace(task, split=Split("similarity", items, [], []))
    if frozen is None:
        frozen = frozen_features(backbone, few, progress=progress)
    blank = copy.deepcopy(backbone)
    with seeded(_SEED):
        blank.network = fresh_model(blank.network, reset=True)
    label = " with random weights, to compare"
    untrained = frozen_features(blank, few, progress=progress, label=label)
    assert frozen is not None
    assert untrained is not None
    y = task.y[torch.from_numpy(items).to(task.y.device)].cpu()  # type: ignore[attr-defined]
    trained, before = (
        _score(features.task.x[items].flatten(1).cpu().double().numpy(), y.numpy(), task.kind)
        for features in (frozen, untrained)
    )
    value = _avoided(1 - trained, 1 - before)
    metric = "accuracy" if task.kind == "classification" else "R²"
    return Similarity(value, trained, before, metric, len(items))


def _avoided(error: float, baseline: float) -> float:
    """The share of the baseline's errors that are avoided; NaN if either is undefined."""
    if math.isnan(error) or math.isnan(baseline):
        return math.nan
    if error == 0:
        return 1.0
    return max(0.0, 1 - error / baseline) if baseline > 0 else 0.0


def _score(x: NDArray[np.float64], y: NDArray[np.generic], kind: str) -> float:
    """Cross-validated k-nearest-neighbor accuracy, or mean over the targets of R² (at least 0).

    NaN where it is undefined.
    """
    require_extra("report", "Cross-validation", "sklearn")
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    x = np.nan_to_num(x)
    if len(x) < 2 * _FOLDS:
        return math.nan
    x = (x - x.mean(0)) / np.maximum(x.std(0), 1e-12)
    if kind == "classification":
        rarest = int(np.unique(y, return_counts=True)[1].min())
        folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=_SEED)
        if rarest < _FOLDS:
            folds = KFold(_FOLDS, shuffle=True, random_state=_SEED)
        model = KNeighborsClassifier(_NEIGHBORS, metric="cosine", algorithm="brute")
        predicted = cross_val_predict(model, x, y, cv=folds)
        return float((predicted == y).mean())
    columns = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
    shares = []
    for column in columns.T:
        here = ~np.isnan(column)
        if here.sum() < 2 * _FOLDS or column[here].std() == 0:
            continue
        model = KNeighborsRegressor(_NEIGHBORS, metric="cosine", algorithm="brute")
        folds = KFold(_FOLDS, shuffle=True, random_state=_SEED)
        predicted = cross_val_predict(model, x[here], column[here], cv=folds)
        error = np.square(predicted - column[here]).mean() / column[here].var()
        shares.append(max(0.0, 1 - float(error)))
    return mean(shares)
