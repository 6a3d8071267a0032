"""Changes of valid inputs for benchmarks/fuzz.py: of bytes, text, JSON, and packed files."""

from __future__ import annotations

import gzip
import io
import json
import math
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

__all__ = ["MUTATE", "json_value", "mutate", "mutate_json", "mutate_text", "nested"]

_SIZES = [
    0, 1, 2, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31,
    2**32 - 1, 2**32, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1,
]  # fmt: skip
_NUMBERS = [
    *map(str, _SIZES), "-1", "-0", "1e400", "-1e400", "nan", "inf", "-inf", "1.5", "0x10", "1_0",
    "1" * 400, "1e-400", "٣", "１", "½", "+1", "1.", ".5", "1,5", "--1", "1e", "",
]  # fmt: skip
_TEXTS = [
    "", " ", "\0", "\n", "\r", "\t", '"', "'", ",", ";", "|", "\\", "/", "../", "../../x", "=1+1",
    "@SUM(1)", "<script>", "&amp;", "\u202e", "\u200b", "\ufeff", "\ud800", "\U0001f600", "한글",
    "e\u0301", "é", "İ", "ß", "\u2028", "\x1b[31m", "%s%n", "{0}", "${x}", "None", "null", "true",
    "__class__", "constructor", "con", "nul.txt", ".", "..", "~", "~root", "-", "--", "a" * 5000,
]  # fmt: skip


