"""What a torch operation does to a probe, by its tags, the names of its arguments and its effect.

There is no rule for each operation. An operation works on each value alone, has a window (a
kernel and a stride), multiplies matrices, adds rows to others by their indices, copies values, or
sums along a dimension; after any other, the probe is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

from gnnvision.inspect.moves import compact, lines, sources
from gnnvision.inspect.probe import Probe, Seen, aligned
from gnnvision.inspect.reach import tensors_in

__all__ = ["operation"]

# Of these torch does not say itself that they work on each value alone.
ALONE = {"clone", "copy", "_to_copy", "dropout", "native_dropout", "masked_fill", "hardswish"}
ALONE |= {"_prelu_kernel", "log_sigmoid_forward", "lift_fresh", "_to_dense", "_coalesce", "_conj"}
PRODUCTS = {"mm", "addmm", "bmm", "baddbmm"}
PLACES = {"_indices", "indices", "crow_indices", "col_indices"}
SCALES = ("output_size", "scales", "scales_h", "scales_d", "upscale_factor", "downscale_factor")
Given = Mapping[str, Any]


def operation(probe: Probe, func: Any, args: Sequence[Any], kwargs: Given, out: object) -> None:  # noqa: ANN401
    """Set the probes of the results of a torch operation."""
    names = (argument.name for argument in func._schema.arguments)
    given = dict(zip(names, args, strict=False)) | dict(kwargs)
    name = func._schema.name.removeprefix("aten::").removesuffix("_")
    blank = name.startswith("new_") or name.endswith("_like") or name in PLACES
    read = given["src"] if name == "copy" else given
    inputs = [] if blank else [t for t in tensors_in(read) if probe.seen(t) is not None]
    for position, tensor in enumerate(tensors_in(out)):
        shared = probe.is_known(tensor)
        if shared and (torch.Tag.inplace_view in func.tags or not func._schema.is_mutable):
            continue  # a view
        seen = None
        if inputs and tensor.numel():
            effect = _Effect(probe, func, (args, dict(kwargs)), given, inputs, tensor, position)
            seen = effect.seen(name)
        probe.see(tensor, _copied(probe, seen, given, tensor) if shared and seen else seen)


class _Effect:
    """One result of an operation on some inputs that depend on the signal."""

    def __init__(
        self,
        probe: Probe,
        func: Any,  # noqa: ANN401
        arguments: tuple[Sequence[Any], dict[str, Any]],
        given: Given,
        inputs: Sequence[Tensor],
        out: Tensor,
        position: int,
    ) -> None:
        self.probe, self.func, self.arguments, self.given = probe, func, arguments, given
        self.inputs, self.out, self.position = inputs, out, position
        self.seens = [seen for t in inputs if (seen := probe.seen(t)) is not None]

    def seen(self, name: str) -> Seen:
        """The probe of the result."""
        probe, given, x, first = self.probe, self.given, self.inputs[0], self.seens[0]
        ndim = self.out.ndim
        if torch.Tag.pointwise in self.func.tags or name in ALONE:
            return probe.joined(self.seens, ndim)
        if "kernel_size" in given or ("weight" in given and "stride" in given):
            return self._window(name)
        if "pad" in given and "value" in given:
            for dim, before in enumerate(given["pad"][::2], 1):
                sites = torch.arange(self.out.shape[-dim])[:, None] - before
                first = probe.read(first, ndim - dim, x.shape[-dim], ndim, sites)
            return first
        if (links := self._links(name)) is not None:
            # The first result has these rows; others say how the operation went.
            each = [] if self.position else [self._stepped(*link) for link in links]
            return probe.joined(each, ndim) if each else first.unknown()
        if name in PRODUCTS:
            return self._product()
        if "normalized_shape" in given:
            return probe.mixed(first, range(-len(given["normalized_shape"]), 0), ndim)
        if "running_mean" in given:
            return probe.mixed(first, [0, *range(2, ndim)] if given.get("training") else [], ndim)
        if "group" in given:
            return probe.mixed(first, range(1, ndim), ndim)
        if "tensors" in given and self._is_constant(given.get("dim", 0) % ndim):
            return probe.joined(self.seens, ndim)
        if (moved := self._moved()) is not None:
            return self._resized(moved)
        if "dim" in given or "dims" in given or self.out.numel() == 1:
            dims = given.get("dim", given.get("dims"))
            dims = [dims] if isinstance(dims, int) else dims or list(range(x.ndim))
            whole = probe.mixed(first, dims, x.ndim)
            if ndim == x.ndim:
                return whole
            gone = [dim % x.ndim + 1 for dim in dims]
            return whole.with_parts(lambda _, part: part.squeeze(gone), x.ndim)
        if len(self.inputs) == 1 and ndim == x.ndim > 2 and not given.keys().isdisjoint(SCALES):
            return self._measured()
        return first.unknown()

    def _is_constant(self, dim: int) -> bool:
        """Whether the inputs do not vary along a dimension of the result, which they have too."""
        ndim = self.out.ndim
        parts = [aligned(part, ndim) for seen in self.seens for part in seen.parts]
        alike = all(part.shape[dim + 1] == 1 for part in parts)
        return alike and all(t.ndim == ndim for t in self.inputs)

    def _window(self, name: str) -> Seen:
        """A convolution, which may be transposed, or a pooling."""
        given, x, out = self.given, self.inputs[0], self.out
        seen, ndim = self.probe.joined(self.seens, out.ndim), out.ndim
        kernel = given["weight"].shape[2:] if "weight" in given else given["kernel_size"]
        count = len(kernel)
        if "weight" in given:
            seen = self.probe.mixed(seen, [ndim - count - 1], ndim)

        def each(key: str, default: object) -> list[Any]:
            values = given.get(key) or default
            values = list(values) if isinstance(values, (list, tuple)) else [values]
            return values * count if len(values) == 1 else values

        lists = (each("stride", kernel), each("padding", 0), each("dilation", 1))
        for dim, (k, s, p, d) in enumerate(zip(kernel, *lists, strict=True), ndim - count):
            outputs, taps = torch.arange(out.shape[dim])[:, None], torch.arange(k) * d
            size, valid, stride = x.shape[dim], None, float(s)
            sites = outputs * s - p + taps
            if given.get("transposed"):  # an input at i goes to s i - p + d t
                valid, stride = (outputs + p - taps) % s == 0, 1 / s
                sites = (outputs + p - taps).div(s, rounding_mode="floor")
            seen = self.probe.read(seen, dim, size, ndim, sites, stride, valid)
        return seen

    def _product(self) -> Seen:
        """A (*, M, K) and B (*, K, N), and what is added."""
        tensors = [t for t in self.given.values() if isinstance(t, Tensor)]
        ndim, each = self.out.ndim, []
        for tensor, dims in zip(tensors[-2:], ((-1,), (-2,)), strict=True):
            if (seen := self.probe.seen(tensor)) is not None:
                each.append(self.probe.mixed(seen, dims, ndim))
        if len(tensors) > 2 and (added := self.probe.seen(tensors[0])) is not None:
            each.append(added)
        return self.probe.joined(each, ndim)

    def _links(self, name: str) -> list[tuple[Tensor, Tensor, Tensor]] | None:
        """The rows that each row adds up: (tensor, rows, cols); None if it does not.

        Rows are those of a sparse matrix, of a bag of embeddings, or at an index.
        """
        given, seen = self.given, self.probe.seen
        pairs: list[tuple[Any, Tensor | None, Tensor | None]] = []
        index = given.get("index")
        if any(isinstance(given.get(name), FakeTensor) for name in ("offsets", "lengths")):
            return []
        if "offsets" in given and "per_sample_weights" in given:
            bags = torch.bucketize(
                torch.arange(len(given["indices"])), given["offsets"].long(), right=True
            )
            pairs = [(given["weight"], bags - 1, given["indices"])]
            pairs += [(given["per_sample_weights"], bags - 1, None)]
        elif "lengths" in given and "reduce" in given:
            runs = torch.arange(len(given["lengths"])).repeat_interleave(given["lengths"])
            pairs = [(given["data"], runs, None)]
        elif name in ("_values", "values"):
            by_row = self.inputs[0].layout is torch.sparse_csr
            x = self.inputs[0].to_sparse_coo() if by_row else self.inputs[0]
            pairs = [(self.inputs[0], None, x._indices()[0])]
        elif name in (*PRODUCTS, "_sparse_mm") and (matrix := self._sparse()) is not None:
            rows, cols = matrix.to_sparse_coo().coalesce().indices()
            pairs = [(self.inputs[-1], rows, cols)]
        elif isinstance(index, Tensor) and "dim" in given and {"src", "source"} & given.keys():
            source = given.get("src", given.get("source"))
            if index.ndim == 2 and index.shape[1] and index.stride(1) == 0:
                index = index[:, 0]  # the same row for all channels
            if given["dim"] % self.out.ndim or index.ndim != 1:
                return []
            pairs = [(source, index, None)]
            if seen(given["self"]) is not None:
                pairs.append((given["self"], None, None))
        else:
            return None
        out = []
        for tensor, rows, cols in pairs:
            if isinstance(rows, FakeTensor) or isinstance(cols, FakeTensor):
                return []
            if seen(tensor) is not None:
                some = next((index for index in (rows, cols) if index is not None), tensor)
                each = torch.arange(len(some))
                out.append(
                    (tensor, each if rows is None else rows, each if cols is None else cols)
                )
        return out

    def _stepped(self, tensor: Tensor, rows: Tensor, cols: Tensor) -> Seen:
        """The probe of sums of rows, in the dimensions of the result."""
        seen, ndim = self.probe.seen(tensor), self.out.ndim
        assert seen is not None
        after = self.probe.stepped(seen, tensor.shape, rows, cols, self.out.shape[0])
        if tensor.ndim > ndim:
            after = self.probe.mixed(after, range(ndim, tensor.ndim), tensor.ndim)
        if tensor.ndim == ndim:
            return after
        shape = (self.out.shape[0], *(1,) * (ndim - 1))
        return after.with_parts(lambda _, part: part.reshape(len(part), *shape), tensor.ndim)

    def _sparse(self) -> Tensor | None:
        """The matrix of a sparse product."""
        unseen = (t for t in tensors_in(self.given) if self.probe.seen(t) is None)
        return next((t for t in unseen if t.layout is not torch.strided), None)

    def _moved(self) -> Seen | None:
        """An operation that copies values."""
        sizes = [self._varying(t) for t in self.inputs]
        pairs = list(zip(self.inputs, sizes, strict=True))
        found = sources(self.func, self.arguments, pairs, self.out, self.position)
        if found is None:
            return None
        shapes, number = found
        lists = list(zip(self.inputs, self.seens, shapes, strict=True))
        parts = []
        for axis in range(len(self.seens[0].parts)):
            flat = [
                aligned(s.parts[axis], t.ndim).expand(-1, *shape).flatten(1)
                for t, s, shape in lists
            ]
            table = torch.cat([*flat, flat[0].new_full((len(flat[0]), 1), self.probe.nothing)], 1)
            parts.append(compact(table[:, number]))
        return self._rolled(self.seens[0].moved(parts))

    def _varying(self, tensor: Tensor) -> list[int]:
        """The shape of a tensor, with size 1 where its probe is constant."""
        seen = self.probe.seen(tensor)
        assert seen is not None
        parts = [aligned(part, tensor.ndim) for part in seen.parts]
        return [max(part.shape[dim + 1] for part in parts) for dim in range(tensor.ndim)]

    def _rolled(self, seen: Seen) -> Seen:
        """Sites that come back at the other end of a cyclic shift are continued there."""
        given, probe = self.given, self.probe
        if "shifts" not in given or not given.get("dims") or probe.as_flow or not probe.on_grid:
            return seen
        for dim, shift in zip(given["dims"], given["shifts"], strict=True):
            size = self.out.shape[dim]
            turns = (torch.arange(size) - shift).div(size, rounding_mode="floor") * size
            seen = _shifted(seen, dim % self.out.ndim, self.out.ndim, turns)
        return seen

    def _measured(self) -> Seen:
        """An interpolation or an adaptive pooling, by lines of NaN."""
        x, out, seen = self.inputs[0], self.out, self.seens[0]
        for dim in range(2, x.ndim):
            found = lines(self.func, self.arguments, x, out, dim, self.position)
            if found is None:
                return seen.unknown()
            if out.shape[dim] == 1 and x.shape[dim] > 1:
                seen = self.probe.mixed(seen, [dim], x.ndim)
            elif out.shape[dim] != x.shape[dim]:
                most = int(found.sum(1).max())
                sites = found.int().argsort(dim=1, descending=True, stable=True)[:, :most]
                seen = self.probe.read(
                    seen, dim, x.shape[dim], x.ndim, sites, 1.0, found.gather(1, sites)
                )
        return self._resized(seen)

    def _resized(self, seen: Seen) -> Seen:
        """The jump after an operation that scales an image."""
        x, out, count = self.inputs[0], self.out, len(seen.jump)
        if x.ndim != out.ndim or out.ndim < count or self.given.keys().isdisjoint(SCALES):
            return seen
        jump = list(seen.jump)
        for dim in range(x.ndim - count, x.ndim):
            axis, n, m = dim - x.ndim + count, x.shape[dim], out.shape[dim]
            if m > 1 and self._varying(x)[dim] == n:
                jump[axis] *= n / m
        return replace(seen, jump=tuple(jump))


def _shifted(seen: Seen, dim: int, ndim: int, sites: Tensor) -> Seen:
    """The probe with the sites along one dimension moved by some sites."""
    moves = (
        torch.stack([-sites, sites]).double().view(2, *(1,) * dim, -1, *(1,) * (ndim - 1 - dim))
    )

    def change(axis: int, part: Tensor) -> Tensor:
        single = len(sites) == 1 and axis == dim - ndim + len(seen.jump)
        lies_here = part.shape[dim + 1] > 1 or single
        return part + moves * seen.jump[axis] if lies_here else part

    return seen.with_parts(change, ndim)


def _copied(probe: Probe, seen: Seen, given: Given, target: Tensor) -> Seen:
    """Sites that are copied within a memory, as in circular padding, are continued there."""
    source = given.get("src")
    if probe.as_flow or not probe.on_grid or not isinstance(source, Tensor):
        return seen
    if source is target or source.ndim != target.ndim or not probe.is_known(source):
        return seen
    if source.untyped_storage()._cdata != target.untyped_storage()._cdata:
        return seen
    ends = [int(t.storage_offset()) for t in (source, target)]
    for dim in sorted(range(target.ndim), key=target.stride, reverse=True):
        stride = target.stride(dim) or 1
        apart, ends = ends[0] // stride - ends[1] // stride, [end % stride for end in ends]
        seen = _shifted(seen, dim, target.ndim, torch.tensor([-apart])) if apart else seen
    return seen
