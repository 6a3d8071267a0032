"""Decoding of text files in an unknown encoding."""

from __future__ import annotations

import re

from gnnvision.data.file_names import ranked_encodings
from gnnvision.errors import invalid

__all__ = ["MARKS", "decode_text"]

# Byte-order marks; the one of UTF-32 begins with the one of UTF-16.
MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# The legacy encodings of spreadsheets: Korea, Japan, China, Taiwan, Russia, Western Europe.
_ENCODINGS = ("cp949", "cp932", "gb18030", "big5", "cp1251", "cp1252")
_LEAST = 0.3  # the lowest score of letters for a plausible encoding
_NEAR = 0.85  # of the best score: another encoding that is plausible too
_SHOWN = 3  # samples of the text that a note quotes
_MAX_SAMPLES = 5000
# Below "@", where no encoding has the second byte of a letter.
_BETWEEN = re.compile(rb'[,;\t"]')
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def decode_text(content: bytes, argument: str, name: str) -> tuple[str, str, str]:
    """Decode a text file.

    A byte-order mark determines the encoding, and valid UTF-8 is UTF-8. Anything else is decoded
    in the legacy encoding that gives the most common letters.

    Args:
        content: The bytes of the file.
        argument: The argument that named the file, for messages.
        name: The name of the file, for messages.

    Returns:
        The text, its encoding, and a note if the encoding was guessed, which quotes samples of
        the text, also in other plausible encodings.

    Raises:
        ValueError: The file is not text in any of these encodings.
    """
    marked = next((known for mark, known in MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(marked), marked.removesuffix("-sig"), ""
    except UnicodeDecodeError as error:
        fault = f"{error.reason} at byte {error.start}"
    pieces = _pieces(content) if marked == "utf-8" and not _CONTROL.search(content) else []
    ranked = ranked_encodings(pieces, _ENCODINGS) if pieces else []
    for likelihood, encoding in ranked:
        if likelihood < _LEAST:
            break
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:  # outside the samples
            continue
        others = [other for near, other in ranked if near >= _NEAR * likelihood]
        return text, encoding, _note(pieces, encoding, others)
    got = (
        f"{name!r}, which is neither UTF-8 ({fault}) nor in a legacy encoding that can be detected"
    )
    raise invalid(argument, "be UTF-8 text", got, "Save it as 'CSV UTF-8'.")


def _pieces(content: bytes) -> list[bytes]:
    """The distinct cells that are not ASCII, in order."""
    found: dict[bytes, None] = {}
    for line in content.splitlines():
        if not line.isascii():
            found |= {cell.strip(): None for cell in _BETWEEN.split(line) if not cell.isascii()}
        if len(found) >= _MAX_SAMPLES:
            break
    return list(found)


def _note(pieces: list[bytes], encoding: str, others: list[str]) -> str:
    shown = pieces[:_SHOWN]
    read = _quoted(shown, encoding)
    different = {_quoted(shown, other): other for other in others}
    different.pop(read, None)
    also = "".join(f" (as {other}: {text})" for text, other in different.items())
    return (
        f"not UTF-8; decoded as {encoding}, e.g. {read}{also}; if this is wrong, save the file as "
        "'CSV UTF-8'"
    )


def _quoted(pieces: list[bytes], encoding: str) -> str:
    return ", ".join(repr(piece.decode(encoding, "replace")[:40]) for piece in pieces)
