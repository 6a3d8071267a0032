"""Files in a folder or an archive, and the interface by which they are listed and read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gnnvision.data.file_names import printable

__all__ = ["ExcludedFile", "Member", "Source"]


@dataclass(frozen=True)
class Member:
    """One file of a source.

    Args:
        path: The path relative to the source, with `/` as separator.
        size: The size in bytes.
        fault: Why the file cannot be read; empty if it can.
    """

    path: str
    size: int
    fault: str = ""


@dataclass(frozen=True)
class ExcludedFile:
    """A file or folder of a source that is not among its members.

    Args:
        path: The path relative to the source.
        kind: "system file", "special file", "linked folder" or "unreadable".
        reason: An explanation.
    """

    path: str
    kind: str
    reason: str = ""


class Source(ABC):
    """A folder or an archive.

    Args:
        path: The path of the folder or archive.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """The name without the extension of an archive."""
        name = printable(self.path.resolve().name)
        for ending in (".tar.gz", ".tgz", ".tar", ".zip"):
            if name.lower().endswith(ending):
                return name[: -len(ending)]
        return name

    @abstractmethod
    def members(self) -> Sequence[Member]:
        """All files, sorted by path."""

    @abstractmethod
    def folders(self) -> Sequence[str]:
        """All folders, sorted by path; some archives do not list empty ones."""

    def excluded(self) -> Sequence[ExcludedFile]:
        """Files and folders that are not members, with the reasons, sorted by path."""
        return ()

    def assumed(self) -> Sequence[str]:
        """Assumptions about file names, as sentences."""
        return ()

    @abstractmethod
    def read(self, members: Sequence[Member]) -> Iterator[tuple[Member, bytes]]:
        """The contents of some members, in the fastest order."""

    def heads(self, members: Sequence[Member], size: int) -> Iterator[tuple[Member, bytes]]:
        """The first bytes of some members; see `read`."""
        for member, content in self.read(members) if members else ():
            yield member, content[:size]

    @abstractmethod
    def fingerprint(self) -> str:
        """A hash that changes when the contents do, in hexadecimal."""
