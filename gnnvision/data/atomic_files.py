"""Atomic writing of files, temporary folders, and locks between processes.

What is temporary is locked while its process lives, so that the next one that writes the same can
remove what a killed process left behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    import fcntl

__all__ = ["NotWritable", "TemporaryFolder", "atomic_write", "folder_lock"]


class NotWritable(OSError):
    """A folder cannot be created or written."""


@contextlib.contextmanager
def atomic_write(path: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """Open a temporary file that is renamed to `path` if the block succeeds, else deleted.

    The temporary name is unique, so two processes never write to the same file. Temporary files
    for the same path that killed processes have left are removed.

    Args:
        path: The final path; its folder is created if missing.
        durable: Whether to flush the file to disk first, so that a power failure loses nothing.

    Raises:
        NotWritable: The folder cannot be created or written.
    """
    start, end = f".{path.name}.", ".part"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path.parent, start, end)
        handle, temporary = _locked_file(path.parent, start, end)
    except OSError as error:
        raise NotWritable(f"{path.parent} cannot be written ({error.strerror})") from error
    try:
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
    finally:
        os.close(handle)
    if durable:
        _sync_folder(path.parent)


class TemporaryFolder:
    """A folder for temporary files; those that killed processes have left are removed first.

    Args:
        prefix: Of its name; no other program's folders begin with it.
        parent: Where it is made; by default the system's folder of temporary files.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, prefix: str, parent: Path | None = None) -> None:
        place = Path(tempfile.gettempdir()) if parent is None else parent
        _remove_abandoned(place, prefix)
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
            self._handle = None if sys.platform == "win32" else os.open(self.path, os.O_RDONLY)
            if self._handle is None:
                break
            _try_lock(self._handle)
            if _is_file_of(self._handle, self.path):
                break
            os.close(self._handle)

    def remove(self) -> None:
        """Remove it with its content, if it is still there."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _locked_file(folder: Path, start: str, end: str) -> tuple[int, Path]:
    """A new temporary file, locked: its handle and its path."""
    while True:
        handle, name = tempfile.mkstemp(prefix=start, suffix=end, dir=folder)
        _try_lock(handle)
        if sys.platform == "win32" or _is_file_of(handle, Path(name)):
            return handle, Path(name)
        os.close(handle)  # another process has removed it before it was locked


def _try_lock(handle: int) -> bool:
    """Lock an open file or folder, if nobody else has and the file system has locks."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_abandoned(folder: Path, start: str, end: str = "") -> None:
    """Remove the temporary files or folders of these names whose processes have ended."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):  # a folder that cannot be listed, or others' files
        for place in os.scandir(folder):
            if not (place.name.startswith(start) and place.name.endswith(end)):
                continue
            with contextlib.suppress(OSError):
                handle = os.open(place.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    if os.fstat(handle).st_uid != os.getuid() or not _try_lock(handle):
                        continue
                    if place.is_dir(follow_symlinks=False):
                        shutil.rmtree(place.path, ignore_errors=True)
                    elif place.is_file(follow_symlinks=False):
                        os.unlink(place.path)
                finally:
                    os.close(handle)


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
        if _try_lock(handle):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
