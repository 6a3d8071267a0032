"""Splits of molecules by what they are or what a table says: by scaffold, by a column.

Every function takes the rows that have a molecule and a target, and gives a `Split` of these
row numbers; all others are in no part.
"""

from __future__ import annotations

from collections.abc import Sequence

from gnnvision.data.split import FRACTIONS, Rows, Split, cuts

__all__ = ["column_split", "scaffold_split"]

PART_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}


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
    train_size, val_size = cuts(len(rows), fractions)
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
