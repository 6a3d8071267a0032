"""The entries of a tar archive, one after the other, in bounded time and memory.

Read are the old, the POSIX (ustar, pax) and the GNU form. Unlike Python's tarfile this reader
does not call itself for each header before an entry, reads no number longer than its field, and
does not take the end of a file that was cut for the end of the archive.
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
    """One entry.

    Args:
        name: As bytes.
        size: Of the content.
        kind: "file", "folder", or in words what else it is.
    """

    name: bytes
    size: int
    kind: str


class _Reader:
    """A file read forwards, no further than a limit."""

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
        """The next block; b"" where the file ends."""
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
                raise tarfile.ReadError("it ends in the middle of a file")
            return
        while size:
            size -= len(self.read(min(size, _CHUNK)))

    def advance(self, size: int) -> None:
        self.offset += size
        if self.offset > self.limit:
            raise tarfile.ReadError(f"it goes on for more than {self.limit} bytes")


def is_tar(head: bytes) -> bool:
    """Whether a content that begins with 512 bytes may be a tar archive: by their checksum.

    Zeros are the mark of the end, right at the beginning of an empty archive.
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
    """Each entry of an archive, with its content if its name is among `wants`.

    Args:
        file: The unpacked archive.
        limit: Bytes after which no more is read.
        largest: The size of the largest file that may be read.
        wants: Names whose content to give; None for none, and then the end is checked.
        seeks: Whether the file can go forward without reading.

    Raises:
        tarfile.ReadError: It is no tar archive, is damaged, cut, or goes on after its end.
    """
    reader = _Reader(file, limit, seeks)
    while (entry := _next_entry(reader)) is not None:
        content = b""
        if wants is not None and entry.name in wants and entry.kind == "file":
            if entry.size > largest:
                raise tarfile.ReadError(f"an entry of {entry.size} bytes where none can be")
            content = reader.read(entry.size)
            reader.skip(-entry.size % _BLOCK)
        # One at a time: a size is trusted only as far as the limits reach.
        yield entry, content
        if not content:
            reader.skip(entry.size + -entry.size % _BLOCK)
    if wants is None:
        _check_end(reader)


def _next_entry(reader: _Reader) -> TarEntry | None:
    """The next entry with what the headers before it say; None at the end."""
    said: dict[str, bytes] = {}
    for _ in range(_HEADERS):
        place, block = reader.offset, reader.header()
        if not block:
            raise tarfile.ReadError("it is cut: the mark of its end is missing")
        if not any(block):
            if said:
                raise tarfile.ReadError("it ends in the middle of a header")
            return None
        size, kind = _fields(block, place)
        if kind not in (b"L", b"K", b"x", b"g", b"X"):
            return _entry(block, size, kind, said)
        if size > _LONGEST_HEADER:
            raise tarfile.ReadError(f"an entry of {size} bytes where none can be")
        body = reader.read(size)
        reader.skip(-size % _BLOCK)
        if kind == b"L":
            said["path"] = body.split(b"\0")[0]
        elif kind in (b"x", b"X"):
            said |= _pax(body)
    raise tarfile.ReadError(f"more than {_HEADERS} headers before one entry")


def _fields(block: bytes, place: int) -> tuple[int, bytes]:
    """Size and type, of a header whose checksum is right."""
    rest = block[:148] + block[156:]
    total = sum(rest) + 8 * 32
    signed = total - 256 * sum(byte > 127 for byte in rest)  # as some old programs did
    try:
        is_right = _number(block[148:156]) in (total, signed)
    except tarfile.ReadError:
        is_right = False
    if not is_right:
        raise tarfile.ReadError(f"no valid header at byte {place}")
    return _number(block[124:136]), block[156:157]


def _entry(block: bytes, size: int, kind: bytes, said: dict[str, bytes]) -> TarEntry:
    name = block[:100].split(b"\0")[0]
    prefix = block[345:500].split(b"\0")[0]
    if block[257:263] == b"ustar\0" and prefix:
        name = prefix + b"/" + name
    name = said.get("path", name)
    if "size" in said:
        size = _decimal(said["size"])
    word = _KINDS.get(kind, _SPECIAL)
    if any(key.startswith("GNU.sparse") for key in said):
        word = SPARSE
    if kind == b"S":  # GNU's old form
        word = SPARSE
    if kind == b"\0" and name.endswith(b"/"):  # how tar said it before 1988
        word = "folder"
    return TarEntry(name, size if word in ("file", _SPECIAL, SPARSE) else 0, word)


def _pax(body: bytes) -> dict[str, bytes]:
    """The records of a header: each "<length> <key>=<value>" and a line feed."""
    found: dict[str, bytes] = {}
    place = 0
    while place < len(body) and body[place]:
        length = _decimal(body[place : place + 8].split(b" ")[0])
        record = body[place : place + length]
        begin = record.find(b" ") + 1
        key, mark, value = record[begin:-1].partition(b"=")
        if not begin or not mark or len(record) != length or record[-1:] != b"\n":
            raise tarfile.ReadError("a header with extensions that make no sense")
        found[key.decode("ascii", "replace")] = value
        place += length
    return found


def _number(field: bytes) -> int:
    """A number in octal digits, or in GNU's binary form."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    text = field.split(b"\0")[0].strip()
    if text and not all(0x30 <= digit <= 0x37 for digit in text):
        raise tarfile.ReadError(f"a number that reads {field!r}")
    return int(text or b"0", 8)


def _decimal(text: bytes) -> int:
    if not text.isdigit() or len(text) > 20:
        raise tarfile.ReadError(f"a number that reads {text[:20]!r}")
    return int(text)


def _check_end(reader: _Reader) -> None:
    """After the mark of the end there may be padding, but no second archive."""
    while chunk := reader.file.read(_CHUNK):
        reader.advance(len(chunk))
        if chunk.count(0) != len(chunk):
            raise tarfile.ReadError("more follows after the mark of its end")
