"""Labels of nodes or graphs from a tensor or an array: their kind, and which are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.arrays import UNLABELED
from gnnvision.data.targets import Kind
from gnnvision.errors import invalid, one_of, wrong_dtype

__all__ = ["Labels", "read_labels"]

KINDS = ("classification", "multilabel", "regression")
MAX_UNUSED_CLASSES = 1000  # class indices may skip so many; more of them are ids, not classes
FEW_NUMBERS = 20  # so few different whole numbers may be class indices
_CLASSES = "kind='classification'"
_NUMBERS = "kind='regression'"


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of all items, in the form of a task.

    Args:
        kind: "classification", "multilabel" or "regression".
        y: Classes: int64 (N,), -100 if unlabeled. Otherwise floating point (N, T), NaN if missing.
        names: The names of the classes or targets.
        notes: How the labels were read, as lines of an overview: title -> text.
    """

    kind: Kind
    y: Tensor
    names: tuple[str, ...]
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether each item has a label. Shape (N,)."""
        if self.kind == "classification":
            return (self.y != UNLABELED).numpy()
        return (~self.y.isnan()).any(1).numpy()

    @property
    def num_outputs(self) -> int:
        """The number of classes or targets."""
        return len(self.names)


def read_labels(
    y: Any,  # noqa: ANN401 - a tensor, an array or a list
    count: int,
    what: str = "node",
    kind: Kind | None = None,
    names: Sequence[str] | None = None,
) -> Labels:
    """Read labels; integers are classes, other numbers are values, 0 and 1 in columns are labels.

    Class -1 or -100 and NaN mean that a label is missing.

    Args:
        y: The labels, of shape (N,), (N, 1) or (N, T); None if there are none.
        count: The number of items N.
        what: What an item is, for messages: "node" or "graph".
        kind: "classification", "multilabel" or "regression"; None infers it.
        names: The names of the classes or targets; None numbers them.

    Raises:
        TypeError: `y` has neither numbers nor booleans.
        ValueError: `y` has another shape, or its values do not fit `kind`.
    """
    if kind is not None:
        one_of("kind", kind, KINDS)
    if y is None:
        empty = torch.full((count,), UNLABELED)
        return Labels("classification", empty, tuple(names or ()), {"labels": "none"})
    array = _to_array(y, what)
    if array.ndim not in (1, 2) or len(array) != count or 0 in array.shape[1:]:
        condition = f"have one row for each of the {count:,} {what}s"
        got = f"shape {tuple(array.shape)}"
        raise invalid("y", condition, got, f"Pass shape ({count},) or ({count}, targets).")
    chosen, notes = _infer(array, kind)
    if chosen == "classification":
        labels = _classes(array, names)
    else:
        labels = _values(array, chosen, names)
    missing = count - int(labels.known.sum())
    if missing:
        notes["labels"] = f"{missing:,} of {count:,} {what}s are unlabeled; they can be predicted"
    return Labels(labels.kind, labels.y, labels.names, notes)


def _to_array(y: Any, what: str) -> NDArray[Any]:  # noqa: ANN401
    if isinstance(y, Tensor):
        y = y.detach().cpu()
        y = (y.to_dense() if y.layout is not torch.strided else y).numpy()
    elif hasattr(y, "toarray"):  # a scipy sparse matrix
        y = y.toarray()
    array = np.asarray(y)
    if array.dtype.kind not in "biuf":
        advice = f"Number the classes from 0, or use from_tables for a column of {what} labels."
        raise wrong_dtype("y", "be numbers", array.dtype, advice)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 and _is_whole(array) else array


def _is_whole(array: NDArray[Any]) -> bool:
    return array.dtype.kind in "biu"


def _infer(array: NDArray[Any], kind: Kind | None) -> tuple[Kind, dict[str, str]]:
    """The kind of target, and notes on values that can be read in two ways."""
    if kind is not None:
        return kind, {}
    known = array[~np.isnan(array)] if array.dtype.kind == "f" else array
    several = array.ndim == 2 and array.shape[1] > 1
    if _is_whole(array) and not several:
        return "classification", {}
    binary = np.isin(known, (0, 1, -1, UNLABELED) if _is_whole(array) else (0, 1)).all()
    if binary and known.size:
        one_hot = several and bool((array == 1).sum(1).max() == 1 == (array == 1).sum(1).min())
        if one_hot:
            text = f"every row has a single 1; if these are one-hot classes, use {_CLASSES}"
            return "multilabel", {"targets read as": f"separate labels: {text}"}
        return "multilabel", {}
    if _is_whole(array):
        got = f"{array.dtype} of shape {tuple(array.shape)} with other numbers than 0 and 1"
        advice = f"Use {_NUMBERS} if these are measured values, or pass one column of classes."
        raise invalid("y", "be one column of classes, or columns of 0 and 1", got, advice)
    different = np.unique(known)
    if len(different) <= FEW_NUMBERS and (different == np.round(different)).all():
        text = f"measured values; if these are class indices, use {_CLASSES}"
        return "regression", {"targets read as": text}
    return "regression", {}


def _classes(array: NDArray[Any], names: Sequence[str] | None) -> Labels:
    """Class indices, or one-hot rows, as int64."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2:
        hot = array == 1
        if not np.isin(array, (0, 1)).all() or (hot.sum(1) > 1).any():
            got = f"shape {array.shape}"
            raise invalid("y", "have one class for each row", got, "Use kind='multilabel'.")
        array = np.where(hot.any(1), hot.argmax(1), UNLABELED)
    missing = np.isnan(array) if array.dtype.kind == "f" else np.zeros(len(array), bool)
    known = array[~missing].astype(np.float64)
    if (known != np.round(known)).any():
        got = known[known != np.round(known)][0]
        raise invalid("y", f"be whole numbers for {_CLASSES}", got, f"Use {_NUMBERS}.")
    index = np.full(len(array), UNLABELED, np.int64)
    index[~missing] = array[~missing].astype(np.int64)
    present = np.unique(index[index != UNLABELED])
    if present.tolist() == [-1, 1]:
        advice = "Use (y + 1) // 2 if these are two classes, y.clip(0) if -1 means unlabeled."
        raise invalid("y", "number classes from 0", "only -1 and 1", advice)
    index[index == -1] = UNLABELED
    present = present[present != -1]
    if len(present) and present[0] < 0:
        advice = "Number the classes from 0; -1 and -100 mean unlabeled."
        raise invalid("y", "be class indices from 0", present[0], advice)
    classes = int(present[-1]) + 1 if len(present) else 0
    if classes - len(present) > MAX_UNUSED_CLASSES:
        got = f"{len(present):,} classes up to {classes - 1:,}"
        advice = "Use torch.unique(y, return_inverse=True)[1]."
        raise invalid("y", "number classes from 0 without gaps", got, advice)
    named = _names(names, [str(n) for n in range(classes)], more=True)
    return Labels("classification", torch.from_numpy(index), named)


