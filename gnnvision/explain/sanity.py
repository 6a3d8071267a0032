"""The parameter-randomization test: whether an attribution depends on the trained weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import nan, sqrt
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gnnvision._renamed import former_attributes
from gnnvision.domains import Domain
from gnnvision.errors import at_least, invalid
from gnnvision.explain.attribution import (
    METHODS,
    Explain,
    check_options,
    explanation_of,
    method_named,
)
from gnnvision.explain.instance import Target, is_nearly_constant, make_instance, sample_of_site
from gnnvision.explain.intervals import Interval, jackknife, mean_interval
from gnnvision.explain.randomize import cascading_randomization
from gnnvision.explain.spatial import last_spatial
from gnnvision.layers.missing import given

__all__ = ["Sanity", "sanity_check", "sanity_checks"]

MIN_SITES = 6  # a rank correlation of fewer sites is too noisy
# How many randomized models `sanity_check` compares with.
DRAWS = 20
# Rank correlations at which a half and a quarter of the variance of the ranks is shared.
HALF_SHARED, QUARTER_SHARED = sqrt(0.5), 0.5
FAILS_ABOVE = 0.5  # if the randomized models were not compared with one another

Verdict = Literal["depends on the model", "fails the parameter-randomization test", "undecided"]


@former_attributes({"flat": "constant", "fewest": "min_sites"})
@dataclass(frozen=True)
class Sanity:
    """The result of the parameter-randomization test of one attribution map.

    The statistic is Spearman's rank correlation of absolute values between the map of the
    trained model and that of a randomized model: the mean over random weights, with a 95 %
    confidence interval (Student's t). Its square is the share of the variance of the ranks that
    both maps share. If less than a quarter is shared, the map depends on the model; if more than
    half is, it fails the test. In between, the similarity is compared with that of two randomized
    models (the mean over pairs; interval of the difference by the jackknife over models): the map
    depends on the model if it is less similar to randomized maps than these are to one another,
    and fails the test if it is more similar.

    Args:
        layers: the randomized layer nearest to the input at each stage; at the last stage all
            layers are randomized.
        similarity: the similarity to the map of the trained model, the mean over samples; NaN if
            one of the maps is constant. Shape (stages, draws).
        min_sites: the number of sites of the smallest sample.
        between: the similarity of the maps of every two randomized models, at the last stage;
            None if not computed. Shape (draws, draws).
        constant: whether the map of the trained model is constant.
    """

    layers: tuple[str, ...]
    similarity: Tensor
    min_sites: int
    between: Tensor | None = field(default=None, repr=False)
    constant: bool = False

    @property
    def remaining(self) -> float:
        """The mean similarity with all layers randomized; NaN if undefined."""
        return self.interval.value

    @cached_property
    def interval(self) -> Interval:
        """`remaining` with its 95 % confidence interval over the draws."""
        return mean_interval(self.similarity[-1])

    @cached_property
    def reference(self) -> Interval:
        """The mean similarity of the maps of two randomized models, with its interval."""
        if self._pairs is None:
            return Interval(nan, nan, nan)
        return jackknife(*_pair_means(self._pairs))

    @cached_property
    def difference(self) -> Interval:
        """`interval` minus `reference`: above 0 if the map is like that of a randomized model."""
        if self._pairs is None:
            return Interval(nan, nan, nan)
        last, (mean, without) = self._last, _pair_means(self._pairs)
        own = (last.sum() - last) / (len(last) - 1)
        return jackknife(float(last.mean()) - mean, own - without)

    @property
    def draws(self) -> int:
        """The number of randomized models whose map is not constant."""
        return len(self._last)

    @property
    def verdict(self) -> Verdict:
        """The result of the test; "undecided" if the interval contains the limit."""
        return self._judged[0]

    @property
    def reason(self) -> str:
        """The reason for the verdict, as a clause."""
        return self._judged[1]

    @cached_property
    def _judged(self) -> tuple[Verdict, str]:
        passes: Verdict = "depends on the model"
        fails: Verdict = "fails the parameter-randomization test"
        here, versus = self.interval, self.difference
        others = "similar to those of randomized models than these are to one another"
        if self.constant:
            return "undecided", "the map is constant, or nearly so: no correlation is defined"
        if self.min_sites < MIN_SITES:
            return "undecided", f"{self.min_sites} sites are too few for a rank correlation"
        if self.draws < 3:
            count = f"{self.draws} randomized model{'s' * (self.draws != 1)}"
            return "undecided", f"an interval needs 3 maps that are not constant, got {count}"
        if self._pairs is None:
            if here.low > FAILS_ABOVE:
                return fails, f"the similarity is above {FAILS_ABOVE}"
            if here.high < FAILS_ABOVE:
                return passes, f"the similarity is below {FAILS_ABOVE}"
            return "undecided", f"the interval of the similarity contains {FAILS_ABOVE}"
        if here.low > HALF_SHARED:
            return fails, "more than half of the map is shared with randomized models"
        if here.high < QUARTER_SHARED and here.low <= -QUARTER_SHARED:
            return passes, "the map is unlike those of randomized models"
        if here.high < QUARTER_SHARED:
            return passes, "less than a quarter of the map is shared with randomized models"
        if versus.high < 0:
            return passes, f"the map is less {others}"
        if versus.low > 0:
            return fails, f"the map is more {others}"
        return "undecided", f"the map is neither clearly more nor clearly less {others}"

    @cached_property
    def _last(self) -> Tensor:
        """The similarities with all layers randomized, where they are defined."""
        last = self.similarity[-1].double()
        return last[~last.isnan()]

    @cached_property
    def _pairs(self) -> Tensor | None:
        """The similarities of these randomized models to one another; None if too few."""
        if self.between is None:
            return None
        known = ~self.similarity[-1].isnan()
        pairs = self.between.double()[known][:, known]
        return pairs if len(pairs) > 2 else None

    def __str__(self) -> str:
        numbers = f"similarity {self.interval} over {self.draws} randomized models"
        if self._pairs is not None:
            numbers += f", {self.reference} between two of them"
        verdict = self.verdict
        return f"{verdict[0].upper()}{verdict[1:]}: {self.reason} ({numbers})."


def _pair_means(pairs: Tensor) -> tuple[float, Tensor]:
    """The mean over the pairs of n models, and that without each of the models, (n,)."""
    count = len(pairs)
    others = pairs.sum(1) - pairs.diagonal()
    total = pairs.sum() - pairs.diagonal().sum()
    without = (total - 2 * others) / ((count - 1) * (count - 2))
    return float(total / (count * (count - 1))), without


def sanity_check(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    method: str | Explain = "grad_cam",
    target: Target | None = None,
    layer: str | None = None,
    *,
    site: int | None = None,
    stages: int = 4,
    draws: int = DRAWS,
    seed: int = 0,
    staged: int | None = None,
    **options: Any,  # noqa: ANN401
) -> Sanity:
    """Run the parameter-randomization test with cascading randomization from the output down.

    Args:
        model: the trained model; it is not changed.
        x: the signal.
        domain: the grid or graph of the signal.
        method: a name as for `attribute`, or a function of (model, x, domain) that returns a
            value for each site.
        target: as for `attribute`; if not given, the class predicted by the trained model is
            explained for all randomized models too.
        layer: as for `attribute`.
        site: as for `attribute`.
        stages: as for `cascading_randomization`.
        draws: the number of randomized models; the width of the interval falls with its square
            root.
        seed: the seed of the first randomized model; later models use the next seeds.
        staged: the number of draws that are evaluated at all stages; the others are evaluated
            only at the last stage, and are NaN at earlier ones. All if not given.
        **options: as for `attribute`.

    References:
        Adebayo, Gilmer, Muelly, Goodfellow, Hardt, Kim, "Sanity Checks for Saliency Maps", 2018,
        https://arxiv.org/abs/1810.03292, sections 3 and 4. Differs from the paper: several
        randomized models with an interval, and a verdict that compares them with one another.
    """
    instance, explain = make_instance(model, x, domain, target, site), method
    if isinstance(explain, str):
        name = method_named(explain)
        check_options(name, options, layer)
        if layer is None and METHODS[name].takes_layer:
            layer = last_spatial(model, instance.x, domain).name
        explain = explanation_of(instance, name, layer, **options)
    settings: dict[str, Any] = {
        "site": site,
        "stages": stages,
        "draws": draws,
        "seed": seed,
        "staged": staged,
    }
    return sanity_checks(model, x, domain, {"": explain}, **settings)[""]


def sanity_checks(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    explains: Mapping[str, Explain],
    *,
    site: int | None = None,
    stages: int = 4,
    draws: int = DRAWS,
    seed: int = 0,
    staged: int | None = None,
) -> dict[str, Sanity]:
    """`sanity_check` for several attribution methods, with the same randomized models.

    The methods are functions of (model, x, domain) that return a value for each site, by name;
    the other arguments are those of `sanity_check`.

    Args:
        model: the trained model; it is not changed.
        x: the signal.
        domain: the grid or graph of the signal.
        explains: name -> function of (model, x, domain) that returns a value for each site.
        site: as for `sanity_check`.
        stages: as for `sanity_check`.
        draws: as for `sanity_check`.
        seed: as for `sanity_check`.
        staged: as for `sanity_check`.
    """
    at_least("draws", draws, 1)
    in_stages = draws if staged is None else min(staged, draws)
    sample = sample_of_site(x, domain)
    layers: list[list[str]] = []
    maps: dict[str, list[list[Tensor]]] = {name: [] for name in explains}  # by draw, by stage
    with given(x):
        own = {name: explain(model, x, domain) for name, explain in explains.items()}
        for draw in range(draws):
            count, found = stages if draw < in_stages else 1, []
            for held in maps.values():
                held.append([])
            for stage, other in cascading_randomization(model, x, domain, count, seed + draw):
                found.append(stage)
                for name, explain in explains.items():
                    maps[name][-1].append(explain(other, x, domain))
            layers.append(found)
    names = tuple(layers[0])
    return {
        name: _sanity(names, own[name], held, sample, site is not None)
        for name, held in maps.items()
    }


def _sanity(
    layers: tuple[str, ...],
    own: Tensor,
    maps: list[list[Tensor]],
    sample: Tensor,
    some_are_out_of_reach: bool,
) -> Sanity:
    """The result for one method; `maps` are ordered by draw, then by stage."""
    # Comparing takes many small steps, for each of which the host would wait for a GPU.
    whole = torch.stack([own, *(found for held in maps for found in held)]).cpu()
    if bool(whole.isnan().flatten(1).all(1).any()):
        condition = "return finite outputs with randomized weights too"
        advice = "Check its weights, or omit the sanity check."
        raise invalid("model", condition, "NaN or infinity", advice)
    sample = sample.cpu()
    # Sites that are 0 in all maps of a node are outside its receptive field.
    reach = whole.ne(0).any(0) if some_are_out_of_reach else torch.ones_like(sample).bool()
    mine, (ranks, known) = _ranked(whole[:1], sample, reach), _ranked(whole[1:], sample, reach)
    stops = torch.tensor([len(held) for held in maps]).cumsum(0)  # of the draws in the ranks
    alike = torch.full((len(layers), len(maps)), torch.nan, dtype=torch.float64)
    for back in range(len(layers)):
        having = [draw for draw, held in enumerate(maps) if len(held) > back]
        at = stops[having] - 1 - back
        alike[-1 - back, having] = _correlations(mine, (ranks[at], known[at]))[0]
    last = ranks[stops - 1], known[stops - 1]
    smallest = int(torch.bincount(sample[reach], minlength=1).min())
    constant = not bool(mine[1].any())
    return Sanity(layers, alike, smallest, _correlations(last, last), constant)


# Ranks, of norm 1 in each sample (maps, sites), and where they are defined (maps, samples).
_Ranks = tuple[Tensor, Tensor]


def _ranked(maps: Tensor, sample: Tensor, reach: Tensor) -> _Ranks:
    """The ranks of the absolute values of maps, at the sites where `reach` is true."""
    count = int(sample.max()) + 1
    ranks = torch.zeros(len(maps), sample.numel(), dtype=torch.float64)
    known = torch.zeros(len(maps), count, dtype=torch.float64)
    for number in range(count):
        own = (sample == number) & reach
        for row, values in enumerate(maps.abs().double()):
            here = values[own]
            if len(here) > 1 and not is_nearly_constant(here):
                centered = _ranks(here)
                ranks[row, own.flatten()] = centered / centered.norm()
                known[row, number] = 1
    return ranks, known


def _correlations(first: _Ranks, second: _Ranks) -> Tensor:
    """The rank correlation of each map of `first` with each of `second`, mean over samples."""
    counts = first[1] @ second[1].T
    return (first[0] @ second[0].T / counts).masked_fill(counts == 0, torch.nan)


def _ranks(values: Tensor) -> Tensor:
    """Centered ranks; tied values share their mean rank."""
    _, place, counts = values.unique(return_inverse=True, return_counts=True)
    ranks: Tensor = (counts.cumsum(0).double() - (counts - 1) / 2)[place]
    return ranks - ranks.mean()
