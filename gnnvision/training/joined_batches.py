"""The next batches of several seeds as one: the same for all, or stacked."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gnnvision.domains import Domain, Grid
from gnnvision.training.seed_run import SeedRun

__all__ = ["Alone", "Batch", "is_shared", "joined", "next_batch"]

Batch = tuple[Tensor, Domain, Tensor]


class Alone(Exception):
    """Seeds that cannot be trained side by side; the reason as text."""


def next_batch(run: SeedRun) -> Batch:
    """The next batch of a run, whose generator stays as it is."""
    generator = torch.Generator()
    generator.set_state(run.generator.get_state())
    recipe = run.recipe
    return next(run.task.batches("train", recipe.batch_size, generator, run.epoch))


def is_shared(batches: Sequence[Batch]) -> bool:
    """Whether all seeds have the same batch; else their images can be stacked.

    Raises:
        Alone: if they cannot.
    """
    x, domain, y = batches[0]
    if all(each[0] is x and each[1] is domain and each[2] is y for each in batches):
        return True
    for other, there, targets in batches:
        if not isinstance(there, Grid) or there != domain:
            raise Alone("their batches are different graphs")
        if other.shape != x.shape or targets.shape != y.shape:
            raise Alone("their batches differ in size")
    return False


def joined(batches: Sequence[Batch], shared: bool) -> Batch:
    """The batches of all seeds as one: the only one, or images and targets stacked."""
    x, domain, y = batches[0]
    if shared:
        return x, domain, y
    return torch.stack([b[0] for b in batches]), domain, torch.stack([b[2] for b in batches])
