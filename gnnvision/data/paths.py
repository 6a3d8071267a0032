"""Paths that lead nowhere, or to what is no file."""

from __future__ import annotations

import difflib
import os
import stat
import unicodedata
from pathlib import Path

__all__ = ["existing_path", "expand_user", "nearest_names", "refuse_special"]

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def refuse_special(path: str | os.PathLike[str], argument: str) -> None:
    """Refuse a pipe, a device or a socket, from which reading may never end.

    What is not there, or cannot be looked at, is left to the reader's own error.

    Args:
        path: what is to be read.
        argument: the name of the argument, for the error.

    Raises:
        ValueError: if it is there but neither a file nor a folder.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return
    for is_kind, what in _KINDS:
        if is_kind(mode):
            raise ValueError(
                f"'{argument}' must be a regular file, got {os.fspath(path)!r}, which is {what}. "
                "Save its content to a file first."
            )


def expand_user(path: str | os.PathLike[str], argument: str) -> Path:
    """The path with `~` and `~user` replaced by a home folder.

    Args:
        path: as it was given.
        argument: the name of the argument, for the error.

    Raises:
        ValueError: if there is no such user, or no home folder is known.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"'{argument}' must be a path that exists, got {os.fspath(path)!r}, whose home folder "
            "is not known. Write the path out, or ./~ for a folder of that name."
        ) from error


def existing_path(path: str | os.PathLike[str], wanted: str, argument: str = "path") -> Path:
    """The file or folder at `path`, `~` filled in: one that is there and can be opened.

    Args:
        path: Where to look.
        wanted: What it must be, for the message: "a folder or an archive".
        argument: Whose value the path is, likewise.

    Raises:
        FileNotFoundError: There is nothing there. The message names what is near.
        ValueError: It is a pipe, a socket or a device, which may never end, or no path at all,
            or what is there cannot be opened.
    """
    begin = f"'{argument}' must be {wanted} that exists, got {os.fspath(path)!r}."
    place = expand_user(path, argument)
    try:
        place.stat()
    except FileNotFoundError:
        raise FileNotFoundError(f"{begin} {nearest_names(place)}") from None
    except NotADirectoryError:
        raise FileNotFoundError(f"{begin} A file stands where a folder should be.") from None
    except (OSError, ValueError) as error:  # a name that is too long, or with a zero byte
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"{begin} It cannot be opened: {reason}. Check the path.") from error
    refuse_special(place, argument)
    if not os.access(place, os.R_OK):
        raise ValueError(f"{begin} It cannot be opened: no permission to read it. Change that.")
    return place


def nearest_names(path: Path) -> str:
    """What of `path` there is, and what there has a similar name: one sentence or two."""
    missing, folder = path, path.parent
    while not folder.is_dir() and folder != folder.parent:
        missing, folder = folder, folder.parent
    try:
        names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError:
        return f"{str(folder)!r} cannot be read. Change its permissions."
    for name in names:  # as Macs write é or 한: in two characters or more
        if unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", missing.name):
            return (
                f"In {str(folder)!r} there is {name!r}, which looks alike but is written in other "
                "Unicode characters. Copy the name, or let the shell complete it."
            )
    near = difflib.get_close_matches(missing.name, names, n=3, cutoff=0.5)
    if near:
        return f"In {str(folder)!r} there is {', '.join(map(repr, near))}. Did you mean that?"
    shown = ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "")
    return f"In {str(folder)!r} there is {shown or 'nothing'}. Check the spelling."
