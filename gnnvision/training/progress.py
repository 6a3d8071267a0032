"""What a person sees while a run goes on, and how they stop it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gnnvision.training.measures import written

__all__ = ["Interrupted", "Reporter", "StopRequest", "signals_interrupt", "stop_on_signal"]


LONG_S = 5.0  # seconds; of epochs that take longer, speed and time left are worth saying


class Interrupted(KeyboardInterrupt):
    """A run was stopped by the user, after saving everything.

    Args:
        message: where it stopped, and what is saved.
    """


class StopRequest:
    """Whether somebody asked the run to stop."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The first request waits for the end of the epoch; a second one stops at once."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """Turn Ctrl-C, SIGTERM and SIGHUP into a request while the block runs, in the main thread."""
    request = StopRequest()
    with _handled(request, "SIGINT", "SIGTERM", "SIGHUP"):
        yield request


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does, while the block runs."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handled(interrupt, "SIGTERM", "SIGHUP"):
        yield


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None], *names: str) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        # Under nohup a hangup is ignored, and shall be.
        if number == signal.SIGINT or before[number] is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, signal.SIG_DFL if old is None else old)


class Reporter:
    """A progress bar on a terminal; elsewhere lines: of long epochs, of one seed's, and of seeds.

    Where they cannot be written any more, as after the terminal was closed, the run goes on.

    Args:
        shown: whether to show anything.
        seeds: how many there are.
        epochs: of each seed.
        word: what a seed is called.
    """

    def __init__(self, shown: bool, seeds: int, epochs: int, word: str = "seed") -> None:
        self.word = word
        self.shown = shown
        self.seeds = seeds
        self.epochs = epochs
        self.console = Console(stderr=True)
        self._next = 0.0
        self._note = ""
        self._place = (-1, -1)
        self._from = (0.0, 0)
        self._bar: Progress | None = None

    def __enter__(self) -> Reporter:
        self._epoch_began = time.monotonic()
        if self.shown and self.console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[note]}"),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=self.console, transient=True)
            self._task = self._bar.add_task("training", total=self.seeds * self.epochs, note="")
            self._out(self._bar.start)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._out(self._bar.stop)

    def _out(self, write: Callable[..., object], *args: object, **options: object) -> None:
        """Write something; after a failure nothing more."""
        try:
            write(*args, **options)
        except OSError:
            self.shown = False

    def step(self, seed_number: int, seed: int, epoch: int, seen: int, size: int) -> None:
        """A step is over.

        Args:
            seed_number: from 0.
            seed: the seed.
            epoch: how many epochs of this seed are over.
            seen: how many items of this epoch are over.
            size: how many items an epoch has.
        """
        if not self.shown:
            return
        now = time.monotonic()
        if self._place != (seed_number, epoch):
            self._place, self._from = (seed_number, epoch), (now, seen)
        if self._bar is None or now < self._next:
            return
        self._next = now + 0.1
        part = min(seen / max(size, 1), 1.0)
        began, before = self._from
        if now - began > 1.0:  # the rate of small tasks is of no interest
            self._note = f"epoch {epoch + 1}, {(seen - before) / (now - began):,.0f} items/s"
        name = f"{self.word} {seed} ({seed_number + 1} of {self.seeds})"
        done = seed_number * self.epochs + epoch + part
        self._out(self._bar.update, self._task, completed=done, description=name, note=self._note)

    def epoch(self, seed_number: int, seed: int, row: dict[str, float]) -> None:
        """An epoch is over."""
        if not self.shown:
            return
        if self._bar is not None:
            now = time.monotonic()
            if now >= self._next:
                self._next = now + 0.1
                done = seed_number * self.epochs + int(row["epoch"])
                name = f"{self.word} {seed} ({seed_number + 1} of {self.seeds})"
                self._note = line(row)
                self._out(
                    self._bar.update, self._task, completed=done, description=name, note=self._note
                )
            return
        took = time.monotonic() - self._epoch_began
        self._epoch_began = time.monotonic()
        text = line(row)
        if took >= LONG_S:
            left = took * (self.epochs * (self.seeds - seed_number) - int(row["epoch"]))
            text += f"  {took:.0f} s an epoch, {left / 60:.0f} min left"
        if self.seeds > 1:
            text = f"{self.word} {seed} ({seed_number + 1} of {self.seeds}), {text}"
        if self.seeds == 1 or took >= LONG_S:
            self._out(self.console.print, text, highlight=False, soft_wrap=True)

    def seed(self, seed_number: int, seed: int, note: str) -> None:
        """A seed is over."""
        if self.shown and self._bar is None and self.seeds > 1:
            place = f"{seed_number + 1} of {self.seeds}"
            self._out(self.console.print, f"{self.word} {seed} ({place}): {note}", highlight=False)


def line(row: dict[str, float]) -> str:
    """One epoch in one line."""
    names = [name for name in row if name != "epoch"]
    figures = (f"{name.replace('_', ' ')} {written(row[name])}" for name in names)
    return f"epoch {int(row['epoch']):4d}  " + "  ".join(figures)
