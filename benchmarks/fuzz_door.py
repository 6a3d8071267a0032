"""A door of gnnvision that reads bytes from outside, for fuzz.py, and the table of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from fuzz_mutate import MUTATE

__all__ = ["DOORS", "Change", "Door", "Read", "door", "written"]

Change = Callable[[Random, bytes, Sequence[bytes]], bytes]


@dataclass(frozen=True)
class Door:
    """One way in.

    Args:
        name: of the door.
        samples: returns valid inputs.
        change: makes another input of one of them.
        read: what gnnvision does with it, given an empty folder.
        share: how many of a million inputs.
    """

    name: str
    samples: Callable[[], Sequence[bytes]]
    change: Change
    read: Callable[[bytes, Path], object]
    share: int

    def make(self, seed: int, number: int) -> bytes:
        """The input of this number; the first ones are the samples as they are."""
        held = _samples(self.samples)
        if number < len(held):
            return held[number]
        random = Random(f"{seed} {self.name} {number}")
        return self.change(random, random.choice(held), held)


@cache
def _samples(make: Callable[[], Sequence[bytes]]) -> list[bytes]:
    return [*make()]


DOORS: dict[str, Door] = {}
Read = Callable[[bytes, Path], object]


def door(
    name: str, samples: Callable[[], Sequence[bytes]], change: str | Change, share: int
) -> Callable[[Read], Read]:
    """Add a door, whose reader is the decorated function."""

    def add(read: Read) -> Read:
        how = MUTATE[change] if isinstance(change, str) else change
        DOORS[name] = Door(name, samples, how, read, share)
        return read

    return add


def written(folder: Path, name: str, data: bytes) -> Path:
    """A file with this content."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
