"""Integrated gradients: an answer shared out among the numbers it was made from."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.domains.device import send, widest
from gnnvision.explain.members import at_sites, copies, num_members, total
from gnnvision.explain.question import Question, fitted
from gnnvision.explain.trace import answers
from gnnvision.layers.hooks import evaluating
from gnnvision.operators.signals import is_sparse

__all__ = ["STEPS", "Estimator", "integrated_gradients", "shared_out", "site_attributions"]

Estimator = Literal["gauss_legendre", "riemann", "trapezoid", "corrected"]
STEPS = 50  # as in captum, so that the defaults are its own
_NUMBERS_AT_ONCE = 300_000  # of the signal, in one run forward and back

# The answers of so many copies of a batch, one after the other: (signal, domain, count).
Answer = Callable[[Tensor, Domain, int], Tensor]


def integrated_gradients(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    output: int = 0,
    baseline: Tensor | None = None,
    steps: int = STEPS,
    estimator: Estimator = "gauss_legendre",
) -> Tensor:
    """What each number of a signal adds to one output, on the way from a baseline to the signal.

    aᵢ = (xᵢ - x'ᵢ) ∫₀¹ ∂f(x' + α (x - x')) / ∂xᵢ dα

    The parts are complete: over an image, or over the nodes of a graph, they add up to
    f(x) - f(x'), but for the error of the estimator, which more steps make smaller. All members
    of a batch are explained at once, as none has a part in another's answer.

    Args:
        model: f, called as (x, domain), whose output has a row for each member of the batch and
            a column for each answer; used in evaluation mode, left as it was found.
        x: the signal. Shape (B, C, H, W) on a grid, (N, C) on a graph; dense.
        domain: where it lives.
        output: the column of the output that is explained.
        baseline: x', a signal that says nothing; of a shape that extends to that of `x`. Zeros
            if not given: atoms without features, or the mean picture where pictures are
            normalized.
        steps: parts of the way, each a run forward and back.
        estimator: how the integral is estimated.
            "gauss_legendre": by Gauss-Legendre quadrature with `steps` points, as captum does by
            default.
            "riemann": by the paper's own sum over the ends of the steps, equation 3.
            "trapezoid": by the trapezoidal rule, over `steps` + 1 points.
            "corrected": by a rule of this package, in no paper. The slope within a step is a mean
            of those at its two ends, weighted so that it explains what f rises by in the step,
            and what it cannot explain is left to the next step. The parts add up more exactly
            with fewer steps, but a step's error is given to other steps, so a small completeness
            gap says less of the single parts.

    Shapes:
        Output: that of `x`.

    Raises:
        ValueError: if the output has no row for each member or no column `output`, `steps` is
            not positive, `estimator` is unknown, `x` is sparse, or the baseline's shape does not
            fit.

    References:
        Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", 2017,
        https://arxiv.org/abs/1703.01365, equations 1 and 3.

    Example:
        >>> from gnnvision import Grid, Readout, Sequential
        >>> model = Sequential(Readout("sum"), nn.Linear(1, 1))
        >>> picture = torch.tensor([[[[1.0, 2.0], [0.0, 4.0]]]])
        >>> parts = integrated_gradients(model, picture, Grid((2, 2)))
        >>> bool(torch.isclose(parts.sum(), model[1].weight.sum() * 7))
        True
    """
    _check_estimator(steps, estimator)
    if is_sparse(x):
        raise ValueError("'x' must be dense, got a sparse tensor. Give x.to_dense().")
    members = num_members(x, domain)

    def answer(signal: Tensor, domain: Domain, count: int) -> Tensor:
        rows = answers(model, signal, domain)
        _check(rows, output, members, count)
        return rows[:, output]

    with evaluating(model), torch.inference_mode(False), torch.enable_grad():
        signal = x.detach().clone()  # of an inference tensor too, whose clone is an ordinary one
        start = fitted(baseline, signal)
        return _estimated(answer, signal, start, domain, members, steps, estimator)


def shared_out(
    question: Question,
    baseline: Tensor | None = None,
    steps: int = STEPS,
    estimator: Estimator = "gauss_legendre",
) -> Tensor:
    """`integrated_gradients` of a question, whose members may each have a column of their own."""
    _check_estimator(steps, estimator)
    x, members = question.x, len(question.target)

    def answer(signal: Tensor, domain: Domain, count: int) -> Tensor:
        rows = answers(question.model, signal, domain)
        if question.site is not None:
            rows = rows[question.site :: question.domain.num_sites]
        return rows.gather(1, question.target.repeat(count)[:, None])[:, 0]

    with evaluating(question.model), torch.inference_mode(False), torch.enable_grad():
        start = fitted(baseline, x)
        return _estimated(answer, x, start, question.domain, members, steps, estimator)


def _estimated(
    answer: Answer,
    signal: Tensor,
    start: Tensor,
    domain: Domain,
    members: int,
    steps: int,
    estimator: Estimator,
) -> Tensor:
    if estimator == "corrected":
        return _along_the_way(answer, signal, start, domain, steps)
    away = signal - start
    mean = torch.zeros_like(signal)
    points, weights = _quadrature(steps, estimator)
    at_once = max(1, _NUMBERS_AT_ONCE // max(1, signal.numel()))
    for first in range(0, len(points), at_once):
        here = points[first : first + at_once]
        count = len(here)
        way = torch.cat([start + point * away for point in here.tolist()])
        place = domain if count == 1 else _copies_of(domain, signal, members, count)
        slope, _ = _slope(answer, way, place, count)
        share = torch.as_tensor(weights[first : first + at_once]).to(slope.dtype)
        mean += torch.tensordot(send(share, slope.device), slope.view(count, *signal.shape), 1)
    return away * mean


def _copies_of(domain: Domain, signal: Tensor, members: int, count: int) -> Domain:
    """The domain of so many copies of a batch, one after the other."""
    return copies(domain, signal, [*range(members)] * count)[1]


def _quadrature(steps: int, estimator: Estimator) -> tuple[np.ndarray, np.ndarray]:
    """Points from 0 to 1 and their weights, which sum to 1."""
    if estimator == "gauss_legendre":
        points, weights = np.polynomial.legendre.leggauss(steps)
        return (1 + points) / 2, weights / 2
    if estimator == "riemann":
        return np.arange(1, steps + 1) / steps, np.full(steps, 1 / steps)
    weights = np.full(steps + 1, 1 / steps)
    weights[[0, -1]] /= 2
    return np.linspace(0, 1, steps + 1), weights


def _along_the_way(
    answer: Answer, signal: Tensor, start: Tensor, domain: Domain, steps: int
) -> Tensor:
    away = signal - start
    parts = torch.zeros_like(signal)
    owed: Tensor | float = 0.0  # what the steps before rose by and could not explain
    before: _Point | None = None
    for number in range(steps + 1):
        here = _point(answer, start + number / steps * away, away, domain)
        if before is not None:
            rise = (here.answer - before.answer) * steps + owed
            first = _share(before, here, rise)
            owed = rise - first * before.along - (1 - first) * here.along
            parts += at_sites(first, before.slope, domain) * before.slope
            parts += at_sites(1 - first, here.slope, domain) * here.slope
        before = here
    return away * parts / steps


def site_attributions(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    output: int = 0,
    baseline: Tensor | None = None,
    steps: int = STEPS,
    estimator: Estimator = "gauss_legendre",
) -> Tensor:
    """What each site, a pixel or a node, adds to one output: integrated gradients over channels.

    Args:
        model: as for `integrated_gradients`.
        x: likewise.
        domain: likewise.
        output: likewise.
        baseline: likewise.
        steps: likewise.
        estimator: likewise.

    Shapes:
        Output: (B, H, W) on a grid, (N,) on a graph.
    """
    return integrated_gradients(model, x, domain, output, baseline, steps, estimator).sum(1)


class _Point(NamedTuple):
    """A place on the way: f there, its slope by each number, and its slope along the way."""

    answer: Tensor  # (members,)
    slope: Tensor  # as x
    along: Tensor  # (members,)


def _point(answer: Answer, x: Tensor, away: Tensor, domain: Domain) -> _Point:
    slope, value = _slope(answer, x, domain, 1)
    wide = widest(x.device)
    return _Point(value.to(wide), slope, total(away * slope, domain).to(wide))


def _slope(answer: Answer, x: Tensor, domain: Domain, count: int) -> tuple[Tensor, Tensor]:
    """The gradient of the answers by a signal, and the answers."""
    x = x.requires_grad_()
    value = answer(x.clone(), domain, count)  # a layer may write into its input
    found = None  # where nothing on the way to the answer has a derivative
    if value.requires_grad:
        (found,) = torch.autograd.grad(value.sum(), x, allow_unused=True)
    slope = torch.zeros_like(x) if found is None else found
    return slope.detach(), value.detach()


def _share(before: _Point, after: _Point, rise: Tensor) -> Tensor:
    """What weight the slope at a step's beginning has, so that f rises by what it does rise."""
    bend = before.along - after.along
    # Where both slopes are the same up to rounding, any weight will do.
    straight = bend.abs() <= 1e-4 * (before.along.abs() + after.along.abs())
    share = (rise - after.along) / torch.where(straight, torch.ones_like(bend), bend)
    return torch.where(straight, torch.full_like(share, 0.5), share).clamp(-1, 2)


def _check_estimator(steps: int, estimator: str) -> None:
    if steps < 1:
        raise ValueError(f"'steps' must be at least 1, got {steps}. Raise it.")
    if estimator not in get_args(Estimator):
        known = get_args(Estimator)
        near = difflib.get_close_matches(str(estimator), known, n=1, cutoff=0.0)[0]
        raise ValueError(
            f"'estimator' must be one of {', '.join(known)}, got {estimator!r}. Did you mean "
            f"{near!r}?"
        )


def _check(answers: Tensor, output: int, members: int, count: int) -> None:
    if answers.ndim != 2 or len(answers) != members * count:
        shape = (len(answers) // count, *answers.shape[1:])
        raise ValueError(
            f"'model' must give a row of answers for each of the {members} members, got an "
            f"output of shape {shape}. End it with a readout."
        )
    if not 0 <= output < answers.shape[1]:
        raise ValueError(
            f"'output' must be one of the {answers.shape[1]} columns of the model's output, got "
            f"{output}. Count from 0."
        )
