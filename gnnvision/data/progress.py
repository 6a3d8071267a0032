"""Progress of long work: a bar on a terminal, otherwise a line every 10 seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

__all__ = ["progress"]

LINE_EVERY_S = 10.0


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on standard error; without a terminal, a line every 10 seconds.

    Args:
        what: The text before the bar.
        total: The number of items.

    Yields:
        A function to call with the number of items done since the last call.
    """
    if not sys.stderr.isatty():
        yield _lines(what, total)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    text = TextColumn("{task.description}")
    columns = (text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)


def _lines(what: str, total: int) -> Callable[[int], None]:
    """A function that prints a line if the last one is 10 seconds old."""
    began = printed = time.monotonic()
    done = 0

    def advance(count: int) -> None:
        nonlocal printed, done
        done += count
        now = time.monotonic()
        if now - printed >= LINE_EVERY_S and done:
            printed, rate = now, done / (now - began)
            left = (total - done) / rate
            with suppress(OSError, ValueError):  # standard error may be closed
                print(
                    f"{what}: {done:,} of {total:,}, {rate:,.0f} per second, {left:.0f} s left",
                    file=sys.stderr,
                    flush=True,
                )

    return advance
