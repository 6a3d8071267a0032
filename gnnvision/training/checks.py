"""Checks before a training: the recipe, the split, the labels and the model fit the task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from gnnvision.data import NodeTask, ReconstructionTask, Task
from gnnvision.domains import StoredGraph
from gnnvision.errors import invalid
from gnnvision.layers.calling import one_tensor
from gnnvision.training.objective import UNLABELED, Objective
from gnnvision.training.recipe import Recipe

__all__ = [
    "can_choose",
    "check_first_block",
    "check_output",
    "check_recipe",
    "check_split",
    "without_validation",
]

SPLIT_NAMES = {"train": "training", "val": "validation", "test": "test"}


def check_output(model: nn.Module, output: object, task: Task, y: Tensor) -> None:
    """Check that an output has a row for each item and a column for each class or target.

    Args:
        model: the model that computed the output.
        output: of the first training batch.
        task: the training task.
        y: the targets of the batch.

    Raises:
        TypeError: if the output is not a tensor.
        ValueError: if it does not have a row for each item and a column for each class or target.
    """
    shape = tuple(one_tensor(output, model).shape)
    if isinstance(task, ReconstructionTask):
        return
    columns = task.num_outputs
    fits = [(len(y), columns), *([(len(y),)] if columns == 1 else [])]
    if shape not in fits:
        column = "class" if task.kind == "classification" else "target"
        row = "node" if isinstance(task, NodeTask) else "item"
        raise invalid(
            "model",
            f"return a row for each {row} and a column for each {column}, shape {fits[0]}",
            f"{shape} from {type(model).__name__}",
            f"Give it {columns} outputs, after a readout (for images, pooling and nn.Flatten).",
        )


def check_recipe(recipe: Recipe, task: Task, goal: Objective) -> None:
    """Check that every setting of the recipe has an effect on this kind of task.

    Raises:
        ValueError: if one has none; the message names it.
    """
    if recipe.label_smoothing and not goal.smooths:
        raise invalid(
            "label_smoothing",
            "be 0 for a regression task",
            f"{recipe.label_smoothing:g}",
            "Leave it out: only classes and multi-label targets can be smoothed.",
        )
    if recipe.progressive_resizing and task.low_resolution() is task:
        raise invalid(
            "progressive_resizing",
            f"be 0 for a {type(task).__name__}, which has no images to resize",
            recipe.progressive_resizing,
            "Leave it out: it is for image classification.",
        )
    if recipe.ema_span and recipe.batch_size is None and not isinstance(task, NodeTask):
        raise invalid(
            "ema_span",
            "be 0 without 'batch_size', on which the number of training steps depends",
            recipe.ema_span,
            "Set batch_size, or use ema_decay.",
        )
    if recipe.is_sampled and not isinstance(task, NodeTask):
        raise invalid(
            "clusters" if recipe.fanouts is None else "fanouts",
            f"be None for a {type(task).__name__}",
            recipe.clusters if recipe.fanouts is None else recipe.fanouts,
            "Leave it out: it is for the nodes of one graph.",
        )
    if isinstance(task, NodeTask) and task.loader is not None and recipe.fanouts is None:
        raise invalid(
            "loader",
            "be None without 'fanouts', which it is called with",
            type(task.loader).__name__,
            "Use Recipe(fanouts=(15, 10), batch_size=1024), or leave the loader out.",
        )
    if not recipe.is_sampled and isinstance(task, NodeTask):
        if recipe.batch_size is not None:
            raise invalid(
                "batch_size",
                "be None for the nodes of one graph without 'fanouts'",
                recipe.batch_size,
                "Leave it out: a node needs its neighbors, so all nodes are one batch; or give "
                "fanouts=(15, 10) to draw some neighbors of each.",
            )
        if isinstance(task.graph, StoredGraph):
            raise invalid(
                "fanouts",
                "be given for a graph that is not held in memory",
                None,
                "Use Recipe(fanouts=(15, 10), batch_size=1024), one number for each convolution.",
            )


def check_first_block(recipe: Recipe, model: nn.Module, first: Sequence[nn.Parameter]) -> None:
    """Check that a model has a first block to freeze, and other weights to train.

    Raises:
        ValueError: if not.
    """
    own = {id(parameter) for parameter in first}
    others = [p for p in model.parameters() if p.requires_grad and id(p) not in own]
    if not first or not others:
        raise invalid(
            "freeze_first_block",
            "be 0 for a model without trainable blocks before a dense layer at its end",
            f"{recipe.freeze_first_block:g} for {type(model).__name__}",
            "Leave it out.",
        )


def check_split(task: Task, recipe: Recipe) -> None:
    """Check that a split has labels to train on and to select by, and that labels are in range.

    Raises:
        ValueError: with what is missing or wrong.
    """
    y = getattr(task, "y", None)
    if task.kind == "classification" and isinstance(y, Tensor):
        _check_labels(task, y)
    selection = recipe.checkpoint_selection
    got = f"checkpoint_selection={selection!r}"
    if not len(task.split.train):
        raise invalid("split", "have training items", "none", "Put some items into 'train'.")
    if selection != "last" and not len(task.split.val):
        raise invalid(
            "recipe",
            "select the last epoch if the validation split is empty",
            got,
            "Use Recipe(checkpoint_selection='last').",
        )
    if recipe.evaluate_every is not None and not len(task.split.test):
        raise invalid(
            "evaluate_every", "be None for an empty test split", recipe.evaluate_every,
            "Leave it out.",
        )  # fmt: skip
    if not isinstance(y, Tensor):
        return
    if not _any_known(task, y, "train"):
        raise invalid(
            "y",
            "have known labels in the training split",
            f"none for its {len(task.split.train):,} items",
            "Put items with known labels into it.",
        )
    if selection != "last" and not _any_known(task, y, "val"):
        raise invalid(
            "recipe",
            "select the last epoch if the validation split has no known labels",
            got,
            "Use Recipe(checkpoint_selection='last'), or put items with known labels into it.",
        )


def can_choose(task: Task) -> bool:
    """Whether the validation split has a known target, so that it can select an epoch."""
    y = getattr(task, "y", None)
    return len(task.split.val) > 0 and (not isinstance(y, Tensor) or _any_known(task, y, "val"))


def without_validation(recipe: Recipe) -> Recipe:
    """The recipe for a task without validation labels: it keeps the last epoch."""
    return replace(recipe, checkpoint_selection="last", patience=None)


def _any_known(task: Task, y: Tensor, part: str) -> bool:
    labels = y[torch.tensor(getattr(task.split, part), device=y.device)]
    is_known = labels != UNLABELED if task.kind == "classification" else ~labels.isnan()
    return bool(is_known.any())


def _check_labels(task: Task, y: Tensor) -> None:
    wrong = (y != UNLABELED) & ((y < 0) | (y >= task.num_outputs))
    if not wrong.any():
        return
    item = int(wrong.nonzero()[0])
    names = (name for part, name in SPLIT_NAMES.items() if item in getattr(task.split, part))
    place = f"item {item}{''.join(f' of the {name} split' for name in names)}"
    count = f" ({int(wrong.sum()):,} labels are out of range)" if wrong.sum() > 1 else ""
    raise invalid(
        "y",
        f"have labels from 0 to {task.num_outputs - 1}, or {UNLABELED} for unlabeled items",
        f"{int(y[item])} for {place}{count}",
        "Correct the labels, or give as many class names as there are classes.",
    )
