"""Deletion and insertion curves with their random baseline, for one and for several inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, nan
from typing import Literal

import torch
from torch import Tensor

from gnnvision._renamed import former_attributes
from gnnvision.explain.intervals import Interval, mean_interval

__all__ = ["BaselineVerdict", "Faithfulness", "MeanGains", "mean_gains"]

BaselineVerdict = Literal["better than random", "not better than random", "undecided"]
_TAIL = 0.05  # the share of the random orders in either tail
_ROUNDING = 1e-9  # by which areas of equal curves may differ


@former_attributes({"flat": "constant"})
@dataclass(frozen=True)
class Faithfulness:
    """Deletion and insertion curves: a score over the share of sites masked or unmasked.

    The random baseline is the same curve for random orders of the sites.

    Args:
        shares: the shares of sites at which the scores are measured, from 0 to 1. Shape (T,).
        deletion: the score with the most important sites masked first. Shape (samples, T).
        insertion: the score with them unmasked first, starting from a fully masked input.
        random_deletion: `deletion` for random orders of the sites, the mean over the orders.
        random_insertion: `insertion` for these orders, the mean over them.
        measure: the name of the score.
        deletion_draws: the area under the deletion curve of each random order; None if not
            computed. Shape (orders, samples).
        insertion_draws: the same for insertion curves.
        deletion_band: the 5th and 95th percentile of the random orders at each share, means over
            the samples; None if not computed. Shape (2, T).
        insertion_band: the same for insertion curves.
        constant: whether the map of each sample is constant, so that it gives no order of the
            sites; None if no map is. Shape (samples,).
    """

    shares: Tensor
    deletion: Tensor
    insertion: Tensor
    random_deletion: Tensor
    random_insertion: Tensor
    measure: str
    deletion_draws: Tensor | None = field(default=None, repr=False)
    insertion_draws: Tensor | None = field(default=None, repr=False)
    deletion_band: Tensor | None = field(default=None, repr=False)
    insertion_band: Tensor | None = field(default=None, repr=False)
    constant: Tensor | None = field(default=None, repr=False)

    @property
    def areas(self) -> dict[str, float]:
        """The areas under the curves, means over the samples. For deletion, lower is better."""
        return {name: float(area.mean()) for name, area in self._areas().items()}

    @property
    def gains(self) -> dict[str, Tensor]:
        """The area by which each curve is better than the random baseline; NaN for constant maps.

        Shapes:
            Output: (samples,) each.
        """
        areas = self._areas()
        gains = {
            "deletion": areas["random_deletion"] - areas["deletion"],
            "insertion": areas["insertion"] - areas["random_insertion"],
        }
        if self.constant is None:
            return gains
        return {name: gain.masked_fill(self.constant, nan) for name, gain in gains.items()}

    @property
    def orders(self) -> int:
        """The number of random orders."""
        return 0 if self.deletion_draws is None else len(self.deletion_draws)

    def random_range(self, curve: str) -> tuple[float, float]:
        """The 5th and 95th percentile of the areas of the random orders, means over the samples.

        They are -inf and inf for fewer than 19 orders.

        Args:
            curve: "deletion" or "insertion".
        """
        draws, place = self._draws(curve), int((self.orders + 1) * _TAIL + 1e-9)
        if draws is None or place < 1:
            return -inf, inf
        ordered = draws.sort().values
        return float(ordered[place - 1]), float(ordered[-place])

    def verdicts(self) -> dict[str, BaselineVerdict]:
        """The comparison of each curve with the random baseline."""
        return {curve: self._curve_verdict(curve) for curve in ("deletion", "insertion")}

    @property
    def verdict(self) -> BaselineVerdict:
        """The comparison of both curves with the random baseline.

        For one sample: "better than random" if both areas are better than those of 19 in 20
        random orders (a random order passes with a probability of at most 5 %); "not better than
        random" if one area is worse than the mean of the random orders, beyond the 95 %
        confidence interval of that mean; else "undecided". For several samples it is the verdict
        of `mean_gains`.
        """
        return mean_gains([self]).verdict if len(self.deletion) > 1 else _both(self.verdicts())

    @property
    def better_than_random(self) -> bool:
        """Whether both curves are significantly better than the random baseline."""
        return self.verdict == "better than random"

    def _areas(self) -> dict[str, Tensor]:
        names = ("deletion", "insertion", "random_deletion", "random_insertion")
        return {name: torch.trapezoid(getattr(self, name), self.shares) for name in names}

    def _draws(self, curve: str) -> Tensor | None:
        """The area of each random order, the mean over the samples. Shape (orders,)."""
        draws = self.deletion_draws if curve == "deletion" else self.insertion_draws
        return None if draws is None else draws.double().mean(1)

    def _curve_verdict(self, curve: str) -> BaselineVerdict:
        draws = self._draws(curve)
        if draws is None or (self.constant is not None and bool(self.constant.all())):
            return "undecided"
        area, (low, high) = self.areas[curve], self.random_range(curve)
        gains = (draws - area) * (1 if curve == "deletion" else -1)
        beaten = area < low if curve == "deletion" else area > high
        if beaten and abs(float(gains.mean())) > _ROUNDING:
            return "better than random"
        return "not better than random" if mean_interval(gains).high < 0 else "undecided"


@dataclass(frozen=True)
class MeanGains:
    """The mean gain in area over the random baseline, over several inputs.

    Args:
        deletion: the mean over the inputs of the gain, each paired with the random orders of the
            same input, with its 95 % confidence interval (Student's t over the inputs).
        insertion: the same for insertion curves.
        count: the number of inputs whose map is not constant.
    """

    deletion: Interval
    insertion: Interval
    count: int

    @property
    def verdict(self) -> BaselineVerdict:
        """Better if both intervals are above 0, not better if one is below 0; else undecided."""
        return _both({"deletion": _sign(self.deletion), "insertion": _sign(self.insertion)})


def mean_gains(found: Sequence[Faithfulness]) -> MeanGains:
    """The mean gain of a method over the random baseline.

    Args:
        found: the curves of the inputs; each sample of a batch counts as one input.
    """
    gains = {name: torch.cat([one.gains[name] for one in found]) for name in found[0].gains}
    first, second = (mean_interval(values) for values in gains.values())
    return MeanGains(first, second, int((~gains["deletion"].isnan()).sum()))


def _sign(gain: Interval) -> BaselineVerdict:
    if gain.low > _ROUNDING:
        return "better than random"
    return "not better than random" if gain.high < 0 else "undecided"


def _both(curves: dict[str, BaselineVerdict]) -> BaselineVerdict:
    found = set(curves.values())
    some: BaselineVerdict = "not better than random" if len(found) > 1 else next(iter(found))
    return some if some in found else "undecided"
