"""A reader of tar archives in bounded time and memory.

It supports the old, the POSIX (ustar, pax) and the GNU format. Unlike Python's tarfile, it does
not recurse for each extended header, limits numbers to the length of their field, and reports
truncated archives.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

__all__ = ["SPARSE", "TarEntry", "is_tar", "tar_entries"]

_BLOCK = 512
_CHUNK = 1 << 18
_LONGEST_HEADER = 1 << 16  # names have up to 4096 bytes
_HEADERS = 16  # before one entry
_KINDS = {
    b"0": "file", b"\0": "file", b"7": "file", b"5": "folder", b"1": "a link", b"2": "a link",
}  # fmt: skip
_SPECIAL = "a device or another special file"
SPARSE = "a sparse file"


@dataclass(frozen=True)
class TarEntry:
    """One entry of a tar archive.

    Args:
        name: The name in bytes.
        size: The size of the content in bytes.
        kind: "file", "folder", or a description of another kind.
    """

    name: bytes
    size: int
    kind: str


class _Reader:
    """Sequential reading of a file up to a limit."""

    def __init__(self, file: IO[bytes], limit: int, seeks: bool) -> None:
        self.file, self.limit, self.seeks = file, limit, seeks
        self.offset = 0

    def read(self, size: int) -> bytes:
        self.advance(size)
        data = self.file.read(size)
        if len(data) != size:
            raise tarfile.ReadError(f"it ends after {self.offset - size + len(data)} bytes")
        return data

    def header(self) -> bytes:
        """The next block; b"" at the end of the file."""
        data = self.file.read(_BLOCK)
        if data and len(data) != _BLOCK:
            raise tarfile.ReadError(f"it ends after {self.offset + len(data)} bytes")
        self.advance(len(data))
        return data

    def skip(self, size: int) -> None:
        if self.seeks and size > _BLOCK:
            self.advance(size)
            self.file.seek(size - 1, os.SEEK_CUR)
            if not self.file.read(1):
                raise tarfile.ReadError("it ends inside a file")
            return
        while size:
            size -= len(self.read(min(size, _CHUNK)))

    def advance(self, size: int) -> None:
        self.offset += size
        if self.offset > self.limit:
            raise tarfile.ReadError(f"it has more than {self.limit} bytes")


def is_tar(head: bytes) -> bool:
    """Whether the first 512 bytes of a file are a tar header, by their checksum.

    A block of zeros is the end-of-archive marker, with which an empty archive begins.
    """
    if len(head) < _BLOCK:
        return False
    if not any(head):
        return True
    try:
        _fields(head[:_BLOCK], 0)
    except tarfile.ReadError:
        return False
    return True


def tar_entries(
    file: IO[bytes], limit: int, largest: int, wants: frozenset[bytes] | None, *, seeks: bool
) -> Iterator[tuple[TarEntry, bytes]]:
    """Iterate over the entries of an archive, with the content if the name is in `wants`.

    Args:
        file: The decompressed archive.
        limit: The number of bytes to read at most.
        largest: The size of the largest file that may be read.
        wants: The names whose content to read; None for none, and a check of the end.
        seeks: Whether the file supports seeking forward.

    Raises:
        tarfile.ReadError: The file is not a tar archive, is damaged or truncated, or has data
            after its end.
    """
    reader = _Reader(file, limit, seeks)
    while (entry := _next_entry(reader)) is not None:
        content = b""
        if wants is not None and entry.name in wants and entry.kind == "file":
            if entry.size > largest:
                raise tarfile.ReadError(f"an entry of {entry.size} bytes is too large")
            content = reader.read(entry.size)
            reader.skip(-entry.size % _BLOCK)
        # A stated size is trusted only within the limits.
        yield entry, content
        if not content:
            reader.skip(entry.size + -entry.size % _BLOCK)
    if wants is None:
        _check_end(reader)


def _next_entry(reader: _Reader) -> TarEntry | None:
    """The next entry, with the values of its extended headers; None at the end."""
    extended: dict[str, bytes] = {}
    for _ in range(_HEADERS):
        start, block = reader.offset, reader.header()
        if not block:
            raise tarfile.ReadError("it is truncated: the end marker is missing")
        if not any(block):
            if extended:
                raise tarfile.ReadError("it ends inside a header")
            return None
        size, kind = _fields(block, start)
        if kind not in (b"L", b"K", b"x", b"g", b"X"):
            return _entry(block, size, kind, extended)
        if size > _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes is too large")
        body = reader.read(size)
        reader.skip(-size % _BLOCK)
        if kind == b"L":
            extended["path"] = body.split(b"\0")[0]
        elif kind in (b"x", b"X"):
            extended |= _pax(body)
    raise tarfile.ReadError(f"more than {_HEADERS} headers before one entry")


def _fields(block: bytes, start: int) -> tuple[int, bytes]:
    """The size and the type in a header, after a check of its checksum."""
    rest = block[:148] + block[156:]
    total = sum(rest) + 8 * 32
    signed = total - 256 * sum(byte > 127 for byte in rest)  # computed by some old programs
    try:
        is_right = _number(block[148:156]) in (total, signed)
    except tarfile.ReadError:
        is_right = False
    if not is_right:
        raise tarfile.ReadError(f"no valid header at byte {start}")
    return _number(block[124:136]), block[156:157]


def _entry(block: bytes, size: int, kind: bytes, extended: dict[str, bytes]) -> TarEntry:
    name = block[:100].split(b"\0")[0]
    prefix = block[345:500].split(b"\0")[0]
    if block[257:263] == b"ustar\0" and prefix:
        name = prefix + b"/" + name
    name = extended.get("path", name)
    if "size" in extended:
        size = _decimal(extended["size"])
    word = _KINDS.get(kind, _SPECIAL)
    if any(key.startswith("GNU.sparse") for key in extended):
        word = SPARSE
    if kind == b"S":  # GNU's old form
        word = SPARSE
    if kind == b"\0" and name.endswith(b"/"):  # a folder in the format before 1988
        word = "folder"
    return TarEntry(name, size if word in ("file", _SPECIAL, SPARSE) else 0, word)


def _pax(body: bytes) -> dict[str, bytes]:
    """The records of a pax header, each "<length> <key>=<value>" with a line feed."""
    found: dict[str, bytes] = {}
    place = 0
    while place < len(body) and body[place]:
        length = _decimal(body[place : place + 8].split(b" ")[0])
        record = body[place : place + length]
        begin = record.find(b" ") + 1
        key, mark, value = record[begin:-1].partition(b"=")
        if not begin or not mark or len(record) != length or record[-1:] != b"\n":
            raise tarfile.ReadError("an extended header is malformed")
        found[key.decode("ascii", "replace")] = value
        place += length
    return found


def _number(field: bytes) -> int:
    """An octal number, or a number in GNU's binary form."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    text = field.split(b"\0")[0].strip()
    if text and not all(0x30 <= digit <= 0x37 for digit in text):
        raise tarfile.ReadError(f"{field!r} is not a number")
    return int(text or b"0", 8)


def _decimal(text: bytes) -> int:
    if not text.isdigit() or len(text) > 20:
        raise tarfile.ReadError(f"{text[:20]!r} is not a number")
    return int(text)


def _check_end(reader: _Reader) -> None:
    """Raise an error if anything but padding follows the end marker."""
    while chunk := reader.file.read(_CHUNK):
        reader.advance(len(chunk))
        if chunk.count(0) != len(chunk):
            raise tarfile.ReadError("there is data after the end marker")
