"""Training, validation and test splits: fixed, random, stratified and by folds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from gnnvision.errors import at_least, invalid, wrong_dtype

__all__ = [
    "FRACTIONS",
    "Rows",
    "Split",
    "fold_split",
    "permutation",
    "random_node_split",
    "random_split",
    "split_points",
    "stratified_split",
]

SPLIT_NAMES = ("train", "val", "test")
FRACTIONS = (0.8, 0.1, 0.1)  # train, validation, test
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """Indices of the training, validation and test items; sorted and read-only.

    Two splits with the same indices are equal, even if their names differ.

    Args:
        name: "public", "random", or your own.
        train: Indices of the training items, from 0. All three can also be boolean masks over
            the items.
        val: Indices of the validation items, which select checkpoint and hyperparameters.
        test: Indices of the test items, which are evaluated once, at the end.

    Raises:
        TypeError: Indices are not integers.
        ValueError: Indices are negative, repeated, or shared by two of the splits.

    Example:
        >>> split = Split("mine", train=[2, 0], val=[1], test=[3])
        >>> split.train, split.sizes
        (array([0, 2]), {'train': 2, 'val': 1, 'test': 1})
    """

    name: str
    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]

    def __init__(
        self,
        name: str,
        train: Sequence[int] | ArrayLike,
        val: Sequence[int] | ArrayLike,
        test: Sequence[int] | ArrayLike,
    ) -> None:
        object.__setattr__(self, "name", name)
        train, val, test = _from_masks(train, val, test)
        for key, value in zip(SPLIT_NAMES, (train, val, test), strict=True):
            object.__setattr__(self, key, _indices(key, value))
        for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
            shared = _shared(getattr(self, first), getattr(self, second))
            if len(shared):
                got = f"{shared[:5].tolist()} in both ({len(shared)} in total)"
                advice = "Remove them from one of the two."
                raise invalid(second, f"share no index with '{first}'", got, advice)

    @property
    def sizes(self) -> dict[str, int]:
        """The number of training, validation and test items."""
        return {name: len(getattr(self, name)) for name in SPLIT_NAMES}

    @cached_property
    def hash(self) -> str:
        """The SHA-256 of all indices, in hexadecimal; independent of the name."""
        digest = hashlib.sha256()
        for name in SPLIT_NAMES:
            index = getattr(self, name)
            digest.update(f"{name} {len(index)};".encode() + index.astype("<i8").tobytes())
        return digest.hexdigest()

    def check(self, num_items: int) -> None:
        """Raise ValueError unless every index is below `num_items`."""
        for name in SPLIT_NAMES:
            index = getattr(self, name)
            if len(index) and index[-1] >= num_items:
                advice = "The split belongs to a larger dataset."
                raise invalid(name, f"contain only indices below {num_items}", index[-1], advice)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Split) and self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)


def random_node_split(
    y: ArrayLike | torch.Tensor,
    seed: int,
    per_class: int = 20,
    num_val: int = 500,
    num_test: int = 1000,
) -> Split:
    """The standard random split of citation graphs, with equally many training nodes per class.

    Unlabeled nodes (-100) are left out. The same labels and seed give the same split on
    every machine and with every version of numpy.

    Args:
        y: Labels from 0. Shape (N,).
        seed: The random seed, from 0.
        per_class: Training nodes of each class.
        num_val: Validation nodes, from the remaining nodes.
        num_test: Test nodes, from the nodes that remain then.

    Raises:
        ValueError: The graph is too small for these sizes.
    """
    labels = y.cpu().numpy() if isinstance(y, torch.Tensor) else np.asarray(y)
    for name, value in (("per_class", per_class), ("num_val", num_val), ("num_test", num_test)):
        at_least(name, value, 0, "Pass a number of nodes.")
    _check_seed(seed)
    labeled = np.flatnonzero(labels >= 0)
    sizes = np.bincount(labels[labeled])
    if len(sizes) == 0 or sizes.min() < per_class:
        smallest = int(sizes.min()) if len(sizes) else 0
        condition = f"be at most {smallest}, the size of the smallest class"
        raise invalid("per_class", condition, per_class, "Choose a smaller value.")
    left = len(labeled) - per_class * len(sizes)
    if num_val + num_test > left:
        raise ValueError(
            f"'num_val' + 'num_test' must be at most {left}, the number of labeled nodes outside "
            f"the training split, got {num_val} + {num_test}. Choose smaller values."
        )
    order = labeled[permutation(len(labeled), seed)]
    train = np.concatenate([order[labels[order] == c][:per_class] for c in range(len(sizes))])
    rest = order[~np.isin(order, train)]
    return Split("random", train, rest[:num_val], rest[num_val : num_val + num_test])


def stratified_split(
    y: ArrayLike | torch.Tensor,
    seed: int,
    num_val: int,
    num_test: int,
    name: str = "random",
) -> Split:
    """A random split with the same class proportions in training, validation and test.

    If there are enough items, each class has at least one training item. The same labels and
    seed give the same split on every machine and with every version of numpy.

    Args:
        y: Labels from 0. Shape (N,).
        seed: The random seed, from 0.
        num_val: The number of validation items.
        num_test: The number of test items; all others are training items.
        name: The name of the split.

    Raises:
        ValueError: A size or the seed is negative, or no training items remain.

    Example:
        >>> split = stratified_split([0, 0, 0, 0, 1, 1, 1, 1], seed=0, num_val=2, num_test=2)
        >>> split.sizes, split.val // 4
        ({'train': 4, 'val': 2, 'test': 2}, array([0, 1]))
    """
    labels = y.cpu().numpy() if isinstance(y, torch.Tensor) else np.asarray(y)
    for size_name, value in (("num_val", num_val), ("num_test", num_test)):
        at_least(size_name, value, 0)
    if num_val + num_test >= len(labels):
        raise ValueError(
            f"'num_val' + 'num_test' must be below {len(labels)}, the number of items, got "
            f"{num_val} + {num_test}. Choose smaller values."
        )
    order = permutation(len(labels), seed)
    found: dict[str, list[NDArray[np.int64]]] = {key: [] for key in SPLIT_NAMES}
    sizes = np.bincount(labels)
    keep = int((sizes > 0).sum()) + num_val + num_test <= len(labels)  # one of each for training
    tests = _apportion(sizes, num_test, sizes - 1 if keep else sizes)
    left = sizes - tests
    vals = _apportion(left, num_val, left - 1 if keep else left)
    for label, (test, val) in enumerate(zip(tests, vals, strict=True)):
        items = order[labels[order] == label]
        found["test"].append(items[:test])
        found["val"].append(items[test : test + val])
        found["train"].append(items[test + val :])
    return Split(name, *(np.concatenate(found[key]) for key in SPLIT_NAMES))


def random_split(rows: Rows, seed: int, fractions: Sequence[float] = FRACTIONS) -> Split:
    """A uniformly random split.

    Args:
        rows: The row numbers.
        seed: The random seed, from 0.
        fractions: Of training, validation and test; they sum to 1.
    """
    order = rows[permutation(len(rows), seed)]
    train, val = split_points(len(rows), fractions)
    return Split("random", order[:train], order[train:val], order[val:])


def fold_split(
    rows: Rows,
    fold: int,
    folds: int = 10,
    labels: NDArray[np.int64] | None = None,
    draw: int = 0,
) -> Split:
    """One split of a k-fold cross-validation: a test fold, a validation fold, the others train.

    Args:
        rows: The row numbers.
        fold: The index of the test fold, modulo k; the next fold is the validation fold.
        folds: k, at least 3.
        labels: The class of each row, for stratified folds; None for folds without regard to it.
        draw: The random seed of the assignment of rows to folds.

    Raises:
        ValueError: `folds` is below 3 or above the number of rows.
    """
    if not 3 <= folds <= len(rows):
        advice = "Training, validation and test need one fold each."
        condition = f"be from 3 to {len(rows)}, the number of rows"
        raise invalid("folds", condition, folds, advice)
    order = permutation(len(rows), draw)
    if labels is not None:
        order = order[np.argsort(labels[order], kind="stable")]
    fold_of = np.empty(len(rows), np.int64)
    fold_of[order] = np.arange(len(rows)) % folds
    test, val = fold % folds, (fold + 1) % folds
    train = (fold_of != test) & (fold_of != val)
    return Split("kfold", rows[train], rows[fold_of == val], rows[fold_of == test])


def permutation(count: int, seed: int) -> Rows:
    """A random permutation of the integers below `count`, the same with every numpy version."""
    _check_seed(seed)
    # numpy guarantees a stable raw stream, but not stable permutations.
    return np.argsort(np.random.PCG64(seed).random_raw(count), kind="stable")


def split_points(count: int, fractions: Sequence[float]) -> tuple[int, int]:
    """The positions at which the training and the validation rows end."""
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-9:
        advice = f"Pass for example {FRACTIONS}."
        raise invalid("fractions", "be three fractions that sum to 1", tuple(fractions), advice)
    train, val = round(count * fractions[0]), round(count * (fractions[0] + fractions[1]))
    if count >= len(fractions) and min(fractions) > 0:  # at least one row in each split
        train = min(max(train, 1), count - 2)
        val = min(max(val, train + 1), count - 1)
    return train, val


def _apportion(sizes: NDArray[np.int64], total: int, most: NDArray[np.int64]) -> NDArray[np.int64]:
    """`total` items apportioned to the classes in proportion to their sizes, as integers.

    By the largest remainder method; ties go to the first class. No class gives more than its
    `most`, whose sum must be enough.
    """
    exact = sizes * (total / max(int(sizes.sum()), 1))
    share: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    rounded_up = np.argsort(share - exact, kind="stable")[: total - int(share.sum())]
    share[rounded_up] += 1
    most = np.maximum(most, 0)
    over = int((share - most).clip(min=0).sum())
    share = np.minimum(share, most)
    for _ in range(over):  # taken from the class furthest below its exact share
        share[np.argmax(np.where(share < most, exact - share, -np.inf))] += 1
    return share


def _from_masks(*values: Sequence[int] | ArrayLike) -> list[Sequence[int] | ArrayLike]:
    """The indices at which three boolean masks are True; anything else unchanged."""
    arrays = [np.asarray(value) for value in values]
    if {array.dtype.kind for array in arrays} != {"b"} or {a.ndim for a in arrays} != {1}:
        return list(values)
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"'train', 'val' and 'test' must be masks of the same length, got {lengths}. Pass one "
            "boolean per item in each."
        )
    return [np.flatnonzero(array) for array in arrays]


def _shared(first: Rows, second: Rows) -> Rows:
    """The indices that two sorted arrays share."""
    few, many = sorted((first, second), key=len)
    if not len(few):
        return few
    place = np.minimum(np.searchsorted(many, few), len(many) - 1)
    shared: Rows = few[many[place] == few]
    return shared


def _indices(name: str, value: Sequence[int] | ArrayLike) -> NDArray[np.int64]:
    """Sorted, unique, non-negative int64 indices in a read-only array."""
    array = np.asarray(value)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        advice = "Convert a mask to indices with numpy.flatnonzero."
        raise wrong_dtype(name, "contain integers", array.dtype, advice)
    if array.ndim != 1:
        raise invalid(name, "have shape (n,)", array.shape, "Flatten it.")
    array = np.sort(array.astype(np.int64))
    if len(array) and array[0] < 0:
        raise invalid(name, "contain only indices of at least 0", array[0], "Remove it.")
    repeated = array[1:][array[1:] == array[:-1]]
    if len(repeated):
        raise invalid(
            name, "contain each index once", f"{repeated[0]} twice", "Remove one of them."
        )
    array.flags.writeable = False
    return array


def _check_seed(seed: int) -> None:
    at_least("seed", seed, 0, "Choose a seed of 0 or more.")
