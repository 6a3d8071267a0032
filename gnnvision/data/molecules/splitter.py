"""The split of a table of molecules for each seed, by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.molecules.describe import SCAFFOLDS
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.molecules.options import MoleculeOptions
from gnnvision.data.molecules.splits import column_split, scaffold_balanced_split, scaffold_split
from gnnvision.data.molecules.store import cached_scaffolds
from gnnvision.data.split import Split, fold_split, random_split, stratified_split
from gnnvision.data.table import Table
from gnnvision.data.targets import Targets
from gnnvision.errors import invalid, one_of

__all__ = ["SPLITS", "describe_rule", "find_splitter", "same_split"]

SPLITS = ("random", "stratified", "scaffold", "scaffold_balanced", "column", "kfold")
_DESCRIPTIONS = {
    "random": "Random for each seed: 80 % training, 10 % validation, 10 % test.",
    "stratified": "Random for each seed and stratified by class: 80 % training, 10 % validation, "
    "10 % test.",
    "scaffold": "MoleculeNet's scaffold split, deterministic, with the rarest scaffolds in the "
    f"test split: 80 % training, 10 % validation, 10 % test ({SCAFFOLDS}).",
    "scaffold_balanced": "Chemprop's balanced scaffold split, random for each seed, the largest "
    f"groups first: 80 % training, 10 % validation, 10 % test ({SCAFFOLDS}).",
    "column": "Defined by a column of the table.",
    "kfold": "For seed s, fold s of {folds} is the test split, the next fold the validation "
    "split, and the others the training split.",
}


def describe_rule(options: MoleculeOptions) -> str:
    """How rows are assigned to splits, as a sentence."""
    return _DESCRIPTIONS[options.split].format(folds=options.folds)


def find_splitter(
    usable: NDArray[np.int64],
    smiles: Sequence[str],
    targets: Targets,
    table: Table,
    options: MoleculeOptions,
    featurizer: Featurizer,
) -> Callable[[int], Split]:
    """A function that returns the split of a seed."""
    match one_of("split", options.split, SPLITS):
        case "random":
            return partial(random_split, usable)
        case "stratified":
            return partial(_stratified, usable, _class_labels(targets)[usable])
        case "kfold":
            many = targets.kind == "multilabel" and len(targets.names) > 1
            even = targets.kind != "regression" and not many
            labels = _class_labels(targets)[usable] if even else None
            return partial(fold_split, usable, folds=options.folds, labels=labels)
        case "scaffold" | "scaffold_balanced":
            every = cached_scaffolds(smiles, featurizer)
            found = [every[row] for row in usable.tolist()]
            if options.split == "scaffold_balanced":
                return partial(scaffold_balanced_split, usable, found)
            split = scaffold_split(usable, found)
        case _:  # "column"
            if not options.split_column:
                condition = "name the column with train, val and test for split='column'"
                raise invalid("split_column", condition, "none", "Name it.")
            cells = table.column(options.split_column, "split_column")
            split = column_split(usable, cells, options.split_column)
    return partial(same_split, split)


def same_split(split: Split, seed: int) -> Split:
    """The same split for every seed."""
    return split


def _stratified(usable: NDArray[np.int64], labels: NDArray[np.int64], seed: int) -> Split:
    tenth = max(1, round(len(usable) / 10))
    parts = stratified_split(labels, seed, tenth, tenth)
    return Split("stratified", *(usable[getattr(parts, p)] for p in ("train", "val", "test")))


def _class_labels(targets: Targets) -> NDArray[np.int64]:
    """The class of each row, for stratification; -100 if unlabeled."""
    if targets.kind == "regression" or (targets.kind == "multilabel" and len(targets.names) > 1):
        got = f"'stratified' for {len(targets.names)} targets of kind {targets.kind!r}"
        raise invalid("split", "fit the targets", got, "Use 'random'.")
    y = targets.y.numpy()
    if targets.kind == "multilabel":
        y = np.nan_to_num(y[:, 0], nan=0)
    labels: NDArray[np.int64] = y.astype(np.int64)
    return labels
