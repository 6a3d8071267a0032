"""Atomic writing of files, and locks between processes."""

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

__all__ = ["NotWritable", "atomic_write", "folder_lock"]


class NotWritable(OSError):
    """A folder cannot be created or written."""


@contextlib.contextmanager
def atomic_write(path: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """Open a temporary file that is renamed to `path` if the block succeeds, else deleted.

    The temporary name is unique, so two processes never write to the same file.

    Args:
        path: The final path; its folder is created if missing.
        durable: Whether to flush the file to disk first, so that a power failure loses nothing.

    Raises:
        NotWritable: The folder cannot be created or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise NotWritable(f"{path.parent} cannot be written ({error.strerror})") from error
    temporary = Path(name)
    try:
        os.close(handle)
        with temporary.open("wb") as target:  # its name is a path, for writers that need one
            yield target
            target.flush()
            if durable:
                os.fsync(target.fileno())
        temporary.chmod(0o644)  # mkstemp makes files private
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Flush the renaming to disk too, if the system supports it."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def folder_lock(folder: Path, wait_s: float) -> Iterator[bool]:
    """A context with a lock on `folder` among the processes of this user on this machine.

    The lock only avoids duplicate work: files are replaced atomically, so after `wait_s`, or on
    systems without locks, the block runs without it. A process that dies releases the lock; the
    last holder removes the lock file.

    Args:
        folder: The folder to lock; nothing is written into it.
        wait_s: The longest wait, in seconds.

    Yields:
        Whether the lock is held.
    """
    if sys.platform == "win32":
        yield False
        return
    key = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"gnnvision-{os.getuid()}-{key}.lock"
    handle = _open_locked(path, wait_s)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            # Removed while held: a process that waits for it notices, and creates a new one.
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            os.close(handle)  # releases the lock


def _open_locked(path: Path, wait_s: float) -> int | None:
    """The handle of the locked file at `path`; None after the deadline or on failure."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError:
            return None
        held = _lock(handle, deadline)
        if held and _is_file_of(handle, path):
            return handle
        os.close(handle)
        if not held:
            return None


def _is_file_of(handle: int, path: Path) -> bool:
    """Whether `path` is still the open file, which the last holder may have removed."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except OSError:
        return False


def _lock(handle: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
