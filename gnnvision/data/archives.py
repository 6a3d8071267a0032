"""Tar and zip archives as sources of files: read in memory, checked before.

Refused are absolute names and names that climb out, links and devices, a name given twice,
encryption, and contents out of proportion: a bomb is noticed by the sizes it states, and what
it hides about them by limits on what is read.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, cast

from gnnvision.data.sources import Member, Source

__all__ = ["ArchiveLimits", "TarSource", "ZipSource"]


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may hold.

    Args:
        total_bytes: All files together, unpacked.
        member_bytes: One file, unpacked.
        members: How many entries.
        ratio: Unpacked size divided by the archive's, where it unpacks to 64 MiB or more.
    """

    total_bytes: int = 1 << 34
    member_bytes: int = 1 << 28
    members: int = 5_000_000
    ratio: float = 200.0


_SMALL = 1 << 26


class _Contents:
    """The entries of an archive as they are met: each one checked."""

    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        self.path, self.limits = path, limits
        self.files: dict[str, int] = {}
        self.folders: set[str] = set()
        self.total, self.count = 0, 0
        self.packed = max(1, path.stat().st_size)

    def add(self, name: str, size: int, kind: str) -> None:
        """Note one entry of the kind "file", "folder" or what else it is."""
        limits, shown = self.limits, f"{name[:80]!r}"
        self.count += 1
        parts = [part for part in name.split("/") if part not in ("", ".")]
        leads_out = name.startswith("/") or ".." in parts or name[1:2] == ":"
        if leads_out or "\\" in name or "\0" in name:
            raise self.refused(f"the name {shown} leads out of it")
        if kind not in ("file", "folder"):
            raise self.refused(f"{shown} is {kind}")
        plain = "/".join(parts)
        if kind == "folder":
            self.folders.add(plain)
            return
        if plain in self.files or not plain:
            raise self.refused(f"it holds {shown} twice")
        self.total += size
        if size > limits.member_bytes:
            raise self.refused(f"{shown} unpacks to {size} bytes, more than {limits.member_bytes}")
        if self.total > limits.total_bytes:
            raise self.refused(f"it unpacks to more than {limits.total_bytes} bytes")
        if self.total > max(_SMALL, limits.ratio * self.packed):
            raise self.refused(f"it unpacks to more than {limits.ratio:g} times its size")
        if self.count > limits.members:
            raise self.refused(f"it holds more than {limits.members} entries")
        self.files[plain] = size

    def refused(self, reason: str) -> ValueError:
        return ValueError(
            f"The archive {self.path} is refused: {reason}. Nothing of it was unpacked; do not "
            "trust it."
        )

    def all_folders(self) -> list[str]:
        for name in list(self.folders) + list(self.files):
            while "/" in name and (name := name.rpartition("/")[0]) not in self.folders:
                self.folders.add(name)
        return sorted(self.folders - {""})


