"""Molecules that occur in more than one split: a leak from training to test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gnnvision.data.overview import SPLIT_TITLES
from gnnvision.data.split import SPLIT_NAMES, Split

__all__ = ["Duplicate", "describe_duplicates", "duplicates"]


@dataclass(frozen=True)
class Duplicate:
    """A molecule that occurs in more than one split.

    Args:
        smiles: its canonical SMILES.
        rows: the row indices of its copies in each split.
    """

    smiles: str
    rows: Mapping[str, tuple[int, ...]]


def duplicates(canonical: Sequence[str], split: Split) -> tuple[Duplicate, ...]:
    """The molecules that occur in more than one split, in the order of their first rows.

    Args:
        canonical: the canonical SMILES of every row; "" for an invalid SMILES.
        split: the training, validation and test rows.

    Example:
        >>> split = Split("mine", train=[0, 1], val=[2], test=[3])
        >>> duplicates(["CO", "CC", "C", "CO"], split)
        (Duplicate(smiles='CO', rows={'train': (0,), 'test': (3,)}),)
    """
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for name in SPLIT_NAMES:
        for row in getattr(split, name).tolist():
            if canonical[row]:
                rows = found.setdefault(canonical[row], {})
                rows[name] = (*rows.get(name, ()), row)
    shared = [Duplicate(smiles, rows) for smiles, rows in found.items() if len(rows) > 1]
    return tuple(sorted(shared, key=lambda each: min(map(min, each.rows.values()))))


def describe_duplicates(canonical: Sequence[str], split: Split) -> str:
    """The number of repeated molecules, and how many occur in more than one split, as text.

    Args:
        canonical: as in `duplicates`.
        split: the training, validation and test rows.

    Example:
        >>> split = Split("mine", train=[0, 1], val=[2], test=[3])
        >>> describe_duplicates(["CO", "CC", "C", "CC"], split)[:37]
        '1 of 4 rows repeats another molecule;'
    """
    used = [row for name in SPLIT_NAMES for row in getattr(split, name).tolist()]
    counts = Counter(canonical[row] for row in used if canonical[row])
    repeated = sum(counts.values()) - len(counts)
    if not repeated:
        return ""
    rows = f"{repeated:,} of {len(used):,} rows repeat{'s' * (repeated == 1)} another molecule"
    shared = duplicates(canonical, split)
    if not shared:
        return f"{rows}; none is in more than one split"
    first = ", ".join(
        f"{SPLIT_TITLES[name]} row {copies[0]}" for name, copies in shared[0].rows.items()
    )
    molecules = "1 molecule is" if len(shared) == 1 else f"{len(shared):,} molecules are"
    return (
        f"{rows}; {molecules} in more than one split, which makes scores look better than they "
        f"are: {shared[0].smiles!r} in {first}"
    )
