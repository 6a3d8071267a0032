"""Which items train, which choose the model, which are read once at the end."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

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
    """A named split. The indices are sorted, made read-only, and checked once.

    Two splits are equal when they hold the same indices, whatever their names.

    Args:
        name: "public", "random", or your own.
        train: Indices of the training items, from 0; or all three as masks, with a boolean for
            each item.
        val: Indices of the validation items: they choose the epoch and the settings.
        test: Indices of the test items: read once, at the end.

    Raises:
        TypeError: Indices are not whole numbers.
        ValueError: Indices are negative, repeated, or shared by two parts.

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
        for part, value in zip(SPLIT_NAMES, (train, val, test), strict=True):
            object.__setattr__(self, part, _indices(part, value))
        for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
            shared = np.intersect1d(getattr(self, first), getattr(self, second))
            if len(shared):
                raise ValueError(
                    f"'{second}' must share no index with '{first}', got {shared[:5].tolist()} "
                    f"in both ({len(shared)} in all). Remove them from one of the two."
                )

    @property
    def sizes(self) -> dict[str, int]:
        """The number of items in each part."""
        return {part: len(getattr(self, part)) for part in SPLIT_NAMES}

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the indices of the three parts, in hexadecimal; the name is left out."""
        digest = hashlib.sha256()
        for part in SPLIT_NAMES:
            index = getattr(self, part)
            digest.update(f"{part} {len(index)};".encode() + index.astype("<i8").tobytes())
        return digest.hexdigest()

    def check(self, num_items: int) -> None:
        """Raise ValueError unless every index is below `num_items`."""
        for part in SPLIT_NAMES:
            index = getattr(self, part)
            if len(index) and index[-1] >= num_items:
                raise ValueError(
                    f"'{part}' must hold indices below {num_items}, got {index[-1]}. "
                    "The split belongs to a larger data set."
                )

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
    """The usual random split of citation graphs: as many training nodes from each class.

    Nodes without a label (-100) are left out. The same labels and seed give the same split on
    every machine and with every version of numpy.

    Args:
        y: Labels from 0. Shape (N,).
        seed: Chooses the draw, from 0.
        per_class: Training nodes of each class.
        num_val: Validation nodes, from all that are left.
        num_test: Test nodes, from all that are left then.

    Raises:
        ValueError: The graph is too small for these sizes.
    """
    labels = y.cpu().numpy() if isinstance(y, torch.Tensor) else np.asarray(y)
    for name, value in (("per_class", per_class), ("num_val", num_val), ("num_test", num_test)):
        if value < 0:
            raise ValueError(f"'{name}' must be at least 0, got {value}. Give a count of nodes.")
    if seed < 0:
        raise ValueError(f"'seed' must be at least 0, got {seed}. Seeds count from 0.")
    labeled = np.flatnonzero(labels >= 0)
    sizes = np.bincount(labels[labeled])
    if len(sizes) == 0 or sizes.min() < per_class:
        raise ValueError(
            f"'per_class' must be at most the size of the smallest class, "
            f"{int(sizes.min()) if len(sizes) else 0}, got {per_class}. Ask for fewer."
        )
    left = len(labeled) - per_class * len(sizes)
    if num_val + num_test > left:
        raise ValueError(
            f"'num_val' + 'num_test' must be at most the {left} labeled nodes that do not "
            f"train, got {num_val} + {num_test}. Ask for fewer."
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
    """A random split in which every part has the classes in the proportions of the whole.

    Where there are enough items for it, one of each class trains.

    The same labels and seed give the same split on every machine and with every version of
    numpy.

    Args:
        y: Labels from 0. Shape (N,).
        seed: Chooses the draw, from 0.
        num_val: Validation items.
        num_test: Test items; all others train.
        name: The name of the split.

    Raises:
        ValueError: A size or the seed is negative, or nothing is left to train.

    Example:
        >>> split = stratified_split([0, 0, 0, 0, 1, 1, 1, 1], seed=0, num_val=2, num_test=2)
        >>> split.sizes, split.val // 4
        ({'train': 4, 'val': 2, 'test': 2}, array([0, 1]))
    """
    labels = y.cpu().numpy() if isinstance(y, torch.Tensor) else np.asarray(y)
    for size_name, value in (("num_val", num_val), ("num_test", num_test), ("seed", seed)):
        if value < 0:
            raise ValueError(f"'{size_name}' must be at least 0, got {value}. Raise it.")
    if num_val + num_test >= len(labels):
        raise ValueError(
            f"'num_val' + 'num_test' must be below the number of items, {len(labels)}, got "
            f"{num_val} + {num_test}. Ask for fewer."
        )
    order = permutation(len(labels), seed)
    parts: dict[str, list[NDArray[np.int64]]] = {part: [] for part in SPLIT_NAMES}
    sizes = np.bincount(labels)
    keep = int((sizes > 0).sum()) + num_val + num_test <= len(labels)  # one of each class
    tests = _apportion(sizes, num_test, sizes - 1 if keep else sizes)
    left = sizes - tests
    vals = _apportion(left, num_val, left - 1 if keep else left)
    for label, (test, val) in enumerate(zip(tests, vals, strict=True)):
        items = order[labels[order] == label]
        parts["test"].append(items[:test])
        parts["val"].append(items[test : test + val])
        parts["train"].append(items[test + val :])
    return Split(name, *(np.concatenate(parts[part]) for part in SPLIT_NAMES))


def random_split(rows: Rows, seed: int, fractions: Sequence[float] = FRACTIONS) -> Split:
    """Every row by chance.

    Args:
        rows: the numbers of the rows.
        seed: chooses the draw, from 0.
        fractions: of train, validation and test; they add up to 1.
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
    order = permutation(len(rows), draw)
    if labels is not None:
        order = order[np.argsort(labels[order], kind="stable")]
    place = np.empty(len(rows), np.int64)
    place[order] = np.arange(len(rows)) % folds
    test, val = fold % folds, (fold + 1) % folds
    train = (place != test) & (place != val)
    return Split("kfold", rows[train], rows[place == val], rows[place == test])


