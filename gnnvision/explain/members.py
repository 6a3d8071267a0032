"""Members of a batch, pictures or graphs, and their sites: what explanations ask of a domain."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import singledispatch

import torch
from torch import Tensor

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.domains.device import send, widest
from gnnvision.layers import Readout

__all__ = [
    "at_sites",
    "copies",
    "member_of",
    "nearly_constant",
    "num_members",
    "over_members",
    "ranked",
    "total",
]

_KEPT, _MOST_EDGES = 8, 200_000  # copies of a graph that are kept, and their edges at most
_NEARLY = 1e-3  # of the largest magnitude: by less no two sites can be told apart on a map
_SUM, _MEAN = Readout("sum"), Readout("mean")


def num_members(x: Tensor, domain: Domain) -> int:
    """How many pictures or graphs a signal is of."""
    with torch.no_grad():
        return len(_SUM(x, domain))


def total(x: Tensor, domain: Domain) -> Tensor:
    """The sum over the sites and channels of each member. Shape (members,)."""
    out: Tensor = _SUM(x, domain).sum(1)
    return out


def over_members(x: Tensor, domain: Domain) -> Tensor:
    """The mean over the sites of each member. Shape (members, C)."""
    out: Tensor = _MEAN(x, domain)
    return out


def at_sites(values: Tensor, x: Tensor, domain: Domain) -> Tensor:
    """The numbers of each member at all its sites: the transpose of the readout by sum.

    Args:
        values: shape (members,), or (members, C) for a number of each channel.
        x: a signal of the shape that is wanted.
        domain: where it lives.
    """
    with torch.inference_mode(False), torch.enable_grad():
        sites = torch.zeros_like(x, requires_grad=True)
        summed = _SUM(sites, domain)
        wide = values if values.ndim == 2 else values[:, None]
        (out,) = torch.autograd.grad(summed, sites, wide.to(x).expand_as(summed))
        return out


def member_of(x: Tensor, domain: Domain) -> Tensor:
    """The member that each site belongs to. Shape (B, H, W) on a grid, (N,) on a graph."""
    wide = widest(x.device)
    numbers = torch.arange(num_members(x, domain), dtype=wide, device=x.device)
    return at_sites(numbers, x[:, :1].to(wide), domain)[:, 0].round().long()


def ranked(values: Tensor, member: Tensor) -> Tensor:
    """The rank of each site within its member, from 0 for the least to 1 for the largest value.

    Args:
        values: a number for each site.
        member: what `member_of` returns; of the same shape.
    """
    wide = widest(values.device)
    out = torch.zeros(values.shape, dtype=wide, device=values.device)
    for number in range(int(member.max()) + 1 if member.numel() else 0):
        own = member == number
        count = int(own.sum())
        places = values[own].argsort(stable=True).argsort()
        out[own] = (places.to(wide) + 1) / max(count, 1)
    return out


def nearly_constant(values: Tensor) -> bool:
    """Whether a map is the same everywhere, up to a thousandth of its size: it says nothing."""
    if values.numel() < 2:
        return False
    low, high = torch.aminmax(values.to(widest(values.device)))
    return bool(high - low <= _NEARLY * torch.maximum(high.abs(), low.abs()))


@singledispatch
def copies(domain: Domain, x: Tensor, members: Sequence[int]) -> tuple[Tensor, Domain]:
    """Some members of a batch, in the given order, as a batch; one may come more than once.

    Args:
        domain: where they live.
        x: their signal.
        members: numbers from 0.
    """
    raise TypeError(
        f"'domain' must be a Grid or a Graph, got {type(domain).__name__}. "
        "Write for example Grid((28, 28))."
    )


@copies.register
def _(domain: Grid, x: Tensor, members: Sequence[int]) -> tuple[Tensor, Domain]:
    return x[send(torch.tensor(list(members)), x.device)], domain


@copies.register
def _(domain: Graph, x: Tensor, members: Sequence[int]) -> tuple[Tensor, Domain]:
    return x[domain.member_nodes(members)], _selected(domain, tuple(members))


def _selected(graph: Graph, members: tuple[int, ...]) -> Graph:
    """`graph.select`, of which the last few are kept, with what layers derive from them.

    An explanation asks for the same copies again for each randomized model.
    """
    largest = int(graph.host_offsets[1][-1])
    if len(members) * largest > _MOST_EDGES or graph.section_of is not None:
        return graph.select(members)
    kept: OrderedDict[tuple[int, ...], Graph] = graph.derived("copies", OrderedDict)
    if members not in kept:
        kept[members] = graph.select(members)
        while len(kept) > _KEPT:
            kept.popitem(last=False)
    kept.move_to_end(members)
    return kept[members]
