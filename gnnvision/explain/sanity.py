"""Whether an explanation depends on what the model has learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import nan, sqrt
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.explain.attribution import METHODS, check_options, method_named, values_for
from gnnvision.explain.cam_layer import last_spatial
from gnnvision.explain.intervals import Interval, jackknife, mean_interval
from gnnvision.explain.members import member_of, nearly_constant
from gnnvision.explain.question import Question, Target, ask
from gnnvision.explain.randomize import cascade
from gnnvision.layers.missing import given

__all__ = ["Sanity", "explanation_of", "sanity_check", "sanity_checks", "similarity"]

Explain = Callable[[nn.Module, Tensor, Domain], Tensor]
FEWEST = 6  # sites that it takes to tell
DRAWS = 20  # randomized models, of which each verdict has an interval
# Rank correlations at which a half and a quarter of the variance of a map's ranks are shared.
HALF_SHARED, QUARTER_SHARED = sqrt(0.5), 0.5
SURVIVES = 0.5  # the limit where the maps of the randomized models were not compared

Verdict = Literal["depends on the model", "fails the parameter-randomization test", "undecided"]


@dataclass(frozen=True)
class Sanity:
    """How much of an explanation is left when the weights are those of no training.

    The statistic is Spearman's rank correlation of absolute values between the map of the
    model and that of a randomized one, the mean over draws of new weights with a 95 % interval
    (Student's t). Its square is the share of the variance of the ranks that both maps have in
    common. The map fails the test where more than half is, and depends on the model where less
    than a quarter is. In between it is compared with what two randomized models have in common,
    the mean over pairs of them, with the interval of the difference by the jackknife over
    models: the map depends on the model where it is less similar to those of randomized models
    than these are to one another, and fails where it is more.

    Args:
        layers: down to which layer, from the output, the weights were randomized at each stage;
            at the last stage that is all of them.
        similarity: with the explanation of the model itself, the mean over members; NaN where
            one of the two maps is the same everywhere. Shape (stages, draws).
        fewest: sites of the smallest member that were compared.
        between: the similarity of the maps of every two randomized models, at the last stage;
            None if they were not compared. Shape (draws, draws).
        flat: whether the map of the model itself is the same everywhere.
    """

    layers: tuple[str, ...]
    similarity: Tensor
    fewest: int
    between: Tensor | None = field(default=None, repr=False)
    flat: bool = False

    @property
    def remaining(self) -> float:
        """The similarity with all layers randomized, the mean over the draws; NaN if undefined."""
        return self.interval.value

    @cached_property
    def interval(self) -> Interval:
        """`remaining` with its 95 % interval over the draws."""
        return mean_interval(self.similarity[-1])

    @cached_property
    def reference(self) -> Interval:
        """The similarity of two randomized models' maps, with its interval over the models."""
        pairs = self._pairs()
        if pairs is None:
            return Interval(nan, nan, nan)
        return jackknife(_pair_mean(pairs), _without_each(pairs))

    @cached_property
    def difference(self) -> Interval:
        """`interval` less `reference`: above 0 the model's map is as untrained ones are."""
        pairs = self._pairs()
        if pairs is None:
            return Interval(nan, nan, nan)
        last = self._last()
        without = (last.sum() - last) / (len(last) - 1) - _without_each(pairs)
        return jackknife(float(last.mean()) - _pair_mean(pairs), without)

    @property
    def draws(self) -> int:
        """How many randomized models gave a map that can be compared."""
        return len(self._last())

    @property
    def verdict(self) -> Verdict:
        """What the intervals show; "undecided" where they span the limit."""
        return self._judged[0]

    @property
    def reason(self) -> str:
        """What the verdict rests on, as a clause."""
        return self._judged[1]

    @cached_property
    def _judged(self) -> tuple[Verdict, str]:
        here = self.interval
        fails: Verdict = "fails the parameter-randomization test"
        if self.flat:
            return "undecided", (
                "the map is the same everywhere, or next to it, so a similarity is undefined"
            )
        if self.fewest < FEWEST:
            return "undecided", f"{self.fewest} sites are too few to compare"
        if self.draws < 3:
            return "undecided", (
                f"{self.draws} randomized model{'s' * (self.draws != 1)} with a map that can be "
                "compared tell no spread"
            )
        if self._pairs() is None:
            if here.low > SURVIVES:
                return fails, f"the similarity is above {SURVIVES}"
            if here.high < SURVIVES:
                return "depends on the model", f"the similarity is below {SURVIVES}"
            return "undecided", f"the interval of the similarity spans {SURVIVES}"
        if here.low > HALF_SHARED:
            return fails, "a randomized model gives more than half of the map as well"
        if here.high < QUARTER_SHARED:
            if here.low <= -QUARTER_SHARED:
                return "depends on the model", "a randomized model gives a map unlike this one"
            return (
                "depends on the model",
                "a randomized model gives less than a quarter of the map",
            )
        if self.difference.high < 0:
            return "depends on the model", (
                "the map is less similar to those of randomized models than these are to one "
                "another"
            )
        if self.difference.low > 0:
            return fails, (
                "the map is as similar to those of randomized models as these are to one another"
            )
        return "undecided", (
            "the interval of its difference from the similarity among randomized models spans 0"
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
    """Compare an explanation with those of copies whose layers are randomized, head first.

    Args:
        model: that is explained; left as it is.
        x: the signal.
        domain: where it lives.
        method: a name as for `attribute`, or a function of (model, x, domain) that returns a
            value for each site.
        target: as for `attribute`; the class that the model itself says, if not given, is then
            explained in all copies.
        layer: as for `attribute`.
        site: likewise.
        stages: of `cascade`.
        draws: how often new weights are drawn, each time for all layers. The interval narrows
            with the root of it.
        seed: of the first draw.
        staged: how many of the draws also stop at the stages before the last; all if not given.
            Where there are fewer, the other values of those stages are NaN.
        **options: as for `attribute`.

    References:
        Adebayo, Gilmer, Muelly, Goodfellow, Hardt, Kim, "Sanity Checks for Saliency Maps", 2018,
        https://arxiv.org/abs/1810.03292, sections 3 and 4. Differs from the paper: several draws
        with an interval, and a verdict by what randomized models have in common.
    """
    question = ask(model, x, domain, target, site)
    explain = _explain(method, question, layer, options)
    found = sanity_checks(
        model, x, domain, {"": explain}, site=site, stages=stages, draws=draws, seed=seed,
        staged=staged,
    )  # fmt: skip
    return found[""]


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
    """`sanity_check` of several explanations of one answer, by the same randomized models.

    Args:
        model: as for `sanity_check`.
        x: likewise.
        domain: likewise.
        explains: functions of (model, x, domain) that return a value for each site, by name.
        site: likewise.
        stages: likewise.
        draws: likewise.
        seed: likewise.
        staged: likewise.
    """
    if draws < 1:
        raise ValueError(f"'draws' must be at least 1, got {draws}. Raise it.")
    in_stages = draws if staged is None else min(staged, draws)
    member = member_of(x, domain)
    layers: tuple[str, ...] = ()
    maps: dict[str, list[list[Tensor]]] = {name: [] for name in explains}  # by draw, by stage
    with given(x):
        own = {name: explain(model, x, domain) for name, explain in explains.items()}
        for draw in range(draws):
            for held in maps.values():
                held.append([])
            names = []
            for stage, other in cascade(
                model, x, domain, stages if draw < in_stages else 1, seed + draw
            ):
                names.append(stage)
                for name, explain in explains.items():
                    maps[name][-1].append(explain(other, x, domain))
            layers = layers or tuple(names)
    return {
        name: _sanity(layers, own[name], held, member, site is not None)
        for name, held in maps.items()
    }


def _sanity(
    layers: tuple[str, ...],
    own: Tensor,
    maps: list[list[Tensor]],
    member: Tensor,
    some_are_out_of_reach: bool,
) -> Sanity:
    """The similarities of one method's maps; `maps` are by draw, then by stage."""
    # Comparing is many small steps, for each of which the host would wait for a GPU.
    whole = torch.stack([own, *(found for held in maps for found in held)]).cpu()
    if bool(whole.isnan().flatten(1).all(1).any()):
        raise ValueError(
            "'model' must give finite outputs with randomized weights too, got NaN or infinity "
            "for this input. Leave the sanity check out."
        )
    (own, *rest), member = whole, member.cpu()
    following = iter(rest)
    maps = [[next(following) for _ in held] for held in maps]
    reach = None
    if some_are_out_of_reach:  # the answer for a node does not know of sites that are 0 in all
        reach = whole.ne(0).any(0)
    mine = _ranked([own], member, reach)
    alike = torch.full((len(layers), len(maps)), torch.nan, dtype=torch.float64)
    for back in range(1, len(layers) + 1):
        having = [draw for draw, held in enumerate(maps) if len(held) >= back]
        ranks = _ranked([maps[draw][-back] for draw in having], member, reach)
        alike[-back, having] = _correlations(mine, ranks)[0].to(alike)
    last = _ranked([held[-1] for held in maps], member, reach)
    compared = member.flatten() if reach is None else member[reach]
    sizes = torch.bincount(compared, minlength=1)
    flat = not bool(mine[1].any())
    return Sanity(layers, alike, int(sizes.min()), _correlations(last, last), flat)


def _explain(
    method: str | Explain, question: Question, layer: str | None, options: dict[str, Any]
) -> Explain:
    if not isinstance(method, str):
        return method
    name = method_named(method)
    check_options(name, options, layer)
    if layer is None and METHODS[name].takes_layer:
        layer = last_spatial(question.model, question.x, question.domain).name
    return explanation_of(question, name, layer, **options)


def explanation_of(
    question: Question,
    method: str,
    layer: str | None = None,
    **options: Any,  # noqa: ANN401
) -> Explain:
    """A question's explanation of any model, for `sanity_checks`; a GPU is not waited for.

    Args:
        question: what `ask` returns for the model that is checked; its signal and domain count.
        method: a name of `METHODS`.
        layer: the name of the layer that the method looks at, where it does.
        **options: as for `attribute`.
    """

    def explain(model: nn.Module, x: Tensor, domain: Domain) -> Tensor:
        return values_for(question, model, method, layer, **options)

    return explain


def similarity(first: Tensor, second: Tensor, member: Tensor) -> float:
    """Spearman's rank correlation of absolute values, the mean over members.

    Members of which one of the maps is the same everywhere, or next to it, are left out: there
    is nothing to correlate. NaN if that leaves none.

    Args:
        first: a value for each site.
        second: likewise.
        member: what `member_of` returns.
    """
    pair = (_ranked([values], member, None) for values in (first, second))
    return float(_correlations(*pair)[0, 0])


_Ranks = tuple[Tensor, Tensor]  # of length 1 in each member, (maps, sites); where, (maps, members)


def _ranked(maps: list[Tensor], member: Tensor, reach: Tensor | None) -> _Ranks:
    count = int(member.max()) + 1
    sizes = [values.to(member.device).abs().double() for values in maps]
    ranks = torch.zeros(len(maps), member.numel(), dtype=torch.float64, device=member.device)
    known = torch.zeros(len(maps), count, dtype=torch.float64, device=member.device)
    for number in range(count):
        own = member == number if reach is None else (member == number) & reach
        for row, values in enumerate(sizes):
            here = values[own]
            if len(here) > 1 and not nearly_constant(here):
                centered = _ranks(here)
                ranks[row, own.flatten()] = centered / centered.norm()
                known[row, number] = 1
    return ranks, known


def _correlations(first: _Ranks, second: _Ranks) -> Tensor:
    """Of every map of the first with every one of the second, the mean over members."""
    counts = first[1] @ second[1].T
    return (first[0] @ second[0].T / counts).masked_fill(counts == 0, torch.nan).cpu()


def _ranks(values: Tensor) -> Tensor:
    """Ranks around their mean; equal values share the mean of theirs."""
    _, place, counts = values.unique(return_inverse=True, return_counts=True)
    ranks: Tensor = (counts.cumsum(0).double() - (counts - 1) / 2)[place]
    return ranks - ranks.mean()
