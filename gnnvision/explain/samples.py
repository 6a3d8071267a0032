"""Samples of a batch, images or graphs, and their sites (pixels or nodes)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import singledispatch

import torch
from torch import Tensor

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.domains.device import send, widest
from gnnvision.errors import wrong_type
from gnnvision.layers import Readout

__all__ = [
    "count_samples",
    "expand_to_sites",
    "is_nearly_constant",
    "mean_per_sample",
    "rank_per_sample",
    "sample_of_site",
    "select_samples",
    "sum_per_sample",
    "unknown_domain",
]

_CACHED, _MAX_EDGES = 8, 200_000  # batches of copies that are cached, and their largest size
_NEARLY = 1e-3  # of the largest magnitude; smaller differences cannot be seen on a map
_SUM, _MEAN = Readout("sum"), Readout("mean")


def count_samples(x: Tensor, domain: Domain) -> int:
    """The number of samples, images or graphs, in a signal."""
    with torch.no_grad():
        return len(_SUM(x, domain))


def sum_per_sample(x: Tensor, domain: Domain) -> Tensor:
    """The sum over the sites and channels of each sample. Shape (samples,)."""
    out: Tensor = _SUM(x, domain).sum(1)
    return out


def mean_per_sample(x: Tensor, domain: Domain) -> Tensor:
    """The mean over the sites of each sample. Shape (samples, C)."""
    out: Tensor = _MEAN(x, domain)
    return out


def expand_to_sites(values: Tensor, x: Tensor, domain: Domain) -> Tensor:
    """Values of each sample repeated at all its sites: the transpose of the readout by sum.

    Args:
        values: shape (samples,), or (samples, C) for a value of each channel.
        x: a signal of the shape to return.
        domain: the grid or graph of the signal.
    """
    with torch.inference_mode(False), torch.enable_grad():
        sites = torch.zeros_like(x, requires_grad=True)
        summed = _SUM(sites, domain)
        wide = values if values.ndim == 2 else values[:, None]
        (out,) = torch.autograd.grad(summed, sites, wide.to(x).expand_as(summed))
        return out


def sample_of_site(x: Tensor, domain: Domain) -> Tensor:
    """The index of the sample of each site. Shape (B, H, W) on a grid, (N,) on a graph."""
    wide = widest(x.device)
    numbers = torch.arange(count_samples(x, domain), dtype=wide, device=x.device)
    return expand_to_sites(numbers, x[:, :1].to(wide), domain)[:, 0].round().long()


def rank_per_sample(values: Tensor, sample: Tensor) -> Tensor:
    """The rank of each site within its sample, as a fraction: 1 for the largest value.

    Args:
        values: one for each site.
        sample: what `sample_of_site` returns; of the same shape.
    """
    wide = widest(values.device)
    out = torch.zeros(values.shape, dtype=wide, device=values.device)
    for number in range(int(sample.max()) + 1 if sample.numel() else 0):
        own = sample == number
        count = int(own.sum())
        places = values[own].argsort(stable=True).argsort()
        out[own] = (places.to(wide) + 1) / max(count, 1)
    return out


def is_nearly_constant(values: Tensor) -> bool:
    """Whether a map is constant, up to a thousandth of its largest magnitude."""
    if values.numel() < 2:
        return False
    low, high = torch.aminmax(values.to(widest(values.device)))
    return bool(high - low <= _NEARLY * torch.maximum(high.abs(), low.abs()))


def unknown_domain(domain: object) -> TypeError:
    """The error of a domain that is neither a grid nor a graph."""
    return wrong_type(
        "domain", "be a Grid or a Graph", domain, "Write for example Grid((28, 28))."
    )


@singledispatch
def select_samples(domain: Domain, x: Tensor, samples: Sequence[int]) -> tuple[Tensor, Domain]:
    """A batch of some samples of another batch, in the given order, with repetitions.

    Args:
        domain: the grid or graph of the signal.
        x: the signal.
        samples: indices from 0.

    Returns:
        Its signal and its domain.

    Raises:
        TypeError: if the domain is neither a grid nor a graph.
    """
    raise unknown_domain(domain)


@select_samples.register
def _(domain: Grid, x: Tensor, samples: Sequence[int]) -> tuple[Tensor, Domain]:
    return x[send(torch.tensor(list(samples)), x.device)], domain


@select_samples.register
def _(domain: Graph, x: Tensor, samples: Sequence[int]) -> tuple[Tensor, Domain]:
    return x[domain.member_nodes(samples)], _selected(domain, tuple(samples))


def _selected(graph: Graph, samples: tuple[int, ...]) -> Graph:
    """`graph.select` with a small cache, as explanations of randomized models select the same."""
    largest = int(graph.host_offsets[1][-1])
    if len(samples) * largest > _MAX_EDGES or graph.section_of is not None:
        return graph.select(samples)
    kept: OrderedDict[tuple[int, ...], Graph] = graph.derived("copies", OrderedDict)
    if samples not in kept:
        kept[samples] = graph.select(samples)
        while len(kept) > _CACHED:
            kept.popitem(last=False)
    kept.move_to_end(samples)
    return kept[samples]