def mutate(random: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """One to four changes of bytes, each anywhere in them."""
    for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
        data = random.choice(_BYTES)(random, data, others)
    return data


def _place(random: Random, data: bytes) -> int:
    """Anywhere; half of the time in the first 64 bytes, where formats have their headers."""
    end = len(data) if random.random() < 0.5 else min(len(data), 64)
    return random.randrange(end + 1)


def _flip(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    if not data:
        return b"\0"
    at = min(_place(random, data), len(data) - 1)
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]


def _byte(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(random, data)
    return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]


def _integer(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at, width = _place(random, data), random.choice((2, 4, 8))
    number = random.choice(_SIZES) % 2 ** (8 * width)
    return (
        data[:at] + number.to_bytes(width, random.choice(("little", "big"))) + data[at + width :]
    )


def _cut(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return data[: _place(random, data)]


def _remove(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(random, data)
    return data[:at] + data[at + random.randint(1, 64) :]


def _repeat(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at, size = _place(random, data), random.randint(1, 64)
    times = random.choice((2, 2, 3, 17, 200))
    return data[:at] + data[at : at + size] * times + data[at + size :]


def _insert(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(random, data)
    return data[:at] + random.randbytes(random.randint(1, 16)) + data[at:]


def _splice(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    other = random.choice(others) if others else data
    at, place = _place(random, data), _place(random, other)
    return data[:at] + other[place:]


def _swap(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    a, b, c = sorted(_place(random, data) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _ascii(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    found = [*re.finditer(rb"-?\d+(?:\.\d+)?", data[:100_000])]
    if not found:
        return _byte(random, data, ())
    one = random.choice(found)
    number = random.choice(_NUMBERS).encode()
    return data[: one.start()] + number + data[one.end() :]


_BYTES: list[Callable[[Random, bytes, Sequence[bytes]], bytes]] = [
    _flip, _byte, _byte, _integer, _integer, _cut, _remove, _repeat, _insert, _splice, _swap,
    _ascii,
]  # fmt: skip


def mutate_text(random: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Changes of the words of a text; now and then of its bytes."""
    if random.random() < 0.2:
        return mutate(random, data, others)
    text = data.decode("utf-8", "surrogateescape")
    for _ in range(random.choice((1, 1, 2, 4))):
        words = re.findall(r"\w+|\s+|[^\w\s]", text)
        if not words:
            words = [""]
        at = random.randrange(len(words))
        match random.randrange(6):
            case 0:
                words[at] = random.choice(_TEXTS)
            case 1:
                words[at] = random.choice(_NUMBERS)
            case 2:
                del words[at]
            case 3:
                words[at] *= random.choice((2, 3, 50))
            case 4:
                words[at] = random.choice(words)
            case _:
                words.insert(at, random.choice(_TEXTS))
        text = "".join(words)
    encoding = random.choice(["utf-8"] * 12 + ["utf-16", "utf-32", "cp949", "latin-1"])
    return text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")


def json_value(random: Random) -> Any:
    """A value that a field may not expect."""
    plain: list[Any] = [
        None, True, False, 0, -1, 1.5, math.nan, math.inf, 1e308, 2**31, 2**63, 2**64, 10**400,
        [], {}, [None], [[]], {"": 0}, [0] * 2000, "x" * 5000, *_TEXTS,
    ]  # fmt: skip
    return random.choice([*plain, nested(random.choice((5, 200)))])


def nested(depth: int) -> Any:
    """A list in a list in a list."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def mutate_json(random: Random, value: Any) -> Any:
    """A copy of JSON in which one to three parts are others, missing or there twice."""
    value = json.loads(json.dumps(value))
    for _ in range(random.choice((1, 1, 2, 3))):
        value = _change(random, value)
    return value


def _change(random: Random, value: Any) -> Any:
    if not isinstance(value, (dict, list)) or not value or random.random() < 0.1:
        if isinstance(value, int | float) and abs(value) < 1e9 and random.random() < 0.5:
            return random.choice((-value, value + 1, value * 1000, value - 0.5, str(value)))
        return json_value(random)
    at = random.choice([*value] if isinstance(value, dict) else range(len(value)))
    match random.randrange(8):
        case 0:
            del value[at]
        case 1 if isinstance(value, list):
            value.insert(at, value[at])
        case 1:
            value[random.choice([*value, *_TEXTS])] = value[at]
        case 2:
            value[at] = json_value(random)
        case _:
            value[at] = _change(random, value[at])
    return value


# --- files that contain files, whose checksums are made right again --------------------------


def mutate_png(random: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """A PNG whose chunks are changed and have valid checksums."""
    chunks, at = [], 8
    while at + 12 <= len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    if not chunks:
        return mutate(random, data, others)
    place = random.randrange(len(chunks))
    kind, body = chunks[place]
    match random.randrange(5):
        case 0:
            chunks.insert(place, chunks[random.randrange(len(chunks))])
        case 1:
            del chunks[place]
        case 2 if kind == b"IDAT":
            try:
                content = zlib.decompress(body)
            except zlib.error:
                content = body
            chunks[place] = kind, zlib.compress(mutate(random, content), 1)
        case 3:
            name = random.choice((b"tRNS", b"PLTE", b"eXIf", b"iTXt", b"zTXt", b"iCCP", b"acTL"))
            chunks.insert(place, (name, mutate(random, body[:200])))
        case _:
            chunks[place] = kind, mutate(random, body)
    packed = (
        struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks
    )
    return data[:8] + b"".join(packed)


def mutate_gzip(inner: Callable[..., bytes]) -> Callable[..., bytes]:
    """Changes of what is packed with gzip; now and then of the packed bytes."""

    def change(random: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
        if random.random() < 0.2:
            return mutate(random, data, others)
        return gzip.compress(inner(random, gzip.decompress(data)), 1, mtime=0)

    return change


def mutate_tar(random: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """A tar archive whose headers are changed and have valid checksums."""
    if random.random() < 0.2:
        return mutate(random, data, others)
    blocks = bytearray(data)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        starts = [entry.offset for entry in archive.getmembers()]
    start = random.choice(starts)
    fields = ((0, 100), (100, 8), (124, 12), (136, 12), (156, 1), (157, 100), (257, 8), (345, 155))
    at, size = random.choice(fields)
    words = [b"../../x", b"/etc/x", b"a/../../b", b"c:\\x", b"x\0y", b"\xff\xfe", b"7777777777777"]
    words += [b"\x80" + b"\xff" * 11, b"S", b"x", b"g", b"L", b"K", b"1", b"2", b"3", b"5", b"7"]
    field = random.choice(
        (random.choice(words), mutate(random, bytes(blocks[start + at :][:size])))
    )
    blocks[start + at : start + at + size] = field[:size].ljust(size, b"\0")
    total = sum(blocks[start : start + 148]) + 256 + sum(blocks[start + 156 : start + 512])
    blocks[start + 148 : start + 156] = b"%06o\0 " % total
    return bytes(blocks)


def mutate_zip(inner: Callable[..., bytes]) -> Callable[..., bytes]:
    """Changes of a member, or of its name, method or attributes, packed again as a zip."""

    def change(random: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
        if random.random() < 0.3:
            return mutate(random, data, others)
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
            entries = old.infolist()
            chosen = random.choice(entries)
            for entry in entries:
                content = old.read(entry)
                made = zipfile.ZipInfo(entry.filename)
                made.compress_type = random.choice((0, 8, 8, 12, 14))
                if entry is chosen:
                    match random.randrange(5):
                        case 0:
                            words = ["../x", "/x", "a\\..\\b", "x\0", "한", *_TEXTS]
                            made.filename = random.choice(words) or "x"
                        case 1:
                            made.external_attr = random.randrange(2**32)
                        case 2:
                            continue
                        case _:
                            content = inner(random, content)
                try:
                    new.writestr(made, content, compresslevel=1)
                except (ValueError, UnicodeEncodeError):
                    continue
        return out.getvalue() if random.random() < 0.7 else mutate(random, out.getvalue())

    return change


def mutate_safetensors(random: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """A safetensors file with another header: its shapes, types, offsets and description."""
    if random.random() < 0.2:
        return mutate(random, data, others)
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    about = header.get("__metadata__", {}).get("gnnvision")
    if about is not None and random.random() < 0.6:
        state = json.loads(about)
        state.pop("sha256", None)  # as an attacker would leave it out
        header["__metadata__"]["gnnvision"] = json.dumps(mutate_json(random, state))
    else:
        if about is not None:
            state = json.loads(about)
            state.pop("sha256", None)
            header["__metadata__"]["gnnvision"] = json.dumps(state)
        header = mutate_json(random, header)
    body = data[8 + size :]
    if random.random() < 0.3:
        body = mutate(random, body)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


MUTATE: dict[str, Callable[..., bytes]] = {
    "bytes": mutate,
    "text": mutate_text,
    "png": mutate_png,
    "tar": mutate_tar,
    "tar.gz": mutate_gzip(mutate_tar),
    "gz": mutate_gzip(mutate),
    "text.gz": mutate_gzip(mutate_text),
    "zip": mutate_zip(mutate),
    "zip of text": mutate_zip(mutate_text),
    "safetensors": mutate_safetensors,
}
