"""What is checked before a training: that recipe and split fit the task, that labels exist."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from gnnvision.data import NodeTask, ReconstructionTask, Task
from gnnvision.layers.calling import one_tensor
from gnnvision.training.objective import UNLABELED, Objective
from gnnvision.training.recipe import Recipe

__all__ = ["can_choose", "check_output", "check_recipe", "check_split", "without_validation"]

WORDS = {"train": "training", "val": "validation", "test": "test"}


def check_output(model: nn.Module, output: object, task: Task, y: Tensor) -> None:
    """What a model gives for a batch of training is an answer for each item.

    Args:
        model: that gave it.
        output: of the first batch.
        task: what is trained on.
        y: the targets of the batch.

    Raises:
        TypeError: if it is no tensor.
        ValueError: if it has not a row for each item and a column for each class or target.
    """
    shape = tuple(one_tensor(output, model).shape)
    if isinstance(task, ReconstructionTask):
        return
    columns = task.num_outputs
    fits = [(len(y), columns), *([(len(y),)] if columns == 1 else [])]
    if shape not in fits:
        what = "class" if task.kind == "classification" else "target"
        items = "node" if isinstance(task, NodeTask) else "item"
        raise ValueError(
            f"'model' must return a row for each {items} and a column for each {what}, shape "
            f"{fits[0]}, got {shape} from {type(model).__name__}. Give it {columns} "
            "outputs, and end it with a readout (of images, pooling and nn.Flatten)."
        )


def check_recipe(recipe: Recipe, task: Task, goal: Objective) -> None:
    """Every setting of the recipe has an effect on this kind of task.

    Raises:
        ValueError: if one has none.
    """
    if recipe.label_smoothing and not goal.smooths:
        raise ValueError(
            f"'label_smoothing' must be 0 for a regression, got {recipe.label_smoothing:g}. "
            "Numbers are no labels: leave it out."
        )
    if recipe.coarse and task.low_resolution() is task:
        raise ValueError(
            f"'coarse' must be 0 for a {type(task).__name__}, which has no form with less "
            f"detail, got {recipe.coarse:g}. Leave it out: it is for classes of images."
        )
    if recipe.batch_size is not None and isinstance(task, NodeTask):
        raise ValueError(
            f"'batch_size' must be None for the nodes of one graph, got {recipe.batch_size}. "
            "Leave it out: a node needs its neighbors, so all are one batch."
        )


def check_split(task: Task, recipe: Recipe) -> None:
    """There is something to train on and to choose by, and every label is one of the classes.

    Raises:
        ValueError: if not.
    """
    y = getattr(task, "y", None)
    if task.kind == "classification" and isinstance(y, Tensor):
        _check_range(task, y)
    if not len(task.split.train):
        raise ValueError(
            "'split' must hold training items, got none. Give the training split some."
        )
    if recipe.select != "last" and not len(task.split.val):
        raise ValueError(
            f"'recipe' must select the last epoch of a task without a validation part, got "
            f"select={recipe.select!r}. Use Recipe(select='last')."
        )
    if not isinstance(y, Tensor):
        return
    known = {part: _known(task, y, part) for part in ("train", "val")}
    if not known["train"]:
        raise ValueError(
            f"'y' must hold known labels in the training split, got none for its "
            f"{len(task.split.train):,} items. Give it items whose targets are known."
        )
    if recipe.select != "last" and not known["val"]:
        raise ValueError(
            f"'recipe' must select the last epoch where no label of the validation split is "
            f"known, got select={recipe.select!r}. Use Recipe(select='last'), or give the "
            "validation split items whose targets are known."
        )


def can_choose(task: Task) -> bool:
    """Whether the validation split has a known target, by which an epoch can be chosen."""
    y = getattr(task, "y", None)
    held = len(task.split.val) > 0
    return held and (not isinstance(y, Tensor) or _known(task, y, "val"))


def without_validation(recipe: Recipe) -> Recipe:
    """The recipe for a task that has nothing to choose an epoch by: the last one is kept."""
    return replace(recipe, select="last", patience=None)


def _known(task: Task, y: Tensor, part: str) -> bool:
    held = y[torch.tensor(getattr(task.split, part), device=y.device)]
    return bool(((held != UNLABELED) if task.kind == "classification" else ~held.isnan()).any())


def _check_range(task: Task, y: Tensor) -> None:
    wrong = (y != UNLABELED) & ((y < 0) | (y >= task.num_outputs))
    if not wrong.any():
        return
    item = int(wrong.nonzero()[0])
    part = next((word for p, word in WORDS.items() if item in getattr(task.split, p)), "")
    place = f"item {item}{f' of the {part} split' if part else ''}"
    more = f" ({int(wrong.sum()):,} are out of range)" if wrong.sum() > 1 else ""
    raise ValueError(
        f"'y' must hold labels from 0 to {task.num_outputs - 1}, or {UNLABELED} for none, got "
        f"{int(y[item])} at {place}{more}. Correct it, or name as many classes as there are."
    )
