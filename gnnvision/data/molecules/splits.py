"""Splits of molecules by scaffold.

Every function takes the indices of the rows with a valid SMILES and a target and returns a
`Split` of these; all other rows are excluded.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from gnnvision.data.split import FRACTIONS, Rows, Split
from gnnvision.data.split_column import column_split
from gnnvision.errors import at_least, invalid

__all__ = ["column_split", "scaffold_balanced_split", "scaffold_split"]


def scaffold_split(
    rows: Rows, scaffolds: Sequence[str], fractions: Sequence[float] = FRACTIONS
) -> Split:
    """MoleculeNet's scaffold split: common scaffolds in training, rare ones in the other splits.

    Molecules that share a Bemis-Murcko scaffold form a group, and a group is never divided. The
    groups, sorted by their size and then by their first row, both descending, fill the training
    split up to `fractions[0]` of all molecules, then validation up to `fractions[0] +
    fractions[1]`; the rest is the test split. The split is deterministic.

    Rows with an invalid SMILES or without a target are not in `rows`: they are in no split and
    do not count, as DeepChem drops molecules that cannot be featurized before it splits.
    (DeepChem keeps rows without any label; they are excluded here.)

    Args:
        rows: the row indices to split.
        scaffolds: the scaffold of each of these rows, as SMILES; "" if it has no rings, so that
            all molecules without rings form one group.
        fractions: of the training, validation and test split.

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
    return _nonempty_split("scaffold", groups, train, val, test)


def scaffold_balanced_split(
    rows: Rows, scaffolds: Sequence[str], seed: int, fractions: Sequence[float] = FRACTIONS
) -> Split:
    """Chemprop's balanced scaffold split: the groups are assigned to splits in random order.

    Groups larger than half the validation or test split come first, in random order, then all
    others, in random order. Each group goes to the first split that has room for it: training,
    validation, test. So the validation and test splits contain rare and common scaffolds, and
    differ for each seed. The split is identical to that of Chemprop 1.

    Args:
        rows: the row indices to split; see `scaffold_split` for the excluded rows.
        scaffolds: the scaffold of each of these rows, as SMILES; "" if it has no rings.
        seed: of the random order, from 0.
        fractions: of the training, validation and test split.

    Raises:
        ValueError: if a split is empty, or the seed is negative.

    References:
        Yang et al., "Analyzing Learned Molecular Representations for Property Prediction",
        2019, https://arxiv.org/abs/1904.01561; `scaffold_split(balanced=True)` of Chemprop 1.
    """
    at_least("seed", seed, 0, "Choose a seed of 0 or more.")
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
    return _nonempty_split("scaffold_balanced", groups, train, val, test)


def _groups(rows: Rows, scaffolds: Sequence[str]) -> dict[str, list[int]]:
    """The rows of each scaffold, in order of appearance."""
    groups: dict[str, list[int]] = {}
    for row, scaffold in zip(rows.tolist(), scaffolds, strict=True):
        groups.setdefault(scaffold, []).append(row)
    return groups


def _nonempty_split(
    name: str, groups: dict[str, list[int]], train: list[int], val: list[int], test: list[int]
) -> Split:
    """A `Split` of the rows; an error if one of the three is empty."""
    if not (train and val and test):
        total = len(train) + len(val) + len(test)
        scaffold, largest = max(groups.items(), key=lambda item: len(item[1]))
        raise invalid(
            "scaffolds",
            "be diverse enough to fill three splits",
            f"{len(groups)} scaffolds of {total} molecules, {len(largest)} of them with "
            f"{scaffold!r}, which gives {len(train)} training, {len(val)} validation and "
            f"{len(test)} test molecules",
            "Use split='random'.",
        )
    return Split(name, train, val, test)
