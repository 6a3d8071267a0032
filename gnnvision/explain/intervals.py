"""Confidence intervals of means and of jackknifed statistics."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import inf, nan, sqrt

from torch import Tensor

__all__ = ["Interval", "jackknife", "mean_interval"]

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % confidence interval.

    Args:
        value: the estimate; NaN without any measurement.
        low: the lower end; minus infinity if there are too few measurements.
        high: the upper end.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.value != self.value:
            return "undefined"
        if self.low == -inf:
            return f"{self.value:z.2f} (no interval)"
        return f"{self.value:z.2f} [{self.low:z.2f}, {self.high:z.2f}]"


def mean_interval(values: Tensor) -> Interval:
    """The mean of independent measurements with Student's t interval; NaN values are ignored."""
    known = values[~values.isnan()].double()
    if not len(known):
        return Interval(nan, -inf, inf)
    mean = float(known.mean())
    error = float(known.std()) / sqrt(len(known)) if len(known) > 1 else inf
    return _around(mean, error, len(known))


def jackknife(value: float, without: Tensor) -> Interval:
    """A statistic of n independent draws, with its interval by the jackknife.

    `without` is the statistic with each draw left out in turn, shape (n,).

    References:
        Efron, Stein, "The Jackknife Estimate of Variance", 1981,
        https://doi.org/10.1214/aos/1176345462.
    """
    count = len(without)
    if count < 3 or value != value or bool(without.isnan().any()):
        return Interval(value, -inf, inf)
    spread = float((without.double() - without.double().mean()).square().sum())
    return _around(value, sqrt((count - 1) / count * spread), count)


def _around(value: float, error: float, count: int) -> Interval:
    if error == inf:
        return Interval(value, -inf, inf)
    wide = _student(count - 1) * error
    return Interval(value, value - wide, value + wide)


@cache
def _student(freedom: int) -> float:
    from scipy.special import stdtrit  # scipy.stats takes seconds to import

    return float(stdtrit(freedom, 0.5 + LEVEL / 2))
