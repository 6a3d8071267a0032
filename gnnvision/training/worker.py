"""A worker process: it trains one unit after the other, and sends what happens to its parent."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, NoReturn

import torch
from torch import Tensor

from gnnvision.training.checkpoint import Checkpoint, snapshot
from gnnvision.training.events import EpochDone, Event, SeedDone, SeedStarted, StepDone
from gnnvision.training.group_unit import GroupUnit
from gnnvision.training.messages import dumps, loads
from gnnvision.training.unit import Unit

__all__ = ["Failed", "Free", "Happened", "Saved", "Settings", "Warned", "light", "work"]

SEND_EVERY_S = 0.1


@dataclass
class Settings:
    """How a worker computes, and what it sends.

    Args:
        threads: the most CPU threads.
        watched: whether somebody looks at each step, and at the initialized models.
        snapshots: whether to send the weights after each epoch.
        deterministic: whether torch is to use deterministic algorithms.
        dtype: the default number format.
    """

    threads: int
    watched: bool
    snapshots: bool
    deterministic: bool
    dtype: torch.dtype


@dataclass
class Happened:
    """An event, without its task and model, and the weights that belong to it."""

    event: Event
    weights: dict[str, Tensor] | None = None


@dataclass
class Saved:
    """What is needed to resume the seeds that the worker trains, by their index."""

    checkpoints: dict[int, Checkpoint]


@dataclass
class Warned:
    """A warning."""

    text: str
    category: type[Warning]


@dataclass
class Failed:
    """The error that ended a unit, and its traceback as text."""

    error: BaseException
    trace: str


@dataclass
class Free:
    """The unit is done: the worker waits for the index of another one.

    Args:
        reason: why the seeds of a group were trained alone, if they were.
    """

    reason: str = ""


def work(
    units: Sequence[Unit | GroupUnit] | bytes,
    parent: Connection,
    others: Sequence[Connection],
    settings: Settings,
) -> None:
    """Train the units whose indices the parent sends, until it ends.

    Args:
        units: all units, or their pickle.
        parent: the connection to the parent, which sends the index of a unit, or None to ask for
            `Saved`. When it is closed the process ends.
        others: what the process inherited and must close: it would keep the other workers
            waiting for a parent that has ended.
        settings: how to compute.
    """
    for other in others:
        other.close()
    # The parent decides: it asks for what is done, and then kills.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    # A thread of the parent may have locked its streams when this process was forked from it.
    sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))
    if settings.deterministic is not torch.are_deterministic_algorithms_enabled():
        torch.use_deterministic_algorithms(settings.deterministic)
    torch.set_default_dtype(settings.dtype)
    held = pickle.loads(units) if isinstance(units, bytes) else units
    serve = _Worker(held, parent, settings).serve
    if settings.threads == 1:
        serve()
    # OpenMP's threads belong to the thread that began them: those of a forked main thread are
    # gone, and it would wait for them forever; another thread begins its own.
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    thread.join()


class _Worker:
    def __init__(
        self, units: Sequence[Unit | GroupUnit], parent: Connection, settings: Settings
    ) -> None:
        self.units, self.parent, self.settings = units, parent, settings
        self.items: list[object] = []  # to be sent
        self.next = 0.0  # when they are sent

    def serve(self) -> NoReturn:
        torch.set_num_threads(self.settings.threads)
        warnings.showwarning = self.warn  # type: ignore[assignment]
        while True:
            index = self.receive()
            if index is None:
                self.send(Saved({}))
                continue
            try:
                self.train(self.units[index])
            except BaseException as error:  # also those that end a process
                self.send(Failed(_portable(error), traceback.format_exc()))

    def train(self, unit: Unit | GroupUnit) -> None:
        for event in unit.events():
            due = time.monotonic() >= self.next
            if isinstance(event, StepDone) and not (due or self.settings.watched):
                continue
            self.items.append(light(event, unit, self.settings))
            if due:
                self.send()
                # After its last epoch a seed is evaluated before it is saved.
                last = isinstance(event, EpochDone) and event.last
                if not last and self.parent.poll():
                    self.receive()
                    self.send(Saved(unit.checkpoints()))
        self.send(Free(unit.reason if isinstance(unit, GroupUnit) else ""))

    def warn(self, message: Warning | str, category: type[Warning], *_: object) -> None:
        self.items.append(Warned(str(message), category))

    def receive(self) -> Any:  # noqa: ANN401
        try:
            return loads(self.parent.recv_bytes())
        except (EOFError, OSError):
            os._exit(1)

    def send(self, *more: object) -> None:
        try:
            self.parent.send_bytes(dumps([*self.items, *more]))
        except OSError:
            os._exit(1)
        self.items = []
        self.next = time.monotonic() + SEND_EVERY_S


def light(event: Event, unit: Unit | GroupUnit, settings: Settings) -> Happened:
    """An event without what the process that gets it has itself.

    Args:
        event: the event.
        unit: that it is of.
        settings: what is needed there.
    """
    weights: dict[str, Tensor] | None = None
    if isinstance(event, SeedStarted | SeedDone):
        if isinstance(event, SeedDone):
            weights = event.weights
        elif settings.watched:
            weights = snapshot(event.model)
        event = copy.copy(event)
        event.task = event.model = None  # type: ignore[assignment]
        if isinstance(event, SeedDone):
            event.weights = {}
    elif isinstance(event, EpochDone) and settings.snapshots:
        weights = unit.snapshot(event.number)[1].state_dict()
    return Happened(event, weights)


def _portable(error: BaseException) -> BaseException:
    """The error, or one with its text if it does not come through a pipe as it is."""
    try:
        same = loads(dumps(error))
        if type(same) is type(error) and str(same) == str(error):
            return error
    except Exception:  # whatever its own methods raise
        pass
    return RuntimeError(f"{type(error).__name__}: {error}")
