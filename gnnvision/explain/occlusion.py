"""Occlusion: the drop of the output when a patch of the input is masked."""

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
from gnnvision.errors import integer, invalid
from gnnvision.explain.instance import Instance, expand_baseline
from gnnvision.explain.samples import unknown_domain
from gnnvision.layers.hooks import evaluating

__all__ = ["occlusion", "patches"]

_VALUES_AT_ONCE = 2_000_000  # of the signal, in one run of the model
_ALONG = 7  # windows along each axis, if no size is given

Patch = tuple[Any, ...]  # an index of sites


def occlusion(
    instance: Instance,
    baseline: Tensor | None = None,
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    hops: int | None = None,
) -> tuple[Tensor, list[str]]:
    """f(x) - f(x with a patch masked), for each site the mean over the patches that contain it.

    On a grid a patch is a window; on a graph it is a node, optionally with its neighborhood. It
    is replaced by the baseline in all channels.

    Args:
        instance: what is explained.
        baseline: broadcast to the shape of the signal; zeros if not given.
        window: the sides of the window, on a grid; a seventh of the image if not given.
        stride: the step between windows, on a grid; half a window if not given.
        hops: the radius of the neighborhood that is masked with a node, on a graph; 0 if not
            given.

    Raises:
        TypeError: if `hops` is not an integer.
        ValueError: if an option is for another kind of domain, or a size does not fit.

    References:
        Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", 2014,
        https://arxiv.org/abs/1311.2901, section 4.2.
    """
    x, start = instance.x, expand_baseline(baseline, instance.x)
    values: list[Tensor] = []  # of each sample; the sites of a batch are ordered by sample
    with evaluating(instance.model), torch.no_grad():
        whole = instance.score
        for number in range(len(whole)):
            shape, found = patches(instance.domain, number, window, stride, hops)
            at_once = max(1, _VALUES_AT_ONCE // (x.shape[1] * max(1, prod(shape))))
            parts = [found[i : i + at_once] for i in range(0, len(found), at_once)]
            left = torch.cat(
                [_masked_outputs(instance, start, number, part, shape) for part in parts]
            )
            values.append(_mean_at_sites(whole[number] - left, found, shape))
    return torch.cat(values).view(len(x), *x.shape[2:]), []


def _masked_outputs(
    instance: Instance, start: Tensor, sample: int, part: Sequence[Patch], shape: tuple[int, ...]
) -> Tensor:
    """The output for one sample with each of some patches masked in turn."""
    signal, domain = instance.repeat_sample(instance.x, sample, len(part))
    empty, _ = instance.repeat_sample(start, sample, len(part))
    masked = torch.zeros((len(part), *shape), dtype=torch.bool)
    for number, patch in enumerate(part):
        masked[(number, *patch)] = True
    mask = send(masked, signal.device).reshape(signal[:, 0].shape)
    mask = mask.unsqueeze(1)  # (P, 1, H, W) or (P N, 1)
    return instance.output_of_copies(torch.where(mask, empty, signal), domain, sample)


def _mean_at_sites(lost: Tensor, found: Sequence[Patch], shape: tuple[int, ...]) -> Tensor:
    """The mean over the patches that contain each site; 0 if there are none. Shape (sites,).

    The indices are computed on the CPU, so that the host does not wait for a GPU.
    """
    numbers = torch.arange(prod(shape)).view(shape)
    of_patches = [numbers[patch].flatten() for patch in found]
    sites = torch.cat(of_patches)
    sizes = torch.tensor([len(one) for one in of_patches])
    patch_of = torch.arange(len(found)).repeat_interleave(sizes)
    order = sites.argsort(stable=True)
    sites, patch_of = sites[order], patch_of[order]
    counts = torch.bincount(sites, minlength=numbers.numel())
    place = torch.arange(len(sites)) - (counts.cumsum(0) - counts)[sites]
    missing = len(found)  # the index of the 0 at the end
    table = torch.full((int(counts.max()), numbers.numel()), missing)
    table[place, sites] = patch_of
    padded = torch.cat([lost, lost.new_zeros(1)])
    summed = lost.new_zeros(numbers.numel())
    for row in send(table, lost.device):
        summed = summed + padded[row]
    return summed / send(counts.clamp(min=1).to(lost.dtype), lost.device)


@singledispatch
def patches(
    domain: Domain,
    sample: int,
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    hops: int | None = None,
) -> tuple[tuple[int, ...], list[Patch]]:
    """The shape of one sample's sites, and the indices of the patches that are masked in turn.

    Args:
        domain: the grid or graph of the signal.
        sample: the index of the sample.
        window: as for `occlusion`.
        stride: as for `occlusion`.
        hops: as for `occlusion`.

    Raises:
        TypeError: if the domain is neither a grid nor a graph.
    """
    raise unknown_domain(domain)


@patches.register
def _(
    domain: Grid,
    sample: int,
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    hops: int | None = None,
) -> tuple[tuple[int, ...], list[Patch]]:
    """Windows; the last along each axis is cropped at the border if it does not fit."""
    if hops is not None:
        raise invalid("hops", "be None on a grid", hops, "Use 'window' and 'stride'.")
    usual = [ceil(n / _ALONG) for n in domain.shape]
    wide = per_axis(usual if window is None else window, domain.ndim, "window")
    half = [max(1, f // 2) for f in wide]
    steps = per_axis(half if stride is None else stride, domain.ndim, "stride")
    for n, f, s in zip(domain.shape, wide, steps, strict=True):
        if f > n:
            condition = f"fit into the image of {domain.shape}"
            raise invalid("window", condition, wide, "Use a smaller window.")
        if s > f:
            advice = "Use a smaller stride: with this one some sites are never masked."
            raise invalid("stride", f"be at most the window, {wide}", steps, advice)
    starts = [
        [s * i for i in range(ceil((n - f) / s) + 1)]
        for n, f, s in zip(domain.shape, wide, steps, strict=True)
    ]
    return domain.shape, [
        tuple(slice(a, a + f) for a, f in zip(corner, wide, strict=True))
        for corner in product(*starts)
    ]


@patches.register
def _(
    domain: Graph,
    sample: int,
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    hops: int | None = None,
) -> tuple[tuple[int, ...], list[Patch]]:
    """Each node, or each with the nodes that reach it within `hops` edges."""
    for name, value in (("window", window), ("stride", stride)):
        if value is not None:
            raise invalid(name, "be None on a graph", value, "Use 'hops'.")
    far = integer("hops", 0 if hops is None else hops, 0, "Use a number of edges.")
    graph = domain.select([sample])
    nodes = range(graph.num_nodes)
    if not far:
        return (graph.num_nodes,), [(node,) for node in nodes]
    graph = graph.to("cpu")  # finding neighbors takes many small steps
    return (graph.num_nodes,), [(graph.neighborhood(node, far),) for node in nodes]
