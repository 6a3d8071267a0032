"""The same molecule in several parts of a split: what a model may have learned by heart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gnnvision.data.split import PARTS, Split

__all__ = ["Duplicate", "duplicates"]


@dataclass(frozen=True)
class Duplicate:
    """A molecule that is in more than one part.

    Args:
        smiles: its canonical SMILES.
        rows: the rows that hold it, of each part that has any.
    """

    smiles: str
    rows: Mapping[str, tuple[int, ...]]


def duplicates(canonical: Sequence[str], split: Split) -> tuple[Duplicate, ...]:
    """The molecules that are in more than one part, in the order of their first rows.

    Args:
        canonical: the canonical SMILES of every row; "" for one without a molecule.
        split: which rows are in which part.

    Example:
        >>> split = Split("mine", train=[0, 1], val=[2], test=[3])
        >>> duplicates(["CO", "CC", "C", "CO"], split)
        (Duplicate(smiles='CO', rows={'train': (0,), 'test': (3,)}),)
    """
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for part in PARTS:
        for row in getattr(split, part).tolist():
            if canonical[row]:
                rows = found.setdefault(canonical[row], {})
                rows[part] = (*rows.get(part, ()), row)
    shared = [Duplicate(smiles, rows) for smiles, rows in found.items() if len(rows) > 1]
    return tuple(sorted(shared, key=lambda each: min(map(min, each.rows.values()))))
