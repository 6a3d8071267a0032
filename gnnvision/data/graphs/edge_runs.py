"""Edges sorted on disk: sorted runs, each as large as the memory allows, that are then merged.

An edge is a record whose key is `target << bits | source`, so that sorting numbers sorts the
edges by target, then by source.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.errors import invalid_file

__all__ = ["MERGED", "EdgeRuns", "Merger", "keys_of", "record_type", "same_as_first"]

MERGED = 2**18  # records that are merged together: they fit a processor's cache
Records = NDArray[Any]


def record_type(columns: Mapping[str, int]) -> np.dtype[Any]:
    """The type of a record: a key, and the columns of an edge.

    Args:
        columns: "edge_weight", "edge_type" or "edge_attr" -> its numbers for an edge.
    """
    if not columns:
        return np.dtype("<i8")
    parts: list[Any] = [("key", "<i8")]
    for name, width in columns.items():
        kind = "<i8" if name == "edge_type" else "<f4"
        parts.append((name, kind, (width,)) if name == "edge_attr" else (name, kind))
    return np.dtype(parts)


def keys_of(records: Records) -> NDArray[np.int64]:
    """The keys of records."""
    return records if records.dtype.names is None else records["key"]


def sort_records(records: Records) -> Records:
    """The records by key, then by type; equal ones stay in their order."""
    names = records.dtype.names
    if names is None:
        records.sort()
        return records
    if "edge_type" in names:
        return records[np.lexsort((records["edge_type"], records["key"]))]
    return records[np.argsort(records["key"], kind="stable")]


def same_as_first(records: Records) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which sorted records begin a group of one edge, and which have the values of its first."""
    keys = keys_of(records)
    names = records.dtype.names or ()
    begins = np.ones(len(records), bool)
    begins[1:] = keys[1:] != keys[:-1]
    if "edge_type" in names:
        begins[1:] |= records["edge_type"][1:] != records["edge_type"][:-1]
    same = np.ones(len(records), bool)
    values = [name for name in ("edge_weight", "edge_attr") if name in names]
    if values and not begins.all():
        first = np.flatnonzero(begins)[np.cumsum(begins) - 1]
        for name in values:
            column = records[name]
            equal = column == column[first]
            same &= equal if equal.ndim == 1 else equal.all(axis=1)
    return begins, same


class EdgeRuns:
    """The sorted runs of a file, to which further runs are appended.

    Args:
        path: The file.
        dtype: Of the records.
        sizes: The number of records of each run that an earlier process has finished; what
            follows them is cut off.
        distinct: Whether a run keeps one of several equal edges.
    """

    def __init__(
        self, path: Path, dtype: np.dtype[Any], sizes: Sequence[int], distinct: bool
    ) -> None:
        self.dtype, self.sizes, self.distinct = dtype, [*sizes], distinct
        self.file = path.open("r+b" if path.exists() else "w+b")
        size = sum(sizes) * dtype.itemsize
        if path.stat().st_size < size:
            self.file.close()
            got, advice = "fewer", "Delete the folder, and build it again."
            raise invalid_file(repr(str(path)), f"have {size:,} bytes", got, advice)
        self.file.truncate(size)
        self.file.seek(0, os.SEEK_END)

    def append(self, records: Records) -> None:
        """Sort some records, which may change their order, and write them as a run."""
        if not len(records):
            return
        found = sort_records(records)
        if self.distinct:
            found = found[same_as_first(found)[0]]
        self.file.write(np.ascontiguousarray(found).view(np.uint8).data)
        self.sizes.append(len(found))

    def sync(self) -> None:
        """Bring all runs to the disk."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def read(self, run: int, first: int, count: int) -> Records:
        """Some records of a run; fewer at its end."""
        count = max(0, min(count, self.sizes[run] - first))
        size = self.dtype.itemsize
        start = (sum(self.sizes[:run]) + first) * size
        content = bytearray(count * size)
        self.file.flush()
        self.file.seek(start)
        got = self.file.readinto(content)
        self.file.seek(0, os.SEEK_END)
        if got != len(content):
            raise OSError(f"{self.file.name!r} was cut off while it was read.")
        return np.frombuffer(content, self.dtype)


class Merger:
    """Reads all runs as one sorted sequence, in blocks that never divide equal keys.

    Args:
        runs: The runs.
        most: About the number of records that are held together.
        taken: The records of each run that were read already; none by default.
    """

    def __init__(self, runs: EdgeRuns, most: int, taken: Sequence[int] = ()) -> None:
        self.runs = runs
        self.taken = [*taken] or [0] * len(runs.sizes)
        self.most = max(most // max(len(runs.sizes), 1), 1)
        empty = np.empty(0, runs.dtype)
        self._held = [empty] * len(runs.sizes)

    def blocks(self) -> Iterator[Records]:
        """The records in blocks, sorted; `taken` is as of the end of the last one."""
        while True:
            parts = self._next_parts()
            if not parts:
                return
            block = np.concatenate(parts)
            yield sort_records(block)

    def _next_parts(self) -> list[Records]:
        most = self.most
        while True:
            limit: int | None = None
            for run, size in enumerate(self.runs.sizes):
                held = self._held[run]
                if len(held) < most:
                    ahead = self.taken[run] + len(held)
                    more = self.runs.read(run, ahead, most - len(held))
                    held = self._held[run] = np.concatenate([held, more]) if len(held) else more
                if self.taken[run] + len(held) < size:  # what follows has at least this key
                    last = int(keys_of(held)[-1])
                    limit = last if limit is None else min(limit, last)
            parts = []
            for run, held in enumerate(self._held):
                count = len(held) if limit is None else _below(held, limit)
                if count:
                    parts.append(held[:count])
                    self._held[run] = held[count:]
                    self.taken[run] += count
            if parts or limit is None:
                return parts
            most *= 2  # all that was read is one edge, again and again


def _below(records: Records, limit: int) -> int:
    """How many sorted records have a key below the limit."""
    low, high = 0, len(records)
    keys = keys_of(records)
    while low < high:  # a column of records is no array that numpy searches without a copy
        middle = (low + high) // 2
        if keys[middle] < limit:
            low = middle + 1
        else:
            high = middle
    return low
