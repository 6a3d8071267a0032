"""What the terminal shows during a run, and how a run is stopped from there."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

from gnnvision import _torchrun as torchrun
from gnnvision.training.events import EpochDone, Event, Measured, SeedDone, SeedStarted, StepDone
from gnnvision.training.measures import (
    IN_PERCENT,
    SPLIT_NAMES,
    format_number,
    format_score,
    metric_name,
)

__all__ = [
    "Interrupted",
    "Reporter",
    "StopRequest",
    "signals_interrupt",
    "stop_on_signal",
]

LONG_S = 5.0  # an epoch that takes longer has a line and an estimate of the time left
AGAIN_S = 10.0  # of signals under torchrun, which ends a process that takes longer than 30 s
SEVERAL = -2  # in place of the number of a seed: the table of seeds at the same time
WIDE = 70  # columns of a terminal with room for the rate next to the bar


class Interrupted(KeyboardInterrupt):
    """A run was stopped by the user, after saving a checkpoint.

    Args:
        message: where it stopped, and what is saved.
    """


class StopRequest:
    """A handler of signals that records the request to stop a run.

    Args:
        again_s: for how many seconds further signals belong to the first one: torchrun passes on
            a signal that its processes may have got already.
    """

    def __init__(self, again_s: float = 0.0) -> None:
        self.requested = False
        self._until, self._again_s = -math.inf, again_s

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Record a request to stop after the current step; a second one stops immediately."""
        if self.requested and time.monotonic() >= self._until:
            raise KeyboardInterrupt
        if not self.requested:
            self.requested, self._until = True, time.monotonic() + self._again_s


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """A context in which Ctrl-C, SIGTERM and SIGHUP set a request to stop, in the main thread."""
    request = StopRequest(AGAIN_S if torchrun.is_started() else 0.0)
    with _handle(request, "SIGINT", "SIGTERM", "SIGHUP"):
        yield request


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """A context in which SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handle(interrupt, "SIGTERM", "SIGHUP"):
        yield


@contextmanager
def _handle(handler: Callable[[int, FrameType | None], None], *names: str) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        # Under nohup, SIGHUP is ignored and must stay so.
        if number == signal.SIGINT or before[number] is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, signal.SIG_DFL if old is None else old)


class Reporter:
    """Shows the progress of a run: a bar on a terminal, and lines that stay.

    Each epoch has a line if there is one seed or the epoch takes long; several seeds have a line
    each. The run continues if writing fails, for example after the terminal was closed.

    Args:
        shown: whether to show anything.
        seeds: how many seeds there are.
        epochs: of each seed.
        word: what a seed is called, such as "fold"; others than seeds are numbered from 1.
        first: how many seeds were done before.
        metric: the score to show of each seed.
    """

    def __init__(
        self,
        shown: bool,
        seeds: int,
        epochs: int,
        word: str = "seed",
        first: int = 0,
        metric: str = "",
    ) -> None:
        self.word = word
        self.first = first
        self.metric = metric
        self.shown = shown
        self.seeds = seeds
        self.epochs = epochs
        self.console = Console(stderr=True)
        self._bar: Progress | None = None
        self._next_update = 0.0
        self._rate = ""
        self._running: dict[int, float] = {}  # the epochs that are done of seeds in progress
        self._timed: dict[int, tuple[int, float, int]] = {}  # epoch, time, items at its first step
        self._rates: dict[int, float] = {}  # items a second of seeds in progress
        self._began: dict[int, float] = {}  # when their epochs did
        self._lines: list[str] = []  # not printed yet: printing each would slow fast epochs down
        self._has_header = -1  # the number of the seed whose table of epochs was begun

    def __enter__(self) -> Reporter:
        self._entered = time.monotonic()
        if self.shown and self.console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(bar_width=None, table_column=Column(ratio=1)),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=self.console, transient=True, expand=True)
            total = self.seeds * self.epochs
            self._task = self._bar.add_task("training", total=total, rate="")
            self._write(self._bar.start)
        return self

    def __exit__(self, *_: object) -> None:
        self._print_lines()
        if self._bar is not None:
            self._write(self._bar.stop)

    def _write(self, write: Callable[..., object], *args: object, **options: object) -> None:
        """Call a function that writes; after an error nothing more is written."""
        try:
            write(*args, **options)
        except OSError:
            self.shown = False

    def _print_lines(self) -> None:
        if self.shown and self._lines:
            text = "\n".join(self._lines)
            self._write(self.console.print, text, highlight=False, soft_wrap=True)
        self._lines = []

    def _update(self, seed_number: int, epochs: float) -> None:
        """Print the collected lines and update the bar, at most ten times a second."""
        self._running[seed_number] = epochs
        now = time.monotonic()
        if self._bar is None or now < self._next_update:
            return
        self._next_update = now + 0.1
        self._print_lines()
        place = f"epoch {min(int(epochs) + 1, self.epochs)}/{self.epochs}"
        numbers = sorted(self._running)
        if self.seeds > 1:
            named = "-".join(str(n + 1) for n in dict.fromkeys((numbers[0], numbers[-1])))
            place = f"{self.word}{'s' * (len(numbers) > 1)} {named}/{self.seeds}, {place}"
        rate = self._rate if self.console.width >= WIDE else ""
        # Those before the last one are done or in progress.
        before = numbers[-1] + 1 - len(numbers)
        done = before * self.epochs + sum(self._running.values())
        update = self._bar.update
        self._write(update, self._task, completed=done, description=place, rate=rate)

    def show(self, event: Event) -> None:
        """Show an event of a training."""
        match event:
            case SeedStarted(number, _, epoch):
                self._running[number + self.first] = epoch
                self._began[number + self.first] = time.monotonic()
            case StepDone(number, seed, epoch, seen, size):
                self.step(number + self.first, seed, epoch, seen, size)
            case Measured(number, seed, row) if self.seeds == 1:
                self.measured(row)
            case EpochDone(number, seed, row):
                number += self.first
                self.epoch(number, seed if self.word == "seed" else number + 1, row)
            case SeedDone(number, seed, outcome):
                number, name, notes = number + self.first, metric_name(self.metric), []
                for part, where in (("val", f" at epoch {outcome.best_epoch}"), ("test", "")):
                    if part == "test" or outcome.metrics[part]:
                        score = outcome.metrics[part].get(self.metric, math.nan)
                        shown = format_score(self.metric, score)
                        notes.append(f"{SPLIT_NAMES[part]} {name} {shown}{where}")
                self.seed(number, seed if self.word == "seed" else number + 1, ", ".join(notes))

    def step(self, seed_number: int, seed: int, epoch: int, seen: int, size: int) -> None:
        """Show that a training step is done.

        Args:
            seed_number: from 0.
            seed: the seed.
            epoch: how many epochs of this seed are done.
            seen: how many items of this epoch are done.
            size: how many items an epoch has.
        """
        if not self.shown:
            return
        now = time.monotonic()
        if self._timed.get(seed_number, (-1,))[0] != epoch:
            self._timed[seed_number] = (epoch, now, seen)
        _, began, before = self._timed[seed_number]
        if now - began > 1.0:  # the rate of small tasks is of no interest
            self._rates[seed_number] = (seen - before) / (now - began)
            self._rate = f"{sum(self._rates.values()):,.0f} items/s"
        self._update(seed_number, epoch + min(seen / max(size, 1), 1.0))

    def epoch(self, seed_number: int, seed: int, row: dict[str, float]) -> None:
        """Show that an epoch is done.

        Args:
            seed_number: from 0.
            seed: the seed.
            row: of its history: the epoch, from 1, and its losses and scores.
        """
        if not self.shown:
            return
        now = time.monotonic()
        took = now - self._began.get(seed_number, self._entered)
        self._began[seed_number] = now
        if self.seeds == 1 or took >= LONG_S:
            self._add_line(seed_number, seed, row, took)
        self._update(seed_number, row["epoch"])
        if self._bar is None:
            self._print_lines()

    def measured(self, row: dict[str, float]) -> None:
        """Show losses and scores that were measured between epochs.

        Args:
            row: the step, and its losses and scores.
        """
        cells = []
        for name, value in row.items():
            if name in ("step", "epoch"):
                continue
            part, metric = _parts(name)
            shown = format_score(metric, value) if metric in IN_PERCENT else format_number(value)
            cells.append(f"{SPLIT_NAMES[part]} {metric_name(metric)} {shown}")
        self._lines.append(f"iteration {int(row['step']):,}: {', '.join(cells)}")
        if self._bar is None:
            self._print_lines()

    def _add_line(self, seed_number: int, seed: int, row: dict[str, float], took: float) -> None:
        """Add the line of an epoch, and before the first one of a seed the header of its table."""
        names = [name for name in row if name != "epoch"]
        heads = [
            f"{SPLIT_NAMES[part]} {metric_name(metric)}" for part, metric in map(_parts, names)
        ]
        several = len(self._running) > 1  # at the same time: each line names its seed
        if self._has_header != (SEVERAL if several else seed_number):
            self._has_header = SEVERAL if several else seed_number
            if self.seeds > 1 and not several:
                self._lines.append(f"{self.word} {seed} ({seed_number + 1} of {self.seeds})")
            self._lines.append("  ".join([self.word] * several + ["epoch", *heads]))
        cells = [f"{seed:{len(self.word)}d}"] * several + [f"{int(row['epoch']):5d}"]
        for name, head in zip(names, heads, strict=True):
            metric, value = _parts(name)[1], row[name]
            percent = metric in IN_PERCENT
            cell = format_score(metric, value) if percent else format_number(value)
            cells.append(f"{cell:>{len(head)}}")
        if took >= LONG_S and self._bar is None:  # the bar has the time left
            rest = self.epochs * (self.seeds - seed_number) - int(row["epoch"])
            left = took * rest / max(len(self._running), 1)
            cells.append(f"{took:.0f} s an epoch, {left / 60:.0f} min left")
        self._lines.append("  ".join(cells))

    def seed(self, seed_number: int, seed: int, note: str) -> None:
        """Show that a seed is done.

        Args:
            seed_number: from 0.
            seed: the seed.
            note: its scores.
        """
        for held in (self._running, self._timed, self._rates, self._began):
            held.pop(seed_number, None)
        if self.shown and self.seeds > 1:
            place = f"{seed_number + 1} of {self.seeds}"
            self._lines.append(f"{self.word} {seed} ({place}): {note}")
            self._print_lines()


def _parts(name: str) -> tuple[str, str]:
    """The split and the metric of a column of the history, such as "val_loss"."""
    part, _, metric = name.partition("_")
    return part, metric
