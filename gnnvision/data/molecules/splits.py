"""Splits of molecules: by chance, by scaffold, by a column of the table, and into folds.

Every function takes the rows that have a molecule and a target, and gives a `Split` of these
row numbers; all others are in no part. The same rows and seed give the same split on every
machine and with every version of numpy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.split import Split

__all__ = ["FRACTIONS", "column_split", "fold_split", "random_split", "scaffold_split"]

FRACTIONS = (0.8, 0.1, 0.1)  # train, validation, test
PART_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
Rows = NDArray[np.int64]


def random_split(rows: Rows, seed: int, fractions: Sequence[float] = FRACTIONS) -> Split:
    """Every row by chance.

    Args:
        rows: the numbers of the rows.
        seed: chooses the draw, from 0.
        fractions: of train, validation and test; they add up to 1.
    """
    order = rows[shuffled(len(rows), seed)]
    train, val = _cuts(len(rows), fractions)
    return Split("random", order[:train], order[train:val], order[val:])


def fold_split(
    rows: Rows,
    fold: int,
    folds: int = 10,
    labels: NDArray[np.int64] | None = None,
    draw: int = 0,
) -> Split:
    """One of k folds tests, another validates, the others train.

    Args:
        rows: the numbers of the rows.
        fold: which fold tests, counted from 0, round and round; the next one validates.
        folds: k, at least 3.
        labels: the class of each of these rows; the folds then have the classes in equal
            parts. None for no regard to them.
        draw: chooses how the rows are dealt out to the folds.

    Raises:
        ValueError: if there are too few folds, or more than rows.
    """
    if not 3 <= folds <= len(rows):
        raise ValueError(
            f"'folds' must be from 3 to the number of rows, {len(rows)}, got {folds}. One fold "
            "tests, one validates, at least one trains."
        )
    order = shuffled(len(rows), draw)
    if labels is not None:
        order = order[np.argsort(labels[order], kind="stable")]
    place = np.empty(len(rows), np.int64)
    place[order] = np.arange(len(rows)) % folds
    test, val = fold % folds, (fold + 1) % folds
    train = (place != test) & (place != val)
    return Split("kfold", rows[train], rows[place == val], rows[place == test])


def scaffold_split(
    rows: Rows, scaffolds: Sequence[str], fractions: Sequence[float] = FRACTIONS
) -> Split:
    """Molecules of one scaffold stay together, and the rarest scaffolds validate and test.

    The groups of molecules that share a Bemis-Murcko scaffold, the largest first and of equals
    the one that comes first, fill the training part, then validation, then test: harder than a
    random split, as test scaffolds have not been seen. There is no chance in it.

    Args:
        rows: the numbers of the rows.
        scaffolds: the scaffold of each of these rows, as SMILES; "" for one without rings.
        fractions: of train, validation and test.

    Raises:
        ValueError: if a part is empty, because too many molecules share one scaffold.

    References:
        Bemis, Murcko, "The Properties of Known Drugs. 1. Molecular Frameworks", 1996. The order
        of filling is MoleculeNet's (Wu et al., 2018, https://arxiv.org/abs/1703.00564). A group
        that does not fit into a part any more goes to the next one, as there.
    """
    groups: dict[str, list[int]] = {}
    for row, scaffold in zip(rows.tolist(), scaffolds, strict=True):
        groups.setdefault(scaffold, []).append(row)
    largest_first = sorted(groups.values(), key=lambda group: (-len(group), group[0]))
    train_size, val_size = _cuts(len(rows), fractions)
    train: list[int] = []
    val: list[int] = []
    test: list[int] = []
    for group in largest_first:
        if len(train) + len(group) <= train_size:
            train += group
        elif len(train) + len(val) + len(group) <= val_size:
            val += group
        else:
            test += group
    if not (train and val and test):
        raise ValueError(
            f"'scaffolds' must differ enough to fill three parts, got {len(largest_first[0])} of "
            f"{len(rows)} molecules with {scaffolds[rows.tolist().index(largest_first[0][0])]!r}. "
            "Use split='random'."
        )
    return Split("scaffold", train, val, test)


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


def shuffled(count: int, seed: int) -> Rows:
    """A permutation of the numbers below `count`."""
    if seed < 0:
        raise ValueError(f"'seed' must be at least 0, got {seed}. Seeds count from 0.")
    # The raw stream is what numpy promises never to change; its permutations may.
    return np.argsort(np.random.PCG64(seed).random_raw(count), kind="stable")


def _cuts(count: int, fractions: Sequence[float]) -> tuple[int, int]:
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-9:
        raise ValueError(
            f"'fractions' must be three parts of 1, got {tuple(fractions)}. Give for example "
            f"{FRACTIONS}."
        )
    train, val = round(count * fractions[0]), round(count * (fractions[0] + fractions[1]))
    if count >= len(fractions) and min(fractions) > 0:  # a few rows: one at least in each part
        train = min(max(train, 1), count - 2)
        val = min(max(val, train + 1), count - 1)
    return train, val
