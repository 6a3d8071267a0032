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
from gnnvision.explain.instance import Target, make_instance
from gnnvision.explain.intervals import Interval, jackknife, mean_interval
from gnnvision.explain.randomize import cascading_randomization
from gnnvision.explain.samples import is_nearly_constant, sample_of_site
from gnnvision.explain.spatial import last_spatial
from gnnvision.layers.missing import given

__all__ = ["Sanity", "sanity_check", "sanity_checks", "similarity"]

MIN_SITES = 6  # a rank correlation of fewer sites is too noisy
DRAWS = 20  # randomized models
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
        pairs = self._pairs()
        if pairs is None:
            return Interval(nan, nan, nan)
        return jackknife(_pair_mean(pairs), _without_each(pairs))

    @cached_property
    def difference(self) -> Interval:
        """`interval` minus `reference`: above 0 if the map is like that of a randomized model."""
        pairs = self._pairs()
        if pairs is None:
            return Interval(nan, nan, nan)
        last = self._last()
        without = (last.sum() - last) / (len(last) - 1) - _without_each(pairs)
        return jackknife(float(last.mean()) - _pair_mean(pairs), without)

    @property
    def draws(self) -> int:
        """The number of randomized models whose map is not constant."""
        return len(self._last())

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
        here = self.interval
        fails: Verdict = "fails the parameter-randomization test"
        if self.constant:
            return "undecided", "the map is constant, or nearly so: no correlation is defined"
        if self.min_sites < MIN_SITES:
            return "undecided", f"{self.min_sites} sites are too few for a rank correlation"
        if self.draws < 3:
            count = f"{self.draws} randomized model{'s' * (self.draws != 1)}"
            return "undecided", f"an interval needs 3 maps that are not constant, got {count}"
        if self._pairs() is None:
            if here.low > FAILS_ABOVE:
                return fails, f"the similarity is above {FAILS_ABOVE}"
            if here.high < FAILS_ABOVE:
                return "depends on the model", f"the similarity is below {FAILS_ABOVE}"
            return "undecided", f"the interval of the similarity contains {FAILS_ABOVE}"
        if here.low > HALF_SHARED:
            return fails, "more than half of the map is shared with randomized models"
        if here.high < QUARTER_SHARED:
            if here.low <= -QUARTER_SHARED:
                return "depends on the model", "the map is unlike those of randomized models"
            shared = "less than a quarter of the map is shared with randomized models"
            return "depends on the model", shared
        if self.difference.high < 0:
            return "depends on the model", (
                "the map is less similar to those of randomized models than these are to one "
                "another"
            )
        if self.difference.low > 0:
            return fails, (
                "the map is more similar to those of randomized models than these are to one "
                "another"
            )
        return "undecided", (
            "the map is neither clearly more nor clearly less similar to those of randomized "
            "models than these are to one another"
        )

    def _last(self) -> Tensor:
        last = self.similarity[-1].double()
        return last[~last.isnan()]

    def _pairs(self) -> Tensor | None:
        if self.between is None:
            return None
        known = ~self.similarity[-1].isnan()
        pairs = self.between.double()[known][:, known]
        return pairs if len(pairs) > 2 else None

    def __str__(self) -> str:
        numbers = f"similarity {self.interval} over {self.draws} randomized models"
        if self._pairs() is not None:
            numbers += f", {self.reference} between two of them"
        verdict = self.verdict
        return f"{verdict[0].upper()}{verdict[1:]}: {self.reason} ({numbers})."


def _pair_mean(pairs: Tensor) -> float:
    count = len(pairs)
    return float((pairs.sum() - pairs.diagonal().sum()) / (count * (count - 1)))


