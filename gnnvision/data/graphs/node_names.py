"""The ids of the nodes of a graph on disk, which are read when somebody asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.text_cells import TextCells

__all__ = ["NodeNames"]

BLOCK = 2**17  # ids that are read together


class NodeNames(Sequence[str | int]):
    """Ids of nodes in arrays that may be mapped into memory.

    Args:
        ids: Whole numbers. Shape (N,). None if they are text.
        text: The ids one after another, as UTF-8, uint8.
        ends: Where each id ends in `text`. Shape (N,).

    Example:
        >>> text = np.frombuffer("ab가".encode(), np.uint8)
        >>> names = NodeNames(text=text, ends=np.array([1, 2, 5]))
        >>> list(names), names[2]
        (['a', 'b', '가'], '가')
    """

    def __init__(
        self,
        ids: NDArray[np.int64] | None = None,
        text: NDArray[np.uint8] | None = None,
        ends: NDArray[np.int64] | None = None,
    ) -> None:
        self.ids, self.text, self.ends = ids, text, ends

    def __len__(self) -> int:
        held = self.ids if self.ids is not None else self.ends
        assert held is not None
        return len(held)

    @overload
    def __getitem__(self, place: int) -> str | int: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[str | int, ...]: ...
    def __getitem__(self, place: int | slice) -> Any:
        """The id of a node, or those of several."""
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            if step != 1:
                return tuple(self[n] for n in range(start, stop, step))
            return tuple(self._block(start, max(start, stop)))
        place = range(len(self))[place]
        return self._block(place, place + 1)[0]

    def __iter__(self) -> Iterator[str | int]:
        for start in range(0, len(self), BLOCK):
            yield from self._block(start, min(start + BLOCK, len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(first == second for first, second in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def _block(self, start: int, stop: int) -> list[str | int]:
        if self.ids is not None:
            listed: list[str | int] = self.ids[start:stop].tolist()
            return listed
        assert self.text is not None
        assert self.ends is not None
        ends = self.ends[start:stop].tolist()
        first = int(self.ends[start - 1]) if start else 0
        content = self.text[first : ends[-1] if ends else first].tobytes()
        places = [first, *ends]
        return [
            content[a - first : b - first].decode("utf-8", "replace") for a, b in pairwise(places)
        ]

    def cells(self) -> TextCells | NDArray[np.int64]:
        """All ids: as text in one array of bytes, or as whole numbers."""
        if self.ids is not None:
            return self.ids
        assert self.text is not None
        assert self.ends is not None
        starts = np.concatenate([np.zeros(1, np.int64), self.ends[:-1]])
        return TextCells(self.text, starts, self.ends)

    def find(self, name: str) -> int:
        """The node with this id; -1 if there is none. It reads all ids, in blocks."""
        if self.ids is not None:
            try:
                wanted = int(name)
            except ValueError:
                return -1
            if str(wanted) != name or not -(2**63) <= wanted < 2**63:
                return -1
            for start in range(0, len(self), BLOCK):
                found = np.flatnonzero(self.ids[start : start + BLOCK] == wanted)
                if len(found):
                    return start + int(found[0])
            return -1
        assert self.text is not None
        assert self.ends is not None
        key, size = np.frombuffer(name.encode(), np.uint8), len(name.encode())
        last = 0
        for start in range(0, len(self), BLOCK):
            ends = np.asarray(self.ends[start : start + BLOCK])
            starts = np.concatenate([[last], ends[:-1]])
            for row in np.flatnonzero(ends - starts == size).tolist():
                if np.array_equal(self.text[starts[row] : ends[row]], key):
                    return start + row
            last = int(ends[-1])
        return -1
