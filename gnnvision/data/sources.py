"""Where files lie: in a folder or inside an archive, listed and read in the same way.

Nothing of an archive is unpacked to disk. Its list of contents is checked before any of it is
read, and what does not belong into a plain archive of data is refused.
"""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gnnvision.data.paths import nearest_names

__all__ = ["FolderSource", "Member", "Source", "open_source"]


@dataclass(frozen=True)
class Member:
    """One file of a source.

    Args:
        path: Below the source, with `/` between folders.
        size: In bytes.
    """

    path: str
    size: int


class Source(ABC):
    """A folder or an archive.

    Args:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """Its name without the ending of an archive."""
        name = self.path.resolve().name
        for ending in (".tar.gz", ".tgz", ".tar", ".zip"):
            if name.lower().endswith(ending):
                return name[: -len(ending)]
        return name

    @abstractmethod
    def members(self) -> Sequence[Member]:
        """All files, sorted by path."""

    @abstractmethod
    def folders(self) -> Sequence[str]:
        """All folders, sorted by path; some archives do not list them."""

    @abstractmethod
    def read(self, members: Sequence[Member]) -> Iterator[tuple[Member, bytes]]:
        """The contents of some files, in the order that is quickest."""

    @abstractmethod
    def fingerprint(self) -> str:
        """A hash that changes when the contents do, in hexadecimal."""


class FolderSource(Source):
    """A folder and all below it; links are followed, but not round in circles."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._members: list[Member] = []
        self._folders: list[str] = []
        self._changed: list[int] = []  # times in nanoseconds
        seen = {path.resolve()}
        for top, folders, files in os.walk(path, followlinks=True):
            here = Path(top)
            for name in list(folders):
                target = (here / name).resolve()
                if name.startswith(".") or name == "__MACOSX" or target in seen:
                    folders.remove(name)
                    continue
                seen.add(target)
                self._folders.append((here / name).relative_to(path).as_posix())
            for name in files:
                if not name.startswith("."):
                    self._add(here / name)
        self._members.sort(key=lambda member: member.path)
        self._folders.sort()

    def _add(self, file: Path) -> None:
        try:
            status = file.stat()
        except OSError:  # a link that leads nowhere: as a file of no bytes it is found invalid
            self._members.append(Member(file.relative_to(self.path).as_posix(), 0))
            return
        self._members.append(Member(file.relative_to(self.path).as_posix(), status.st_size))
        self._changed.append(status.st_mtime_ns)

    def members(self) -> Sequence[Member]:
        """All files but hidden ones, sorted by path."""
        return self._members

    def folders(self) -> Sequence[str]:
        """All folders but hidden ones, sorted by path."""
        return self._folders

    def read(self, members: Sequence[Member]) -> Iterator[tuple[Member, bytes]]:
        """The contents of some files, in the order given."""
        for member in members:
            yield member, (self.path / member.path).read_bytes() if member.size else b""

    def fingerprint(self) -> str:
        """A hash of the names, sizes and times of change of all files."""
        digest = hashlib.sha256()
        for member in self._members:
            digest.update(f"{member.path}\0{member.size}\0".encode("utf-8", "surrogateescape"))
        digest.update(",".join(map(str, sorted(self._changed))).encode())
        return digest.hexdigest()


def open_source(path: str | os.PathLike[str]) -> Source:
    """The folder, or the tar, tar.gz or zip archive, at `path`.

    Raises:
        FileNotFoundError: There is nothing there. The message names what is near.
        ValueError: It is a file of another kind, or an archive that is damaged or unsafe.
    """
    # Archives are read with the class above; this way round neither file is long.
    from gnnvision.data.archives import TarSource, ZipSource

    place = Path(path).expanduser()
    if place.is_dir():
        return FolderSource(place)
    if not place.exists():
        raise FileNotFoundError(
            f"'path' must be a folder or an archive that exists, got {os.fspath(path)!r}. "
            f"{nearest_names(place)}"
        )
    with place.open("rb") as file:
        head = file.read(512)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return ZipSource(place)
    if head[:2] == b"\x1f\x8b" or head[257:262] == b"ustar":
        return TarSource(place)
    raise ValueError(
        f"'path' must be a folder or a tar, tar.gz or zip archive, got {os.fspath(path)!r}. "
        "Unpack it and give the folder."
    )
