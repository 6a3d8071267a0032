"""Deletion and insertion curves, which measure the faithfulness of an attribution."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from gnnvision._renamed import former_arguments
from gnnvision.domains import Domain, Graph, Grid
from gnnvision.domains.device import send, widest
from gnnvision.errors import at_least, one_of
from gnnvision.explain.attribution import Attribution
from gnnvision.explain.curves import Faithfulness
from gnnvision.explain.instance import Instance, expand_baseline, make_instance
from gnnvision.explain.samples import (
    is_nearly_constant,
    rank_per_sample,
    sample_of_site,
    select_samples,
    unknown_domain,
)
from gnnvision.explain.trace import model_output
from gnnvision.layers.hooks import evaluating
from gnnvision.layers.missing import known_complete

__all__ = ["ORDERS", "Faithfulness", "Kind", "faithfulness", "pointing_game"]

Kind = Literal["classification", "multilabel", "regression"]
ORDERS = 20
_VALUES_AT_ONCE = 1_000_000  # of the signal, in one run
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
    start = expand_baseline(baseline, instance.x)
    with known_complete():
        score = _Score(instance, start, kind)
    # Orders are computed on the CPU; only the model runs on its device.
    sample = sample_of_site(instance.x, domain).cpu()
    group = groups(domain, sample)
    eligible = torch.ones_like(sample, dtype=torch.bool) if among is None else among.cpu()
    values = found.values.cpu().double()
    if found.signed:
        values = values * score.direction.cpu()[sample]
    shares = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    with evaluating(model), torch.no_grad(), known_complete():
        rankings = [_order(values, sample, group, eligible)]
        if against is None:
            generator = generator or torch.Generator().manual_seed(0)
            for _ in range(orders):
                count = int(group.max()) + 1
                noise = torch.rand(count, generator=generator, dtype=torch.float64)[group]
                # The reverse order unmasks through the same inputs as the order masks.
                rankings += [_order(noise, sample, group, eligible)]
                rankings += [_order(-noise, sample, group, eligible)]
        deletion, insertion = _curves(score, rankings, shares)
    constant = torch.tensor(
        [is_nearly_constant(values[sample == n]) for n in range(len(instance.target))]
    )
    first = (shares, deletion[0], insertion[0])
    if against is not None:
        random = against.random_deletion, against.random_insertion
        kept = (
            against.deletion_draws, against.insertion_draws, against.deletion_band,
            against.insertion_band,
        )  # fmt: skip
        return Faithfulness(*first, *random, score.name, *kept, constant)
    random_deletion, random_insertion = deletion[1::2], insertion[2::2]  # (orders, samples, T)
    return Faithfulness(
        *first, random_deletion.mean(0), random_insertion.mean(0), score.name,
        torch.trapezoid(random_deletion, shares), torch.trapezoid(random_insertion, shares),
        _band(random_deletion), _band(random_insertion), constant,
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

    def __call__(self, covered: Tensor) -> Tensor:
        """The score with the sites masked where `covered` is true.

        Shapes:
            Input: (states, *sites).
            Output: (states, samples).
        """
        instance, count = self.instance, len(covered)
        num_samples = len(instance.target)
        x, domain = instance.x, instance.domain
        if count > 1:
            x, domain = select_samples(domain, x, [*range(num_samples)] * count)
        start = self.start.repeat(count, *[1] * (self.start.ndim - 1))
        mask = covered.flatten(0, 1).unsqueeze(1)
        rows = model_output(instance.model, torch.where(mask, start, x), domain).to(
            self.empty.dtype
        )
        if instance.site is not None:
            rows = rows[instance.site :: instance.domain.num_sites]
        if self.kind == "classification":
            rows = rows.softmax(1)
        elif self.kind == "multilabel":
            rows = rows.sigmoid()
        picked = rows.gather(1, instance.target.repeat(count)[:, None]).view(count, num_samples)
        return (picked - self.empty) * self.direction if self.kind == "regression" else picked


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
    at_once = max(1, _VALUES_AT_ONCE // max(1, score.instance.x.numel()))
    device = score.instance.x.device
    parts = [score(send(part, device)) for part in single.split(at_once)]
    found = torch.cat(parts).cpu().double()  # (S, samples)
    curves = found[place].view(len(rankings), 2, len(shares), -1).transpose(2, 3)
    return curves[:, 0], curves[:, 1]


def _order(values: Tensor, sample: Tensor, group: Tensor, eligible: Tensor) -> Tensor:
    """The rank of each site's group within its sample, by the group mean; 0 for fixed sites."""
    count = int(group.max()) + 1
    flat = group.flatten()
    summed = values.new_zeros(count).index_add(0, flat, values.flatten())
    sizes = torch.bincount(flat, minlength=count).clamp(min=1)
    owner = torch.zeros(count, dtype=torch.int64, device=values.device)
    owner[flat] = sample.flatten()
    stays = torch.ones(count, dtype=torch.bool, device=values.device)
    stays[group[eligible]] = False
    means, order = summed / sizes, torch.zeros(count, dtype=torch.float64, device=values.device)
    order[~stays] = rank_per_sample(means[~stays], owner[~stays])
    return order[group]


@singledispatch
def groups(domain: Domain, sample: Tensor) -> Tensor:
    """The index of the group of each site; the sites of a group are masked together.

    Args:
        domain: the grid or graph of the sites.
        sample: the sample of each site; a group is within one sample.

    Raises:
        TypeError: if the domain is neither a grid nor a graph.
    """
    raise unknown_domain(domain)


@groups.register
def _(domain: Grid, sample: Tensor) -> Tensor:
    side = max(1, round(min(domain.shape) / _ALONG))
    number = torch.zeros(domain.shape, dtype=torch.int64, device=sample.device)
    for axis, n in enumerate(domain.shape):
        shape = [1] * domain.ndim
        shape[axis] = n
        along = torch.arange(n, device=sample.device).div(side, rounding_mode="floor")
        number = number * int(-(-n // side)) + along.view(shape)
    return sample * (int(number.max()) + 1) + number


@groups.register
def _(domain: Graph, sample: Tensor) -> Tensor:
    return torch.arange(len(sample), device=sample.device)


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
