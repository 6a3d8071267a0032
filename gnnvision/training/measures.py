"""Figures that may be undefined: NaN in memory, null in JSON, "undefined" in words.

A figure that has nothing to be computed from (the ROC AUC of one class, R² of equal values, the
standard deviation of one seed) is never shown as a number, and never chooses anything.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "UNDEFINED",
    "defined",
    "f1_macro",
    "json_ready",
    "mean",
    "r2",
    "r2_undefined",
    "rank",
    "spread",
    "written",
]

UNDEFINED = "undefined"


def defined(values: Iterable[float]) -> list[float]:
    """Those of the values that are numbers."""
    return [value for value in values if not math.isnan(value)]


def mean(values: Iterable[float]) -> float:
    """The mean over the defined values; NaN where there is none.

    Example:
        >>> mean([1.0, math.nan, 2.0]), mean([])
        (1.5, nan)
    """
    held = defined(values)
    return statistics.fmean(held) if held else math.nan


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean and unbiased standard deviation of the defined values, and all values.

    Returns:
        `mean`, NaN where no value is defined; `std`, None for fewer than two; `values`.

    Example:
        >>> spread([0.5])
        {'mean': 0.5, 'std': None, 'values': [0.5]}
    """
    held = defined(values)
    finite = all(map(math.isfinite, held))
    std = statistics.stdev(held) if len(held) > 1 and finite else None
    return {"mean": mean(held), "std": std, "values": list(values)}


def rank(score: float, loss: float, higher_is_better: bool) -> tuple[float, float]:
    """What epochs and seeds are compared by: the score, then the lower loss.

    An undefined one loses against every number.
    """
    sign = 1 if higher_is_better else -1
    held = (sign * score, -loss)
    first, second = (-math.inf if math.isnan(value) else value for value in held)
    return first, second


def f1_macro(labels: ArrayLike, predicted: ArrayLike) -> float:
    """The mean of the F1 scores, 2 TP / (2 TP + FP + FN), of the classes that occur.

    That of scikit-learn's `f1_score(..., average="macro")`, which takes a second to import.

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


def r2(measured: ArrayLike, predicted: ArrayLike) -> float:
    """The coefficient of determination, 1 - Σ(y - ŷ)² / Σ(y - ȳ)², over the measured values.

    That of scikit-learn's `r2_score`, but NaN where the measured values do not vary or are fewer
    than two: there it is undefined.

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
    away = y - y.mean()
    scale = np.abs(away).max()  # squares of very small or large values leave float64's range
    if not np.isfinite(scale):
        return math.nan
    with np.errstate(over="ignore", invalid="ignore"):
        left = np.square((guess - y) / scale).sum() / np.square(away / scale).sum()
    return float(1 - left)


def r2_undefined(measured: ArrayLike) -> str:
    """Why R² is undefined for these measured values; empty where it is not."""
    y = np.asarray(measured, dtype=np.float64)
    y = y[~np.isnan(y)]
    if len(y) < 2:
        return f"{len(y)} known value{'' if len(y) == 1 else 's'}, and R² needs two"
    if y.min() == y.max():
        return "all known values are equal"
    return ""


def written(value: float, digits: int = 4) -> str:
    """A figure with so many digits behind the point, or "undefined".

    Example:
        >>> written(0.5), written(math.nan)
        ('0.5000', 'undefined')
    """
    return UNDEFINED if math.isnan(value) else f"{value:.{digits}f}"


def json_ready(value: Any) -> Any:  # noqa: ANN401 - whatever goes into a JSON file
    """The same with None for NaN and infinities, which JSON has no word for.

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
