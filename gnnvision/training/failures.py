"""Why a training came to nothing: each cause with the advice that helps against it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gnnvision.data import Task
from gnnvision.training.recipe import Recipe

__all__ = ["causes_named", "not_finite", "nothing_to_choose"]

# Squares and products of larger numbers soon leave float32's range, which ends at 3.4e38.
LARGE = 1e15


def not_finite(task: Task, recipe: Recipe, epoch: int, loss: float, at_once: bool) -> ValueError:
    """The error for a training loss that is no finite number.

    Args:
        task: what was trained on.
        recipe: how.
        epoch: in which it happened, from 1.
        loss: nan or inf.
        at_once: whether the very first batch had it, before any step.
    """
    where = f"the loss was {loss} in epoch {epoch}"
    for x, _, y in task.batches("train", recipe.batch_size):
        if found := _unusable(x):
            return ValueError(
                f"'x' must hold finite numbers of moderate size, got {found}: {where}. "
                "Fill or remove missing features, and scale them to mean 0 and standard "
                "deviation 1."
            )
        if y.is_floating_point() and (found := _unusable(y[~y.isnan()])):
            return ValueError(
                f"'y' must hold finite numbers of moderate size, got {found}: {where}. "
                "Give the targets in another unit, or their logarithms."
            )
    if at_once:
        return ValueError(
            f"'model' must give finite outputs, got a loss of {loss} in the first batch, before "
            "any step. Check its first weights and its layers; the learning rate has no part in "
            "it."
        )
    return ValueError(
        f"'lr' must let the loss fall, got loss {loss} in epoch {epoch} with lr={recipe.lr:g}. "
        "Lower it."
    )


def nothing_to_choose(task: Task, recipe: Recipe) -> ValueError:
    """The error for a validation loss that was a number in no epoch."""
    for x, _, _ in task.batches("val", recipe.batch_size):
        if found := _unusable(x):
            return ValueError(
                "'x' must hold finite numbers of moderate size, got "
                f"{found} in the validation split, whose loss was in no epoch a number. Fill or "
                "remove missing features, and scale them."
            )
    return ValueError(
        f"'recipe' must lead to a validation loss that is a number, got nan in every epoch with "
        f"lr={recipe.lr:g}. Lower the learning rate, or keep the last epoch with select='last'."
    )


class causes_named:
    """Errors of layers inside the block name what led to them.

    That is a batch of one item for a batch norm, and weights that are no numbers where a layer
    inside the network complains of its signal.

    Args:
        task: what is trained on.
        recipe: how.
        epoch: from 1.
        items: in the batch.
        at_once: whether no step has been taken yet.
    """

    __slots__ = ("at_once", "epoch", "items", "recipe", "task")

    def __init__(self, task: Task, recipe: Recipe, epoch: int, items: int, at_once: bool) -> None:
        self.task, self.recipe, self.epoch = task, recipe, epoch
        self.items, self.at_once = items, at_once

    def __enter__(self) -> None:
        """Nothing is done before."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise the named error in place of the layer's own.

        Raises:
            ValueError: if that is what the layer raised.
        """
        if not isinstance(error, ValueError):
            return
        if "must not hold NaN" in str(error):
            cause = not_finite(self.task, self.recipe, self.epoch, math.nan, self.at_once)
            if not str(cause).startswith("'x'"):  # else the layer was right, and knows where
                raise cause from error
        elif str(error).startswith("Expected more than 1 value per channel"):
            raise ValueError(
                f"'batch_size' must give batch norm at least two values for each channel, got a "
                f"batch of {self.items} item{'' if self.items == 1 else 's'} with one. Use a "
                "larger batch size and at least two training items, or a network without batch "
                "norm."
            ) from error


def _unusable(values: Tensor) -> str:
    """What makes numbers useless to train with, in words; empty if nothing does."""
    if values.layout is torch.sparse_coo:
        values = values.coalesce().values()
    elif values.layout is not torch.strided:
        values = values.values()
    if not values.is_floating_point() or not values.numel():
        return ""
    bad = ~values.isfinite()
    if bad.any():
        first = float(values[bad][0])
        return f"{first} ({int(bad.sum()):,} of {values.numel():,} values are not finite)"
    most = float(values.abs().max())
    return f"values up to {most:.3g}" if most > LARGE and math.isfinite(most) else ""
