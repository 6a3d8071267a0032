"""How good an explanation is: what happens without the sites that it names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.domains.device import send, widest
from gnnvision.explain.attribution import Attribution
from gnnvision.explain.faithful import Faithfulness
from gnnvision.explain.members import copies, member_of, nearly_constant, ranked
from gnnvision.explain.question import Question, ask, fitted
from gnnvision.explain.trace import answers
from gnnvision.layers.hooks import evaluating
from gnnvision.layers.missing import known_complete

__all__ = ["ORDERS", "Faithfulness", "Kind", "faithfulness", "pointing_game"]

Kind = Literal["classification", "multilabel", "regression"]
ORDERS = 20
_NUMBERS_AT_ONCE = 1_000_000  # of the signal, in one run
_ALONG = 14  # blocks along the shorter side of a picture


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
    """Deletion and insertion curves of an explanation, beside those of random orders.

    On a graph the sites are exchanged node by node. On a grid they are exchanged in square
    blocks, about 14 along a side: single pixels covered here and there are a noise that few
    networks have met, and would say more about that than about the order.

    Args:
        model: that was explained.
        x: the signal that was explained.
        domain: where it lives.
        found: the explanation.
        kind: "classification" measures the probability by softmax of the explained class,
            "multilabel" that by the logistic function, "regression" how far the answer is from
            that of the baseline, in its own units, positive on the side where it is for the
            whole input. "classification" if not given, or "regression" for a single output.
        baseline: what covers a site; zeros if not given.
        steps: parts of the way from 0 to 1.
        orders: random orders to compare with; with fewer than 19 none can be shown to be better.
        site: as for `attribute`.
        among: which sites are exchanged; all if not given. Boolean, as the explanation.
        against: curves whose random orders are taken over: of the same input, target, kind,
            baseline and steps.
        generator: of the random orders; one with a fixed seed if not given.

    Raises:
        ValueError: if `kind` is unknown, or `steps` or `orders` is not positive.

    References:
        Petsiuk, Das, Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box
        Models", 2018, https://arxiv.org/abs/1806.07421, section 4.1. Differs from the paper:
        blocks for pixels, one baseline for both curves, and random orders to compare with.
    """
    if kind is not None and kind not in get_args(Kind):
        raise ValueError(
            f"'kind' must be one of {', '.join(get_args(Kind))}, got {kind!r}. Choose one."
        )
    for name, count in (("steps", steps), ("orders", orders)):
        if count < 1:
            raise ValueError(f"'{name}' must be at least 1, got {count}. Raise it.")
    question = ask(model, x, domain, found.target, site)
    start = fitted(baseline, question.x)
    with known_complete():
        measured = _Measure(question, start, kind)
    # Orders are worked out on the CPU; only what is measured runs where the model is.
    member = member_of(question.x, domain).cpu()
    group = groups(domain, member)
    moved = torch.ones_like(member, dtype=torch.bool) if among is None else among.cpu()
    values = found.values.cpu().double()
    if found.signed:
        values = values * measured.direction.cpu()[member]
    shares = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    with evaluating(model), torch.no_grad(), known_complete():
        rankings = [_order(values, member, group, moved)]
        if against is None:
            generator = generator or torch.Generator().manual_seed(0)
            for _ in range(orders):
                drawn = torch.rand(int(group.max()) + 1, generator=generator, dtype=torch.float64)
                drawn = drawn[group]
                # Uncovered backwards, an order meets the same inputs as it does covered.
                rankings += [_order(drawn, member, group, moved)]
                rankings += [_order(-drawn, member, group, moved)]
        deletion, insertion = _curves(measured, rankings, shares)
    flat = torch.tensor(
        [nearly_constant(values[member == n]) for n in range(len(question.target))]
    )
    first = (shares, deletion[0], insertion[0])
    if against is not None:
        random = against.random_deletion, against.random_insertion
        kept = (
            against.deletion_draws, against.insertion_draws, against.deletion_band,
            against.insertion_band,
        )  # fmt: skip
        return Faithfulness(*first, *random, measured.name, *kept, flat)
    covered, uncovered = deletion[1::2], insertion[2::2]  # (orders, members, T)
    return Faithfulness(
        *first, covered.mean(0), uncovered.mean(0), measured.name,
        torch.trapezoid(covered, shares), torch.trapezoid(uncovered, shares),
        _band(covered), _band(uncovered), flat,
    )  # fmt: skip


def _band(curves: Tensor) -> Tensor:
    """The ends of the middle nine tenths of the curves, means over the members. Shape (2, T)."""
    return torch.quantile(curves.mean(1), curves.new_tensor([0.05, 0.95]), dim=0)


class _Measure:
    """What is left of the answer that is explained, for a signal that is partly covered."""

    def __init__(self, question: Question, start: Tensor, kind: Kind | None) -> None:
        columns = question.outputs.shape[1]
        self.kind: Kind = kind or ("classification" if columns > 1 else "regression")
        self.question = question
        self.start = start
        with evaluating(question.model), torch.no_grad():
            self.empty = question.answer(start).to(widest(start.device))
        rise = question.score.to(self.empty) - self.empty
        # A prediction below the baseline is held down by its most negative parts.
        falls = self.kind == "regression"
        self.direction = rise.sign() if falls else torch.ones_like(rise)
        self.name = {
            "classification": "probability of the class",
            "multilabel": "probability",
            "regression": "distance of the prediction from that for an empty input",
        }[self.kind]

    def __call__(self, covered: Tensor) -> Tensor:
        """What is left with the sites covered where `covered` says so.

        Shapes:
            Input: (states, *sites).
            Output: (states, members).
        """
        question, count = self.question, len(covered)
        members = len(question.target)
        x, domain = question.x, question.domain
        if count > 1:
            x, domain = copies(domain, x, [*range(members)] * count)
        start = self.start.repeat(count, *[1] * (self.start.ndim - 1))
        mask = covered.flatten(0, 1).unsqueeze(1)
        rows = answers(question.model, torch.where(mask, start, x), domain).to(self.empty.dtype)
        if question.site is not None:
            rows = rows[question.site :: question.domain.num_sites]
        if self.kind == "classification":
            rows = rows.softmax(1)
        elif self.kind == "multilabel":
            rows = rows.sigmoid()
        picked = rows.gather(1, question.target.repeat(count)[:, None]).view(count, members)
        return (picked - self.empty) * self.direction if self.kind == "regression" else picked


def _curves(
    measured: _Measure, rankings: Sequence[Tensor], shares: Tensor
) -> tuple[Tensor, Tensor]:
    """Deletion and insertion, the sites of rank 1 first. Shapes (orders, members, T).

    Each covering is measured once, in however many curves it comes.
    """
    states: list[Tensor] = []
    for order in rankings:
        first = torch.stack([order > 1 - share + 1e-9 for share in shares.tolist()])
        states += [first, ~first & (order > 0)]
    asked = torch.stack(states)  # (2 orders, T, *sites)
    single, place = asked.flatten(0, 1).unique(dim=0, return_inverse=True)
    at_once = max(1, _NUMBERS_AT_ONCE // max(1, measured.question.x.numel()))
    device = measured.question.x.device
    parts = [measured(send(part, device)) for part in single.split(at_once)]
    found = torch.cat(parts).cpu().double()  # (S, members)
    curves = found[place].view(len(rankings), 2, len(shares), -1).transpose(2, 3)
    return curves[:, 0], curves[:, 1]


def _order(values: Tensor, member: Tensor, group: Tensor, moved: Tensor) -> Tensor:
    """The rank of each site's group within its member, by the mean over the group; 0 to stay."""
    count = int(group.max()) + 1
    flat = group.flatten()
    summed = values.new_zeros(count).index_add(0, flat, values.flatten())
    sizes = torch.bincount(flat, minlength=count).clamp(min=1)
    owner = torch.zeros(count, dtype=torch.int64, device=values.device)
    owner[flat] = member.flatten()
    stays = torch.ones(count, dtype=torch.bool, device=values.device)
    stays[group[moved]] = False
    means, order = summed / sizes, torch.zeros(count, dtype=torch.float64, device=values.device)
    order[~stays] = ranked(means[~stays], owner[~stays])
    return order[group]


