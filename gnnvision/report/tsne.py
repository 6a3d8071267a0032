"""t-SNE maps and nearest neighbors of tables, by scikit-learn in another process.

Run as a script, this file imports only NumPy and scikit-learn. It reads names of files of tables
from standard input, and prints each name again once the file contains the map instead.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import shutil
import subprocess
import sys
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gnnvision.data.atomic_files import TemporaryFolder

__all__ = ["NEIGHBORS", "Maps", "map_table"]

Array = NDArray[np.floating[Any]]
Labels = NDArray[np.int64]

NEIGHBORS = 10
_LEAST_ROWS = 400  # fewer are mapped sooner than another process starts
_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
# Not `python tsne.py`, for which the files beside it would hide modules of their names.
_CODE = "import runpy, sys; sys.path[:] = {!r}; runpy.run_path({!r}, run_name='__main__')"


class Maps:
    """The maps of tables, computed in another process where there is a second core for it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._ready: set[str] = set()
        self._given: set[str] = set()

    def start(self, niceness: int = 0) -> None:
        """Start the other process, which imports scikit-learn; nothing on a single core."""
        if self._process is not None or _cores() < 2:
            return
        from gnnvision.data.atomic_files import TemporaryFolder  # not in the other process

        with contextlib.suppress(OSError):  # no more processes, no room for files
            scratch = TemporaryFolder("gnnvision-maps-")
            self._folder = scratch.path
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _CODE.format(sys.path, __file__), str(niceness)],
                    bufsize=0,
                    cwd=self._folder,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=os.environ | dict.fromkeys(_THREADS, "1"),
                )
            except BaseException:
                scratch.remove()
                raise
            self._end = weakref.finalize(self, _end, self._process, scratch)

    def add(self, table: Array, labels: Labels) -> None:
        """Begin the map of a table, see `map_table`, unless it is begun already."""
        if len(table) >= _LEAST_ROWS or "sklearn.manifold" not in sys.modules:
            self.start()
        name = _name(table, labels)
        if self._process is None or name in self._given:
            return
        with contextlib.suppress(OSError):  # `result` notices a process that has ended
            try:
                np.savez(self._folder / name, table=table, labels=labels)
            except OSError:  # of a full disk, on which the run itself may need the rest
                (self._folder / name).unlink(missing_ok=True)
                raise
            assert self._process.stdin is not None
            self._process.stdin.write(f"{name}\n".encode())
            self._given.add(name)

    def result(self, table: Array, labels: Labels) -> tuple[Array, float]:
        """What `map_table` returns; waits for the other process where it is not ready."""
        name = _name(table, labels)
        while self._process is not None and name in self._given:
            if name in self._ready:
                with np.load(self._folder / name) as held:
                    return held["places"], float(held["agreement"])
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
            if not line:
                self.stop()
            self._ready.add(line.decode().strip())
        return map_table(table, labels)

    def stop(self) -> None:
        """End the other process and remove its files."""
        if self._process is not None:
            self._end()
            self._process = None


def map_table(table: Array, labels: Labels) -> tuple[Array, float]:
    """A place in the plane for each row, and how often nearest neighbors share a label.

    Args:
        table: finite values. Shape (n, C), with n and C at least 2.
        labels: negative where unknown. Shape (n,).

    Returns:
        Places, shape (n, 2), and the share of equal labels among each row's `NEIGHBORS` nearest
        rows, over rows with a label; NaN if undefined.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # Loops are so short that several threads wait for each other, and round differently.
    with threadpool_limits(1):
        agreement, known = math.nan, labels >= 0
        if (count := min(NEIGHBORS, int(known.sum()) - 1)) >= 1:
            nearest = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(table[known])
            found = labels[known][nearest.kneighbors(return_distance=False)]
            agreement = float((found == labels[known][:, None]).mean())
        if (kept := min(50, *table.shape)) < table.shape[1]:
            table = PCA(kept, svd_solver="randomized", random_state=0).fit_transform(table)
        mapper = TSNE(
            2, perplexity=min(20.0, (len(table) - 1) / 3), init="pca", max_iter=300, angle=0.9,
            random_state=0, n_jobs=1,
        )  # fmt: skip
        places = mapper.fit_transform(table / (table.std() or 1.0))
    return np.asarray(places, dtype=np.float64), agreement


def _name(table: Array, labels: Labels) -> str:
    parts = (np.ascontiguousarray(table), np.ascontiguousarray(labels))
    key = hashlib.sha256(repr(table.shape).encode())
    for part in parts:
        key.update(part.data)
    return f"{key.hexdigest()}.npz"


def _end(process: subprocess.Popen[bytes], scratch: TemporaryFolder) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    scratch.remove()


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _serve() -> None:
    if hasattr(os, "nice"):
        os.nice(int(sys.argv[1]))
    import sklearn.decomposition
    import sklearn.manifold  # noqa: F401

    for line in sys.stdin:
        name = line.strip()
        with np.load(name) as held:
            places, agreement = map_table(held["table"], held["labels"])
        np.savez(name, places=places, agreement=agreement)
        print(name, flush=True)
    shutil.rmtree(Path.cwd(), ignore_errors=True)  # the parent has ended without cleaning up


if __name__ == "__main__":
    _serve()
