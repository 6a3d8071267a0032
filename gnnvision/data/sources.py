"""Sources of files: folders and archives with one interface for listing and reading.

Archives are never unpacked to disk. Their list of contents is checked before any entry is read,
and unsafe entries are refused.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gnnvision.data.archives import TarSource, ZipSource
from gnnvision.data.file_names import decode_names, is_system_name, printable
from gnnvision.data.members import ExcludedFile, Member, Source
from gnnvision.data.paths import existing_path
from gnnvision.data.tar_entries import is_tar
from gnnvision.errors import invalid

__all__ = ["ExcludedFile", "FolderSource", "Member", "Source", "open_source"]

MAX_FILE_BYTES = 1 << 28
_MAX_VISITS = 100  # of one folder through links


class FolderSource(Source):
    """A folder and its subfolders; links are followed, except for cycles.

    Raises:
        ValueError: The folder cannot be read, or links repeat a folder too often.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._status: dict[str, os.stat_result] = {}
        self._faults: dict[str, str] = {}
        self._excluded: list[ExcludedFile] = []
        self._linked: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
        folders = self._walk()
        shown = self._display_paths([*self._status, *self._faults, *folders])
        self._folders = sorted({shown[folder] for folder in folders})
        self._real: dict[str, str] = {}  # from the displayed path to the one on disk
        members = []
        for raw in (*self._status, *self._faults):
            size = self._status[raw].st_size if raw in self._status else 0
            name = shown[raw] if shown[raw] not in self._real else _escaped(raw)
            self._real[name] = raw
            members.append(Member(name, size, self._faults.get(raw, "")))
        self._members = sorted(members, key=lambda member: member.path)
        self._excluded.sort(key=lambda entry: entry.path)

    def _walk(self) -> list[str]:
        """Record all files of the folder and its subfolders; returns the subfolders."""
        status = self.path.stat()
        waiting = [("", frozenset({(status.st_dev, status.st_ino)}))]
        visits: Counter[tuple[int, int]] = Counter()
        found = []
        while waiting:
            inside, above = waiting.pop()
            try:
                names = sorted(os.listdir(self.path / inside))
            except OSError as error:
                self._cannot_list(inside, error)
                continue
            for name in names:
                raw = f"{inside}/{name}" if inside else name
                status_or_none = self._record(raw, name)
                if status_or_none is None:
                    continue
                key = (status_or_none.st_dev, status_or_none.st_ino)
                if key in above:
                    reason = "a link to a folder that contains it"
                    self._excluded.append(ExcludedFile(printable(raw), "linked folder", reason))
                    continue
                visits[key] += 1
                if visits[key] > _MAX_VISITS:
                    condition = f"have fewer than {_MAX_VISITS} links to one folder"
                    got = f"more to {raw!r} in {str(self.path)!r}"
                    raise invalid("path", condition, got, "Remove them, or copy the folder.")
                self._linked[key].append(raw)
                found.append(raw)
                waiting.append((raw, above | {key}))
        return found

    def _record(self, raw: str, name: str) -> os.stat_result | None:
        """Record one entry; returns its status if it is a folder to visit."""
        if is_system_name(name):
            reason = "created by an operating system or a program"
            self._excluded.append(ExcludedFile(printable(raw), "system file", reason))
            return None
        try:
            status = (self.path / raw).stat()
        except FileNotFoundError:
            self._faults[raw] = "a broken link"
        except OSError as error:
            self._faults[raw] = error.strerror or str(error)
        else:
            if stat.S_ISDIR(status.st_mode):
                return status
            if stat.S_ISREG(status.st_mode):
                self._status[raw] = status
            else:
                reason = "a pipe, a socket or a device"
                self._excluded.append(ExcludedFile(printable(raw), "special file", reason))
        return None

    def _cannot_list(self, inside: str, error: OSError) -> None:
        reason = error.strerror or str(error)
        if not inside:
            got = f"{str(self.path)!r} ({reason})"
            advice = "Change its permissions, or copy it."
            raise invalid("path", "be a readable folder", got, advice) from error
        reason = f"a folder that cannot be read: {reason}"
        self._excluded.append(ExcludedFile(printable(inside), "unreadable", reason))

    def _display_paths(self, raws: Sequence[str]) -> dict[str, str]:
        """The paths as text; all names that are not UTF-8 are decoded in one encoding."""
        odd = sorted({n for raw in raws for n in raw.split("/") if printable(n) != n})
        decoded, self._encoding = decode_names([os.fsencode(name) for name in odd])
        text = dict(zip(odd, decoded, strict=True))
        if not text:
            return dict(zip(raws, raws, strict=True))
        return {raw: "/".join(text.get(n, n) for n in raw.split("/")) for raw in raws}

    def members(self) -> Sequence[Member]:
        """All files except system files, sorted by path."""
        return self._members

    def folders(self) -> Sequence[str]:
        """All folders except system folders, sorted by path."""
        return self._folders

    def excluded(self) -> Sequence[ExcludedFile]:
        """System files, special files, link cycles and unreadable folders."""
        return self._excluded

    def assumed(self) -> Sequence[str]:
        """The encoding of names that are not UTF-8, and folders that are linked twice."""
        notes = []
        if self._encoding not in ("ascii", "utf-8"):
            notes.append(f"file names that are not UTF-8 are decoded as {self._encoding}")
        for same in self._linked.values():
            if len(same) > 1:
                paths = " and ".join(repr(printable(raw)) for raw in sorted(same)[:3])
                notes.append(
                    f"{paths} are links to the same folder, which is read {len(same)} times"
                )
        return notes

    def read(self, members: Sequence[Member]) -> Iterator[tuple[Member, bytes]]:
        """The contents of some files in the given order; a file that fails gets a `fault`."""
        return self.heads(members, MAX_FILE_BYTES + 1)

    def heads(self, members: Sequence[Member], size: int) -> Iterator[tuple[Member, bytes]]:
        """The first bytes of some members; see `read`."""
        for member in members:
            if member.fault or not member.size:
                yield member, b""
                continue
            try:
                with (self.path / self._real[member.path]).open("rb") as file:
                    yield member, file.read(size)
            except OSError as error:
                yield replace(member, fault=error.strerror or str(error)), b""

    def fingerprint(self) -> str:
        """A hash of each file's name, size and times, and of its content if these are ambiguous.

        Files with the same size and times could be swapped unnoticed, so they are read.
        """
        twins: defaultdict[tuple[int, int, int], set[tuple[int, int]]] = defaultdict(set)
        for status in self._status.values():
            twins[_stamp(status)].add((status.st_dev, status.st_ino))
        digest = hashlib.sha256()
        for raw in sorted(self._status):
            status = self._status[raw]
            digest.update(os.fsencode(raw) + f"\0{_stamp(status)}\0".encode())
            if status.st_size and len(twins[_stamp(status)]) > 1:
                try:
                    with (self.path / raw).open("rb") as file:
                        digest.update(hashlib.file_digest(file, "sha256").digest())
                except OSError as error:  # decoding reports it
                    digest.update(repr(error.errno).encode())
        # A file that the system adds, as when a folder is opened, does not change the images.
        excluded = [entry for entry in self._excluded if entry.kind != "system file"]
        others = [sorted(self._faults.items()), self._folders, excluded]
        digest.update(repr(others).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    # Unlike mtime, no program can set ctime.
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _escaped(raw: str) -> str:
    return os.fsencode(raw).decode("utf-8", "backslashreplace")


def open_source(path: str | os.PathLike[str]) -> Source:
    """Open a folder, or a tar, tar.gz or zip archive.

    Raises:
        FileNotFoundError: The path does not exist. The message suggests similar names.
        ValueError: It is another kind of file, or a damaged or unsafe archive.
    """
    place = existing_path(path, "a folder or an archive")
    if place.is_dir():
        return FolderSource(place)
    with place.open("rb") as file:
        head = file.read(512)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return ZipSource(place)
    if head[:2] == b"\x1f\x8b" or head[257:262] == b"ustar" or _is_tar(place, head):
        return TarSource(place)
    condition = "be a folder or a tar, tar.gz or zip archive"
    if not head:
        got = f"{os.fspath(path)!r}, an empty file"
        raise invalid("path", condition, got, "Download it again.")
    what = next((kind for magic, kind in _OTHERS.items() if head.startswith(magic)), "")
    advice = "Unpack it and pass the folder."
    if what == _IMAGE:
        advice = "Pass the folder that has one folder of images for each class."
    elif head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        what, advice = ", a web page", "Download the archive itself."
    raise invalid("path", condition, f"{os.fspath(path)!r}{what}", advice)


def _is_tar(place: Path, head: bytes) -> bool:
    """Whether this is a tar archive in the form before 1988, without magic bytes, or empty."""
    if any(head) or not head:
        return is_tar(head)
    return place.stat().st_size <= _MOST_EMPTY and not any(place.read_bytes())


_MOST_EMPTY = 1 << 20
_IMAGE = ", a single image"
_OTHERS = {
    b"Rar!": ", a RAR archive",
    b"7z\xbc\xaf": ", a 7z archive",
    b"BZh": ", packed with bzip2",
    b"\xfd7zXZ": ", packed with xz",
    b"\x28\xb5\x2f\xfd": ", packed with zstd",
    b"PK\x07\x08": ", one part of a multi-part zip archive",
    b"\x1f\x9d": ", packed with compress",
    b"\x04\x22\x4d\x18": ", packed with lz4",
    b"MSCF": ", a cabinet archive",
    b"MZ": ", a Windows program",
    b"\x89PNG": _IMAGE,
    b"\xff\xd8\xff": _IMAGE,
    b"GIF8": _IMAGE,
}
