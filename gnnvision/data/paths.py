"""Checks of paths: missing, unreadable, or not a regular file."""

from __future__ import annotations

import os
import stat
import unicodedata
from pathlib import Path

from gnnvision.errors import invalid, nearest

__all__ = ["existing_path", "expand_user", "nearest_names", "refuse_special", "similar_names"]

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def refuse_special(path: str | os.PathLike[str], argument: str) -> None:
    """Raise ValueError for a pipe, a device or a socket, which may block when read.

    A path that does not exist or cannot be inspected passes; opening it gives the error.

    Args:
        path: The path to read.
        argument: The name of the argument, for the message.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return
    for is_kind, what in _KINDS:
        if is_kind(mode):
            got = f"{os.fspath(path)!r}, which is {what}"
            raise invalid(argument, "be a regular file", got, "Save its content to a file first.")


def expand_user(path: str | os.PathLike[str], argument: str) -> Path:
    """The path with `~` or `~user` replaced by the home folder.

    Args:
        path: The path.
        argument: The name of the argument, for the message.

    Raises:
        ValueError: There is no such user, or the home folder is unknown.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        got = f"{os.fspath(path)!r}, whose home folder is unknown"
        advice = "Write the full path, or ./~ for a folder of that name."
        raise invalid(argument, "be a path that exists", got, advice) from error


def existing_path(path: str | os.PathLike[str], wanted: str, argument: str = "path") -> Path:
    """The path with `~` expanded, of a file or folder that exists and can be opened.

    Args:
        path: The path.
        wanted: What it must be, for the message: "a folder or an archive".
        argument: The name of the argument, for the message.

    Raises:
        FileNotFoundError: It does not exist. The message suggests similar names.
        ValueError: It is a pipe, a socket or a device, is not a valid path, or cannot be opened.
    """
    begin = f"'{argument}' must be {wanted} that exists, got {os.fspath(path)!r}."
    place = expand_user(path, argument)
    try:
        place.stat()
    except FileNotFoundError:
        raise FileNotFoundError(f"{begin} {nearest_names(place)}") from None
    except NotADirectoryError:
        raise FileNotFoundError(f"{begin} One of its folders is a file.") from None
    except (OSError, ValueError) as error:  # a name that is too long, or with a zero byte
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"{begin} It cannot be opened: {reason}. Check the path.") from error
    refuse_special(place, argument)
    if not os.access(place, os.R_OK):
        raise ValueError(f"{begin} It cannot be opened: permission denied.")
    return place


def similar_names(path: Path) -> list[str]:
    """Names in the folder of a path that does not exist, similar to its own, the nearest first."""
    try:
        names = sorted(entry.name for entry in path.parent.iterdir())
    except OSError:
        return []
    return nearest(path.name, [name for name in names if not name.startswith(".")], count=3)


def nearest_names(path: Path) -> str:
    """A hint for a path that does not exist: similar names in its closest existing folder."""
    missing, folder = path, path.parent
    while not folder.is_dir() and folder != folder.parent:
        missing, folder = folder, folder.parent
    try:
        names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError:
        return f"{str(folder)!r} cannot be read. Change its permissions."
    for name in names:  # macOS decomposes é or 한 into several characters
        if unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", missing.name):
            return (
                f"{str(folder)!r} contains {name!r}, which looks the same but uses other Unicode "
                "characters. Copy the name, or let the shell complete it."
            )
    similar = similar_names(missing)
    if similar:
        return f"Did you mean {' or '.join(map(repr, similar))} in {str(folder)!r}?"
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    shown = ", ".join(map(repr, names[:5])) + more
    return f"{str(folder)!r} {f'contains {shown}' if shown else 'is empty'}. Check the spelling."
