"""The probe of a network: for each tensor, the input sites that each of its values depends on.

While a network runs on tensors without values, a small signal runs with each of them. It has
the first and the last input site of each value along each axis, which merge by maximum; or a
flow, which starts with a positive number at each input site and adds up, and whose gradient is
the receptive field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from math import inf, isnan, nan
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._mode_utils import no_dispatch

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.inspect.moves import compact, stride_of, viewed, written
from gnnvision.inspect.reach import Mask, Reach

__all__ = ["Probe", "Seen", "aligned"]


@dataclass(frozen=True, eq=False)
class Seen:
    """The probe of one tensor.

    Args:
        parts: one for each axis of the domain, or a single one for a flow. Its first dimension
            has minus the first site and the one after the last, or the flow; then come the
            dimensions of the tensor, of size 1 where all values are the same.
        jump: along each axis, the distance on the input between the fields of two neighbors.
        hops: the number of steps from site to site.
        across: the largest number of hops between two nodes of one site, which is a cluster.
        fields: on a domain that is neither a grid nor a graph: the input sites that each site
            depends on, as the entries of a sparse matrix; None if unknown.
    """

    parts: tuple[Tensor, ...]
    jump: tuple[float, ...]
    hops: float = 0.0
    across: float = 0.0
    fields: Tensor | None = None

    def with_parts(self, change: Callable[[int, Tensor], Tensor], ndim: int) -> Seen:
        """The same with other parts, from the axis and the part in `ndim` dimensions."""
        parts = [change(axis, aligned(part, ndim)) for axis, part in enumerate(self.parts)]
        return self.moved(parts)

    def moved(self, parts: Sequence[Tensor]) -> Seen:
        """The same with other parts; the fields are unknown if sites were moved or merged."""
        out = replace(self, parts=tuple(parts))
        if self.fields is None or torch.equal(self.parts[0].flatten(), parts[0].flatten()):
            return out
        return replace(out, fields=None)

    def unknown(self) -> Seen:
        """The probe after an operation of unknown effect."""
        lost = tuple(part.new_full((len(part),), nan) for part in self.parts)
        return replace(self, parts=lost, jump=(nan,) * len(self.jump), hops=nan, fields=None)


class Probe:
    """The probes of all tensors so far, stored by the memory of the tensors.

    Args:
        domain: of the signal. On a grid sites are neighbors along axes; if it is none, there is
            one axis, the index.
        as_flow: whether the probe is a flow.
    """

    def __init__(self, domain: Domain, as_flow: bool = False) -> None:
        self.on_grid = isinstance(domain, Grid)
        self.counts = not isinstance(domain, (Grid, Graph))  # the sites of a field
        self.lengths = domain.shape if isinstance(domain, Grid) else (domain.num_sites,)
        self.as_flow = as_flow
        self.sites = domain.num_sites  # of the domain of the innermost layer
        self.nothing = 0.0 if as_flow else -inf
        self.source: Tensor | None = None
        self._memory: dict[int, tuple[Tensor, Seen | None]] = {}

    def begin(self, x: Tensor, layout: Callable[[Tensor], Tensor]) -> None:
        """Set the probe of the input: each site depends on itself.

        Args:
            x: the input.
            layout: from values of the sites to a signal like x. Shape (*lengths).
        """
        count, pairs = len(self.lengths), []
        for axis, length in enumerate(self.lengths):
            place = torch.arange(length, dtype=torch.float64)
            place = place.view(*(1,) * axis, -1, *(1,) * (count - 1 - axis))
            pairs.append([-place, place + 1])
        if self.as_flow:
            # Random, so that values are equal only if they depend on the same sites.
            generator = torch.Generator().manual_seed(0)
            ones = torch.rand(self.lengths, dtype=torch.float64, generator=generator) + 0.5
            self.source = ones.requires_grad_()
            pairs = [[self.source]]
        parts = (torch.stack([layout(value) for value in pair]) for pair in pairs)
        fields = torch.arange(self.sites).expand(2, -1) if self.counts else None
        jump = (1.0,) * count
        self.see(x, Seen(tuple(compact(part) for part in parts), jump, fields=fields))

    @contextmanager
    def computing(self) -> Iterator[None]:
        """A context without dispatch modes, with gradients for a flow."""
        with no_dispatch(), torch.set_grad_enabled(self.as_flow):
            yield

    # --- tensors --------------------------------------------------------------------------------

    def is_known(self, tensor: Tensor) -> bool:
        """Whether the memory of a tensor is known, so that the tensor may be a view."""
        return place_of(tensor) in self._memory

    def seen(self, value: object) -> Seen | None:
        """The probe of a tensor; None if it does not depend on the signal."""
        if not isinstance(value, Tensor):
            return None
        base, seen = self._memory.get(place_of(value), (value, None))
        if seen is None or layout_of(base) == layout_of(value):
            return seen
        out = seen.with_parts(lambda _, part: viewed(part, base, value), base.ndim)
        pairs = zip(seen.parts, out.parts, seen.jump, strict=False)
        steps = (jump * stride_of(aligned(a, base.ndim), b, base, value) for a, b, jump in pairs)
        return out if self.as_flow else replace(out, jump=tuple(steps))

    def see(self, tensor: Tensor, seen: Seen | None) -> None:
        """Set the probe of a tensor, which may be a part of a larger memory."""
        base, before = self._memory.get(place_of(tensor), (tensor, None))
        some = before or seen
        if tensor.numel() >= base.numel():
            base, before = tensor, seen
        elif some is not None:
            blank = [part.new_full((len(part),), self.nothing) for part in some.parts]
            old, new = (blank if s is None else s.parts for s in (before, seen))
            pairs = zip(old, new, strict=True)
            parts = (written(aligned(a, base.ndim), b, base, tensor) for a, b in pairs)
            before = some.moved(list(parts))
        if base is tensor and tensor.layout is torch.strided:
            base = tensor.detach()  # keeps this shape when the tensor is squeezed in place
        self._memory[place_of(tensor)] = (base, before)

    # --- what operations do ---------------------------------------------------------------------

    def joined(self, each: Iterable[Seen], ndim: int) -> Seen:
        """The probe of values that each depend on one value of several tensors."""
        every = list(dict.fromkeys(each))
        if len(every) == 1:
            return every[0]
        pair = torch.add if self.as_flow else torch.maximum
        lists = zip(*(seen.parts for seen in every), strict=True)
        parts = (reduce(pair, [aligned(part, ndim) for part in parts]) for parts in lists)
        jumps = zip(*(seen.jump for seen in every), strict=True)
        return Seen(
            tuple(self.scaled(part) for part in parts),
            tuple(max(jump, key=abs) for jump in jumps),
            float(np.max([seen.hops for seen in every])),  # nan if one is
            float(np.max([seen.across for seen in every])),
            united([seen.fields for seen in every]),
        )

    def scaled(self, part: Tensor) -> Tensor:
        """A flow with values up to 1, so that it stays finite."""
        if not self.as_flow or not part.numel():
            return part
        return part / part.detach().abs().max().clamp(min=1e-100)

    def mixed(self, seen: Seen, dims: Iterable[int], ndim: int) -> Seen:
        """The probe after sums over whole dimensions: the entire input if all sites lie there."""
        where = [dim % ndim + 1 for dim in dims]

        def change(_: int, part: Tensor) -> Tensor:
            if self.as_flow:
                return self.scaled(part.sum(where, keepdim=True))
            out = part.amax(where, keepdim=True)
            varied = any(part.shape[dim] > 1 for dim in where)
            if varied or (self.on_grid and part.numel() == len(part)):
                whole = part.flatten(1).amax(1).view(-1, *(1,) * ndim)
                out = torch.where((out == whole).all(0), inf, out)
            return out

        out = seen.with_parts(change, ndim) if where else seen
        if self.on_grid or self.as_flow:
            return out
        entire = any(bool((part == inf).any()) for part in out.parts)
        return replace(out, hops=inf) if entire else out

    def everything(self, seen: Seen, count: int, ndim: int) -> Seen:
        """The probe of `count` rows that depend on the entire input."""
        shape = (count, *(1,) * (ndim - 1))
        whole = seen.with_parts(lambda _, part: part.new_full((len(part), *shape), inf), ndim)
        return replace(whole, hops=inf)

    def read(
        self,
        seen: Seen,
        dim: int,
        size: int,
        ndim: int,
        sites: Tensor,
        stride: float = 1.0,
        valid: Tensor | None = None,
    ) -> Seen:
        """The probe after each output along a dimension reads some sites.

        Sites in the padding are extrapolated.

        Args:
            seen: before.
            dim: the dimension.
            size: of the input along it.
            ndim: the number of dimensions.
            sites: which each output reads. Shape (outputs, reads).
            stride: the sites from one output to the next.
            valid: the entries of `sites` that count.
        """
        inside = sites.clamp(0, size - 1)
        beyond, jump = (sites - inside)[(...,) + (None,) * (ndim - 1 - dim)], list(seen.jump)

        def change(axis: int, part: Tensor) -> Tensor:
            own = self.as_flow or axis == dim - ndim + len(self.lengths)
            if part.shape[dim + 1] == 1 and not (own and size == 1):
                if own and bool((part == inf).all()):
                    jump[axis] *= stride
                return part  # the axis lies along another dimension, or is seen entirely
            taken = part.index_select(dim + 1, inside.flatten())
            taken = taken.unflatten(dim + 1, sites.shape)
            counts = beyond == 0 if self.as_flow else torch.ones_like(beyond, dtype=torch.bool)
            if valid is not None:
                counts = counts & valid[(...,) + (None,) * (ndim - 1 - dim)]
            if not self.as_flow:
                ends = torch.tensor([-1.0, 1.0], dtype=part.dtype).view(2, *(1,) * (ndim + 1))
                taken = taken + ends * beyond * jump[axis]
                jump[axis] *= stride
            taken = torch.where(counts, taken, self.nothing)
            return self.scaled(taken.sum(dim + 2)) if self.as_flow else taken.amax(dim + 2)

        out = seen.with_parts(change, ndim)
        return replace(out, jump=tuple(jump))

    def stepped(
        self, seen: Seen, shape: Sequence[int], rows: Tensor, cols: Tensor, count: int
    ) -> Seen:
        """The probe of `count` rows that are sums of rows: row rows[e] takes row cols[e].

        On a graph it is a step if a row takes one that belongs to another node.
        """
        rows, cols = rows.long(), cols.long()
        size, ndim = shape[0], len(shape)

        def change(axis: int, part: Tensor) -> Tensor:
            taken = part.expand(-1, size, *part.shape[2:]).index_select(1, cols)
            out = part.new_full((len(part), count, *part.shape[2:]), self.nothing)
            index = rows.view(1, -1, *(1,) * (ndim - 1)).expand_as(taken)
            if self.as_flow:
                return self.scaled(out.scatter_add(1, index, taken))
            return out.scatter_reduce(1, index, taken, "amax")

        out = seen.with_parts(change, ndim)
        if self.on_grid or self.as_flow or isnan(seen.hops):
            return out
        (at,) = (aligned(part, ndim) for part in seen.parts)
        own = at if count == size else None
        moves = bool((rows != cols).any())
        if own is None and count == self.sites:
            own = self.places(count, ndim)
            lost = at.shape[1] == 1
            moves = lost or not torch.equal(at[:, cols].flatten(1), own[:, rows].flatten(1))
        elif own is None:
            moves = len(rows) != count or not torch.equal(rows, torch.arange(count))
        parts = out.parts if own is None else (torch.where(out.parts[0] == inf, inf, own),)
        return replace(out, parts=parts, hops=seen.hops + (seen.across + 1) * moves)

    def places(self, count: int, ndim: int) -> Tensor:
        """The part of rows that are the sites of a domain."""
        sites = torch.arange(count, dtype=torch.float64)
        return torch.stack([-sites, sites + 1]).view(2, count, *(1,) * (ndim - 1))

    # --- results --------------------------------------------------------------------------------

    def reach(self, tensor: Tensor) -> Reach | None:
        """The receptive field of a tensor."""
        seen = self.seen(tensor)
        if seen is None or self.as_flow or not tensor.numel():
            return None
        if self.counts:
            known = nan if seen.fields is None else float(seen.fields[0].bincount().max())
            return Reach(count=inf if seen.hops == inf else known)
        if not self.on_grid:
            lost = any(bool(part.isnan().any()) for part in seen.parts)
            (part,) = (aligned(part, tensor.ndim) for part in seen.parts)
            if part.shape[1] == len(tensor) == self.sites and seen.hops < inf:
                lost |= not torch.equal(
                    *torch.broadcast_tensors(part, self.places(len(tensor), tensor.ndim))
                )
            return Reach(hops=nan if lost else seen.hops)
        size = tuple(float((part[0] + part[1]).max().clamp(min=0)) for part in seen.parts)
        some = [part[0][part[0] != -inf] for part in seen.parts]  # a class token sees nothing
        first = tuple(0.0 - float(part[0]) if len(part) else inf for part in some)
        return Reach(size, seen.jump, first)

    def mask(self, flow: Tensor, index: Sequence[int]) -> Mask | None:
        """The sites from which a flow reaches one value; None if unknown."""
        assert self.source is not None
        flow = aligned(flow, len(index))[0]
        value = flow[tuple(min(i, n - 1) for i, n in zip(index, flow.shape, strict=True))]
        if bool(value.isnan()):
            return None
        if bool(value.isinf()) or not value.requires_grad:
            return np.full(self.lengths, bool(value))
        (slope,) = torch.autograd.grad(value, self.source, retain_graph=True)
        return np.asarray(slope.numpy() != 0)


def aligned(part: Tensor, ndim: int) -> Tensor:
    """A part in as many dimensions as the tensor, without copying."""
    return part.reshape(len(part), *(1,) * (ndim + 1 - part.ndim), *part.shape[1:])


def place_of(tensor: Tensor) -> int:
    """The memory of a tensor."""
    dense = tensor.layout is torch.strided
    return tensor.untyped_storage()._cdata if dense else id(tensor)


def layout_of(tensor: Tensor) -> Any:  # noqa: ANN401
    """The places of the values of a tensor in its memory."""
    if tensor.layout is not torch.strided:
        return id(tensor)
    return tuple(tensor.shape), tensor.stride(), tensor.storage_offset()


def united(fields: Sequence[Tensor | None]) -> Tensor | None:
    """The union of several fields; None if one is unknown."""
    known = [each for each in fields if each is not None]
    return torch.cat(known, 1).unique(dim=1) if len(known) == len(fields) else None