def permutation(count: int, seed: int) -> Rows:
    """A permutation of the numbers below `count`."""
    if seed < 0:
        raise ValueError(f"'seed' must be at least 0, got {seed}. Seeds count from 0.")
    # The raw stream is what numpy promises never to change; its permutations may.
    return np.argsort(np.random.PCG64(seed).random_raw(count), kind="stable")


def split_points(count: int, fractions: Sequence[float]) -> tuple[int, int]:
    """Where training ends and validation ends among so many rows in order."""
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


def _apportion(sizes: NDArray[np.int64], total: int, most: NDArray[np.int64]) -> NDArray[np.int64]:
    """`total` items shared out among classes in proportion to their sizes, as whole numbers.

    The largest remainders round up, the first of equal ones; no class gives more than its
    `most`, which together are enough.
    """
    exact = sizes * (total / max(int(sizes.sum()), 1))
    share: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    rounded_up = np.argsort(share - exact, kind="stable")[: total - int(share.sum())]
    share[rounded_up] += 1
    most = np.maximum(most, 0)
    over = int((share - most).clip(min=0).sum())
    share = np.minimum(share, most)
    for _ in range(over):  # what a class cannot give is given by the one furthest behind
        share[np.argmax(np.where(share < most, exact - share, -np.inf))] += 1
    return share


def _from_masks(*parts: Sequence[int] | ArrayLike) -> list[Sequence[int] | ArrayLike]:
    """Where three masks of one length are True; anything else as it is."""
    arrays = [np.asarray(part) for part in parts]
    if {array.dtype.kind for array in arrays} != {"b"} or {a.ndim for a in arrays} != {1}:
        return list(parts)
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"'train', 'val' and 'test' must be masks of one length, got {lengths}. Give a "
            "boolean for each item in each of them."
        )
    return [np.flatnonzero(array) for array in arrays]


def _indices(part: str, value: Sequence[int] | ArrayLike) -> NDArray[np.int64]:
    """Sorted, unique, non-negative int64 indices that nobody can write to."""
    array = np.asarray(value)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"'{part}' must hold whole numbers, got {array.dtype}. Turn a mask into indices "
            "with numpy.flatnonzero."
        )
    if array.ndim != 1:
        raise ValueError(f"'{part}' must have shape (n,), got {array.shape}. Flatten it.")
    array = np.sort(array.astype(np.int64))
    if len(array) and array[0] < 0:
        raise ValueError(f"'{part}' must hold indices from 0, got {array[0]}. Remove it.")
    repeated = array[1:][array[1:] == array[:-1]]
    if len(repeated):
        raise ValueError(
            f"'{part}' must hold each index once, got {repeated[0]} twice. Remove one of them."
        )
    array.flags.writeable = False
    return array
