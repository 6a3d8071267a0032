"""Apply a function to many SMILES in chunks, on all cores if there are many."""

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

__all__ = ["Progress", "map_chunks"]

CHUNK = 1000  # molecules between two progress reports
WORTH_PROCESSES = 4000  # fewer are finished before worker processes have started
Progress = Callable[[int, int], None]
T = TypeVar("T")


def map_chunks(
    work: Callable[[Sequence[str], Featurizer], T],
    smiles: Sequence[str],
    featurizer: Featurizer,
    *,
    processes: int | None = None,
    progress: Progress | None = None,
) -> list[T]:
    """The results of `work` for each chunk of 1,000 rows, in order.

    Args:
        work: a module-level function (worker processes must be able to import it).
        smiles: one SMILES per row.
        featurizer: passed to `work`.
        processes: number of worker processes; None for one, or for all cores if there are many
            rows.
        progress: called with the number of rows done and the total.
    """
    chunks = [smiles[start : start + CHUNK] for start in range(0, len(smiles), CHUNK)]
    workers = _workers(len(smiles)) if processes is None else processes
    done: list[T] = []
    for result in _results(work, chunks, featurizer, min(workers, len(chunks))):
        done.append(result)
        if progress is not None:
            progress(min(len(done) * CHUNK, len(smiles)), len(smiles))
    return done


def _results(
    work: Callable[[Sequence[str], Featurizer], T],
    chunks: Sequence[Sequence[str]],
    featurizer: Featurizer,
    workers: int,
) -> Iterator[T]:
    if workers <= 1:
        yield from map(work, chunks, repeat(featurizer))
        return
    # A forked worker has all modules loaded; it only runs rdkit and numpy.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    try:
        pool = ProcessPoolExecutor(workers, context, _ignore_interrupts)
    except OSError:  # no room for semaphores: a full /dev/shm, or a system without one
        yield from map(work, chunks, repeat(featurizer))
        return
    try:
        yield from pool.map(work, chunks, repeat(featurizer))
    finally:
        pool.shutdown(cancel_futures=True)


def _workers(rows: int) -> int:
    if rows < WORTH_PROCESSES:
        return 1
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))  # the cores this process may use
    return os.cpu_count() or 1


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the parent process, which ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
