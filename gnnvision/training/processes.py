"""Units of a training in several processes, as one sequence of events."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gnnvision.data import Task
from gnnvision.errors import invalid
from gnnvision.layers.memory import as_made
from gnnvision.training.events import Event, SeedDone, SeedStarted
from gnnvision.training.group_unit import GroupUnit
from gnnvision.training.messages import dumps, loads
from gnnvision.training.seeds import seeded
from gnnvision.training.threads import MANY_VALUES
from gnnvision.training.unit import Shared, Unit
from gnnvision.training.worker import Failed, Free, Happened, Saved, Settings, Warned, work

__all__ = ["Jobs", "Processes", "can_fork", "complete", "cores", "count_jobs", "fork_trains"]

Jobs = int | Literal["auto"]


def cores() -> int:
    """The number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def can_fork() -> bool:
    """Whether a fork of this process can train, as on Linux without a GPU."""
    return sys.platform == "linux" and not torch.cuda.is_available() and fork_trains()


@cache
def fork_trains() -> bool:
    """Whether a fork of this process can compute gradients, found by a trial, once.

    It cannot where torch has prepared gradients on another device than the CPU.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
        child = os.fork()
    if not child:
        status = 1
        try:
            torch.ones((), requires_grad=True).exp().backward()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def count_jobs(jobs: Jobs, units: int, values: int, device: str) -> int:
    """The number of processes for a training.

    Args:
        jobs: as given; "auto" is one for each core where seeds use one thread each.
        units: how many units there are to train.
        values: in the largest signal.
        device: the device.

    Raises:
        ValueError: if it is not a positive number or "auto", or several on a GPU.
    """
    if jobs == "auto":
        alone = device != "cpu" or values >= MANY_VALUES
        alone = alone or multiprocessing.current_process().daemon  # which may have no children
        alone = alone or (units > 1 and sys.platform == "linux" and not can_fork())
        return 1 if alone else max(1, min(cores(), units))
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise invalid("jobs", "be 'auto' or at least 1", repr(jobs), "Use for example 'auto'.")
    if jobs > 1 and device != "cpu":
        advice = "Start one training on each GPU, with other seeds."
        raise invalid("jobs", f"be 1 on the device {device!r}", jobs, advice)
    return min(jobs, max(units, 1))


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    connection: Connection
    unit: Unit | GroupUnit | None = None  # what it trains


class Processes:
    """Trains units in worker processes, which are forked where that is safe.

    The units of this process are not trained: they hold what the workers sent to be saved.

    Args:
        shared: what all seeds share.
        units: the units.
        jobs: the number of processes.
        note: called with each event as soon as it is known.
        watched: whether somebody looks at each step and at the initialized models.
        snapshots: whether the weights after each epoch are needed.
    """

    def __init__(
        self,
        shared: Shared,
        units: Sequence[Unit | GroupUnit],
        jobs: int,
        note: Callable[[Event], object],
        *,
        watched: bool = False,
        snapshots: bool = False,
    ) -> None:
        self.shared, self.units, self.note = shared, list(units), note
        threads = max(1, torch.get_num_threads() // jobs)
        deterministic = torch.are_deterministic_algorithms_enabled()
        dtype = torch.get_default_dtype()
        self.settings = Settings(threads, watched, snapshots, deterministic, dtype)
        self._waiting = list(range(len(units)))  # indices of units, to be trained
        self._queue: deque[tuple[Event, dict[str, Tensor] | None]] = deque()
        self._unsaved: list[_Worker] = []  # asked for what they have, and did not answer yet
        self._weights: dict[str, Tensor] = {}  # after the latest epoch
        self._warned: set[tuple[str, type[Warning]]] = set()
        self._failure: BaseException | None = None
        self._workers = self._start(jobs)

    def _start(self, jobs: int) -> list[_Worker]:
        forked = can_fork()
        context: Any = multiprocessing.get_context("fork" if forked else "spawn")
        units = self.units if forked else _pickled(self.units)
        workers: list[_Worker] = []
        with warnings.catch_warnings():  # of other threads, which the worker does without
            warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
            for _ in range(jobs):
                ours, theirs = context.Pipe()
                others = [ours, *(worker.connection for worker in workers)] if forked else []
                arguments = (units, theirs, others, self.settings)
                process = context.Process(target=work, args=arguments, daemon=True)
                process.start()
                theirs.close()
                workers.append(_Worker(process, ours))
        return workers

    def events(self) -> Iterator[Event]:
        """Train all units.

        Yields:
            The events of all units; those of one unit are in order.

        Raises:
            ChildProcessError: if a worker was killed.
        """
        for worker in self._workers:
            self._assign(worker)
        while self._queue or self._failure or any(worker.unit for worker in self._workers):
            if self._queue:
                event, weights = self._queue.popleft()
                self._weights = weights or {}
                yield event
            elif self._failure is not None:
                if isinstance(self._failure, ChildProcessError):
                    self.refresh()
                raise self._failure
            else:
                self._receive()

    def close(self) -> None:
        """End all workers, also in the middle of a step."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()

    def refresh(self) -> None:
        """Ask the workers for what is needed to resume, which the units hold afterwards."""
        self._unsaved = [worker for worker in self._workers if worker.unit is not None]
        for worker in list(self._unsaved):
            self._send(worker, None)
        while self._unsaved:
            self._receive()

    def snapshot(self, number: int) -> tuple[Task, nn.Module]:
        """The task of the seed of the latest event, and its network as it would be kept now."""
        network = self.shared.network(self.shared.new_model(reset=False))
        network.load_state_dict(self._weights)
        as_made(network)
        return self.shared.task_of(number), network

    # --- messages ---------------------------------------------------------------------------

    def _assign(self, worker: _Worker) -> None:
        worker.unit = None
        if self._waiting and self._failure is None:
            index = self._waiting.pop(0)
            worker.unit = self.units[index]
            self._send(worker, index)

    def _send(self, worker: _Worker, message: int | None) -> None:
        try:
            worker.connection.send_bytes(dumps(message))
        except OSError:  # of one that has ended
            self._lose(worker)

    def _receive(self) -> None:
        """Wait for messages of the workers, and take them."""
        busy = {
            worker.connection: worker
            for worker in self._workers
            if worker.unit is not None or worker in self._unsaved
        }
        for connection in wait(list(busy)):
            assert isinstance(connection, Connection)
            worker = busy[connection]
            try:
                items = loads(connection.recv_bytes())
            except (EOFError, OSError):
                self._lose(worker)
                continue
            for item in items:
                self._take(worker, item)

    def _take(self, worker: _Worker, item: object) -> None:
        match item:
            case Happened(event, weights):
                complete(self.shared, event, weights)
                self.note(event)
                self._queue.append((event, weights))
            case Saved(checkpoints):
                if worker.unit is not None and checkpoints:
                    worker.unit.restore(checkpoints, Path())
                self._unsaved = [other for other in self._unsaved if other is not worker]
            case Warned(text, category):
                if (text, category) not in self._warned:
                    self._warned.add((text, category))
                    warnings.warn(text, category, stacklevel=2)
            case Failed(error, trace):
                if "autograd's threading" in str(error):  # since the trial
                    fork_trains.cache_clear()
                    error = RuntimeError(f"{error} Train again, now without a fork.")
                error.__cause__ = _Remote(trace)
                self._fail(worker, error)
            case Free(reason):
                if isinstance(worker.unit, GroupUnit):
                    worker.unit.reason = reason
                self._assign(worker)

    def _lose(self, worker: _Worker) -> None:
        """Note that a worker has ended, which was not asked to."""
        unit = worker.unit
        self._unsaved = [other for other in self._unsaved if other is not worker]
        if unit is None:  # it had nothing to do
            return
        worker.process.join(10)
        code = worker.process.exitcode or 0
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        seeds = " and ".join(str(self.shared.seeds[number]) for number in unit.numbers)
        self._fail(
            worker,
            ChildProcessError(
                f"The process that trained seed {seeds} was {how}, as happens where memory is "
                "short. What the others have done is saved if there is a run folder: resume the "
                "run with fewer processes, such as jobs=1."
            ),
        )

    def _fail(self, worker: _Worker, error: BaseException) -> None:
        worker.unit = None
        self._unsaved = [other for other in self._unsaved if other is not worker]
        self._failure = self._failure or error


def complete(shared: Shared, event: Event, weights: Mapping[str, Tensor] | None) -> None:
    """Add the task and the model to an event of another process, which did not send them.

    Args:
        shared: what all seeds share.
        event: the event.
        weights: that came with it.
    """
    if not isinstance(event, SeedStarted | SeedDone):
        return
    with seeded(event.seed):
        event.task = shared.task_of(event.number)
        event.model = shared.new_model(reset=False)
    if isinstance(event, SeedDone):
        event.model = shared.network(event.model)
        event.weights = dict(weights or {})
    if weights is not None:
        event.model.load_state_dict(weights)


class _Remote(Exception):
    """The traceback of an error in a worker, as text."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def _pickled(units: Sequence[Unit | GroupUnit]) -> bytes:
    try:
        return pickle.dumps(list(units))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise invalid(
            "model",
            "be picklable, with the task, to train in several processes on this system",
            f"one that is not ({error})",
            "Give a module or a function at the top level of a file, or jobs=1.",
        ) from error
