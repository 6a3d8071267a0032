"""Deletion and insertion curves, which measure the faithfulness of an attribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from gnnvision._renamed import former_arguments
from gnnvision.domains import Domain, Grid
from gnnvision.domains.device import widest
from gnnvision.errors import at_least, one_of
from gnnvision.explain.attribution import Attribution
from gnnvision.explain.curves import Faithfulness
from gnnvision.explain.instance import (
    Instance,
    expand_baseline,
    is_nearly_constant,
    make_instance,
    sample_of_site,
)
from gnnvision.layers.hooks import evaluating
from gnnvision.layers.missing import known_complete

__all__ = ["ORDERS", "Kind", "faithfulness", "pointing_game"]

Kind = Literal["classification", "multilabel", "regression"]
# How many random orders of the sites `faithfulness` compares with.
ORDERS = 20
_ALONG = 14  # blocks along the shorter side of an image


def faithfulness(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    found: Attribution,
    *,
    kind: Kind | None = None,
    baseline: Tensor | None = None,
    steps: int = 20,
    orders: int = ORDERS,
    site: int | None = None,
    among: Tensor | None = None,
    against: Faithfulness | None = None,
    generator: torch.Generator | None = None,
) -> Faithfulness:
    """Deletion and insertion curves of an attribution, with those of random orders of the sites.

    On a graph sites are masked node by node. On a grid they are masked in square blocks, about
    14 along the shorter side: scattered single pixels would be noise far from the training
    data, and the curves would measure the response to that noise.

    Args:
        model: the model that was explained.
        x: the signal that was explained.
        domain: the grid or graph of the signal.
        found: the attribution.
        kind: the score. "classification": the softmax probability of the target class;
            "multilabel": the sigmoid probability of the target; "regression": the prediction minus
            the prediction for the baseline, signed so that it is positive for the full input.
            "classification" if not given, or "regression" for a single output.
        baseline: the values of masked sites; zeros if not given.
        steps: the number of steps from 0 to 1 on the horizontal axis.
        orders: the number of random orders; at least 19 are needed to show that an attribution
            is better than random.
        site: as for `attribute`.
        among: a boolean mask of the sites that are masked and unmasked, of the shape of the
            attribution; all sites if not given.
        against: earlier curves whose random orders are reused, of the same input, target, kind,
            baseline and steps.
        generator: the random generator of the orders; one with a fixed seed if not given.

    Raises:
        ValueError: if `kind` is unknown, or `steps` or `orders` is not positive.

    References:
        Petsiuk, Das, Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box
        Models", 2018, https://arxiv.org/abs/1806.07421, section 4.1. Differs from the paper:
        blocks for pixels, one baseline for both curves, and random orders to compare with.
    """
    if kind is not None:
        one_of("kind", kind, get_args(Kind))
    at_least("steps", steps, 1)
    at_least("orders", orders, 1)
    instance = make_instance(model, x, domain, found.target, site)
    with known_complete():
        score = _Score(instance, expand_baseline(baseline, instance.x), kind)
    # Orders are computed on the CPU; only the model runs on its device.
    sample = sample_of_site(instance.x, domain).cpu()
    group = groups(domain, sample)
    eligible = torch.ones_like(sample, dtype=torch.bool) if among is None else among.cpu()
    values = found.values.cpu().double()
    if found.signed:
        values = values * score.direction.cpu()[sample]
    rankings = [_order(values, sample, group, eligible)]
    if against is None:
        generator = generator or torch.Generator().manual_seed(0)
        for _ in range(orders):
            count = int(group.max()) + 1
            noise = torch.rand(count, generator=generator, dtype=torch.float64)[group]
            # The reverse order unmasks through the same inputs as the order masks.
            rankings += [_order(noise, sample, group, eligible)]
            rankings += [_order(-noise, sample, group, eligible)]
    shares = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    with known_complete():
        deletion, insertion = _curves(score, rankings, shares)
    flat = [is_nearly_constant(values[sample == n]) for n in range(len(instance.target))]
    own: dict[str, Any] = {
        "shares": shares, "deletion": deletion[0], "insertion": insertion[0],
        "measure": score.name, "constant": torch.tensor(flat)
    }  # fmt: skip
    if against is not None:
        return replace(against, **own)
    random_deletion, random_insertion = deletion[1::2], insertion[2::2]  # (orders, samples, T)
    return Faithfulness(
        **own, random_deletion=random_deletion.mean(0), random_insertion=random_insertion.mean(0),
        deletion_draws=torch.trapezoid(random_deletion, shares),
        insertion_draws=torch.trapezoid(random_insertion, shares),
        deletion_band=_band(random_deletion), insertion_band=_band(random_insertion)
    )  # fmt: skip


def _band(curves: Tensor) -> Tensor:
    """The 5th and 95th percentile of the curves, means over the samples. Shape (2, T)."""
    return torch.quantile(curves.mean(1), curves.new_tensor([0.05, 0.95]), dim=0)


class _Score:
    """The score of the target output for partly masked signals."""

    def __init__(self, instance: Instance, start: Tensor, kind: Kind | None) -> None:
        columns = instance.outputs.shape[1]
        self.kind: Kind = kind or ("classification" if columns > 1 else "regression")
        self.instance = instance
        self.start = start
        with evaluating(instance.model), torch.no_grad():
            self.empty = instance.output(start).to(widest(start.device))
        change = instance.score.to(self.empty) - self.empty
        # A prediction below the baseline output is caused by its most negative attributions.
        is_signed = self.kind == "regression"
        self.direction = change.sign() if is_signed else torch.ones_like(change)
        self.name = {
            "classification": "class probability",
            "multilabel": "class probability",
            "regression": "difference of the prediction from that for a fully masked input",
        }[self.kind]

    def __call__(self, masks: Tensor) -> Tensor:
        """The score with the sites masked where a mask is true.

        Shapes:
            Input: (states, *sites).
            Output: (states, samples).
        """
        rows = self.instance.masked_rows(masks, self.start).to(self.empty.dtype)
        if self.kind == "regression":
            return (self.instance.pick(rows) - self.empty) * self.direction
        rows = rows.softmax(-1) if self.kind == "classification" else rows.sigmoid()
        return self.instance.pick(rows)


def _curves(score: _Score, rankings: Sequence[Tensor], shares: Tensor) -> tuple[Tensor, Tensor]:
    """Deletion and insertion curves, sites of rank 1 first. Shapes (orders, samples, T).

    Each mask is evaluated once, even if it occurs in several curves.
    """
    states: list[Tensor] = []
    for order in rankings:
        first = torch.stack([order > 1 - share + 1e-9 for share in shares.tolist()])
        states += [first, ~first & (order > 0)]
    masks = torch.stack(states)  # (2 orders, T, *sites)
    single, place = masks.flatten(0, 1).unique(dim=0, return_inverse=True)
    curves = score(single).cpu().double()[place]  # (2 orders T, samples)
    curves = curves.view(len(rankings), 2, len(shares), -1).transpose(2, 3)
    return curves[:, 0], curves[:, 1]


def _order(values: Tensor, sample: Tensor, group: Tensor, eligible: Tensor) -> Tensor:
    """The rank of each site's group within its sample, by the group mean; 0 for fixed sites."""
    count, flat = int(group.max()) + 1, group.flatten()
    sizes = torch.bincount(flat, minlength=count).clamp(min=1)
    means = values.new_zeros(count).index_add(0, flat, values.flatten()) / sizes
    owner = torch.zeros(count, dtype=torch.int64)
    owner[flat] = sample.flatten()
    moves = torch.zeros(count, dtype=torch.bool)
    moves[group[eligible]] = True
    order = torch.zeros(count, dtype=torch.float64)
    order[moves] = _ranks(means[moves], owner[moves])
    return order[group]


