"""The summary of a task that is printed before training, and warnings about its split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.split import SPLIT_NAMES, Split

__all__ = ["SPLIT_TITLES", "describe_split", "describe_targets", "join_names", "split_warnings"]

SPLIT_TITLES = {"train": "training", "val": "validation", "test": "test"}
MAX_NAMES = 12  # names that are listed before the others are only counted
MAX_DETAILED_TARGETS = 3  # with so many targets or fewer, positives are counted in each split
MIN_LABELS = 4  # with fewer labels, a single class is likely by chance and gives no warning


def describe_split(split: Split, seed: int) -> str:
    """The name, seed and sizes of a split, as text."""
    sizes = ", ".join(f"{split.sizes[name]:,} {SPLIT_TITLES[name]}" for name in SPLIT_NAMES)
    return f"'{split.name}' (seed {seed}): {sizes}"


def describe_targets(
    kind: str, y: Tensor | None, names: Sequence[str], split: Split, unit: str = ""
) -> dict[str, str]:
    """The task as text, with class counts, ranges of values or numbers of positive labels.

    Args:
        kind: "classification", "regression" or "multilabel".
        y: The targets of all items; None for a task without such targets.
        names: The names of the classes or targets.
        split: Only items of this split are counted.
        unit: The unit of regression targets.

    Returns:
        "task", and "classes" or "targets" if `y` is given.
    """
    if y is None:
        return {"task": f"{kind}: {join_names(names)}"}
    values = _to_float64(y)
    in_split = {name: values[getattr(split, name)] for name in SPLIT_NAMES}
    used = np.concatenate(list(in_split.values()))
    if kind == "classification":
        counts = {name: _class_counts(labels, len(names)) for name, labels in in_split.items()}
        total = np.sum(list(counts.values()), axis=0)
        each = [
            f"{name!r} {total[n]:,} ({' / '.join(f'{count[n]:,}' for count in counts.values())})"
            for n, name in enumerate(names)
        ]
        missing = len(used) - int(total.sum())
        unlabeled = f"; {_count(missing, 'item')} unlabeled" if missing else ""
        return {
            "task": f"classification into {len(names):,} classes",
            "classes": f"items ({' / '.join(SPLIT_TITLES.values())}): "
            f"{_join_details(each)}{unlabeled}",
        }
    columns = used.reshape(len(used), -1)
    if columns.shape[1] != len(names):
        return {"task": f"{kind}: {join_names(names)}"}
    if kind == "regression":
        each = [_value_range(name, columns[:, n], unit) for n, name in enumerate(names)]
        return {
            "task": f"regression, {_count(len(names), 'target')}",
            "targets": _join_details(each),
        }
    rows = {name: labels.reshape(-1, len(names)) for name, labels in in_split.items()}
    each = [
        f"{name!r}: {_positives(columns[:, n])} labels are positive"
        + (f" ({_positives_by_split(rows, n)})" if len(names) <= MAX_DETAILED_TARGETS else "")
        for n, name in enumerate(names)
    ]
    task = f"multi-label classification, {_count(len(names), 'binary target')}"
    return {"task": task, "targets": _join_details(each)}


def split_warnings(kind: str, y: Tensor | None, names: Sequence[str], split: Split) -> list[str]:
    """Warnings about splits without labels or with a single class, as sentences.

    Metrics are undefined or uninformative there, and a model that is trained on a single class
    cannot learn another. Splits with fewer than four labels are not reported.

    Args:
        kind: "classification", "regression" or "multilabel".
        y: The targets of all items; None for a task without such targets.
        names: The names of the classes or targets.
        split: The split to check; an empty validation or test split gives no warning.
    """
    if y is None:
        return []
    values = _to_float64(y)
    found = []
    for name in SPLIT_NAMES:
        items = values[getattr(split, name)]
        if not len(items):
            continue
        if kind == "classification":
            found += _class_warnings(name, _class_counts(items, len(names)), names)
        elif (columns := items.reshape(len(items), -1)).shape[1] == len(names):
            found += _target_warnings(name, columns, names, kind)
    if kind == "classification":
        trained, evaluated = (
            _class_counts(values[items], len(names))
            for items in (split.train, np.concatenate([split.val, split.test]))
        )
        unseen = np.flatnonzero((trained == 0) & (evaluated > 0))
        if np.count_nonzero(trained) > 1 and len(unseen):
            missing = join_names(repr(names[n]) for n in unseen.tolist())
            found.append(
                f"The training split has no items of class {missing}, which occurs in validation "
                "or test, so it cannot be learned. Choose another split or seed."
            )
    return found


def join_names(names: Iterable[str]) -> str:
    """The names with commas between them; after twelve, the number of the others.

    Example:
        >>> join_names(["cat", "dog"])
        'cat, dog'
    """
    listed = list(names)
    more = f" and {len(listed) - MAX_NAMES:,} more" if len(listed) > MAX_NAMES else ""
    return ", ".join(listed[:MAX_NAMES]) + more


def _class_warnings(name: str, counts: NDArray[np.int64], classes: Sequence[str]) -> list[str]:
    present = np.flatnonzero(counts)
    if not len(present):
        return [_warning(name, "no labels")]
    if len(present) == 1 and len(classes) > 1 and counts.sum() >= MIN_LABELS:
        only = f"a single class, {classes[present[0]]!r} ({_count(counts.sum(), 'item')})"
        return [_warning(name, only)]
    return []


def _target_warnings(
    name: str, columns: NDArray[np.float64], targets: Sequence[str], kind: str
) -> list[str]:
    unlabeled, constant = [], []
    for target, column in zip(targets, columns.T, strict=True):
        known = column[~np.isnan(column)]
        if not len(known):
            unlabeled.append(repr(target))
        elif kind == "multilabel" and len(known) >= MIN_LABELS and known.min() == known.max():
            constant.append(f"{target!r} (all {known[0]:g})")
    found = [_warning(name, f"no labels for {join_names(unlabeled)}")] if unlabeled else []
    if constant:
        found.append(_warning(name, f"a single class for {join_names(constant)}"))
    return found


def _warning(name: str, problem: str) -> str:
    result = {
        "train": "no other class can be learned",
        "val": "its metrics are undefined or uninformative, and it cannot select a checkpoint",
        "test": "its metrics are undefined or uninformative",
    }[name]
    if name == "train" and problem.startswith("no labels"):
        result = "nothing can be learned from it"
    return (
        f"The {SPLIT_TITLES[name]} split has {problem}: {result}. Choose another split or seed, "
        "or other targets."
    )


def _to_float64(y: Tensor) -> NDArray[np.float64]:
    return y.detach().cpu().to(torch.float64).numpy()


def _class_counts(labels: NDArray[np.float64], classes: int) -> NDArray[np.int64]:
    return np.bincount(labels[labels >= 0].astype(np.int64), minlength=classes)


def _value_range(name: str, column: NDArray[np.float64], unit: str) -> str:
    known = column[~np.isnan(column)]
    if not len(known):
        return f"{name!r}: no values"
    unit = f" {unit}" if unit else ""
    return (
        f"{name!r}: {known.min():.4g} to {known.max():.4g}{unit} ({_count(len(known), 'value')})"
    )


def _positives(column: NDArray[np.float64]) -> str:
    known = column[~np.isnan(column)]
    return f"{int((known == 1).sum()):,} of {len(known):,}"


def _positives_by_split(rows: Mapping[str, NDArray[np.float64]], target: int) -> str:
    return ", ".join(
        f"{SPLIT_TITLES[name]} {_positives(r[:, target])}" for name, r in rows.items()
    )


def _join_details(details: Sequence[str]) -> str:
    more = f"; and {len(details) - MAX_NAMES:,} more" if len(details) > MAX_NAMES else ""
    return "; ".join(details[:MAX_NAMES]) + more


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
