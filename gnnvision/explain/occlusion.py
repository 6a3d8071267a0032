"""Occlusion: what the answer loses when a part of the input is covered."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from itertools import product
from math import ceil
from typing import Any

import torch
from torch import Tensor

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.domains.device import send
from gnnvision.domains.window import per_axis
from gnnvision.explain.members import member_of
from gnnvision.explain.question import Question, fitted
from gnnvision.layers.hooks import evaluating

__all__ = ["occlusion", "patches"]

_NUMBERS_AT_ONCE = 2_000_000  # of the signal, in one run of the model
_ALONG = 7  # windows side by side, if no size is given

Patch = tuple[Any, ...]  # an index of sites


def occlusion(
    question: Question,
    baseline: Tensor | None = None,
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    hops: int | None = None,
) -> tuple[Tensor, list[str]]:
    """f(x) - f(x without a patch), for each site the mean over the patches that it is in.

    On a grid a patch is a window, on a graph a node and those around it. It is covered with the
    baseline, in all channels.

    Args:
        question: what is explained.
        baseline: of a shape that extends to that of the signal; zeros if not given.
        window: sides of the window, on a grid; a seventh of the picture if not given.
        stride: from one window to the next, on a grid; half a window if not given.
        hops: how far around a node is covered with it, on a graph; 0 if not given.

    Raises:
        ValueError: if an option is not of this domain, or a size does not fit.

    References:
        Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", 2014,
        https://arxiv.org/abs/1311.2901, section 4.2.
    """
    x, start = question.x, fitted(baseline, question.x)
    # Added up on the CPU, patch by patch; only the answers come from where the model is.
    member = member_of(x, question.domain).cpu()
    values = torch.zeros(member.shape, dtype=x.dtype)
    with evaluating(question.model), torch.no_grad():
        whole = question.score
        for number in range(len(whole)):
            own = member == number
            shape, found = patches(question.domain, number, window, stride, hops)
            lost = torch.zeros(shape, dtype=x.dtype)
            count = torch.zeros_like(lost)
            at_once = max(1, _NUMBERS_AT_ONCE // (x.shape[1] * max(1, int(own.sum()))))
            for first in range(0, len(found), at_once):
                part = found[first : first + at_once]
                differences = whole[number] - _without(question, start, number, part, shape)
                for patch, difference in zip(part, differences.tolist(), strict=True):
                    lost[patch] += difference
                    count[patch] += 1
            values[own] = (lost / count.clamp(min=1)).flatten()
    return values.to(x.device), []


def _without(
    question: Question, start: Tensor, member: int, part: Sequence[Patch], shape: tuple[int, ...]
) -> Tensor:
    """The answer for one member with each of some patches covered."""
    signal, domain = question.copied(question.x, member, len(part))
    empty, _ = question.copied(start, member, len(part))
    covered = torch.zeros((len(part), *shape), dtype=torch.bool)
    for number, patch in enumerate(part):
        covered[(number, *patch)] = True
    mask = send(covered, signal.device).reshape(signal[:, 0].shape)
    mask = mask.unsqueeze(1)  # (P, 1, H, W) or (P N, 1)
    return question.answer_copies(torch.where(mask, empty, signal), domain, member)


@singledispatch
def patches(
    domain: Domain,
    member: int,
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    hops: int | None = None,
) -> tuple[tuple[int, ...], list[Patch]]:
    """The shape of one member's sites, and indices of the parts that are covered in turn.

    Args:
        domain: where the signal lives.
        member: which member.
        window: as for `occlusion`.
        stride: likewise.
        hops: likewise.
    """
    raise TypeError(
        f"'domain' must be a Grid or a Graph, got {type(domain).__name__}. "
        "Write for example Grid((28, 28))."
    )


@patches.register
def _(
    domain: Grid,
    member: int,
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    hops: int | None = None,
) -> tuple[tuple[int, ...], list[Patch]]:
    """Windows; the last along each axis is cut off at the border where it does not fit."""
    if hops is not None:
        raise ValueError(f"'hops' must be None on a grid, got {hops}. Give 'window' and 'stride'.")
    usual = [ceil(n / _ALONG) for n in domain.size]
    wide = per_axis(usual if window is None else window, domain.ndim, "window")
    half = [max(1, f // 2) for f in wide]
    steps = per_axis(half if stride is None else stride, domain.ndim, "stride")
    for n, f, s in zip(domain.size, wide, steps, strict=True):
        if f > n:
            raise ValueError(
                f"'window' must fit into the picture of {domain.size}, got {wide}. Lower it."
            )
        if s > f:
            raise ValueError(
                f"'stride' must be at most the window, {wide}, got {steps}: some sites would "
                "never be covered. Lower it."
            )
    starts = [
        [s * i for i in range(ceil((n - f) / s) + 1)]
        for n, f, s in zip(domain.size, wide, steps, strict=True)
    ]
    return domain.size, [
        tuple(slice(a, a + f) for a, f in zip(corner, wide, strict=True))
        for corner in product(*starts)
    ]


@patches.register
def _(
    domain: Graph,
    member: int,
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    hops: int | None = None,
) -> tuple[tuple[int, ...], list[Patch]]:
    """Each node, or it and all that reach it in so many hops."""
    if window is not None or stride is not None:
        raise ValueError("'window' and 'stride' must be None on a graph. Give 'hops'.")
    far = 0 if hops is None else hops
    if isinstance(far, bool) or not isinstance(far, int) or far < 0:
        raise ValueError(f"'hops' must be 0 or more, got {hops!r}. Give a count of edges.")
    graph = domain.select([member])
    nodes = range(graph.num_nodes)
    if not far:
        return (graph.num_nodes,), [(node,) for node in nodes]
    return (graph.num_nodes,), [(graph.neighborhood(node, far),) for node in nodes]
