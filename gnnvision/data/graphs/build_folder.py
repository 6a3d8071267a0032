"""The folder of a graph that is being written: its state, from which a stopped build continues."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from gnnvision.data.atomic_files import NotWritable, atomic_write
from gnnvision.data.graphs.graph_manifest import FORMAT, MANIFEST, VERSION, file_hash
from gnnvision.data.graphs.npy_files import GrowingArray
from gnnvision.errors import invalid

if sys.platform != "win32":
    import fcntl

__all__ = ["SPILL", "BuildFolder", "disk_errors"]

STATE, SPILL = "build.json", "edges.unsorted"  # of a build that is not finished
OURS = (SPILL, "columns-", "nodes.json")  # what may be there before them
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextlib.contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """A context that gives the error of a full disk as one sentence.

    Args:
        folder: Where a graph is written.

    Raises:
        OSError: The disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise NotWritable(
                f"The disk of {str(folder)!r} is full ({os.strerror(error.errno)}). Free some "
                "space and run the same again: it continues where it stopped."
            ) from error
        raise


class BuildFolder:
    """A folder with an unfinished graph, locked against other processes.

    Args:
        folder: A new or empty folder, or one with an unfinished graph of the same plan.
        plan: The settings of the build, as JSON types.

    Raises:
        ValueError: The folder has other files, a finished graph, or one of another plan.
    """

    def __init__(self, folder: Path, plan: Mapping[str, Any]) -> None:
        self.folder, self.plan = folder, dict(plan)
        self.state: dict[str, Any] = {"plan": self.plan, "blocks": 0, "added": 0, "nodes": 0}
        self.files: list[IO[bytes]] = []
        self._lock = -1
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob(".*.json.*.part"):  # of a process that was killed
            left.unlink()
        names = {path.name for path in self.folder.iterdir()}
        place = repr(str(self.folder))
        if MANIFEST in names:
            advice = "Give another folder, or delete this one."
            raise invalid("folder", "be new", f"{place}, which has a finished graph", advice)
        if STATE not in names and {one for one in names if not one.startswith(OURS)}:
            advice = "Give a new folder."
            raise invalid("folder", "be empty", f"{place} with {min(names)!r}", advice)
        self._lock_folder()
        if STATE not in names:
            self.save()
        state = json.loads((self.folder / STATE).read_text("utf-8"))
        if state["plan"] != self.plan:
            got = f"{place}, which has an unfinished one with other settings or from other data"
            advice = "Delete it to start again, or give another folder."
            raise invalid(
                "folder", "be new or have an unfinished build of this graph", got, advice
            )
        self.state = state

    def _lock_folder(self) -> None:
        """Refuse a second process, which would write the same files."""
        self._lock = os.open(self.folder / SPILL, os.O_RDWR | os.O_CREAT, 0o644)
        if sys.platform == "win32":
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            got = f"{str(self.folder)!r}, which another process is writing"
            raise invalid("folder", "be free", got, "Wait for it.") from None
        except OSError:  # a file system without locks
            pass

    def save(self) -> None:
        """Write the state in place of the last one."""
        with atomic_write(self.folder / STATE) as file:
            file.write(json.dumps(self.state).encode())

    def close(self) -> None:
        """Close all files; an unfinished build can be continued."""
        for file in self.files:
            with contextlib.suppress(OSError):
                file.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def array(
        self, name: str, dtype: np.dtype[Any], tail: tuple[int, ...], rows: int
    ) -> GrowingArray:
        """An array of the graph, opened to be appended to; `close` closes it."""
        array = GrowingArray(self.folder / f"{name}.npy", dtype, tail, rows)
        self.files.append(array.file)
        return array

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Write graph.json with the facts and the hash of each file, and delete the rest."""
        files = {}
        for path in sorted(self.folder.glob("*.npy")):
            held = np.load(path, mmap_mode="r", allow_pickle=False)
            files[path.stem] = {
                "dtype": held.dtype.str, "shape": [*held.shape], "sha256": file_hash(path),
            }  # fmt: skip
        content = {"format": FORMAT, "version": VERSION, **facts, "files": files}
        with atomic_write(self.folder / MANIFEST) as file:
            file.write(json.dumps(content, indent=1, ensure_ascii=False).encode())
        self.close()
        for name in (SPILL, STATE):
            (self.folder / name).unlink(missing_ok=True)
