"""One process at a time in a run folder."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

__all__ = ["InUse", "in_use"]

_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_held: dict[Path, int] = {}  # folders of this process, and the thread that holds each


class InUse(ValueError):
    """Another run works in the folder.

    Args:
        folder: which one.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"'folder' must not be in use by another run, got {str(folder)!r}, in which one is "
            "still at work. Wait until it ends, or stop it."
        )


@contextlib.contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Hold a run folder while the block runs; a thread that holds it may hold it again.

    The lock is on the folder itself, so that nothing is left behind, and ends with the process,
    however that ends. Where the file system has no locks the block runs without one. What a
    killed process left half written is removed. A folder that was made for the block and got
    nothing is removed after it.

    Raises:
        InUse: if another process or thread holds it.
        ValueError: if the folder cannot be made.
    """
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place = folder.resolve()
    except OSError as error:
        raise ValueError(
            f"'folder' must be a folder that can be made, got {str(folder)!r} "
            f"({error.strerror or error}). Name another one."
        ) from error
    holder = _held.get(place)
    if holder == threading.get_ident():
        yield
        return
    if holder is not None:
        raise InUse(folder)
    handle = _locked(folder)
    _held[place] = threading.get_ident()
    try:
        _remove_halves(folder)
        yield
    finally:
        del _held[place]
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()  # only an empty one
        if handle is not None:
            os.close(handle)  # lets go of the lock


def _locked(folder: Path) -> int | None:
    """The open and locked folder; None where there are no locks."""
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


def _remove_halves(folder: Path) -> None:
    """Remove the temporary files of writers that are no more; whoever holds the lock may."""
    for pattern in (".*.part", "checkpoints/.*.part", "checkpoints/.tmp*"):
        for path in folder.glob(pattern):
            with contextlib.suppress(OSError):
                path.unlink()
