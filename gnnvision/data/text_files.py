"""The text of a file of unknown encoding: decoded deliberately, and said where it is assumed."""

from __future__ import annotations

import re

from gnnvision.data.file_names import ranked_encodings

__all__ = ["decode_text"]

# Byte-order marks; that of UTF-32 begins as the one of UTF-16 does.
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# What spreadsheets write where they do not write Unicode: Korea, Japan, China, Taiwan, Russia,
# Western Europe.
_ENCODINGS = ("cp949", "cp932", "gb18030", "big5", "cp1251", "cp1252")
_LEAST = 0.3  # usual letters; below that no encoding makes sense of a text
_NEAR = 0.85  # of the best: another encoding that may be meant
_SHOWN = 3  # pieces of text that a note quotes
_WITNESSES = 5000
# Below "@", where no encoding has the second byte of a letter.
_BETWEEN = re.compile(rb'[,;\t"]')
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def decode_text(content: bytes, argument: str, name: str) -> tuple[str, str, str]:
    """The text, its encoding, and a note where the encoding is an assumption.

    What has a byte-order mark says its encoding, and what is valid UTF-8 is UTF-8. Anything else
    is read in the old encoding that gives the most usual letters; the note quotes some of the
    text, and how it reads in another encoding that is nearly as likely.

    Args:
        content: the bytes of the file.
        argument: what named the file, for errors.
        name: its name, for errors.

    Raises:
        ValueError: if it is text in none of these.
    """
    marked = next((known for mark, known in _MARKS if content.startswith(mark)), "utf-8")
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
        except UnicodeDecodeError:  # beyond the witnesses
            continue
        others = [other for near, other in ranked if near >= _NEAR * likelihood]
        return text, encoding, _note(pieces, encoding, others)
    raise ValueError(
        f"'{argument}' must be text in UTF-8, got {name!r}, which is not ({fault}), nor in an old "
        "encoding that can be told. Save it as 'CSV UTF-8'."
    )


def _pieces(content: bytes) -> list[bytes]:
    """The cells that are not ASCII, each once, in their order."""
    found: dict[bytes, None] = {}
    for line in content.splitlines():
        if not line.isascii():
            found |= {cell.strip(): None for cell in _BETWEEN.split(line) if not cell.isascii()}
        if len(found) >= _WITNESSES:
            break
    return list(found)


def _note(pieces: list[bytes], encoding: str, others: list[str]) -> str:
    shown = pieces[:_SHOWN]
    read = _quoted(shown, encoding)
    different = {_quoted(shown, other): other for other in others}
    different.pop(read, None)
    also = "".join(f" (in {other} it would be {text})" for text, other in different.items())
    return (
        f"not UTF-8; {encoding} is assumed, as in {read}{also}; if that is wrong, save the file "
        "as 'CSV UTF-8'"
    )


def _quoted(pieces: list[bytes], encoding: str) -> str:
    return ", ".join(repr(piece.decode(encoding, "replace")[:40]) for piece in pieces)
