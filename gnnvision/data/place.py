"""Putting files in place: written whole or not at all, and by one process at a time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    import fcntl

__all__ = ["NotWritable", "one_at_a_time", "replacing"]


class NotWritable(Exception):
    """A file cannot be created in its folder."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that becomes `path` when the block ends well, and vanishes otherwise.

    Args:
        path: The final name; its folder is made where it is missing.

    Raises:
        NotWritable: The folder cannot be made or takes no new file.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise NotWritable(f"{path.parent} cannot be written ({error.strerror})") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        temporary.chmod(0o644)  # mkstemp keeps files private; data is for everybody
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def one_at_a_time(folder: Path, wait_s: float) -> Iterator[bool]:
    """Hold the lock of `folder` among the processes of this user on this machine.

    The lock spares work, it guards nothing: files are replaced whole, so after `wait_s`, or
    where there are no locks, the block runs without it. A process that dies lets go of it.

    Args:
        folder: What the lock stands for; nothing is written into it.
        wait_s: The longest wait, in seconds.

    Yields:
        Whether the lock is held.
    """
    if sys.platform == "win32":
        yield False
        return
    key = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"gnnvision-{os.getuid()}-{key}.lock"
    try:
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        yield False
        return
    try:
        yield _lock(handle, wait_s)
    finally:
        os.close(handle)  # lets go of the lock


def _lock(handle: int, wait_s: float) -> bool:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
