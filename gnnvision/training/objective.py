"""The objective of a kind of task: its loss, its metrics, and which targets are known."""

from __future__ import annotations

import torch
from torch import Tensor

from gnnvision.data import NodeTask, Task
from gnnvision.errors import invalid
from gnnvision.training.class_weights import class_counts, class_weights
from gnnvision.training.objective_base import Loss, Metric, Objective
from gnnvision.training.objective_classes import UNLABELED, Classification
from gnnvision.training.objective_columns import Multilabel, Regression
from gnnvision.training.recipe import Recipe

__all__ = [
    "UNLABELED",
    "Loss",
    "Metric",
    "Objective",
    "concatenate",
    "objective",
    "to_predictions",
]


def to_predictions(kind: str, output: Tensor) -> Tensor:
    """The values of a regression, otherwise the probabilities of the classes or labels.

    Args:
        kind: kind of the task.
        output: output of a model. Shape (B, num_outputs).

    Returns:
        The predictions. Shape (B, num_outputs).
    """
    match kind:
        case "classification":
            return output.softmax(1)
        case "multilabel":
            return output.sigmoid()
        case "regression":
            return output
    raise invalid("kind", "be classification, multilabel or regression", repr(kind))


def objective(
    task: Task,
    recipe: Recipe | None = None,
    loss: Loss | None = None,
    metric: str | Metric | None = None,
) -> Objective:
    """The objective of a task, by its kind.

    Args:
        task: the task, with the split of the seed: class weights are those of its training split.
        recipe: has the class weights; none if None.
        loss: a loss of your own, a function (output, target) -> scalar, in place of that of the
            kind of task. It gets the rows with a known target.
        metric: the metric by which epochs are compared: a name among those of the kind of task,
            or a `Metric` of your own; the first of the kind if None.

    Raises:
        TypeError: if the loss or the metric is of the wrong type.
        ValueError: if the metric is unknown, or the class weights do not fit the task or the
            loss.
    """
    weights = class_weights(task, recipe)
    if loss is not None and recipe is not None:
        for name, unset in (("class_weights", "none"), ("label_smoothing", 0.0)):
            if (value := getattr(recipe, name)) != unset:
                condition = f"be {unset!r} with a loss of your own"
                raise invalid(name, condition, repr(value), "Let the loss do it.")
    by_node = isinstance(task, NodeTask)
    match task.kind:
        case "classification":
            counts = class_counts(task) if task.num_outputs == 2 else None
            rarer = None if counts is None or counts[0] == counts[1] else int(counts.argmin())
            return Classification(metric, loss, by_node, task.num_outputs, weights, rarer)
        case "multilabel":
            return Multilabel(metric, loss, by_node, weights)
        case _:
            moments = task.target_statistics
            spread = None if moments is None else moments[1]
            return Regression(metric, loss, by_node, spread)


def concatenate(outputs: list[Tensor], targets: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The outputs and the targets of all batches, in one tensor each."""
    if len(outputs) == 1:
        return outputs[0], targets[0]
    return torch.cat(outputs), torch.cat(targets)
