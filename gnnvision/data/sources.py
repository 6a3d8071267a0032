"""Where files lie: in a folder or inside an archive, listed and read in the same way.

Nothing of an archive is unpacked to disk. Its list of contents is checked before any of it is
read, and what does not belong into a plain archive of data is refused.
"""

from __future__ import annotations

import hashlib
import os
import stat
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gnnvision.data.file_names import decode_names, is_system_name, printable
from gnnvision.data.paths import existing_path
from gnnvision.data.tar_entries import is_tar

__all__ = ["FolderSource", "LeftOut", "Member", "Source", "open_source"]

MAX_FILE_BYTES = 1 << 28
_MAX_VISITS = 100  # of one folder, by links


@dataclass(frozen=True)
class Member:
    """One file of a source.

    Args:
        path: Below the source, with `/` between folders.
        size: In bytes.
        fault: Why it cannot be read, in words; empty for a file that can.
    """

    path: str
    size: int
    fault: str = ""


@dataclass(frozen=True)
class LeftOut:
    """What lies in a source and is none of its members.

    Args:
        path: Below the source.
        kind: "system file", "special file", "linked folder" or "unreadable".
        reason: What it is, in words.
    """

    path: str
    kind: str
    reason: str = ""


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
        """All folders, sorted by path; some archives do not list them."""

    def left_out(self) -> Sequence[LeftOut]:
        """What lies there and is not listed, sorted by path."""
        return ()

    def assumed(self) -> Sequence[str]:
        """What was assumed about the names, in sentences."""
        return ()

    @abstractmethod
    def read(self, members: Sequence[Member]) -> Iterator[tuple[Member, bytes]]:
        """The contents of some files, in the order that is quickest."""

    def heads(self, members: Sequence[Member], size: int) -> Iterator[tuple[Member, bytes]]:
        """As `read`, but no more than the first bytes of each."""
        for member, content in self.read(members) if members else ():
            yield member, content[:size]

    @abstractmethod
    def fingerprint(self) -> str:
        """A hash that changes when the contents do, in hexadecimal."""


