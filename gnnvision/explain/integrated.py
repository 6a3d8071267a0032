"""Integrated gradients: an answer shared out among the numbers it was made from."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.explain.members import at_sites, num_members, total
from gnnvision.explain.question import Question, fitted
from gnnvision.explain.trace import answers
from gnnvision.layers.hooks import evaluating
from gnnvision.operators.signals import is_sparse

__all__ = ["integrated_gradients", "shared_out", "site_attributions"]

Answer = Callable[[Tensor], Tensor]


def integrated_gradients(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    output: int = 0,
    baseline: Tensor | None = None,
    steps: int = 64,
) -> Tensor:
    """What each number of a signal adds to one output, on the way from a baseline to the signal.

    aᵢ = (xᵢ - x'ᵢ) ∫₀¹ ∂f(x' + α (x - x')) / ∂xᵢ dα

    The parts are complete: over a picture, or over the nodes of a graph, they add up to
    f(x) - f(x'), but for a small error that more steps make smaller. All members of a batch are
    explained at once, as none has a part in another's answer.

    Args:
        model: f, called as (x, domain), whose output has a row for each member of the batch and
            a column for each answer; used in evaluation mode, left as it was found.
        x: the signal. Shape (B, C, H, W) on a grid, (N, C) on a graph; dense.
        domain: where it lives.
        output: the column of the output that is explained.
        baseline: x', a signal that says nothing; of a shape that extends to that of `x`. Zeros
            if not given: atoms without features, or the mean picture where pictures are
            normalised.
        steps: parts of the way, each a run forward and back.

    Shapes:
        Output: that of `x`.

    Raises:
        ValueError: if the output has no row for each member or no column `output`, `steps` is
            not positive, `x` is sparse, or the baseline's shape does not fit.

    References:
        Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", 2017,
        https://arxiv.org/abs/1703.01365, equation 1.
        Differs from the paper: the slope within a step is a mean of those at its two ends,
        weighted so that it explains what f rises by in the step, which is known. For one kink
        in a step, as of a ReLU, that is exact; the paper's Riemann sum needs many times as many
        steps for the same error. What the two slopes cannot explain, as of many kinks at once,
        is left to the next step.

    Example:
        >>> from gnnvision import Grid, Readout, Sequential
        >>> model = Sequential(Readout("sum"), nn.Linear(1, 1))
        >>> picture = torch.tensor([[[[1.0, 2.0], [0.0, 4.0]]]])
        >>> parts = integrated_gradients(model, picture, Grid((2, 2)))
        >>> bool(torch.isclose(parts.sum(), model[1].weight.sum() * 7))
        True
    """
    if steps < 1:
        raise ValueError(f"'steps' must be at least 1, got {steps}. Raise it.")
    if is_sparse(x):
        raise ValueError("'x' must be dense, got a sparse tensor. Give x.to_dense().")
    members = num_members(x, domain)

    def answer(signal: Tensor) -> Tensor:
        rows = answers(model, signal, domain)
        _check(rows, output, members)
        return rows[:, output]

    with evaluating(model), torch.inference_mode(False), torch.enable_grad():
        signal = x.detach().clone()  # of an inference tensor too, whose clone is an ordinary one
        return _along_the_way(answer, signal, fitted(baseline, signal), domain, steps)


def shared_out(question: Question, baseline: Tensor | None = None, steps: int = 64) -> Tensor:
    """`integrated_gradients` of a question, whose members may each have a column of their own."""
    if steps < 1:
        raise ValueError(f"'steps' must be at least 1, got {steps}. Raise it.")
    x = question.x
    with evaluating(question.model), torch.inference_mode(False), torch.enable_grad():
        return _along_the_way(question.answer, x, fitted(baseline, x), question.domain, steps)


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
    steps: int = 64,
) -> Tensor:
    """What each site, a pixel or a node, adds to one output: integrated gradients over channels.

    Args:
        model: as for `integrated_gradients`.
        x: likewise.
        domain: likewise.
        output: likewise.
        baseline: likewise.
        steps: likewise.

    Shapes:
        Output: (B, H, W) on a grid, (N,) on a graph.
    """
    return integrated_gradients(model, x, domain, output, baseline, steps).sum(1)


class _Point(NamedTuple):
    """A place on the way: f there, its slope by each number, and its slope along the way."""

    answer: Tensor  # (members,)
    slope: Tensor  # as x
    along: Tensor  # (members,)


def _point(answer: Answer, x: Tensor, away: Tensor, domain: Domain) -> _Point:
    x = x.requires_grad_()
    value = answer(x.clone())  # a layer may write into its input
    if value.requires_grad:
        (found,) = torch.autograd.grad(value.sum(), x, allow_unused=True)
    else:
        found = None  # nothing on the way to the answer has a derivative
    slope = torch.zeros_like(x) if found is None else found
    along = total(away * slope, domain)
    return _Point(value.detach().double(), slope.detach(), along.double())


def _share(before: _Point, after: _Point, rise: Tensor) -> Tensor:
    """What weight the slope at a step's beginning has, so that f rises by what it does rise."""
    bend = before.along - after.along
    # Where both slopes are the same up to rounding, any weight will do.
    straight = bend.abs() <= 1e-4 * (before.along.abs() + after.along.abs())
    share = (rise - after.along) / torch.where(straight, torch.ones_like(bend), bend)
    return torch.where(straight, torch.full_like(share, 0.5), share).clamp(-1, 2)


def _check(answers: Tensor, output: int, members: int) -> None:
    if answers.ndim != 2 or len(answers) != members:
        raise ValueError(
            f"'model' must give a row of answers for each of the {members} members, got an "
            f"output of shape {tuple(answers.shape)}. End it with a readout."
        )
    if not 0 <= output < answers.shape[1]:
        raise ValueError(
            f"'output' must be one of the {answers.shape[1]} columns of the model's output, got "
            f"{output}. Count from 0."
        )
