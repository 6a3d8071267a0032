"""Splits of molecules by what they are or what a table says: by scaffold, by a column.

Every function takes the rows that have a molecule and a target, and gives a `Split` of these
row numbers; all others are in no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from gnnvision.data.split import FRACTIONS, Rows, Split

__all__ = ["column_split", "scaffold_balanced_split", "scaffold_split"]

PART_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}


def scaffold_split(
    rows: Rows, scaffolds: Sequence[str], fractions: Sequence[float] = FRACTIONS
) -> Split:
    """MoleculeNet's split by scaffold: common scaffolds train, rare ones validate and test.

    Molecules that share a Bemis-Murcko scaffold form a group, and a group is never divided. The
    groups, sorted by their size and then by their first row, both descending, fill the training
    split up to `fractions[0]` of all molecules, then validation up to `fractions[0] +
    fractions[1]`; what exceeds both is in the test split. There is no chance in it.

    Rows without a molecule or without a target are not among `rows`: they are in no split and
    count in no size, as DeepChem's loaders drop molecules that cannot be featurized before it
    splits. (DeepChem keeps a row without any label; here it is left out.)

    Args:
        rows: the numbers of the rows.
        scaffolds: the scaffold of each of these rows, as SMILES; "" for one without rings, so
            that all molecules without rings are one group.
        fractions: of train, validation and test.

    Raises:
        ValueError: if a split is empty, because too many molecules share one scaffold.

    References:
        Bemis, Murcko, "The Properties of Known Drugs. 1. Molecular Frameworks", 1996.
        Wu et al., "MoleculeNet", 2018, https://arxiv.org/abs/1703.00564. Order and limits are
        those of DeepChem's `ScaffoldSplitter` (deepchem/splits/splitters.py), whose scaffolds
        are `MurckoScaffoldSmiles(mol, includeChirality=False)`; the Open Graph Benchmark's
        molecules have this split too.
    """
    groups = _groups(rows, scaffolds)
    order = sorted(groups.values(), key=lambda group: (len(group), group[0]), reverse=True)
    train_limit = fractions[0] * len(rows)
    val_limit = (fractions[0] + fractions[1]) * len(rows)
    train: list[int] = []
    val: list[int] = []
    test: list[int] = []
    for group in order:
        if len(train) + len(group) <= train_limit:
            train += group
        elif len(train) + len(val) + len(group) <= val_limit:
            val += group
        else:
            test += group
    return _filled("scaffold", groups, train, val, test)


def scaffold_balanced_split(
    rows: Rows, scaffolds: Sequence[str], seed: int, fractions: Sequence[float] = FRACTIONS
) -> Split:
    """Chemprop's balanced split by scaffold: all but the largest groups are dealt out by chance.

    Groups of more than half the size of the validation or test split come first, in random
    order, then all others, in random order. Each goes where it fits first: training, then
    validation, else test. So validation and test hold rare and less rare scaffolds, and every
    seed draws others, the same ones as Chemprop 1 from the same groups.

    Args:
        rows: the numbers of the rows; see `scaffold_split` for those left out.
        scaffolds: the scaffold of each of these rows, as SMILES; "" for one without rings.
        seed: chooses the draw, from 0.
        fractions: of train, validation and test.

    Raises:
        ValueError: if a split is empty, or the seed is negative.

    References:
        Yang et al., "Analyzing Learned Molecular Representations for Property Prediction",
        2019, https://arxiv.org/abs/1904.01561; `scaffold_split(balanced=True)` of Chemprop 1.
    """
    if seed < 0:
        raise ValueError(f"'seed' must be at least 0, got {seed}. Seeds count from 0.")
    groups = _groups(rows, scaffolds)
    train_limit, val_limit, test_limit = (fraction * len(rows) for fraction in fractions)
    large: list[list[int]] = []
    small: list[list[int]] = []
    for group in groups.values():
        (large if len(group) > min(val_limit, test_limit) / 2 else small).append(group)
    draw = Random(seed)
    draw.shuffle(large)
    draw.shuffle(small)
    train: list[int] = []
    val: list[int] = []
    test: list[int] = []
    for group in large + small:
        if len(train) + len(group) <= train_limit:
            train += group
        elif len(val) + len(group) <= val_limit:
            val += group
        else:
            test += group
    return _filled("scaffold_balanced", groups, train, val, test)


def _groups(rows: Rows, scaffolds: Sequence[str]) -> dict[str, list[int]]:
    """The rows of each scaffold, in the order in which they come."""
    groups: dict[str, list[int]] = {}
    for row, scaffold in zip(rows.tolist(), scaffolds, strict=True):
        groups.setdefault(scaffold, []).append(row)
    return groups


def _filled(
    name: str, groups: dict[str, list[int]], train: list[int], val: list[int], test: list[int]
) -> Split:
    """The split, none of whose three parts may be empty."""
    if not (train and val and test):
        total = len(train) + len(val) + len(test)
        scaffold, largest = max(groups.items(), key=lambda item: len(item[1]))
        raise ValueError(
            f"'scaffolds' must differ enough to fill three splits, got {len(groups)} scaffolds of "
            f"{total} molecules, {len(largest)} of them with {scaffold!r}, which leaves "
            f"{len(train)} to train, {len(val)} to validate and {len(test)} to test. "
            "Use split='random'."
        )
    return Split(name, train, val, test)


def column_split(rows: Rows, cells: Sequence[str], column: str) -> Split:
    """What a column of the table says of each row: train, val or test.

    Args:
        rows: the numbers of the rows.
        cells: the column, of all rows of the table; an empty cell leaves its row out.
        column: its name, for errors.

    Raises:
        ValueError: if a cell is none of the three, or no row trains.
    """
    parts: dict[str, list[int]] = {part: [] for part in PART_NAMES}
    known = {name: part for part, names in PART_NAMES.items() for name in names}
    for row in rows.tolist():
        cell = cells[row].strip().lower()
        if cell and cell not in known:
            raise ValueError(
                f"'split_column' must hold train, val or test in every cell, got {cells[row]!r} "
                f"in row {row} of {column!r}. Correct the table, or leave the cell empty."
            )
        if cell:
            parts[known[cell]].append(row)
    if not parts["train"]:
        raise ValueError(
            f"'split_column' must name training rows, got none in {column!r}. Write 'train'."
        )
    return Split("column", parts["train"], parts["val"], parts["test"])