class FolderSource(Source):
    """A folder and all below it; links are followed, but not round in circles.

    Raises:
        ValueError: The folder cannot be read, or links multiply one without end.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._status: dict[str, os.stat_result] = {}
        self._faults: dict[str, str] = {}
        self._left_out: list[LeftOut] = []
        self._linked: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
        folders = self._walk()
        shown = self._shown([*self._status, *self._faults, *folders])
        self._folders = sorted({shown[folder] for folder in folders})
        self._real: dict[str, str] = {}  # where a name is shown in another way
        members = []
        for raw in (*self._status, *self._faults):
            size = self._status[raw].st_size if raw in self._status else 0
            name = shown[raw] if shown[raw] not in self._real else _escaped(raw)
            self._real[name] = raw
            members.append(Member(name, size, self._faults.get(raw, "")))
        self._members = sorted(members, key=lambda member: member.path)
        self._left_out.sort(key=lambda entry: entry.path)

    def _walk(self) -> list[str]:
        """Note what lies in the folder and below; the folders as they are named on disk."""
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
                status_or_none = self._note(raw, name)
                if status_or_none is None:
                    continue
                key = (status_or_none.st_dev, status_or_none.st_ino)
                if key in above:
                    reason = "a link that leads back to a folder above it"
                    self._left_out.append(LeftOut(printable(raw), "linked folder", reason))
                    continue
                visits[key] += 1
                if visits[key] > _MAX_VISITS:
                    raise ValueError(
                        f"'path' must hold links that end, got {_MAX_VISITS} that lead to "
                        f"{raw!r} of {str(self.path)!r}. Remove them, or copy the folder."
                    )
                self._linked[key].append(raw)
                found.append(raw)
                waiting.append((raw, above | {key}))
        return found

    def _note(self, raw: str, name: str) -> os.stat_result | None:
        """Note one entry; its status if it is a folder to look into."""
        if is_system_name(name):
            reason = "kept by an operating system or a program"
            self._left_out.append(LeftOut(printable(raw), "system file", reason))
            return None
        try:
            status = (self.path / raw).stat()
        except FileNotFoundError:
            self._faults[raw] = "a link that leads nowhere"
        except OSError as error:
            self._faults[raw] = error.strerror or str(error)
        else:
            if stat.S_ISDIR(status.st_mode):
                return status
            if stat.S_ISREG(status.st_mode):
                self._status[raw] = status
            else:
                reason = "a pipe, a socket or a device, no file"
                self._left_out.append(LeftOut(printable(raw), "special file", reason))
        return None

    def _cannot_list(self, inside: str, error: OSError) -> None:
        reason = error.strerror or str(error)
        if not inside:
            raise ValueError(
                f"'path' must be a folder that can be read, got {str(self.path)!r} ({reason}). "
                "Change its permissions, or give a copy."
            ) from error
        reason = f"a folder that cannot be read: {reason}"
        self._left_out.append(LeftOut(printable(inside), "unreadable", reason))

    def _shown(self, raws: Sequence[str]) -> dict[str, str]:
        """The paths as text: each name that is not UTF-8 is decoded, all in one encoding."""
        odd = sorted({n for raw in raws for n in raw.split("/") if printable(n) != n})
        decoded, self._encoding = decode_names([os.fsencode(name) for name in odd])
        text = dict(zip(odd, decoded, strict=True))
        if not text:
            return dict(zip(raws, raws, strict=True))
        return {raw: "/".join(text.get(n, n) for n in raw.split("/")) for raw in raws}

    def members(self) -> Sequence[Member]:
        """All files but those of the system, sorted by path."""
        return self._members

    def folders(self) -> Sequence[str]:
        """All folders but those of the system, sorted by path."""
        return self._folders

    def left_out(self) -> Sequence[LeftOut]:
        """Files of the system, what is no file, and folders that cannot be read."""
        return self._left_out

    def assumed(self) -> Sequence[str]:
        """The encoding of names that are not UTF-8, and folders that are linked twice."""
        notes = []
        if self._encoding not in ("ascii", "utf-8"):
            notes.append(f"file names that are not UTF-8 are read as {self._encoding}")
        for same in self._linked.values():
            if len(same) > 1:
                paths = " and ".join(repr(printable(raw)) for raw in sorted(same)[:3])
                notes.append(f"{paths} are one folder by links, read {len(same)} times")
        return notes

    def read(self, members: Sequence[Member]) -> Iterator[tuple[Member, bytes]]:
        """The contents of some files, in the order given; one that fails has its `fault`."""
        return self.heads(members, MAX_FILE_BYTES + 1)

    def heads(self, members: Sequence[Member], size: int) -> Iterator[tuple[Member, bytes]]:
        """As `read`, but no more than the first bytes of each."""
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
        """A hash over each file's name, size and times, and its content where these may lie.

        Two files that agree in size and times could be swapped unseen; they are read.
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
                except OSError as error:  # it is found unreadable later
                    digest.update(repr(error.errno).encode())
        # A file that a system adds, as when a folder is looked at, changes no image.
        left_out = [entry for entry in self._left_out if entry.kind != "system file"]
        others = [sorted(self._faults.items()), self._folders, left_out]
        digest.update(repr(others).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    # No program can set the last of these at will, as it can the one before.
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _escaped(raw: str) -> str:
    return os.fsencode(raw).decode("utf-8", "backslashreplace")


def open_source(path: str | os.PathLike[str]) -> Source:
    """The folder, or the tar, tar.gz or zip archive, at `path`.

    Raises:
        FileNotFoundError: There is nothing there. The message names what is near.
        ValueError: It is a file of another kind, or an archive that is damaged or unsafe.
    """
    # Archives are read with the class above; this way round neither file is long.
    from gnnvision.data.archives import TarSource, ZipSource

    place = existing_path(path, "a folder or an archive")
    if place.is_dir():
        return FolderSource(place)
    with place.open("rb") as file:
        head = file.read(512)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return ZipSource(place)
    if head[:2] == b"\x1f\x8b" or head[257:262] == b"ustar" or _is_tar(place, head):
        return TarSource(place)
    if not head:
        raise ValueError(
            f"'path' must be a folder or a tar, tar.gz or zip archive, got {os.fspath(path)!r}, "
            "an empty file. Fetch it again."
        )
    what = next((kind for magic, kind in _OTHERS.items() if head.startswith(magic)), "")
    advice = "Unpack it and give the folder."
    if what == _IMAGE:
        advice = "Give the folder that holds a folder of images for each class."
    elif head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        what, advice = ", a web page", "Fetch the archive itself."
    raise ValueError(
        f"'path' must be a folder or a tar, tar.gz or zip archive, got {os.fspath(path)!r}{what}. "
        f"{advice}"
    )


def _is_tar(place: Path, head: bytes) -> bool:
    """Whether it is a tar archive of the form before 1988, which has no mark, or an empty one."""
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
    b"PK\x07\x08": ", one piece of a zip archive in several",
    b"\x1f\x9d": ", packed with compress",
    b"\x04\x22\x4d\x18": ", packed with lz4",
    b"MSCF": ", a cabinet archive",
    b"MZ": ", a program",
    b"\x89PNG": _IMAGE,
    b"\xff\xd8\xff": _IMAGE,
    b"GIF8": _IMAGE,
}
