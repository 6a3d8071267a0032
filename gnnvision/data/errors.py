"""The errors of the data floor: missing files, damaged files, unsafe files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

__all__ = ["ChecksumError", "DataNotFound", "UnsafePickleError"]


class DataNotFound(FileNotFoundError):
    """A data set is neither on disk nor could it be downloaded.

    Args:
        message: One sentence that says what was looked for and why it was not had.
        files: The names of the missing files.
        folder: The folder to put them in.
        urls: Where each file can be had, in the order of `files`; may be empty.
    """

    def __init__(
        self, message: str, files: Sequence[str], folder: Path, urls: Sequence[str] = ()
    ) -> None:
        self.files = tuple(files)
        self.folder = folder
        lines = [message, f"Put these files into {folder}:"]
        for position, name in enumerate(files):
            lines.append(f"  {name}" + (f"  ({urls[position]})" if position < len(urls) else ""))
        super().__init__("\n".join(lines))


class ChecksumError(ValueError):
    """A file is there, but it is not the file that the data set's card describes."""


class UnsafePickleError(ValueError):
    """A pickled file asks for something that plain arrays and lists do not need."""
