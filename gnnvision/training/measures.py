"""Metrics: their names, their formats, and what to do where one is undefined.

A metric is undefined where there is nothing to compute it from: the ROC AUC of one class, R² of
equal values, the standard deviation of one seed. It is then NaN in memory, null in JSON and
"undefined" in tables, and no epoch or seed is selected by it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "IN_PERCENT",
    "SPLIT_NAMES",
    "UNDEFINED",
    "average_precision",
    "balanced_accuracy",
    "current_metrics",
    "defined",
    "f1_macro",
    "format_number",
    "format_score",
    "format_stats",
    "json_ready",
    "mean",
    "metric_name",
    "r2",
    "r2_undefined",
    "rank",
    "rocauc",
    "spread",
]

T = TypeVar("T")
UNDEFINED = "undefined"
SPLIT_NAMES = {"train": "training", "val": "validation", "test": "test"}
# Metrics that are printed in percent.
IN_PERCENT = ("accuracy", "balanced_accuracy", "f1_macro", "rocauc", "ap")
_FORMER = {"average_precision": "ap"}  # in files of version 0.2 and before
_NAMES = {
    "ap": "average precision",
    "balanced_accuracy": "balanced accuracy",
    "f1_macro": "F1 (macro)",
    "mae": "MAE",
    "r2": "R²",
    "rmse": "RMSE",
    "rocauc": "ROC AUC",
}


def metric_name(metric: str) -> str:
    """The usual spelling of a metric: "ROC AUC" for rocauc, "F1 (macro)" for f1_macro."""
    return _NAMES.get(metric, metric)


def current_metrics(values: Mapping[str, T]) -> dict[str, T]:
    """Metrics under their current names, from a file of this version or an earlier one.

    Example:
        >>> current_metrics({"rocauc": 0.9, "average_precision": 0.8})
        {'rocauc': 0.9, 'ap': 0.8}
    """
    return {_FORMER.get(name, name): value for name, value in values.items()}


def format_number(value: float, digits: int = 4) -> str:
    """A number with this many decimals, or "undefined".

    Example:
        >>> format_number(0.5), format_number(math.nan)
        ('0.5000', 'undefined')
    """
    return UNDEFINED if math.isnan(value) else f"{value:.{digits}f}"


def format_score(metric: str, value: float) -> str:
    """A value of a metric as text: accuracies, F1 and areas in percent.

    Example:
        >>> format_score("accuracy", 0.815), format_score("rmse", 0.6123)
        ('81.5 %', '0.612')
    """
    return format_stats(metric, spread([value]), 1)


def format_stats(metric: str, stats: Mapping[str, Any], count: int) -> str:
    """The mean ± standard deviation of a metric: accuracies, F1 and areas in percent.

    Args:
        metric: its name in files.
        stats: its `mean` and `std`, and perhaps all `values`; see `spread`.
        count: how many values there should be. With fewer than two, no standard deviation is
            printed; if some are undefined, the number of those that are not.

    Example:
        >>> format_stats("accuracy", spread([0.80, 0.82]), 2)
        '81.0 ± 1.4 %'
    """
    scale, digits, unit = (100, 1, " %") if metric in IN_PERCENT else (1, 3, "")
    if math.isnan(stats["mean"]):
        return UNDEFINED
    std = stats["std"] if count > 1 else None
    around = "" if std is None else f" ± {scale * std:.{digits}f}"
    used = count - sum(map(math.isnan, stats.get("values", ())))
    of = f" ({used} of {count})" if used < count else ""
    return f"{scale * stats['mean']:.{digits}f}{around}{unit}{of}"


def defined(values: Iterable[float]) -> list[float]:
    """The values that are not NaN."""
    return [value for value in values if not math.isnan(value)]


def mean(values: Iterable[float]) -> float:
    """The mean of the defined values; NaN if there are none.

    Example:
        >>> mean([1.0, math.nan, 2.0]), mean([])
        (1.5, nan)
    """
    known = defined(values)
    return statistics.fmean(known) if known else math.nan


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean and (unbiased) standard deviation of the defined values, and all values.

    Returns:
        `mean`, NaN where no value is defined; `std`, None for fewer than two; `values`.

    Example:
        >>> spread([0.5])
        {'mean': 0.5, 'std': None, 'values': [0.5]}
    """
    known = defined(values)
    finite = all(map(math.isfinite, known))
    std = statistics.stdev(known) if len(known) > 1 and finite else None
    return {"mean": mean(known), "std": std, "values": list(values)}


def rank(score: float, loss: float, higher_is_better: bool) -> tuple[float, float]:
    """The key by which epochs and seeds are compared: the score, then the lower loss.

    The highest key is the best; an undefined value is below every number.
    """
    signed = (score if higher_is_better else -score, -loss)
    first, second = (-math.inf if math.isnan(value) else value for value in signed)
    return first, second


