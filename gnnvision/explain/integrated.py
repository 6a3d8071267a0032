"""Integrated gradients: a complete attribution of an output to its input."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.domains.device import send, widest
from gnnvision.errors import at_least, one_of
from gnnvision.explain.instance import (
    Instance,
    expand_baseline,
    expand_to_sites,
    make_instance,
    sum_per_sample,
)
from gnnvision.layers.hooks import evaluating

__all__ = ["STEPS", "Estimator", "integrate", "integrated_gradients", "site_attributions"]

Estimator = Literal["gauss_legendre", "riemann", "trapezoid", "corrected"]
STEPS = 50  # as in captum, so that the defaults are its own
_VALUES_AT_ONCE = 300_000  # values of the signal in one forward and backward pass


def integrated_gradients(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    output: int = 0,
    baseline: Tensor | None = None,
    steps: int = STEPS,
    estimator: Estimator = "gauss_legendre",
) -> Tensor:
    """Integrated gradients: the contribution of each input value to one output.

    aᵢ = (xᵢ - x'ᵢ) ∫₀¹ ∂f(x' + α (x - x')) / ∂xᵢ dα

    The attributions are complete: over an image, or over the nodes of a graph, they add up to
    f(x) - f(x'), up to the error of the quadrature, which decreases with more steps. All samples
    of a batch are explained together, as their outputs do not depend on one another.

    Args:
        model: f, called as (x, domain), whose output has a row for each sample of the batch and
            a column for each class or target; run in evaluation mode, its state is restored.
        x: the signal. Shape (B, C, H, W) on a grid, (N, C) on a graph; dense.
        domain: the grid or graph of the signal.
        output: the output column to explain.
        baseline: x', a signal without information, broadcast to the shape of `x`. Zeros if not
            given: nodes without features, or the mean image for normalized images.
        steps: the number of points on the path, each a forward and backward pass.
        estimator: the quadrature rule.
            "gauss_legendre": Gauss-Legendre quadrature with `steps` points, the default of
            captum.
            "riemann": the sum over the ends of the steps, equation 3 of the paper.
            "trapezoid": the trapezoidal rule with `steps` + 1 points.
            "corrected": a rule of this package, from no paper. The gradient within a step is a
            weighted mean of those at its two ends; the weights are chosen to match the change
            of f in the step, and what remains is carried over to the next step. The completeness
            gap is small with fewer steps, but errors move between steps, so a small gap says
            less about single attributions.

    Shapes:
        Output: that of `x`.

    Raises:
        TypeError: if `x` is not floating point.
        ValueError: if the output does not have a row for each sample, has no column `output` or
            is not finite, `steps` is not positive, `estimator` is unknown, `x` is sparse or not
            finite, or the baseline cannot be broadcast to `x`.

    References:
        Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", 2017,
        https://arxiv.org/abs/1703.01365, equations 1 and 3.

    Example:
        >>> from gnnvision import Grid, Readout, Sequential
        >>> model = Sequential(Readout("sum"), nn.Linear(1, 1))
        >>> image = torch.tensor([[[[1.0, 2.0], [0.0, 4.0]]]])
        >>> attributions = integrated_gradients(model, image, Grid((2, 2)))
        >>> bool(torch.isclose(attributions.sum(), model[1].weight.sum() * 7))
        True
    """
    instance = make_instance(model, x, domain, output, name="output")
    return integrate(instance, baseline, steps, estimator)


def site_attributions(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    output: int = 0,
    baseline: Tensor | None = None,
    steps: int = STEPS,
    estimator: Estimator = "gauss_legendre",
) -> Tensor:
    """The contribution of each pixel or node: integrated gradients summed over the channels.

    The arguments and errors are those of `integrated_gradients`.

    Args:
        model: a network for images or graphs, called as (x, domain) or (x).
        x: the signal.
        domain: the grid or graph of the signal.
        output: as for `integrated_gradients`.
        baseline: as for `integrated_gradients`.
        steps: as for `integrated_gradients`.
        estimator: as for `integrated_gradients`.

    Shapes:
        Output: (B, H, W) on a grid, (N,) on a graph.
    """
    return integrated_gradients(model, x, domain, output, baseline, steps, estimator).sum(1)


def integrate(
    instance: Instance,
    baseline: Tensor | None = None,
    steps: int = STEPS,
    estimator: Estimator = "gauss_legendre",
) -> Tensor:
    """`integrated_gradients` of an instance, in which each sample has its own target column."""
    at_least("steps", steps, 1)
    one_of("estimator", estimator, get_args(Estimator))
    x = instance.x
    with evaluating(instance.model), torch.inference_mode(False), torch.enable_grad():
        start = expand_baseline(baseline, x)
        difference = x - start
        if estimator == "corrected":
            return difference * _corrected_mean(instance, start, difference, steps)
        mean = torch.zeros_like(x)
        points, weights = _points_and_weights(steps, estimator)
        at_once = max(1, _VALUES_AT_ONCE // max(1, x.numel()))
        for first in range(0, len(points), at_once):
            alphas = points[first : first + at_once].tolist()
            path = torch.cat([start + alpha * difference for alpha in alphas])
            grad = _gradient(instance, path, len(alphas))[0].view(-1, *x.shape)
            share = torch.as_tensor(weights[first : first + at_once]).to(grad.dtype)
            mean += torch.tensordot(send(share, grad.device), grad, 1)
        return difference * mean


def _points_and_weights(steps: int, estimator: Estimator) -> tuple[np.ndarray, np.ndarray]:
    """Points from 0 to 1 and their weights, which sum to 1."""
    if estimator == "gauss_legendre":
        points, weights = np.polynomial.legendre.leggauss(steps)
        return (1 + points) / 2, weights / 2
    if estimator == "riemann":
        return np.arange(1, steps + 1) / steps, np.full(steps, 1 / steps)
    weights = np.full(steps + 1, 1 / steps)
    weights[[0, -1]] /= 2
    return np.linspace(0, 1, steps + 1), weights


def _gradient(instance: Instance, x: Tensor, count: int = 1) -> tuple[Tensor, Tensor]:
    """The gradient of the outputs for `count` copies of the batch, and the outputs."""
    x = x.requires_grad_()
    value = instance.pick(instance.rows(x, count))
    found = None  # if the output is not differentiable
    if value.requires_grad:
        (found,) = torch.autograd.grad(value.sum(), x, allow_unused=True)
    grad = torch.zeros_like(x) if found is None else found
    return grad.detach(), value.detach()


class _Point(NamedTuple):
    """A point on the path: f, its gradient, and its derivative along the path."""

    value: Tensor  # (samples,)
    grad: Tensor  # as x
    along: Tensor  # (samples,)


def _corrected_mean(instance: Instance, start: Tensor, difference: Tensor, steps: int) -> Tensor:
    """The mean gradient on the path by the rule "corrected" of `integrated_gradients`."""
    domain, wide = instance.domain, widest(start.device)
    mean = torch.zeros_like(start)
    remainder: Tensor | float = 0.0  # the change of f in the steps before that is not attributed
    before: _Point | None = None
    for number in range(steps + 1):
        grad, value = _gradient(instance, start + number / steps * difference)
        along = sum_per_sample(difference * grad, domain).to(wide)
        after = _Point(value[0].to(wide), grad, along)
        if before is not None:
            change = (after.value - before.value) * steps + remainder
            first = _start_weight(before, after, change)
            remainder = change - first * before.along - (1 - first) * after.along
            mean += expand_to_sites(first, before.grad, domain) * before.grad
            mean += expand_to_sites(1 - first, after.grad, domain) * after.grad
        before = after
    return mean / steps


def _start_weight(before: _Point, after: _Point, change: Tensor) -> Tensor:
    """The weight of the derivative at the start of a step that yields the change of f in it."""
    bend = before.along - after.along
    # If both derivatives are equal up to rounding, any weight will do.
    straight = bend.abs() <= 1e-4 * (before.along.abs() + after.along.abs())
    share = (change - after.along) / torch.where(straight, torch.ones_like(bend), bend)
    return torch.where(straight, torch.full_like(share, 0.5), share).clamp(-1, 2)
