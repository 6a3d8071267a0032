"""How alike a task is to what a backbone was trained on, measured without training anything."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from gnnvision.data import Split, Task
from gnnvision.training.measures import format_number, mean
from gnnvision.training.seeds import fresh_model, seeded
from gnnvision.transfer.backbone import Backbone
from gnnvision.transfer.features import Frozen, frozen_part

__all__ = ["Similarity", "similarity"]

_ITEMS = 100
_NEIGHBORS = 5
_FOLDS = 5
_SEED = 0


@dataclass(frozen=True)
class Similarity:
    """The share of the mistakes of untrained features that the trained ones avoid.

    Args:
        value: 1 - (1 - trained) / (1 - untrained), at least 0: 0, the weights help nothing here;
            1, they separate everything. NaN where it is undefined: for fewer than 10 items, or
            for targets that do not vary.
        trained: score of the nearest neighbors by the backbone's features: accuracy, or R².
        untrained: the same by those of a network of this kind with random weights.
        metric: "accuracy" or "R²".
        items: how many training items it was measured on.
    """

    value: float
    trained: float
    untrained: float
    metric: str
    items: int

    def __str__(self) -> str:
        scores = (
            f"{format_number(self.trained, 3)} by its features, "
            f"{format_number(self.untrained, 3)} by untrained ones"
        )
        return (
            f"similarity {format_number(self.value, 2)}: {self.metric} of the {_NEIGHBORS} "
            f"nearest neighbors among {self.items} training items is {scores}"
        )


def similarity(backbone: Backbone, task: Task, frozen: Frozen | None = None) -> Similarity:
    """Measure how much of what the task asks for is already in a backbone's features.

    Each of up to 100 training items is answered by the five others in other folds whose
    features point into the nearest direction; the same with the features of the network as it
    was before any training, which know the input and nothing else. Neither the validation nor
    the test part is looked at.

    Args:
        backbone: with its weights.
        task: as its preprocessing made it.
        frozen: the features, if they have been computed before.
    """
    train = np.array(task.split.train)
    rng = np.random.default_rng(_SEED)
    items = np.sort(rng.permutation(train)[:_ITEMS])
    few = replace(task, split=Split("similarity", items, [], []))
    if frozen is None:
        frozen = frozen_part(backbone, few)
    blank = copy.deepcopy(backbone)
    with seeded(_SEED):
        blank.network = fresh_model(blank.network, reset=True)
    untrained = frozen_part(blank, few)
    assert frozen is not None
    assert untrained is not None
    y = task.y[torch.from_numpy(items).to(task.y.device)].cpu()  # type: ignore[attr-defined]
    trained, before = (
        _score(part.task.x[items].flatten(1).cpu().double().numpy(), y.numpy(), task.kind)
        for part in (frozen, untrained)
    )
    value = _avoided(1 - trained, 1 - before)
    metric = "accuracy" if task.kind == "classification" else "R²"
    return Similarity(value, trained, before, metric, len(items))


def _avoided(mistakes: float, before: float) -> float:
    """The share of the mistakes before that are avoided; NaN where one is undefined."""
    if math.isnan(mistakes) or math.isnan(before):
        return math.nan
    if mistakes == 0:
        return 1.0
    return max(0.0, 1 - mistakes / before) if before > 0 else 0.0


def _score(x: NDArray[np.float64], y: NDArray[np.generic], kind: str) -> float:
    """Accuracy of neighbors, or the mean over the targets of their R², each at least 0.

    NaN where nothing can be measured.
    """
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    x = np.nan_to_num(x)
    if len(x) < 2 * _FOLDS:
        return math.nan
    x = (x - x.mean(0)) / np.maximum(x.std(0), 1e-12)
    if kind == "classification":
        few = int(np.unique(y, return_counts=True)[1].min())
        parts = StratifiedKFold(_FOLDS, shuffle=True, random_state=_SEED)
        if few < _FOLDS:
            parts = KFold(_FOLDS, shuffle=True, random_state=_SEED)
        model = KNeighborsClassifier(_NEIGHBORS, metric="cosine", algorithm="brute")
        said = cross_val_predict(model, x, y, cv=parts)
        return float((said == y).mean())
    columns = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
    shares = []
    for column in columns.T:
        here = ~np.isnan(column)
        if here.sum() < 2 * _FOLDS or column[here].std() == 0:
            continue
        model = KNeighborsRegressor(_NEIGHBORS, metric="cosine", algorithm="brute")
        folds = KFold(_FOLDS, shuffle=True, random_state=_SEED)
        said = cross_val_predict(model, x[here], column[here], cv=folds)
        error = np.square(said - column[here]).mean() / column[here].var()
        shares.append(max(0.0, 1 - float(error)))
    return mean(shares)
