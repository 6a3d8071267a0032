"""Errors of a training that fails: each cause with the advice for it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gnnvision.data import Task
from gnnvision.errors import invalid
from gnnvision.training.recipe import Recipe

__all__ = ["cause_of", "not_finite", "nothing_to_select"]

# Squares and products of larger numbers overflow float32, whose range ends at 3.4e38.
LARGE = 1e15
_MODERATE = "have finite values of moderate size"


def not_finite(task: Task, recipe: Recipe, epoch: int, loss: float, at_once: bool) -> ValueError:
    """The error for a training loss that is NaN or infinite.

    Args:
        task: the training task.
        recipe: the recipe.
        epoch: the epoch of the loss, from 1.
        loss: nan or inf.
        at_once: whether it is the loss of the very first batch, before any step.
    """
    diverged = f"the loss is {loss} in epoch {epoch}"
    for x, _, y in task.batches("train", recipe.batch_size):
        if found := _not_moderate(x):
            advice = "Fill or remove missing features, and scale them to mean 0 and std 1."
            return invalid("x", _MODERATE, f"{found}: {diverged}", advice)
        if y.is_floating_point() and (found := _not_moderate(y[~y.isnan()])):
            advice = "Give the targets in another unit, or take their logarithm."
            return invalid("y", _MODERATE, f"{found}: {diverged}", advice)
    if at_once:
        return invalid(
            "model",
            "return finite outputs",
            f"a loss of {loss} in the first batch, before any step",
            "Check its initialization and its layers; the learning rate is not the cause.",
        )
    return ValueError(
        f"loss diverged ({loss}) in epoch {epoch} with 'lr' = {recipe.lr:g}; lower the learning "
        "rate."
    )


def nothing_to_select(task: Task, recipe: Recipe) -> ValueError:
    """The error for a validation loss that was NaN or infinite in every epoch."""
    for x, _, _ in task.batches("val", recipe.batch_size):
        if found := _not_moderate(x):
            return invalid(
                "x",
                _MODERATE,
                f"{found} in the validation split, whose loss was not finite in any epoch",
                "Fill or remove missing features, and scale them.",
            )
    return ValueError(
        f"validation loss was not finite in any epoch with 'lr' = {recipe.lr:g}; lower the "
        "learning rate, or keep the last epoch with checkpoint_selection='last'."
    )


def cause_of(
    error: ValueError, task: Task, recipe: Recipe, epoch: int, items: int, at_once: bool
) -> ValueError | None:
    """The error that names the cause of an error of a layer; None if it is not known.

    The causes are a batch of one item in front of a batch norm, and diverged weights, after which
    a layer inside the network refuses its input.

    Args:
        error: the error of the layer.
        task: the training task.
        recipe: the recipe.
        epoch: from 1.
        items: size of the batch.
        at_once: whether no step has been taken yet.
    """
    if "must not contain NaN" in str(error):
        cause = not_finite(task, recipe, epoch, math.nan, at_once)
        # About the inputs the layer's own error is more precise.
        return None if str(cause).startswith("'x'") else cause
    if str(error).startswith("Expected more than 1 value per channel"):
        return invalid(
            "batch_size",
            "give batch norm at least two values for each channel",
            f"{items} item{'' if items == 1 else 's'} with one value per channel",
            "Use a larger batch size and at least two training items, or a network without "
            "batch norm.",
        )
    return None


def _not_moderate(values: Tensor) -> str:
    """Which values are not finite or too large to train with; empty if none is."""
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
    return f"values up to {most:.3g}" if most > LARGE else ""
