"""The index of each node by its id, in arrays: 12 bytes a node, for ids of any length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.text_cells import TextCells
from gnnvision.errors import invalid

__all__ = ["IdIndex"]

BLOCK = 2**20  # ids that are read together
SEEDS = 8  # of the hash, until no two ids have one hash


class IdIndex:
    """Finds the nodes that ids name.

    Args:
        ids: All ids in their order, as text without surrounding whitespace, which may be mapped
            into memory; or whole numbers from 0.
        source: The table that has them, for messages.

    Raises:
        ValueError: An id is missing, or occurs twice.

    Example:
        >>> index = IdIndex(TextCells.of(["b", "a"]), "a table")
        >>> index.find(TextCells.of(["a", "b", "c"])).tolist()
        [1, 0, -1]
    """

    def __init__(self, ids: TextCells | NDArray[np.int64], source: str) -> None:
        self.source, self.seed = source, 0
        keys: NDArray[np.int64] | None
        if isinstance(ids, TextCells):
            self.ids = ids
            self._check_present()
            keys = self._integers()
        else:
            self.ids, keys = _Numbers(ids), ids  # type: ignore[assignment]
        self._whole = keys is not None
        if keys is not None:
            self._sort(keys)
            self._refuse_equal(self._keys[1:] == self._keys[:-1])
            return
        for self.seed in range(SEEDS):
            self._sort(self._joined(lambda block: block.hashes(self.seed)))
            equal = self._keys[1:] == self._keys[:-1]
            if not equal.any():
                return
            rows = np.flatnonzero(equal)
            same = self._at(self._order[rows]).same_as(self._at(self._order[rows + 1]))
            if same.any():
                twice = np.zeros(len(equal), bool)
                twice[rows[same]] = True
                self._refuse_equal(twice)
        raise invalid("id", "be ordinary text", f"that of {source}", "Number the nodes.")

    def __len__(self) -> int:
        return len(self.ids)

    def find(self, cells: TextCells) -> NDArray[np.int64]:
        """The node of each id, -1 for an unknown one.

        Args:
            cells: Ids, without surrounding whitespace.
        """
        if self._whole:
            values = cells.integers()
            if values is None:
                values = np.array([_canonical(text) for text in cells.texts()], np.int64)
            return self._places(values)
        nonempty = cells.ends > cells.starts
        place = self._places(cells.hashes(self.seed))
        rows = np.flatnonzero((place >= 0) & nonempty)
        there = TextCells(cells.content, cells.starts[rows], cells.ends[rows])
        same = there.same_as(self._at(place[rows]))
        found = np.full(len(cells), -1, np.int64)
        found[rows[same]] = place[rows[same]]
        return found

    def _places(self, keys: NDArray[np.int64] | NDArray[np.uint64]) -> NDArray[np.int64]:
        if self._dense is not None:
            low, table = self._dense
            place = keys.astype(np.int64) - low
            inside = (place >= 0) & (place < len(table))
            return np.where(inside, table[np.where(inside, place, 0)], -1).astype(np.int64)
        order = np.argsort(keys)  # so that the search goes through the memory in order
        wanted = keys[order]
        at = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        hit = self._keys[at] == wanted
        found = np.empty(len(keys), np.int64)
        found[order] = np.where(hit, self._order[at], -1)
        return found

    def _at(self, nodes: NDArray[np.integer]) -> TextCells:
        return TextCells(self.ids.content, self.ids.starts[nodes], self.ids.ends[nodes])

    def _blocks(self) -> Iterator[TextCells]:
        for start in range(0, len(self.ids), BLOCK):
            stop = start + BLOCK
            yield TextCells(
                self.ids.content, np.asarray(self.ids.starts[start:stop]),
                np.asarray(self.ids.ends[start:stop]),
            )  # fmt: skip

    def _joined(self, read: object) -> NDArray[np.uint64]:
        return np.concatenate([read(block) for block in self._blocks()])  # type: ignore[operator]

    def _integers(self) -> NDArray[np.int64] | None:
        parts = []
        for block in self._blocks():
            if (values := block.integers()) is None:
                return None
            parts.append(values)
        return np.concatenate(parts)

    def _sort(self, keys: NDArray[np.int64] | NDArray[np.uint64]) -> None:
        self._dense: tuple[int, NDArray[np.int32]] | None = None
        self._order = np.argsort(keys, kind="stable").astype(np.int32)
        self._keys = keys[self._order]
        if self._keys.dtype == np.int64:
            low, high = int(self._keys[0]), int(self._keys[-1])
            if high - low < 4 * len(keys):  # a table of all numbers in between
                table = np.full(high - low + 1, -1, np.int32)
                table[self._keys - low] = self._order
                self._dense = low, table

    def _check_present(self) -> None:
        first = 0
        for block in self._blocks():
            empty = np.flatnonzero(block.starts == block.ends)
            if len(empty):
                got = f"an empty cell in row {first + int(empty[0])} of {self.source}"
                raise invalid("id", "have a value in every row", got, "Fill it in.")
            first += len(block)

    def _refuse_equal(self, equal: NDArray[np.bool_]) -> None:
        """Raise ValueError if neighbors in the order of the keys are one id."""
        if not equal.any():
            return
        pairs = np.sort(np.stack([self._order[:-1][equal], self._order[1:][equal]], 1), axis=1)
        pair = pairs[np.argmin(pairs[:, 1])].tolist()
        if isinstance(self.ids, TextCells):
            text = self._at(np.array(pair[:1])).texts()[0]
        else:
            text = str(self.ids.ids[pair[0]])
        more = int(equal.sum()) - 1
        got = f"{text!r} in rows {pair[0]} and {pair[1]}"
        got += f" and {more:,} more such rows" if more else ""
        raise invalid("id", "be different in every row", got, "Remove the repeated rows.")


class _Numbers:
    """Whole numbers as ids, of which a few are text in messages."""

    def __init__(self, ids: NDArray[np.int64]) -> None:
        self.ids = ids

    def __len__(self) -> int:
        return len(self.ids)


def _canonical(text: str) -> int:
    """The whole number that a text is as Python writes it; else one that is no id."""
    if text.isascii() and text.isdigit() and len(text) < 19 and str(int(text)) == text:
        return int(text)
    return -1
