"""What deletion and insertion curves show against random orders, of one input and over several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, nan
from typing import Literal

import torch
from torch import Tensor

from gnnvision.explain.intervals import Interval, mean_interval

__all__ = ["Faithfulness", "OverInputs", "Versus", "over_inputs"]

Versus = Literal["better than random", "not better than random", "undecided"]
_TAIL = 0.05  # of the random orders at either end
_ROUNDING = 1e-9  # what areas of equal curves differ by


@dataclass(frozen=True)
class Faithfulness:
    """Curves of what is left of an answer, over the share of the sites that were exchanged.

    Args:
        shares: from 0 to 1. Shape (T,).
        deletion: with the most important sites covered first. Shape (members, T).
        insertion: with them uncovered first, from an input that is all covered.
        random_deletion: the mean over some random orders.
        random_insertion: likewise.
        measure: what the numbers are.
        deletion_draws: the area under the curve of each random order; None if they were not
            kept. Shape (orders, members).
        insertion_draws: likewise.
        deletion_band: between what the middle nine tenths of random orders lie at each share, a
            mean over the members; None if they were not kept. Shape (2, T).
        insertion_band: likewise.
        flat: of which members the map is the same everywhere, so that it gives no order; None if
            of none. Shape (members,).
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
    flat: Tensor | None = field(default=None, repr=False)

    @property
    def areas(self) -> dict[str, float]:
        """The areas under the curves, means over the members. Of deletion, less is better."""
        return {name: float(values.mean()) for name, values in self._by_member().items()}

    @property
    def gains(self) -> dict[str, Tensor]:
        """By what area each curve is better than the mean of random orders; NaN without an order.

        Shapes:
            Output: (members,) each.
        """
        areas = self._by_member()
        gains = {
            "deletion": areas["random_deletion"] - areas["deletion"],
            "insertion": areas["insertion"] - areas["random_insertion"],
        }
        if self.flat is None:
            return gains
        return {name: gain.masked_fill(self.flat, nan) for name, gain in gains.items()}

    @property
    def orders(self) -> int:
        """How many random orders it was compared with."""
        return 0 if self.deletion_draws is None else len(self.deletion_draws)

    def random_range(self, curve: str) -> tuple[float, float]:
        """The areas between which the middle nine tenths of random orders lie.

        They are means over the members, and infinitely far apart below 19 orders.

        Args:
            curve: "deletion" or "insertion".
        """
        draws = self.deletion_draws if curve == "deletion" else self.insertion_draws
        place = int((self.orders + 1) * _TAIL + 1e-9)
        if draws is None or place < 1:
            return -inf, inf
        ordered = draws.double().mean(1).sort().values
        return float(ordered[place - 1]), float(ordered[-place])

    def verdicts(self) -> dict[str, Versus]:
        """For each curve, how it stands against random orders."""
        return {curve: self._versus(curve) for curve in ("deletion", "insertion")}

    @property
    def verdict(self) -> Versus:
        """How the order stands against random orders, in both curves.

        Of a single input: better if each of the two areas is better than those of 19 in 20
        random orders, which for a random order itself is so once in twenty times or less; not
        better if one of them is worse than the mean of random orders, beyond the 95 % interval
        of that mean; else undecided. Of several members it is the verdict of `over_inputs`.
        """
        if len(self.deletion) > 1:
            return over_inputs([self]).verdict
        return _both(self.verdicts())

    @property
    def better_than_random(self) -> bool:
        """Whether both curves are shown to be better than those of random orders."""
        return self.verdict == "better than random"

    def _by_member(self) -> dict[str, Tensor]:
        curves = {
            "deletion": self.deletion,
            "insertion": self.insertion,
            "random_deletion": self.random_deletion,
            "random_insertion": self.random_insertion,
        }
        return {name: torch.trapezoid(curve, self.shares) for name, curve in curves.items()}

    def _versus(self, curve: str) -> Versus:
        draws = self.deletion_draws if curve == "deletion" else self.insertion_draws
        if draws is None or (self.flat is not None and bool(self.flat.all())):
            return "undecided"
        low, high = self.random_range(curve)
        area = float(self.areas[curve])
        gains = (draws.double().mean(1) - area) * (1 if curve == "deletion" else -1)
        beaten = area < low if curve == "deletion" else area > high
        if beaten and abs(float(gains.mean())) > _ROUNDING:
            return "better than random"
        if mean_interval(gains).high < 0:
            return "not better than random"
        return "undecided"


@dataclass(frozen=True)
class OverInputs:
    """By how much areas are better than those of random orders, over several inputs.

    Args:
        deletion: the mean over the inputs of the difference, each paired with the random orders
            of its own input, and its 95 % interval (Student's t over the inputs).
        insertion: likewise.
        count: how many inputs with an order.
    """

    deletion: Interval
    insertion: Interval
    count: int

    @property
    def verdict(self) -> Versus:
        """Better if both intervals are above 0, not better if one is below; else undecided."""
        return _both({"deletion": _sign(self.deletion), "insertion": _sign(self.insertion)})


def over_inputs(found: Sequence[Faithfulness]) -> OverInputs:
    """Whether a method's order is better than random ones, over all the inputs it was tried on.

    Args:
        found: of the inputs; every member of a batch counts as one.
    """
    gains = {name: torch.cat([one.gains[name] for one in found]) for name in found[0].gains}
    first, second = (mean_interval(values) for values in gains.values())
    return OverInputs(first, second, int((~gains["deletion"].isnan()).sum()))


def _sign(gain: Interval) -> Versus:
    if gain.low > _ROUNDING:
        return "better than random"
    return "not better than random" if gain.high < 0 else "undecided"


def _both(curves: dict[str, Versus]) -> Versus:
    found = set(curves.values())
    if len(found) == 1:
        return found.pop()
    return "not better than random" if "not better than random" in found else "undecided"