def _without_each(pairs: Tensor) -> Tensor:
    """The mean over the pairs without each of the models. Shape (n,)."""
    count = len(pairs)
    others = pairs.sum(1) - pairs.diagonal()
    left = (pairs.sum() - pairs.diagonal().sum()) - 2 * others
    return left / ((count - 1) * (count - 2))


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

    Args:
        model: as for `sanity_check`.
        x: as for `sanity_check`.
        domain: as for `sanity_check`.
        explains: functions of (model, x, domain) that return a value for each site, by name.
        site: as for `sanity_check`.
        stages: as for `sanity_check`.
        draws: as for `sanity_check`.
        seed: as for `sanity_check`.
        staged: as for `sanity_check`.
    """
    at_least("draws", draws, 1)
    in_stages = draws if staged is None else min(staged, draws)
    sample = sample_of_site(x, domain)
    layers: tuple[str, ...] = ()
    maps: dict[str, list[list[Tensor]]] = {name: [] for name in explains}  # by draw, by stage
    with given(x):
        own = {name: explain(model, x, domain) for name, explain in explains.items()}
        for draw in range(draws):
            for held in maps.values():
                held.append([])
            names = []
            for stage, other in cascading_randomization(
                model, x, domain, stages if draw < in_stages else 1, seed + draw
            ):
                names.append(stage)
                for name, explain in explains.items():
                    maps[name][-1].append(explain(other, x, domain))
            layers = layers or tuple(names)
    return {
        name: _sanity(layers, own[name], held, sample, site is not None)
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
        raise invalid(
            "model", "return finite outputs with randomized weights too", "NaN or infinity",
            "Check its weights, or omit the sanity check.",
        )  # fmt: skip
    (own, *rest), sample = whole, sample.cpu()
    following = iter(rest)
    maps = [[next(following) for _ in held] for held in maps]
    reach = None
    if some_are_out_of_reach:  # sites that are 0 in all maps are outside the receptive field
        reach = whole.ne(0).any(0)
    mine = _ranked([own], sample, reach)
    alike = torch.full((len(layers), len(maps)), torch.nan, dtype=torch.float64)
    for back in range(1, len(layers) + 1):
        having = [draw for draw, held in enumerate(maps) if len(held) >= back]
        ranks = _ranked([maps[draw][-back] for draw in having], sample, reach)
        alike[-back, having] = _correlations(mine, ranks)[0].to(alike)
    last = _ranked([held[-1] for held in maps], sample, reach)
    compared = sample.flatten() if reach is None else sample[reach]
    sizes = torch.bincount(compared, minlength=1)
    constant = not bool(mine[1].any())
    return Sanity(layers, alike, int(sizes.min()), _correlations(last, last), constant)


def similarity(first: Tensor, second: Tensor, sample: Tensor) -> float:
    """Spearman's rank correlation of absolute values, the mean over samples.

    Samples with a constant map are left out, as it has no ranks. NaN if that leaves none.

    Args:
        first: a value for each site.
        second: another value for each site.
        sample: the sample of each site.
    """
    pair = (_ranked([values], sample, None) for values in (first, second))
    return float(_correlations(*pair)[0, 0])


# Ranks, of norm 1 in each sample (maps, sites), and where they are defined (maps, samples).
_Ranks = tuple[Tensor, Tensor]


def _ranked(maps: list[Tensor], sample: Tensor, reach: Tensor | None) -> _Ranks:
    count = int(sample.max()) + 1
    sizes = [values.to(sample.device).abs().double() for values in maps]
    ranks = torch.zeros(len(maps), sample.numel(), dtype=torch.float64, device=sample.device)
    known = torch.zeros(len(maps), count, dtype=torch.float64, device=sample.device)
    for number in range(count):
        own = sample == number if reach is None else (sample == number) & reach
        for row, values in enumerate(sizes):
            here = values[own]
            if len(here) > 1 and not is_nearly_constant(here):
                centered = _ranks(here)
                ranks[row, own.flatten()] = centered / centered.norm()
                known[row, number] = 1
    return ranks, known


def _correlations(first: _Ranks, second: _Ranks) -> Tensor:
    """The rank correlation of each map of `first` with each of `second`, mean over samples."""
    counts = first[1] @ second[1].T
    return (first[0] @ second[0].T / counts).masked_fill(counts == 0, torch.nan).cpu()


def _ranks(values: Tensor) -> Tensor:
    """Centered ranks; tied values share their mean rank."""
    _, place, counts = values.unique(return_inverse=True, return_counts=True)
    ranks: Tensor = (counts.cumsum(0).double() - (counts - 1) / 2)[place]
    return ranks - ranks.mean()
