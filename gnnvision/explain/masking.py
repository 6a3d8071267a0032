"""Occlusion: the drop of the output when a patch of the input is masked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product, zip_longest
from math import ceil

import numpy as np
import torch
from torch import Tensor

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.domains.device import send
from gnnvision.domains.window import per_axis
from gnnvision.errors import integer, invalid
from gnnvision.explain.instance import Instance, expand_baseline, sample_of_site

__all__ = ["occlusion"]

_ALONG = 7  # windows along each axis, if no size is given
_MASKS_AT_ONCE = 20_000_000  # sites of masks that are made together

Sizes = int | Sequence[int] | None


def occlusion(
    instance: Instance,
    baseline: Tensor | None = None,
    window: Sizes = None,
    stride: Sizes = None,
    hops: int | None = None,
) -> tuple[Tensor, list[str]]:
    """f(x) - f(x with a patch masked), for each site the mean over the patches that contain it.

    On a grid a patch is a window; on other domains it is a site, on a graph optionally with its
    neighborhood. It is replaced by the baseline in all channels, in all samples together.

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
    start = expand_baseline(baseline, instance.x)
    sample = sample_of_site(instance.x, instance.domain)
    found = _patches(instance.domain, sample, window, stride, hops)
    values = torch.zeros_like(instance.x[:, 0])
    counts = torch.zeros_like(values)
    at_once = max(1, _MASKS_AT_ONCE // max(1, sample.numel()))
    for first in range(0, len(found), at_once):
        part = found[first : first + at_once]
        masks = torch.zeros(len(part), sample.numel(), dtype=torch.bool)
        for mask, sites in zip(masks, part, strict=True):
            mask[sites] = True
        masks = send(masks.view(-1, *sample.shape), values.device)
        lost = instance.score - instance.pick(instance.masked_rows(masks, start))  # (P, samples)
        for mask, fall in zip(masks, lost, strict=True):
            values += torch.where(mask, fall[sample], 0)
            counts += mask
    return values / counts.clamp(min=1), []


def _patches(
    domain: Domain, sample: Tensor, window: Sizes, stride: Sizes, hops: int | None
) -> list[Tensor]:
    """The sites of each patch, as indices of the flat signal: one patch of every sample."""
    numbers = torch.arange(sample.numel()).view(sample.shape)
    if isinstance(domain, Grid):
        if hops is not None:
            raise invalid("hops", "be None on a grid", hops, "Use 'window' and 'stride'.")
        return [numbers[:, *corner].flatten() for corner in _windows(domain, window, stride)]
    kind = "a graph" if isinstance(domain, Graph) else f"{domain}"
    for name, value in (("window", window), ("stride", stride)):
        if value is not None:
            raise invalid(name, f"be None on {kind}", value, "Use 'hops'.")
    far = integer("hops", 0 if hops is None else hops, 0, "Use a number of edges.")
    if not isinstance(domain, Graph):
        if far:
            raise invalid("hops", f"be None on {kind}", hops, "Leave it out.")
        return list(numbers.flatten(1).T)
    nodes = np.split(numbers.numpy(), domain.host_offsets[0][1:-1])
    rows = zip_longest(*nodes, fillvalue=-1)  # one node of each graph that has so many
    patches = [torch.tensor([node for node in row if node >= 0]) for row in rows]
    if far:
        graph = domain.to("cpu")  # finding neighbors takes many small steps
        patches = [torch.cat([graph.neighborhood(int(i), far) for i in each]) for each in patches]
    return patches


def _windows(grid: Grid, window: Sizes, stride: Sizes) -> list[tuple[slice, ...]]:
    """All windows; the last along each axis is cropped at the border if it does not fit."""
    usual = [ceil(n / _ALONG) for n in grid.shape]
    wide = per_axis(usual if window is None else window, grid.ndim, "window")
    half = [max(1, f // 2) for f in wide]
    steps = per_axis(half if stride is None else stride, grid.ndim, "stride")
    starts = []
    for n, f, s in zip(grid.shape, wide, steps, strict=True):
        if f > n:
            condition = f"fit into the image of {grid.shape}"
            raise invalid("window", condition, wide, "Use a smaller window.")
        if s > f:
            advice = "Use a smaller stride: with this one some sites are never masked."
            raise invalid("stride", f"be at most the window, {wide}", steps, advice)
        starts.append([s * i for i in range(ceil((n - f) / s) + 1)])
    return [
        tuple(slice(a, a + f) for a, f in zip(corner, wide, strict=True))
        for corner in product(*starts)
    ]