def f1_macro(labels: ArrayLike, predicted: ArrayLike) -> float:
    """The mean of the F1 scores, 2 TP / (2 TP + FP + FN), of the classes that occur.

    It equals scikit-learn's `f1_score(..., average="macro")`, which takes a second to import.

    Args:
        labels: class indices from 0. Shape (n,), n > 0.
        predicted: class indices from 0. Shape (n,).

    Example:
        >>> f1_macro([0, 0, 2], [0, 2, 2])
        0.6666666666666666
    """
    y, guess = np.asarray(labels), np.asarray(predicted)
    size = 1 + max(y.max(), guess.max())
    correct, known, found = (np.bincount(a, minlength=size) for a in (y[y == guess], y, guess))
    occurs = known + found > 0
    return float((2 * correct[occurs] / (known + found)[occurs]).mean())


def balanced_accuracy(labels: ArrayLike, predicted: ArrayLike) -> float:
    """The mean over the classes that have labels of the fraction that is predicted correctly.

    Args:
        labels: class indices from 0. Shape (n,), n > 0.
        predicted: class indices from 0. Shape (n,).

    Example:
        >>> balanced_accuracy([0, 0, 0, 1], [0, 0, 0, 0])
        0.5
    """
    y, guess = (np.asarray(values).astype(np.int64) for values in (labels, predicted))
    known = np.bincount(y)
    correct = np.bincount(y[y == guess], minlength=len(known))
    return float((correct[known > 0] / known[known > 0]).mean())


def rocauc(labels: ArrayLike, scores: ArrayLike) -> float:
    """The area under the ROC curve; NaN unless there are both positives and negatives.

    This is the fraction of pairs of a positive and a negative in which the positive has the
    higher score; a tie counts half. It equals scikit-learn's `roc_auc_score`.

    Args:
        labels: 1 or True for the positives. Shape (n,).
        scores: a higher score ranks first. Shape (n,).

    Example:
        >>> rocauc([0, 1, 1], [0.1, 0.1, 0.9])
        0.75
    """
    positive, negative = _counts_by_rank(labels, scores)
    if not positive.any() or not negative.any():
        return math.nan
    above = np.cumsum(positive) - positive / 2  # positives ahead of each negative
    return float((above * negative).sum() / (positive.sum() * negative.sum()))


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """The mean over the positives of the precision at their rank; NaN if there are none.

    It equals scikit-learn's `average_precision_score`.

    Args:
        labels: 1 or True for the positives. Shape (n,).
        scores: a higher score ranks first. Shape (n,).

    Example:
        >>> average_precision([1, 0, 1], [0.9, 0.5, 0.1])
        0.8333333333333333
    """
    positive, negative = _counts_by_rank(labels, scores)
    if not positive.any():
        return math.nan
    precision = np.cumsum(positive) / np.cumsum(positive + negative)
    return float((positive * precision).sum() / positive.sum())


def _counts_by_rank(
    labels: ArrayLike, scores: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The positives and the negatives at each distinct score, the highest score first."""
    truth, score = np.asarray(labels).astype(bool), np.asarray(scores)
    _, rank_of = np.unique(-score, return_inverse=True)
    both = (np.bincount(rank_of, which, 1).astype(np.float64) for which in (truth, ~truth))
    positive, negative = both
    return positive, negative


def r2(measured: ArrayLike, predicted: ArrayLike) -> float:
    """The coefficient of determination, 1 - Σ(y - ŷ)² / Σ(y - ȳ)², over the known values.

    It equals scikit-learn's `r2_score`, but is NaN where it is undefined: where the known values
    are all equal or fewer than two.

    Args:
        measured: y, NaN where missing. Shape (n,).
        predicted: ŷ. Shape (n,).

    Example:
        >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]), r2([2.0, 2.0], [2.0, 3.0])
        (0.5, nan)
    """
    y, guess = _known(measured, predicted)
    if r2_undefined(y):
        return math.nan
    deviations = y - y.mean()
    scale = np.abs(deviations).max()  # squares of very small or large values overflow float64
    if not np.isfinite(scale):
        return math.nan
    with np.errstate(over="ignore", invalid="ignore"):
        left = np.square((guess - y) / scale).sum() / np.square(deviations / scale).sum()
    return float(1 - left)


def r2_undefined(measured: ArrayLike) -> str:
    """Why R² is undefined for these values; empty if it is defined."""
    y = np.asarray(measured, dtype=np.float64)
    y = y[~np.isnan(y)]
    if len(y) < 2:
        return f"{len(y)} known value{'' if len(y) == 1 else 's'}, and R² needs two"
    if y.min() == y.max():
        return "all known values are equal"
    return ""


def json_ready(value: Any) -> Any:  # noqa: ANN401 - whatever goes into a JSON file
    """The value with None for NaN and infinities, which JSON does not have.

    Example:
        >>> json_ready({"mean": math.nan, "values": [1.0, math.inf]})
        {'mean': None, 'values': [1.0, None]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: json_ready(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(each) for each in value]
    return value


def _known(
    measured: ArrayLike, predicted: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, guess = (np.asarray(values, dtype=np.float64) for values in (measured, predicted))
    here = ~np.isnan(y)
    return y[here], guess[here]
