"""Errors about missing, damaged and unsafe files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

__all__ = ["ChecksumError", "DataNotFound", "UnsafePickleError", "invalid_file"]


class DataNotFound(FileNotFoundError):
    """The files of a dataset were not found and could not be downloaded.

    Args:
        message: A sentence with the dataset and the reason.
        files: The names of the missing files.
        folder: The folder to put them in.
        urls: The address of each file, in the order of `files`; may be empty.
    """

    def __init__(
        self, message: str, files: Sequence[str], folder: Path, urls: Sequence[str] = ()
    ) -> None:
        self.files = tuple(files)
        self.folder = folder
        lines = [message, f"Put these files into {folder}:"]
        for number, name in enumerate(files):
            lines.append(f"  {name}" + (f"  ({urls[number]})" if number < len(urls) else ""))
        super().__init__("\n".join(lines))


class ChecksumError(ValueError):
    """A file differs from the one that the card of the dataset describes."""


class UnsafePickleError(ValueError):
    """A pickled file uses operations that plain arrays and lists do not need."""


def invalid_file(
    file: object, condition: str, got: object, advice: str = "Download it again."
) -> ValueError:
    """An error about the content of a file: `<file> must <condition>, got <value>. <Advice>`.

    Args:
        file: The name or path of the file.
        condition: The words after "must".
        got: What the file has instead.
        advice: What to do, in whole sentences.

    Returns:
        The error, to be raised.
    """
    return ValueError(f"{file} must {condition}, got {got}. {advice}")
