"""A lock on a run folder, for one process at a time."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from gnnvision import _torchrun as torchrun
from gnnvision.errors import invalid

if sys.platform != "win32":
    import fcntl

__all__ = ["InUse", "in_use"]

_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_owners: dict[Path, int] = {}  # locked folders of this process, and the thread of each


class InUse(ValueError):
    """Another run uses the folder.

    Args:
        folder: the folder.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"'folder' must not be in use by another run, got {str(folder)!r}, which one "
            "is using. Wait until that run ends, or stop it."
        )


@contextlib.contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """A context in which a run folder is locked; the thread with the lock may lock it again.

    The lock is on the folder itself, so that no file is left behind, and ends with the process,
    even if that is killed. Where the file system has no locks the block runs without one.
    Temporary files of killed processes are removed. A folder that is made here and stays empty
    is removed at the end. Under torchrun, rank 0 has the lock for all processes.

    Raises:
        InUse: if another process or thread has locked it.
        ValueError: if the folder cannot be made.
    """
    if not torchrun.is_first():
        yield
        return
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place = folder.resolve()
    except OSError as error:
        raise invalid(
            "folder",
            "be a folder that can be created",
            f"{str(folder)!r} ({error.strerror or error})",
            "Choose another folder.",
        ) from error
    owner = _owners.get(place)
    if owner == threading.get_ident():
        yield
        return
    if owner is not None:
        raise InUse(folder)
    handle = _lock(folder)
    _owners[place] = threading.get_ident()
    try:
        _remove_temporary_files(folder)
        yield
    finally:
        del _owners[place]
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()  # only an empty one
        if handle is not None:
            os.close(handle)  # which unlocks it


def _lock(folder: Path) -> int | None:
    """Lock the folder and return its file descriptor; None if there are no locks."""
    if sys.platform == "win32":
        return None
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if error.errno in _BUSY:
            raise InUse(folder) from None
        return None
    return handle


def _remove_temporary_files(folder: Path) -> None:
    """Remove the temporary files of killed processes, which only the owner of the lock may do."""
    for pattern in (".*.part", "checkpoints/.*.part", "checkpoints/.tmp*"):
        for path in folder.glob(pattern):
            with contextlib.suppress(OSError):
                path.unlink()
