"""Occlusion: what the answer loses when a part of the input is covered."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from itertools import product
from math import ceil, prod
from typing import Any

import torch
from torch import Tensor

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.domains.device import send
from gnnvision.domains.window import per_axis
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
    values: list[Tensor] = []  # of each member; the sites of a batch lie member by member
    with evaluating(question.model), torch.no_grad():
        whole = question.score
        for number in range(len(whole)):
            shape, found = patches(question.domain, number, window, stride, hops)
            at_once = max(1, _NUMBERS_AT_ONCE // (x.shape[1] * max(1, prod(shape))))
            parts = [found[i : i + at_once] for i in range(0, len(found), at_once)]
            left = torch.cat([_without(question, start, number, part, shape) for part in parts])
            values.append(_mean_at_sites(whole[number] - left, found, shape))
    return torch.cat(values).view(len(x), *x.shape[2:]), []


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


def _mean_at_sites(lost: Tensor, found: Sequence[Patch], shape: tuple[int, ...]) -> Tensor:
    """The mean over the patches that each site is in; 0 where it is in none. Shape (sites,).

    Which patches those are is worked out on the CPU, so that a GPU is not waited for.
    """
    numbers = torch.arange(prod(shape)).view(shape)
    covered = [numbers[patch].flatten() for patch in found]
    sites = torch.cat(covered)
    patch_of = torch.arange(len(found)).repeat_interleave(torch.tensor([len(c) for c in covered]))
    order = sites.argsort(stable=True)
    sites, patch_of = sites[order], patch_of[order]
    counts = torch.bincount(sites, minlength=numbers.numel())
    place = torch.arange(len(sites)) - (counts.cumsum(0) - counts)[sites]
    table = torch.full((int(counts.max()), numbers.numel()), len(found))  # else: the 0 at the end
    table[place, sites] = patch_of
    padded = torch.cat([lost, lost.new_zeros(1)])
    summed = lost.new_zeros(numbers.numel())
    for row in send(table, lost.device):
        summed = summed + padded[row]
    return summed / send(counts.clamp(min=1).to(lost.dtype), lost.device)


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
    graph = graph.to("cpu")  # to find neighbors is many small steps
    return (graph.num_nodes,), [(graph.neighborhood(node, far),) for node in nodes]
