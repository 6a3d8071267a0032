"""Whether an explanation depends on what the model has learnt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.explain.attribution import METHODS, attribute, method_named
from gnnvision.explain.cam_layer import last_spatial
from gnnvision.explain.members import member_of
from gnnvision.explain.question import Target, ask
from gnnvision.explain.randomize import cascade

__all__ = ["Sanity", "sanity_check", "similarity"]

Explain = Callable[[nn.Module, Tensor, Domain], Tensor]
# Similarity from which on a map is held for the same. On photographs through MobileNetV2, the mean
# of four draws was 0.46 to 0.59 for guided gradients, which are known to survive, 0.22 to 0.45 for
# gradients, and 0.03 to 0.22 for Grad-CAM and occlusion, whose single draws differ by up to 0.9.
SURVIVES = 0.5
FEWEST = 6  # sites that it takes to tell

Verdict = Literal["depends on the model", "worthless", "undecided"]


@dataclass(frozen=True)
class Sanity:
    """How much of an explanation is left when the model has forgotten what it learnt.

    Args:
        layers: down to which layer, from the answer, the weights were drawn anew at each stage;
            at the last stage that is all of them.
        similarity: with the explanation of the model itself: Spearman's rank correlation of the
            absolute values, the mean over members. Shape (stages, draws).
        fewest: sites of the smallest member that were compared.
    """

    layers: tuple[str, ...]
    similarity: Tensor
    fewest: int

    @property
    def remaining(self) -> float:
        """The similarity with all layers drawn anew, the mean over the draws."""
        return float(self.similarity[-1].mean())

    @property
    def verdict(self) -> Verdict:
        """What follows: worthless is what survives that the model forgets everything."""
        if self.fewest < FEWEST:
            return "undecided"
        return "worthless" if self.remaining >= SURVIVES else "depends on the model"

    def __str__(self) -> str:
        likeness = f"similarity {self.remaining:.2f}, where 1 is the same and 0 unrelated"
        if self.verdict == "undecided":
            return f"Undecided: {self.fewest} sites are too few to compare ({likeness})."
        if self.verdict == "worthless":
            return (
                "Worthless here: a model of the same form that has learnt nothing gives much the "
                f"same map ({likeness})."
            )
        return (
            "It depends on what was learnt: with weights drawn anew the map is another "
            f"({likeness})."
        )


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
    draws: int = 4,
    seed: int = 0,
    **options: Any,  # noqa: ANN401
) -> Sanity:
    """Compare an explanation with those of copies whose layers are drawn anew, from the head down.

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
        draws: how often new weights are drawn.
        seed: of the first draw.
        **options: as for `attribute`.

    References:
        Adebayo et al., "Sanity Checks for Saliency Maps", 2018,
        https://arxiv.org/abs/1810.03292. Differs from the paper: the mean over several draws,
        and one verdict.
    """
    if draws < 1:
        raise ValueError(f"'draws' must be at least 1, got {draws}. Raise it.")
    question = ask(model, x, domain, target, site)
    explain = _explain(method, model, x, domain, layer, question.target, site, options)
    member = member_of(question.x, domain)
    own = explain(model, x, domain)
    beside = site is not None
    names: list[str] = []
    rows: list[list[float]] = []
    for draw in range(draws):
        row = []
        names = []
        for name, other in cascade(model, x, domain, stages, seed + draw):
            names.append(name)
            row.append(similarity(own, explain(other, x, domain), member, beside))
        rows.append(row)
    compared = member[own != 0] if beside else member.flatten()
    sizes = torch.bincount(compared, minlength=1)
    return Sanity(tuple(names), torch.tensor(rows).T, int(sizes.min()))


def _explain(
    method: str | Explain,
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    layer: str | None,
    target: Tensor,
    site: int | None,
    options: dict[str, Any],
) -> Explain:
    if not isinstance(method, str):
        return method
    if layer is None and METHODS[method_named(method)].takes_layer:
        layer = last_spatial(model, x, domain).name

    def explain(other: nn.Module, x: Tensor, domain: Domain) -> Tensor:
        return attribute(other, x, domain, method, target, layer, site=site, **options).values

    return explain


def similarity(
    first: Tensor, second: Tensor, member: Tensor, some_are_out_of_reach: bool = False
) -> float:
    """Spearman's rank correlation of absolute values, the mean over members.

    Two maps that are the same everywhere count as equal, one of them alone as unrelated.

    Args:
        first: a value for each site.
        second: likewise.
        member: what `member_of` returns.
        some_are_out_of_reach: whether sites where both are 0 are left out, as those are of which
            the answer for one node cannot know, whatever the weights.
    """
    found = []
    for number in range(int(member.max()) + 1):
        own = member == number
        if some_are_out_of_reach:
            own &= (first != 0) | (second != 0)
        a, b = _ranks(first[own].abs()), _ranks(second[own].abs())
        scale = float(a.norm() * b.norm())
        both_flat = not bool(a.any()) and not bool(b.any())
        found.append(float(a @ b) / scale if scale > 0 else float(both_flat))
    return sum(found) / len(found)


def _ranks(values: Tensor) -> Tensor:
    """Ranks around their mean; equal values share the mean of theirs."""
    _, place, counts = values.unique(return_inverse=True, return_counts=True)
    ranks: Tensor = (counts.cumsum(0).double() - (counts - 1) / 2)[place]
    return ranks - ranks.mean() if len(ranks) else ranks
