"""The entries of a zip archive: decoded names, and contents within size limits."""

from __future__ import annotations

import bz2
import lzma
import struct
import zipfile
import zlib
from collections.abc import Sequence
from typing import IO

from gnnvision.data.file_names import decode_names

__all__ = ["METHODS", "entry_content", "entry_names"]

METHODS = {0: "stored", 8: "deflate", 12: "bzip2", 14: "LZMA"}
_UTF8, _UNICODE_PATH = 0x800, 0x7075
_LOCAL = struct.Struct("<4s22xHH")  # the magic, and the lengths of the name and what follows it


def entry_names(entries: Sequence[zipfile.ZipInfo]) -> tuple[list[str], str]:
    """The names of the entries, and the legacy encoding that was guessed for some, or "".

    A name is UTF-8 if its flag or an extra field says so. All other names are decoded together,
    see `decode_names`.
    """
    raw = [_raw_name(entry) for entry in entries]
    known = [_unicode_name(entry, name) for entry, name in zip(entries, raw, strict=True)]
    unknown = [name for name, text in zip(raw, known, strict=True) if text is None]
    decoded, encoding = decode_names(unknown)
    rest = iter(decoded)
    names = [next(rest) if text is None else text for text in known]
    return names, "" if encoding == "ascii" else encoding


def entry_content(file: IO[bytes], entry: zipfile.ZipInfo) -> bytes:
    """The content of an entry, unpacked only up to the size that it states.

    Args:
        file: The archive.
        entry: An entry that is not encrypted and whose method is in `METHODS`.

    Raises:
        zipfile.BadZipFile: The size or the checksum differs from the one in the archive.
    """
    file.seek(entry.header_offset)
    head = file.read(_LOCAL.size)
    if len(head) != _LOCAL.size:
        raise zipfile.BadZipFile(f"{entry.filename!r} has no valid header")
    magic, name_length, extra_length = _LOCAL.unpack(head)
    if magic != b"PK\x03\x04":
        raise zipfile.BadZipFile(f"{entry.filename!r} has no valid header")
    file.seek(name_length + extra_length, 1)
    packed = file.read(entry.compress_size)
    content = _unpacked(packed, entry.compress_type, entry.file_size + 1)
    if len(packed) != entry.compress_size or len(content) != entry.file_size:
        raise zipfile.BadZipFile(
            f"{entry.filename!r} does not unpack to the {entry.file_size} bytes that it states"
        )
    if zlib.crc32(content) != entry.CRC:
        raise zipfile.BadZipFile(f"the checksum of {entry.filename!r} is wrong")
    return content


def _unpacked(packed: bytes, method: int, most: int) -> bytes:
    """The unpacked bytes, at most `most`."""
    if method == 0:
        return packed
    if method == 8:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)
    if method == 12:
        return bz2.BZ2Decompressor().decompress(packed, most)
    if len(packed) < 9 or packed[2:4] != b"\x05\0":
        raise zipfile.BadZipFile("LZMA without properties")
    settings, window = struct.unpack("<BI", packed[4:9])
    if settings >= 225:
        raise zipfile.BadZipFile("LZMA with invalid properties")
    return lzma.LZMADecompressor(
        lzma.FORMAT_RAW,
        filters=[{
            "id": lzma.FILTER_LZMA1,
            "lc": settings % 9, "lp": settings // 9 % 5, "pb": settings // 45,
            # References cannot go further back than the content is long.
            "dict_size": max(4096, min(window, most)),
        }],
    ).decompress(packed[9:], most)  # fmt: skip


def _raw_name(entry: zipfile.ZipInfo) -> bytes:
    """The raw bytes of the name, which zipfile has decoded as UTF-8 or cp437."""
    return entry.orig_filename.encode("utf-8" if entry.flag_bits & _UTF8 else "cp437")


def _unicode_name(entry: zipfile.ZipInfo, raw: bytes) -> str | None:
    """The name if the archive specifies its encoding, else None."""
    if entry.flag_bits & _UTF8:
        return entry.orig_filename
    extra = entry.extra
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        body, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == _UNICODE_PATH and len(body) > 5 and body[0] == 1:
            (crc,) = struct.unpack("<I", body[1:5])
            if crc == zlib.crc32(raw):  # otherwise the name was changed but the field was not
                try:
                    return body[5:].decode("utf-8")
                except UnicodeDecodeError:
                    return None
    return None
