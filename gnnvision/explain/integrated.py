"""Integrated gradients: an answer shared out among the numbers it was made from."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.layers import Readout
from gnnvision.layers.hooks import evaluating
from gnnvision.operators.signals import is_sparse

__all__ = ["integrated_gradients", "site_attributions"]

_TOTAL = Readout("sum")  # over the sites of each member, on any domain


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
        steps for the same error.

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
    with evaluating(model), torch.inference_mode(False), torch.enable_grad():
        signal = x.detach().clone()  # of an inference tensor too, whose clone is an ordinary one
        start = torch.zeros_like(signal) if baseline is None else _baseline(baseline, signal)
        away = signal - start
        total = torch.zeros_like(signal)
        before: _Point | None = None
        for number in range(steps + 1):
            here = _point(model, start + number / steps * away, away, domain, output)
            if before is not None:
                first = _share(before, here, steps)
                total += _at_sites(first, before.slope, domain) * before.slope
                total += _at_sites(1 - first, here.slope, domain) * here.slope
            before = here
        return away * total / steps


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


def _baseline(baseline: Tensor, x: Tensor) -> Tensor:
    try:
        return baseline.detach().clone().to(x).expand_as(x)
    except RuntimeError:
        raise ValueError(
            f"'baseline' must have the shape of 'x', {tuple(x.shape)}, or extend to it, got "
            f"{tuple(baseline.shape)}. Give a signal of that shape, or None for zeros."
        ) from None


class _Point(NamedTuple):
    """A place on the way: f there, its slope by each number, and its slope along the way."""

    answer: Tensor  # (members,)
    slope: Tensor  # as x
    along: Tensor  # (members,)


def _point(model: nn.Module, x: Tensor, away: Tensor, domain: Domain, output: int) -> _Point:
    x.requires_grad_()
    answers = model(x, domain)
    with torch.no_grad():
        members = len(_TOTAL(x, domain))
    _check(answers, output, members)
    (slope,) = torch.autograd.grad(answers[:, output].sum(), x)
    along = _TOTAL(away * slope, domain).sum(1)
    return _Point(answers[:, output].detach().double(), slope, along.double())


def _share(before: _Point, after: _Point, steps: int) -> Tensor:
    """What weight the slope at a step's beginning has, so that f rises by what it does rise."""
    rise = (after.answer - before.answer) * steps
    bend = before.along - after.along
    # Where both slopes are the same up to rounding, any weight will do.
    straight = bend.abs() <= 1e-4 * (before.along.abs() + after.along.abs())
    share = (rise - after.along) / torch.where(straight, torch.ones_like(bend), bend)
    return torch.where(straight, torch.full_like(share, 0.5), share).clamp(-1, 2)


def _at_sites(values: Tensor, x: Tensor, domain: Domain) -> Tensor:
    """The number of each member at all its sites: the readout's transpose."""
    sites = torch.zeros_like(x, requires_grad=True)
    summed = _TOTAL(sites, domain)
    (out,) = torch.autograd.grad(summed, sites, values.to(x)[:, None].expand_as(summed))
    return out


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
