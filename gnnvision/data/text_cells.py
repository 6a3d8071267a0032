"""Cells of text as bytes: many of them in one array, without a Python object for each."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["TextCells"]

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
_SPACES = tuple("\u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000") + tuple(
    chr(code) for code in range(0x2000, 0x200B)
)
_BLANK = np.zeros(256, bool)
_BLANK[[*range(9, 14), *range(28, 33)]] = True  # what str.strip strips of ASCII
_DIGIT = np.zeros(256, bool)
_DIGIT[48:58] = True
_NUMBER = np.zeros(256, bool)
_NUMBER[[*b"0123456789+-.eE"]] = True
LONGEST_INTEGER = 18  # digits


@dataclass(frozen=True, eq=False)
class TextCells:
    """Cells as UTF-8 in one array of bytes.

    Args:
        content: The bytes.
        starts: Where each cell begins. Shape (n,).
        ends: Where each cell ends. Shape (n,).

    Example:
        >>> cells = TextCells.of(["7", "가", ""])
        >>> len(cells), cells.texts()
        (3, ['7', '가', ''])
    """

    content: Bytes
    starts: Places
    ends: Places

    @classmethod
    def of(cls, texts: Iterable[str]) -> TextCells:
        """The cells of a list of texts."""
        encoded = [text.encode() for text in texts]
        ends = np.cumsum([len(each) for each in encoded], dtype=np.int64)
        starts = np.concatenate([ends[:1] * 0, ends[:-1]])
        return cls(np.frombuffer(b"".join(encoded), np.uint8), starts, ends)

    def __len__(self) -> int:
        return len(self.starts)

    def texts(self) -> list[str]:
        """The cells as Python's texts."""
        if not len(self):
            return []
        first, last = int(self.starts.min()), int(self.ends.max())
        held = self.content[first:last].tobytes()
        places = zip((self.starts - first).tolist(), (self.ends - first).tolist(), strict=True)
        if held.isascii():
            text = held.decode("ascii")
            return [text[a:b] for a, b in places]
        return [held[a:b].decode() for a, b in places]

    def packed(self) -> TextCells:
        """The same cells without bytes between them."""
        lengths = self.ends - self.starts
        ends = np.cumsum(lengths)
        starts = ends - lengths
        place = np.arange(int(ends[-1]) if len(ends) else 0)
        place += np.repeat(self.starts - starts, lengths)
        return TextCells(self.content[place], starts, ends)

    def stripped(self) -> TextCells:
        """The cells without surrounding whitespace, in Unicode's composed form (NFC)."""
        if not len(self):
            return self
        first, last = int(self.starts.min()), int(self.ends.max())
        held = self.content[first:last]
        if (held > 127).any():
            text = held.tobytes().decode()
            odd = any(space in text for space in _SPACES)
            if odd or not unicodedata.is_normalized("NFC", text):
                return TextCells.of(unicodedata.normalize("NFC", t.strip()) for t in self.texts())
        starts, ends = self.starts.copy(), self.ends.copy()
        while len(rows := np.flatnonzero((starts < ends) & _BLANK[self._at(starts)])):
            starts[rows] += 1
        while len(rows := np.flatnonzero((starts < ends) & _BLANK[self._at(ends - 1)])):
            ends[rows] -= 1
        return TextCells(self.content, starts, ends)

    def _at(self, places: Places) -> Bytes:
        return self.content[np.clip(places, 0, len(self.content) - 1)]

    def integers(self) -> NDArray[np.int64] | None:
        """The cells as whole numbers, if each is one that Python writes so: "7", not "07"."""
        lengths = self.ends - self.starts
        if not len(lengths):
            return np.zeros(0, np.int64)
        longest = int(lengths.max())
        if int(lengths.min()) < 1 or longest > LONGEST_INTEGER:
            return None
        lead = self.content[self.starts]
        if ((lead == 48) & (lengths > 1)).any():
            return None
        values = np.zeros(len(lengths), np.int64)
        for place in range(longest):
            at = self.starts + place
            rows = slice(None) if place < int(lengths.min()) else np.flatnonzero(lengths > place)
            digits = self.content[at[rows]]
            if not _DIGIT[digits].all():
                return None
            values[rows] = values[rows] * 10 + (digits - 48)
        return values

    def numbers(self) -> NDArray[np.float64] | None:
        """The cells as numbers, if they only have the characters of numbers; none is empty."""
        lengths = self.ends - self.starts
        if not len(lengths):
            return np.zeros(0)
        longest = int(lengths.max())
        if int(lengths.min()) < 1 or longest > 32:
            return None
        packed = self.packed()
        if not _NUMBER[packed.content].all():
            return None
        table = np.zeros((len(lengths), longest), np.uint8)
        place = np.arange(len(packed.content)) - np.repeat(packed.starts, lengths)
        table[np.repeat(np.arange(len(lengths)), lengths), place] = packed.content
        try:
            return table.view(f"S{longest}")[:, 0].astype(np.float64)
        except ValueError:  # a text such as "1-2"
            return None

    def hashes(self, seed: int = 0) -> NDArray[np.uint64]:
        """A number of 64 bits for each cell, the same for equal ones: multilinear hashing.

        References:
            Lemire, Kaser, "Strongly universal string hashing is fast", 2014,
            https://arxiv.org/abs/1202.4961.
        """
        packed = self.packed()
        lengths = packed.ends - packed.starts
        most = int(lengths.max()) if len(lengths) else 0
        factors = np.random.PCG64(seed).random_raw(most + 1).astype(np.uint64) | np.uint64(1)
        place = np.arange(len(packed.content)) - np.repeat(packed.starts, lengths)
        terms = (packed.content.astype(np.uint64) + np.uint64(1)) * factors[place + 1]
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms)])  # modulo 2^64
        found = sums[packed.ends] - sums[packed.starts]
        found += lengths.astype(np.uint64) * factors[0]
        mixed: NDArray[np.uint64] = found ^ (found >> np.uint64(32))
        return mixed

    def same_as(self, other: TextCells) -> NDArray[np.bool_]:
        """Whether each cell is the same text as that of other ones, as many."""
        lengths = self.ends - self.starts
        same: NDArray[np.bool_] = lengths == other.ends - other.starts
        rows = np.flatnonzero(same)
        mine, theirs = (
            TextCells(each.content, each.starts[rows], each.ends[rows]).packed()
            for each in (self, other)
        )
        wrong = np.flatnonzero(mine.content != theirs.content)
        same[rows[np.searchsorted(mine.ends, wrong, "right")]] = False
        return same
