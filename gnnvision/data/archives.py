"""Tar and zip archives as sources of files, read in memory after a check of their contents.

Absolute paths, `..`, links, devices, duplicate names, encryption and archive bombs are refused.
Bombs are detected by the sizes that they state; limits on reading cover sizes that they hide.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import stat
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, cast

from gnnvision.data.file_names import decode_names, is_system_name
from gnnvision.data.members import ExcludedFile, Member, Source
from gnnvision.data.tar_entries import SPARSE, TarEntry, is_tar, tar_entries
from gnnvision.data.zip_entries import METHODS, entry_content, entry_names

__all__ = ["ArchiveLimits", "TarSource", "ZipSource"]


@dataclass(frozen=True)
class ArchiveLimits:
    """Limits on the contents of an archive.

    Args:
        total_bytes: The total unpacked size.
        member_bytes: The unpacked size of one file.
        members: The number of entries.
        ratio: The compression ratio of an archive that unpacks to 64 MiB or more.
    """

    total_bytes: int = 1 << 34
    member_bytes: int = 1 << 28
    members: int = 5_000_000
    ratio: float = 200.0


_SMALL = 1 << 26
_LONGEST = 4096  # characters of a path, as on Linux
_UNTRUSTED = "Nothing was unpacked; do not trust it."
_UNPACK = "Unpack it with another program and pass the folder."


class _UnsafeArchive(ValueError):
    """An archive is unsafe and not read."""


class _Contents:
    """The checked entries of an archive."""

    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        self.path, self.limits = path, limits
        self.files: dict[str, int] = {}
        self.folders: set[str] = set()
        self.names: dict[str, object] = {}  # from a normalized path to the name in the archive
        self.has_backslashes = False
        self.total, self.count = 0, 0
        self.packed = max(1, path.stat().st_size)

    def count_size(self, name: str, size: int) -> None:
        """Count one more entry and its size against the limits."""
        limits = self.limits
        self.count += 1
        self.total += size
        if self.count > limits.members:
            raise self.refused(f"it has more than {limits.members} entries")
        if size > limits.member_bytes:
            reason = f"{name[:80]!r} unpacks to {size} bytes, more than {limits.member_bytes}"
            raise self.refused(reason)
        if self.total > limits.total_bytes:
            raise self.refused(f"it unpacks to more than {limits.total_bytes} bytes", _UNPACK)
        if self.total > max(_SMALL, limits.ratio * self.packed):
            raise self.refused(f"it unpacks to more than {limits.ratio:g} times its size")

    def add(self, name: str, size: int, kind: str, key: object) -> None:
        """Add one entry of the kind "file", "folder" or another kind, which is refused."""
        shown = f"{name[:80]!r}"
        self.has_backslashes |= "\\" in name
        name = name.replace("\\", "/")  # the separator of old Windows programs
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/") or ".." in parts or name[1:2] == ":" or "\0" in name:
            raise self.refused(f"the path {shown} leads outside the archive")
        if kind == "encrypted":
            raise self.refused(f"{shown} is encrypted", "Unpack it with its password.")
        if kind == "a link":
            raise self.refused(
                f"{shown} is a link", "Nothing was unpacked. Pack the files instead of links."
            )
        if kind not in ("file", "folder"):
            raise self.refused(f"{shown} is {kind}", _UNTRUSTED)
        plain = "/".join(parts)
        if len(plain) > _LONGEST:  # each of its folders is a path of its own
            raise self.refused(f"the path {shown} has more than {_LONGEST} characters")
        if kind == "folder" or (name.endswith("/") and not size):
            self.folders.add(plain)
            return
        if not plain:
            raise self.refused("an entry has no name")
        if plain in self.files:
            raise self.refused(f"it has two entries {shown}")
        self.files[plain] = size
        self.names[plain] = key

    def refused(self, reason: str, advice: str = _UNTRUSTED) -> _UnsafeArchive:
        return _UnsafeArchive(f"The archive {self.path} is refused: {reason}. {advice}")

    def all_folders(self) -> list[str]:
        for name in list(self.folders) + list(self.files):
            while "/" in name and (name := name.rpartition("/")[0]) not in self.folders:
                self.folders.add(name)
        return sorted(self.folders - {""})


class _Archive(Source):
    """The base of both kinds of archives: a checked list of contents."""

    def __init__(self, path: Path, limits: ArchiveLimits | None = None) -> None:
        super().__init__(path)
        self.limits = limits or ArchiveLimits()
        self._encoding = ""

    @cached_property
    def _contents(self) -> _Contents:
        contents = _Contents(self.path, self.limits)
        with self._reading_errors():
            self._list(contents)
        return contents

    def _list(self, contents: _Contents) -> None:
        raise NotImplementedError

    @cached_property
    def _members(self) -> list[Member]:
        files = self._contents.files
        return [Member(name, files[name]) for name in sorted(files) if not _is_system(name)]

    def members(self) -> Sequence[Member]:
        """All files except system files, sorted by path."""
        return self._members

    def folders(self) -> Sequence[str]:
        """All folders, including those that occur only in paths of files, sorted by path."""
        return [name for name in self._contents.all_folders() if not _is_system(name)]

    def excluded(self) -> Sequence[ExcludedFile]:
        """Files of an operating system or a program."""
        reason = "created by an operating system or a program"
        names = sorted(filter(_is_system, self._contents.files))
        return [ExcludedFile(name, "system file", reason) for name in names]

    def assumed(self) -> Sequence[str]:
        """The encoding and the path separator of names, if the archive does not specify them."""
        contents, notes = self._contents, []
        if self._encoding:
            notes.append(
                f"file names are decoded as {self._encoding}, as the archive does not specify an "
                "encoding"
            )
        if contents.has_backslashes:
            notes.append("backslashes in file names are path separators")
        return notes

    def fingerprint(self) -> str:
        """The SHA-256 of the archive."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @contextmanager
    def _reading_errors(self) -> Iterator[None]:
        """Raise the errors of readers as a message that the archive is damaged."""
        try:
            yield
        except _UnsafeArchive:
            raise
        except OSError as error:
            if error.errno is None or isinstance(error, gzip.BadGzipFile):  # from a decoder
                raise self._damaged(error) from error
            raise ValueError(
                f"The archive {self.path} cannot be read ({error.strerror}). Check the disk and "
                "the permissions."
            ) from error
        except Exception as error:  # each decoder raises its own types
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> ValueError:
        return ValueError(
            f"The archive {self.path} is damaged ({type(error).__name__}: {error}). Download it "
            "again."
        )