def _values(array: NDArray[Any], kind: Kind, names: Sequence[str] | None) -> Labels:
    columns = array.reshape(len(array), -1)
    values = columns.astype(np.float64)
    if kind == "multilabel":
        values[np.isin(values, (-1, UNLABELED))] = np.nan
        other = values[~np.isnan(values) & ~np.isin(values, (0, 1))]
        if len(other):
            advice = f"Use {_NUMBERS} or {_CLASSES}."
            raise invalid("y", "have only 0 and 1 for kind='multilabel'", other[0], advice)
    if np.isinf(values).any():
        row = int(np.isinf(values).any(1).argmax())
        advice = "Use NaN for a missing value."
        raise invalid("y", "be finite or NaN", f"infinity in row {row}", advice)
    count = values.shape[1]
    named = _names(names, ["target"] if count == 1 else [f"target {n}" for n in range(count)])
    return Labels(kind, torch.from_numpy(values).to(torch.get_default_dtype()), named)


def _names(
    names: Sequence[str] | None, default: Sequence[str], more: bool = False
) -> tuple[str, ...]:
    """The given names, if there is one for each; `more` allows for classes that do not occur."""
    if names is None:
        return tuple(default)
    if (
        isinstance(names, str)
        or len(names) < len(default)
        or (len(names) > len(default) and not more)
    ):
        condition = f"be {len(default)} names, one for each class or target"
        raise invalid("class_names", condition, repr(names), "Pass them in order.")
    return tuple(map(str, names))
