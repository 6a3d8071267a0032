"""Work on many molecules, in pieces, on all cores where there are enough of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from typing import TypeVar

from gnnvision.data.molecules.featurizer import Featurizer

__all__ = ["Progress", "in_pieces"]

CHUNK = 1000  # molecules between two reports of progress
WORTH_PROCESSES = 4000  # fewer are done before other processes have started
Progress = Callable[[int, int], None]
T = TypeVar("T")


def in_pieces(
    work: Callable[[Sequence[str], Featurizer], T],
    smiles: Sequence[str],
    featurizer: Featurizer,
    *,
    processes: int | None = None,
    progress: Progress | None = None,
) -> list[T]:
    """What `work` makes of each thousand of the rows, in order.

    Args:
        work: a function at the top of a module, which other processes can find.
        smiles: the rows.
        featurizer: how they are read.
        processes: how many work side by side; None for one, or for many rows as many as there
            are cores.
        progress: called with the number of rows done, and of all.
    """
    pieces = [smiles[start : start + CHUNK] for start in range(0, len(smiles), CHUNK)]
    workers = _workers(len(smiles)) if processes is None else processes
    done: list[T] = []
    for part in _made(work, pieces, featurizer, min(workers, len(pieces))):
        done.append(part)
        if progress is not None:
            progress(min(len(done) * CHUNK, len(smiles)), len(smiles))
    return done


def _made(
    work: Callable[[Sequence[str], Featurizer], T],
    pieces: Sequence[Sequence[str]],
    featurizer: Featurizer,
    workers: int,
) -> Iterator[T]:
    if workers <= 1:
        yield from map(work, pieces, repeat(featurizer))
        return
    # Forked, a worker has everything loaded; it only ever runs rdkit and numpy.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    pool = ProcessPoolExecutor(workers, context, _leave_interrupts)
    try:
        yield from pool.map(work, pieces, repeat(featurizer))
    finally:
        pool.shutdown(cancel_futures=True)


def _workers(rows: int) -> int:
    if rows < WORTH_PROCESSES:
        return 1
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))  # those that this process may use
    return os.cpu_count() or 1


def _leave_interrupts() -> None:
    """Ctrl-C is for the parent, which ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
