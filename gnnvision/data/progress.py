"""How far a long piece of work is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

__all__ = ["progress"]

LINE_EVERY_S = 10.0


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error while the block runs; without a terminal, a line every 10 seconds.

    Yields:
        A function to call with how many more are done.
    """
    if not sys.stderr.isatty():
        yield _lines(what, total)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)


def _lines(what: str, total: int) -> Callable[[int], None]:
    """What writes a line when the last one is long ago."""
    began = told = time.monotonic()
    done = 0

    def advance(count: int) -> None:
        nonlocal told, done
        done += count
        now = time.monotonic()
        if now - told >= LINE_EVERY_S and done:
            told, rate = now, done / (now - began)
            left = (total - done) / rate
            with suppress(OSError, ValueError):  # nobody may be there to read it
                print(
                    f"{what}: {done:,} of {total:,}, {rate:,.0f} a second, {left:.0f} s left",
                    file=sys.stderr,
                    flush=True,
                )

    return advance
