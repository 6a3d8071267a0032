"""Samples of a batch, images or graphs, and their sites (pixels or nodes)."""

from __future__ import annotations

import torch
from torch import Tensor

from gnnvision.domains import Domain
from gnnvision.domains.device import widest
from gnnvision.layers import Readout

__all__ = [
    "copies_of",
    "expand_to_sites",
    "is_nearly_constant",
    "mean_per_sample",
    "sample_of_site",
    "sum_per_sample",
]

_CACHED, _MAX_SITES = 8, 100_000  # batches of copies that are cached, and their largest size
_NEARLY = 1e-3  # of the largest magnitude; smaller differences cannot be seen on a map
_SUM, _MEAN = Readout("sum"), Readout("mean")


def sample_of_site(x: Tensor, domain: Domain) -> Tensor:
    """The index of the sample of each site. Shape (B, H, W) on a grid, (N,) on a graph."""
    count, offsets = domain.sample_count(x), domain.offsets
    if offsets is None:
        numbers = torch.arange(count, device=x.device)
        return numbers.view(-1, *[1] * (x.ndim - 2)).expand(x[:, 0].shape)
    numbers, sizes = torch.arange(count, device=offsets.device), offsets.diff()
    return domain.derived(
        "graph_index", lambda: numbers.repeat_interleave(sizes, output_size=domain.num_sites)
    )


def sum_per_sample(x: Tensor, domain: Domain) -> Tensor:
    """The sum over the sites and channels of each sample. Shape (samples,)."""
    out: Tensor = _SUM(x, domain).sum(1)
    return out


def mean_per_sample(x: Tensor, domain: Domain) -> Tensor:
    """The mean over the sites of each sample. Shape (samples, C)."""
    out: Tensor = _MEAN(x, domain)
    return out


def expand_to_sites(values: Tensor, x: Tensor, domain: Domain) -> Tensor:
    """Values of each sample, (samples,) or (samples, C), repeated at all its sites.

    Args:
        values: of the samples.
        x: a signal, whose shape is returned.
        domain: of the signal.
    """
    wide = values if values.ndim == 2 else values[:, None]
    return torch.empty_like(x).copy_(wide[sample_of_site(x, domain)].movedim(-1, 1))


def copies_of(x: Tensor, domain: Domain, count: int) -> Domain:
    """The domain of `count` copies of a batch, one after the other.

    It is cached, as explanations of randomized models use the same.
    """
    if count == 1 or domain.offsets is None:
        return domain
    kept: dict[int, Domain] = domain.derived("copies", dict)
    if (known := kept.get(count)) is not None:
        return known
    copies = domain.sample(x, [*range(domain.sample_count(x))] * count)[1]
    if copies.num_sites <= _MAX_SITES:
        kept[count] = copies
        if len(kept) > _CACHED:
            del kept[next(iter(kept))]
    return copies


def is_nearly_constant(values: Tensor) -> bool:
    """Whether a map is constant, up to a thousandth of its largest magnitude."""
    if values.numel() < 2:
        return False
    low, high = torch.aminmax(values.to(widest(values.device)))
    return bool(high - low <= _NEARLY * torch.maximum(high.abs(), low.abs()))
