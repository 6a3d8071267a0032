"""Weights of the classes in the loss, for data in which some classes are rare."""

from __future__ import annotations

import torch
from torch import Tensor

from gnnvision.data import Task
from gnnvision.errors import invalid
from gnnvision.training.recipe import Recipe

__all__ = ["class_counts", "class_weights"]


def class_weights(task: Task, recipe: Recipe | None) -> Tensor | None:
    """The weight of each class, or of the positives of each binary target; None for no weights.

    "balanced" gives a class with n of the N training labels of C classes the weight N / (C n),
    and the positives of a binary target the ratio of its negatives to its positives. A class
    without training labels has weight 1.

    Args:
        task: the task, with the split of the seed.
        recipe: has the setting `class_weights`; no weights if None.

    Shapes:
        Output: (num_outputs,).

    Raises:
        ValueError: if the task is a regression, or the number of weights does not fit it.
    """
    setting = "none" if recipe is None else recipe.class_weights
    if setting == "none":
        return None
    if task.kind == "regression":
        advice = "Leave it out: it is for classes and multi-label targets."
        raise invalid("class_weights", "be 'none' for a regression task", setting, advice)
    if setting != "balanced":
        if len(setting) != task.num_outputs:
            word = "classes" if task.kind == "classification" else "targets"
            condition = f"have one weight for each of the {task.num_outputs} {word}"
            raise invalid("class_weights", condition, len(setting), "Give them in their order.")
        return torch.tensor(setting)
    counts = class_counts(task)
    if counts is None:
        advice = "Give the weights of the classes as numbers."
        got = f"a {type(task).__name__} without them"
        raise invalid("class_weights", "be given for a task with labels", got, advice)
    if task.kind == "classification":
        occurring = int((counts > 0).sum())
        weights = counts.sum() / (max(occurring, 1) * counts)
    else:
        weights = counts[0] / counts[1]
    is_usable = weights.isfinite() & (weights > 0)
    return torch.where(is_usable, weights, torch.ones_like(weights)).float()


def class_counts(task: Task) -> Tensor | None:
    """The number of training labels of each class, or the negatives and positives of each target.

    Shapes:
        Output: (num_outputs,) for classes, (2, num_outputs) for binary targets; None if the task
        does not have its labels in one tensor `y`.
    """
    y = getattr(task, "y", None)
    if not isinstance(y, Tensor):
        return None
    train = y.detach().cpu()[torch.tensor(task.split.train)]
    if task.kind == "classification":
        here = train[(train >= 0) & (train < task.num_outputs)]
        return torch.bincount(here.long(), minlength=task.num_outputs).double()
    train = train.reshape(len(train), -1)
    return torch.stack([(train == 0).sum(0), (train == 1).sum(0)]).double()