class _Archive(Source):
    """What the two kinds of archives share: a checked list of contents."""

    def __init__(self, path: Path, limits: ArchiveLimits | None = None) -> None:
        super().__init__(path)
        self.limits = limits or ArchiveLimits()

    @cached_property
    def _contents(self) -> tuple[list[Member], list[str]]:
        """Files and folders; hidden ones are what an operating system left there."""
        contents = _Contents(self.path, self.limits)
        with self._damage():
            self._list(contents)
        members = [
            Member(name, contents.files[name])
            for name in sorted(contents.files)
            if not name.startswith((".", "__MACOSX/")) and "/." not in name
        ]
        return members, contents.all_folders()

    def _list(self, contents: _Contents) -> None:
        raise NotImplementedError

    def members(self) -> Sequence[Member]:
        """All files but hidden ones, sorted by path."""
        return self._contents[0]

    def folders(self) -> Sequence[str]:
        """All folders, also those that only the names of files mention, sorted by path."""
        return self._contents[1]

    def fingerprint(self) -> str:
        """The SHA-256 of the archive."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @contextmanager
    def _damage(self) -> Iterator[None]:
        """Say of what a reader stumbles over that the archive is damaged."""
        try:
            yield
        except (
            tarfile.TarError, zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, EOFError,
            NotImplementedError, OverflowError, UnicodeError,
        ) as error:  # fmt: skip
            raise ValueError(
                f"The archive {self.path} is damaged ({type(error).__name__}: {error}). "
                "Fetch it again."
            ) from error


class TarSource(_Archive):
    """A tar archive, packed with gzip or not."""

    @contextmanager
    def _open(self) -> Iterator[tarfile.TarFile]:
        with self.path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            # The buffer halves the time of a list of many small files.
            unpacked = io.BufferedReader(gzip.GzipFile(fileobj=raw), 1 << 18)
            file = cast(IO[bytes], unpacked) if packed else raw
            bounded = cast(IO[bytes], _Bounded(file, self))
            with tarfile.open(fileobj=bounded, mode="r:") as archive:
                yield archive

    def _list(self, contents: _Contents) -> None:
        kinds = {tarfile.SYMTYPE: "a link", tarfile.LNKTYPE: "a link"}
        with self._open() as archive:
            for entry in _entries(archive):
                if entry.isreg() and not entry.issparse():
                    kind = "file"
                elif entry.isdir():
                    kind = "folder"
                else:
                    kind = kinds.get(entry.type, "a device or another special file")
                contents.add(entry.name, entry.size, kind)
            # A header that makes no sense ends a tar archive silently.
            archive.fileobj.seek(archive.offset)
            if any(archive.fileobj.read(tarfile.BLOCKSIZE)):
                raise tarfile.ReadError(f"no valid header at byte {archive.offset}")

    def read(self, members: Sequence[Member]) -> Iterator[tuple[Member, bytes]]:
        """The contents of some files, in the order of the archive."""
        wanted = {member.path: member for member in members}
        with self._damage(), self._open() as archive:
            for entry in _entries(archive):
                path = "/".join(part for part in entry.name.split("/") if part not in ("", "."))
                if entry.isreg() and path in wanted:
                    # Quicker for many small files than a file object for each.
                    content, file = b"", archive.fileobj
                    if entry.size:
                        file.seek(entry.offset_data)
                        content = file.read(entry.size)
                    if len(content) != entry.size:
                        raise tarfile.ReadError(f"{path} ends after {len(content)} bytes")
                    yield wanted[path], content


def _entries(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The entries one after the other, without the list of them that tarfile keeps."""
    while (entry := archive.next()) is not None:
        yield entry
        archive.members.clear()  # type: ignore[attr-defined]


class ZipSource(_Archive):
    """A zip archive."""

    def _list(self, contents: _Contents) -> None:
        with zipfile.ZipFile(self.path) as archive:
            for entry in archive.infolist():
                mode = entry.external_attr >> 16
                kind = "folder" if entry.is_dir() else "file"
                if stat.S_ISLNK(mode):
                    kind = "a link"
                elif stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                    kind = "a device or another special file"
                elif entry.flag_bits & 1:
                    kind = "encrypted"
                contents.add(entry.orig_filename, entry.file_size, kind)

    def read(self, members: Sequence[Member]) -> Iterator[tuple[Member, bytes]]:
        """The contents of some files, in the order of the archive."""
        wanted = {member.path: member for member in members}
        with self._damage(), zipfile.ZipFile(self.path) as archive:
            for entry in archive.infolist():
                path = "/".join(
                    part for part in entry.filename.split("/") if part not in ("", ".")
                )
                if path in wanted and not entry.is_dir():
                    yield wanted[path], archive.read(entry)


class _Bounded:
    """A file that gives no more at once, and no more in all, than an archive may hold."""

    def __init__(self, file: IO[bytes], owner: _Archive) -> None:
        self.file, self.limits, self.path = file, owner.limits, owner.path
        packed = max(1, owner.path.stat().st_size)
        # Headers and padding come on top of what the files themselves may take.
        self.last = 2 * max(_SMALL, min(self.limits.total_bytes, int(self.limits.ratio * packed)))

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= max(self.limits.member_bytes, _SMALL):
            raise tarfile.ReadError(f"an entry of {size} bytes where none can be")
        return self.file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        if offset > self.last:
            raise tarfile.ReadError(f"it goes on for more than {self.last} bytes")
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()