def _ranks(values: Tensor, sample: Tensor) -> Tensor:
    """The rank of each value within its sample, as a fraction: 1 for the largest value."""
    out = torch.zeros_like(values)
    for number in sample.unique().tolist():
        own = sample == number
        places = values[own].argsort(stable=True).argsort()
        out[own] = (places.to(out) + 1) / len(places)
    return out


def groups(domain: Domain, sample: Tensor) -> Tensor:
    """The index of the group of each site; the sites of a group are masked together.

    On a grid a group is a square block of one image, on other domains a site.
    """
    if not isinstance(domain, Grid):
        return torch.arange(sample.numel()).view(sample.shape)
    side = max(1, round(min(domain.shape) / _ALONG))
    number = torch.zeros((), dtype=torch.int64)
    for n in domain.shape:
        number = number[..., None] * -(-n // side) + torch.arange(n) // side
    return sample * (int(number.max()) + 1) + number


@former_arguments(member="sample")
def pointing_game(values: Tensor, planted: Tensor, sample: Tensor) -> Tensor:
    """The pointing game: whether the largest value of each sample is at a relevant site.

    Args:
        values: the attribution of each site, or its magnitude if the sign does not matter.
        planted: which sites are relevant. Boolean, of the same shape.
        sample: the sample of each site.

    Returns:
        Boolean, one for each sample with a relevant site, in order. If several sites share the
        largest value, all must be relevant.

    References:
        Zhang et al., "Top-down Neural Attention by Excitation Backprop", 2016,
        https://arxiv.org/abs/1608.00507, section 4.1.
    """
    hits = []
    for number in range(int(sample.max()) + 1):
        own = sample == number
        if bool(planted[own].any()):
            top = values[own] == values[own].max()
            hits.append(bool(planted[own][top].all()))
    return torch.tensor(hits)
