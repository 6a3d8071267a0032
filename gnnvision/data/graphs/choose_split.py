"""The split of labeled items: from masks, from a given split, or at random."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.graphs.labels import Labels
from gnnvision.data.split import (
    FRACTIONS,
    SPLIT_NAMES,
    Rows,
    Split,
    random_split,
    split_points,
    stratified_split,
)
from gnnvision.errors import invalid, wrong_dtype, wrong_type

__all__ = ["ChosenSplit", "choose_split"]

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ChosenSplit:
    """A split, and how it follows from a seed.

    Args:
        split: Of the seed.
        splitter: A function from a seed to a split; None if there is only one split.
        notes: How it was made, as lines of an overview: title -> text.
    """

    split: Split
    splitter: Callable[[int], Split] | None = None
    notes: Mapping[str, str] = field(default_factory=dict)


def choose_split(
    labels: Labels,
    seed: int = 0,
    *,
    split: Split | None = None,
    masks: Mapping[str, Any] | None = None,
) -> ChosenSplit:
    """The split of items with these labels.

    A given split has precedence over masks. Without either, the labeled items are split at
    random into 80 % for training and 10 % each for validation and test, classes in proportion.

    Args:
        labels: The labels of all items.
        seed: The seed of a random split, or the column of masks with several.
        split: A fixed split.
        masks: "train", "val" and "test" -> a boolean for each item, or several in columns, one
            for each seed. Shape (N,) or (N, S). A missing one is empty.

    Raises:
        TypeError: A mask is not boolean.
        ValueError: Masks overlap, or have another length.
    """
    if split is not None:
        if not isinstance(split, Split):
            advice = "Pass gnnvision.data.Split('mine', train, val, test), indices or masks."
            raise wrong_type("split", "be a Split or None", split, advice)
        split.check(len(labels.y))
        return ChosenSplit(split)
    found = {name: mask for name, mask in (masks or {}).items() if mask is not None}
    if found:
        return _from_masks(found, len(labels.y), seed)
    rows = np.flatnonzero(labels.known)
    draw: Callable[[int], Split]
    if labels.kind == "classification":
        draw = partial(_stratified, rows, labels.y.numpy()[rows])
        rule = "random, stratified by class"
    else:
        draw = partial(random_split, rows)
        rule = "random"
    return ChosenSplit(draw(seed), draw, {"masks": f"none, so the split is {rule}"})


def _stratified(rows: Rows, y: NDArray[np.int64], seed: int) -> Split:
    if not len(rows):
        return Split("random", [], [], [])
    train, val = split_points(len(rows), FRACTIONS)
    drawn = stratified_split(y, seed, val - train, len(rows) - val)
    return Split("random", *(rows[getattr(drawn, name)] for name in SPLIT_NAMES))


def _from_masks(masks: Mapping[str, Any], count: int, seed: int) -> ChosenSplit:
    arrays = {name: _mask(name, mask, count) for name, mask in masks.items()}
    if "train" not in arrays:
        got = f"only {', '.join(f'{name}_mask' for name in arrays)}"
        raise invalid("data", "have a train_mask", got, "Add it, or remove the others.")
    columns = {array.shape[1] for array in arrays.values()} - {1}
    if len(columns) > 1:
        got = f"{sorted(columns)} of them"
        raise invalid("train_mask", "have as many columns as the other masks", got)
    several = columns.pop() if columns else 1
    draw = partial(_column, arrays, several, count)
    for column in range(several):
        draw(column)
    absent = [name for name in SPLIT_NAMES if name not in arrays]
    notes = {"masks": f"no {' and no '.join(f'{n}_mask' for n in absent)}, so these splits are "
             "empty"} if absent else {}  # fmt: skip
    if several > 1:
        notes["splits"] = f"{several} from the columns of the masks, one for each seed"
    return ChosenSplit(draw(seed), draw if several > 1 else None, notes)


def _column(arrays: Mapping[str, Mask], several: int, count: int, seed: int) -> Split:
    none = np.zeros((count, 1), bool)
    held = {name: arrays.get(name, none) for name in SPLIT_NAMES}
    chosen = {name: mask[:, seed % several if mask.shape[1] > 1 else 0]
              for name, mask in held.items()}  # fmt: skip
    for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
        shared = np.flatnonzero(chosen[first] & chosen[second])
        if len(shared):
            got = f"{len(shared):,} in both, such as {shared[0]}"
            advice = "Remove them from one of the two."
            raise invalid(f"{second}_mask", f"share no item with {first}_mask", got, advice)
    return Split("masks", *(np.flatnonzero(chosen[name]) for name in SPLIT_NAMES))


def _mask(name: str, mask: Any, count: int) -> Mask:  # noqa: ANN401
    """A mask as booleans (N, S)."""
    array = mask.detach().cpu().numpy() if isinstance(mask, Tensor) else np.asarray(mask)
    if array.dtype.kind not in "biu" or not np.isin(array, (0, 1)).all():
        advice = "Pass one boolean for each item; for indices use split=gnnvision.data.Split(...)."
        raise wrong_dtype(f"{name}_mask", "be boolean", array.dtype, advice)
    if array.ndim not in (1, 2) or len(array) != count or 0 in array.shape[1:]:
        condition = f"have one row for each of the {count:,} items"
        raise invalid(f"{name}_mask", condition, f"shape {tuple(array.shape)}")
    return array.astype(bool).reshape(count, -1)