def _is_system(path: str) -> bool:
    return any(map(is_system_name, path.split("/")))


class TarSource(_Archive):
    """A tar or tar.gz archive."""

    def _entries(self, wants: frozenset[bytes] | None) -> Iterator[tuple[TarEntry, bytes]]:
        limits = self.limits
        packed = max(1, self.path.stat().st_size)
        # Headers and padding add to the sizes of the files.
        last = 2 * max(_SMALL, min(limits.total_bytes, int(limits.ratio * packed)))
        with self.path.open("rb") as raw:
            is_packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            # The buffer halves the time to list many small files.
            unpacked = io.BufferedReader(gzip.GzipFile(fileobj=raw), 1 << 18)
            file = cast(IO[bytes], unpacked) if is_packed else raw
            if is_packed and not is_tar(unpacked.peek(512)[:512]):
                raise _UnsafeArchive(
                    "'path' must be a folder or a tar, tar.gz or zip archive, got "
                    f"{str(self.path)!r}, a gzip file that is not an archive. Unpack it and pass "
                    "the folder."
                )
            largest = min(limits.member_bytes, last)
            yield from tar_entries(file, last, largest, wants, seeks=not is_packed)

    def _list(self, contents: _Contents) -> None:
        entries = []
        for entry, _ in self._entries(None):
            name = entry.name.decode("utf-8", "replace")
            contents.count_size(name, entry.size)
            if entry.kind == SPARSE:  # the following bytes have another layout
                raise contents.refused(f"{name[:80]!r} is {SPARSE}", _UNPACK)
            entries.append(entry)
        names, encoding = decode_names([entry.name for entry in entries])
        self._encoding = encoding if encoding not in ("ascii", "utf-8") else ""
        for name, entry in zip(names, entries, strict=True):
            contents.add(name, entry.size, entry.kind, entry.name)

    def read(self, members: Sequence[Member]) -> Iterator[tuple[Member, bytes]]:
        """The contents of some files, in their order in the archive."""
        with self._reading_errors():
            wanted = {self._contents.names[member.path]: member for member in members}
            for entry, content in self._entries(frozenset(cast("list[bytes]", list(wanted)))):
                if entry.kind == "file" and entry.name in wanted:
                    yield wanted[entry.name], content


class ZipSource(_Archive):
    """A zip archive."""

    def _list(self, contents: _Contents) -> None:
        with zipfile.ZipFile(self.path) as archive:
            entries = archive.infolist()
            names, self._encoding = entry_names(entries)
            for name, entry in zip(names, entries, strict=True):
                contents.count_size(name, entry.file_size)
                contents.add(name, entry.file_size, _zip_kind(name, entry), entry)
                if entry.compress_type not in METHODS and not entry.is_dir():
                    method = f"the unsupported compression method {entry.compress_type}"
                    raise contents.refused(f"{name[:80]!r} uses {method}", _UNPACK)

    def read(self, members: Sequence[Member]) -> Iterator[tuple[Member, bytes]]:
        """The contents of some files, in their order in the archive."""
        with self._reading_errors():
            names = self._contents.names
            found = [(cast(zipfile.ZipInfo, names[member.path]), member) for member in members]
            with self.path.open("rb") as file:
                for entry, member in sorted(found, key=lambda pair: pair[0].header_offset):
                    yield member, entry_content(file, entry)


def _zip_kind(name: str, entry: zipfile.ZipInfo) -> str:
    """The kind of an entry: "file", "folder", or a description of another kind."""
    mode = entry.external_attr >> 16
    if stat.S_ISLNK(mode):
        return "a link"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a device or another special file"
    if entry.flag_bits & 1:
        return "encrypted"
    return "folder" if name.endswith(("/", "\\")) else "file"
