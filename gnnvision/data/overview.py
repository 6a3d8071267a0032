"""What a task was understood to be, in words, and what is wrong with its split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.split import SPLIT_NAMES, Split

__all__ = ["describe_split", "describe_targets", "join_names", "split_warnings"]

SPLIT_TITLES = {"train": "training", "val": "validation", "test": "test"}
MOST = 12  # names that are listed before the rest is counted
FEW_TARGETS = 3  # of so many the positives of each part of the split are counted
FEWEST = 4  # known labels of which one class only is no accident of a tiny split


def describe_split(split: Split, seed: int) -> str:
    """Name and sizes of a split."""
    sizes = split.sizes
    parts = ", ".join(f"{sizes[part]:,} {SPLIT_TITLES[part]}" for part in SPLIT_NAMES)
    return f"'{split.name}', seed {seed}: {parts}"


def describe_targets(
    kind: str, y: Tensor | None, names: Sequence[str], split: Split, unit: str = ""
) -> dict[str, str]:
    """What is predicted: classes with their counts, ranges of values, positives of labels.

    Args:
        kind: of the task: "classification", "regression" or "multilabel".
        y: all targets; None where the task has none that can be counted.
        names: of the classes or targets.
        split: which items count.
        unit: of the values of a regression.
    """
    used = np.concatenate([getattr(split, part) for part in SPLIT_NAMES])
    if y is None:
        return {"to predict": f"{kind}: {join_names(names)}"}
    values = _values(y)
    if kind == "classification":
        counts = _counts(values[used], len(names))
        parts = {part: _counts(values[getattr(split, part)], len(names)) for part in SPLIT_NAMES}
        each = [
            f"{name!r} {counts[n]:,} = {' + '.join(f'{parts[part][n]:,}' for part in SPLIT_NAMES)}"
            for n, name in enumerate(names)
        ]
        missing = len(used) - int(counts.sum())
        without = f"; {_number(missing, 'item')} without a label" if missing else ""
        return {
            "to predict": f"classification into {len(names):,} classes, counted as all = "
            f"{' + '.join(SPLIT_TITLES.values())}",
            "classes": f"{_joined(each)}{without}",
        }
    columns = values[used].reshape(len(used), -1)
    if columns.shape[1] != len(names):
        return {"to predict": f"{kind}: {join_names(names)}"}
    if kind == "regression":
        each = [_range(name, columns[:, n], unit) for n, name in enumerate(names)]
        what = f"regression: {_number(len(names), 'measured target')}"
        return {"to predict": what, "targets": _joined(each)}
    rows = {part: values[getattr(split, part)].reshape(-1, len(names)) for part in SPLIT_NAMES}
    each = [
        _positives(name, columns[:, n])
        + (f" ({_positives_of(rows, n)})" if len(names) <= FEW_TARGETS else "")
        for n, name in enumerate(names)
    ]
    what = f"multi-label: 1 or 0 for {_number(len(names), 'target')}"
    return {"to predict": what, "targets": _joined(each)}


def split_warnings(kind: str, y: Tensor | None, names: Sequence[str], split: Split) -> list[str]:
    """Sentences on parts of a split that hold no known label, or of one class only.

    Scores there are undefined or say nothing, and what trains on one class learns no other.
    Of fewer than four labels that is no surprise, and not reported.

    Args:
        kind: of the task.
        y: all targets; None where the task has none that can be counted.
        names: of the classes or targets.
        split: the parts; an empty one is no concern of this function.
    """
    if y is None:
        return []
    values = _values(y)
    found = []
    for part in SPLIT_NAMES:
        items = values[getattr(split, part)]
        if not len(items):
            continue
        if kind == "classification":
            found += _of_classes(part, _counts(items, len(names)), names)
        elif (columns := items.reshape(len(items), -1)).shape[1] == len(names):
            found += _of_columns(part, columns, names, kind)
    if kind == "classification":
        trained, measured = (
            _counts(values[items], len(names))
            for items in (split.train, np.concatenate([split.val, split.test]))
        )
        unseen = np.flatnonzero((trained == 0) & (measured > 0))
        if np.count_nonzero(trained) > 1 and len(unseen):
            never = join_names(repr(names[n]) for n in unseen.tolist())
            found.append(
                f"The training split holds no item of {never}, "
                "the others do: it cannot be learned. Choose another split or seed."
            )
    return found


def join_names(names: Iterable[str]) -> str:
    """Names one after the other, and how many more there are."""
    held = list(names)
    more = f" and {len(held) - MOST:,} more" if len(held) > MOST else ""
    return ", ".join(held[:MOST]) + more


def _of_classes(part: str, counts: NDArray[np.int64], names: Sequence[str]) -> list[str]:
    held = np.flatnonzero(counts)
    if not len(held):
        return [_concern(part, "no known label")]
    if len(held) == 1 and len(names) > 1 and counts.sum() >= FEWEST:
        only = f"one class only, {names[held[0]]!r} ({_number(counts.sum(), 'item')})"
        return [_concern(part, only)]
    return []


def _of_columns(
    part: str, columns: NDArray[np.float64], names: Sequence[str], kind: str
) -> list[str]:
    none, single = [], []
    for name, column in zip(names, columns.T, strict=True):
        known = column[~np.isnan(column)]
        if not len(known):
            none.append(repr(name))
        elif kind == "multilabel" and len(known) >= FEWEST and known.min() == known.max():
            single.append(f"{name!r} (all {known[0]:g})")
    found = [_concern(part, f"no known label for {join_names(none)}")] if none else []
    return found + ([_concern(part, f"one class only for {join_names(single)}")] if single else [])


def _concern(part: str, what: str) -> str:
    result = {
        "train": "nothing else can be learned from it",
        "val": "its scores are undefined or say nothing, and it cannot choose an epoch",
        "test": "its scores are undefined or say nothing",
    }[part]
    return (
        f"The {SPLIT_TITLES[part]} split holds {what}: {result}. Choose another split or seed, or "
        "other targets."
    )


def _values(y: Tensor) -> NDArray[np.float64]:
    return y.detach().cpu().to(torch.float64).numpy()


def _counts(labels: NDArray[np.float64], classes: int) -> NDArray[np.int64]:
    known = labels[labels >= 0].astype(np.int64)
    return np.bincount(known, minlength=classes)


def _range(name: str, column: NDArray[np.float64], unit: str) -> str:
    known = column[~np.isnan(column)]
    if not len(known):
        return f"{name!r}, no known value"
    spread = f"{known.min():.4g} to {known.max():.4g}{f' {unit}' if unit else ''}"
    return f"{name!r}, {spread}, {_number(len(known), 'value')}"


def _positives(name: str, column: NDArray[np.float64]) -> str:
    known = column[~np.isnan(column)]
    return f"{name!r}, {int((known == 1).sum()):,} of {len(known):,} known labels are 1"


def _positives_of(parts: Mapping[str, NDArray[np.float64]], column: int) -> str:
    each = []
    for part, rows in parts.items():
        known = rows[~np.isnan(rows[:, column]), column]
        each.append(f"{SPLIT_TITLES[part]} {int((known == 1).sum()):,} of {len(known):,}")
    return ", ".join(each)


def _joined(each: Sequence[str]) -> str:
    more = f"; and {len(each) - MOST:,} more" if len(each) > MOST else ""
    return "; ".join(each[:MOST]) + more


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
