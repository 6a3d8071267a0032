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

__all__ = ["NotWritable", "atomic_write", "folder_lock"]


class NotWritable(OSError):
    """A file cannot be created in its folder."""


@contextlib.contextmanager
def atomic_write(path: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """A file that becomes `path` when the block ends well, and vanishes otherwise.

    Its temporary name is unique, so that two processes never write into one file.

    Args:
        path: The final name; its folder is made where it is missing.
        durable: Whether to wait until the disk has it, so that a power cut loses nothing.

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
        os.close(handle)
        with temporary.open("wb") as target:  # its name is a path, for writers that want one
            yield target
            target.flush()
            if durable:
                os.fsync(target.fileno())
        temporary.chmod(0o644)  # mkstemp keeps files private; data is for everybody
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Let the new name survive a power cut too, where the system knows how."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def folder_lock(folder: Path, wait_s: float) -> Iterator[bool]:
    """Hold the lock of `folder` among the processes of this user on this machine.

    The lock spares work, it guards nothing: files are replaced whole, so after `wait_s`, or
    where there are no locks, the block runs without it. A process that dies lets go of it; the
    last one to hold it removes its file.

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
    handle = _locked(path, wait_s)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            # While it is still held: whoever waits for this file finds it gone, and makes another.
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            os.close(handle)  # lets go of the lock


def _locked(path: Path, wait_s: float) -> int | None:
    """The open and locked file at `path`; None where that takes too long or does not work."""
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
    """Whether `path` still names the open file, which its last holder may have removed."""
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