@singledispatch
def groups(domain: Domain, member: Tensor) -> Tensor:
    """The sites that are exchanged together: a number for each, another in each member.

    Args:
        domain: where they are.
        member: that each site belongs to.
    """
    raise TypeError(
        f"'domain' must be a Grid or a Graph, got {type(domain).__name__}. "
        "Write for example Grid((28, 28))."
    )


@groups.register
def _(domain: Grid, member: Tensor) -> Tensor:
    side = max(1, round(min(domain.size) / _ALONG))
    number = torch.zeros(domain.size, dtype=torch.int64, device=member.device)
    for axis, n in enumerate(domain.size):
        shape = [1] * domain.ndim
        shape[axis] = n
        along = torch.arange(n, device=member.device).div(side, rounding_mode="floor")
        number = number * int(-(-n // side)) + along.view(shape)
    return member * (int(number.max()) + 1) + number


@groups.register
def _(domain: Graph, member: Tensor) -> Tensor:
    return torch.arange(len(member), device=member.device)


def pointing_game(values: Tensor, planted: Tensor, member: Tensor) -> Tensor:
    """Whether the site with the largest value of each member is one of those it should be.

    Args:
        values: of each site, or their magnitudes where the sign does not matter.
        planted: which sites are the cause. Boolean, of the same shape.
        member: what `member_of` returns.

    Returns:
        Boolean, of the members with any planted site, in order. Of several largest sites, all
        must be planted.

    References:
        Zhang et al., "Top-down Neural Attention by Excitation Backprop", 2016,
        https://arxiv.org/abs/1608.00507, section 4.1.
    """
    hits = []
    for number in range(int(member.max()) + 1):
        own = member == number
        if bool(planted[own].any()):
            top = values[own] == values[own].max()
            hits.append(bool(planted[own][top].all()))
    return torch.tensor(hits)
