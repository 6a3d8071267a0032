"""What happens in a training: the events that a `Trainer` yields and that callbacks receive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, nn

from gnnvision.data import Task

if TYPE_CHECKING:
    from gnnvision.training.result import Outcome

__all__ = [
    "EpochDone",
    "Event",
    "Measured",
    "Saved",
    "SeedDone",
    "SeedStarted",
    "StepDone",
    "Stopped",
    "Waiting",
]


@dataclass(slots=True)
class Event:
    """Something that happened in a training; each kind of event is a subclass."""


@dataclass(slots=True)
class SeedStarted(Event):
    """A seed has an initialized model, or the one of the checkpoint that it is resumed from.

    Args:
        number: the index of the seed, from 0.
        seed: the seed.
        epoch: how many epochs of it are done, after resuming.
        model: the model that is going to be trained.
        task: the task with the split of the seed.
    """

    number: int
    seed: int
    epoch: int
    model: nn.Module
    task: Task


@dataclass(slots=True)
class StepDone(Event):
    """The optimizer has made a step.

    Args:
        number: the index of the seed, from 0.
        seed: the seed.
        epoch: how many epochs of the seed are done.
        seen: how many items of the current epoch are done.
        size: how many items an epoch has.
    """

    number: int
    seed: int
    epoch: int
    seen: int
    size: int


@dataclass(slots=True)
class Measured(Event):
    """The network was measured between epochs, as `Recipe.evaluate_every` asks.

    Args:
        number: the index of the seed, from 0.
        seed: the seed.
        row: the number of the training step, from 1; the epoch, as a fraction; the mean training
            loss since the row before; and the losses and scores of the other splits.
    """

    number: int
    seed: int
    row: dict[str, float]


@dataclass(slots=True)
class EpochDone(Event):
    """An epoch is done, its validation included.

    Args:
        number: the index of the seed, from 0.
        seed: the seed.
        row: the row of the history: the epoch, from 1, and its losses and scores.
        last: whether it is the last one of the seed.
    """

    number: int
    seed: int
    row: dict[str, float]
    last: bool


@dataclass(slots=True)
class SeedDone(Event):
    """A seed is done, its evaluation included.

    Args:
        number: the index of the seed, from 0.
        seed: the seed.
        outcome: its metrics and history.
        task: the task with the split of the seed.
        model: its trained network.
        weights: the weights of the kept epoch.
    """

    number: int
    seed: int
    outcome: Outcome
    task: Task
    model: nn.Module
    weights: dict[str, Tensor]


@dataclass(slots=True)
class Saved(Event):
    """A checkpoint to resume from was written.

    Args:
        file: its path.
        place: the seed and the epoch that it is of, as text.
    """

    file: Path
    place: str


@dataclass(slots=True)
class Waiting(Event):
    """Other processes are at work, and this one has nothing to do; callbacks do not get it.

    Args:
        error: what keeps this process from hearing of the others: it saves its work and ends.
    """

    error: ChildProcessError | None = None


@dataclass(slots=True)
class Stopped(Event):
    """The training was stopped by the user.

    Args:
        place: the seed and the epoch, as text.
    """

    place: str
