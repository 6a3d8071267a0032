"""What each tensor of a traced network sees of the input, kept while it runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch._ops import OpOverload

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.layers import GraphPool, Readout
from gnnvision.summary.field import Field, larger
from gnnvision.summary.hops import Hops
from gnnvision.summary.reach import Reach, tensors_in
from gnnvision.summary.rules import field_after

__all__ = ["Tracker", "tracker"]

Seen = TypeVar("Seen", Field, Hops)
BAGS = ("aten::_embedding_bag", "aten::_embedding_bag_forward_only")


def _memory(tensor: Tensor) -> int | None:
    return tensor.untyped_storage()._cdata if tensor.layout is torch.strided else None


def _begins(tensor: Tensor) -> list[int]:
    """Where a part of a memory begins along each dimension."""
    left, begins = int(tensor.storage_offset()), [0] * tensor.ndim
    for dim in sorted(range(tensor.ndim), key=tensor.stride, reverse=True):
        if stride := tensor.stride(dim):
            begins[dim], left = divmod(left, stride)
    return begins


class Tracker(ABC, Generic[Seen]):
    """What is seen by the tensors met so far; a tensor without an entry does not see the input.

    Tensors are told apart by identity, so each is kept until the end.
    """

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Tensor, Seen]] = {}

    def seen(self, value: object) -> Seen | None:
        """What a tensor sees."""
        entry = self._seen.get(id(value))
        return None if entry is None else entry[1]

    def see(self, tensor: Tensor, seen: Seen) -> None:
        """Write down what a tensor sees."""
        self._seen[id(tensor)] = (tensor, seen)

    @abstractmethod
    def begin(self, x: Tensor) -> None:
        """`x` is the input: each of its sites sees itself."""

    @abstractmethod
    def operation(
        self, func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], out: object
    ) -> None:
        """`out` was made by an operation of the framework."""

    def layer(self, module: nn.Module, args: Sequence[Any], out: object) -> None:
        """`out` was made by a layer."""

    @abstractmethod
    def reach(self, tensor: Tensor) -> Reach | None:
        """The same for people."""


class GridTracker(Tracker[Field]):
    """Receptive fields, by a rule for each operation.

    Args:
        grid: of the input.
    """

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.grid = grid
        self._written: dict[int, Field] = {}

    def begin(self, x: Tensor) -> None:
        """Each pixel sees itself."""
        self.see(x, Field.of_input(x.shape))

    def operation(
        self, func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], out: object
    ) -> None:
        """See `field_after`."""
        schema = func._schema
        names = [argument.name for argument in schema.arguments]
        given = dict(zip(names, args, strict=False)) | dict(kwargs)
        results = tensors_in(out)
        given["pieces"] = [tensor.shape for tensor in results]
        for position, tensor in enumerate(results):
            given["position"] = position
            field = field_after(schema.name, given, self.seen, tensor.shape)
            if field is not None:
                self.see(tensor, field)
                if schema.is_mutable:
                    self._write(tensor, field, args)

    def _write(self, tensor: Tensor, field: Field, args: Sequence[Any]) -> None:
        """What a memory sees of which `tensor` may be a part, unless it was copied within it."""
        place = _memory(tensor)
        others = (_memory(t) for t in tensors_in(args) if t is not tensor)
        if place is None or place in others:
            return
        for dim, begin in enumerate(_begins(tensor)):
            field = field.resized(dim, tensor.shape[dim], begin)
        before = self._written.get(place)
        together = [field] if before is None else [before, field]
        self._written[place] = larger(together, field.dims)

    def seen(self, value: object) -> Field | None:
        """The field of a tensor, or of what was written into its memory through a part of it."""
        field = super().seen(value)
        if field is not None or not self._written or not isinstance(value, Tensor):
            return field
        written = self._written.get(_memory(value) or 0)
        if written is None or written.dims is None or len(written.dims) != value.ndim:
            return written
        for dim, begin in enumerate(_begins(value)):
            written = written.resized(dim, value.shape[dim], -begin)
        return written

    def reach(self, tensor: Tensor) -> Reach | None:
        """Sizes and jumps."""
        field = self.seen(tensor)
        return None if field is None else Reach(size=field.size, jump=field.jump)


class GraphTracker(Tracker[Hops]):
    """Hops: one more for each product with an operator on the nodes."""

    def begin(self, x: Tensor) -> None:
        """Each node sees itself."""
        self.see(x, Hops())

    def operation(
        self, func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], out: object
    ) -> None:
        """The most of all arguments; one further where rows of nodes are gathered."""
        known = [s for t in tensors_in([args, kwargs]) if (s := self.seen(t)) is not None]
        if not known:
            return
        seen = Hops(max(s.reach for s in known), max(s.across for s in known))
        # A sparse signal gathers rows of weights in the same way, which is no step to a neighbour.
        if func._schema.name in BAGS and self.seen(args[0]) is not None:
            seen = seen.received()
        for tensor in tensors_in(out):
            self.see(tensor, seen)

    def layer(self, module: nn.Module, args: Sequence[Any], out: object) -> None:
        """Pooling and readout have rules of their own."""
        if not isinstance(module, (GraphPool, Readout)):
            return
        before = next(s for t in tensors_in(args) if (s := self.seen(t)) is not None)
        after = before.pooled(module) if isinstance(module, GraphPool) else before.everything()
        for tensor in tensors_in(out):
            self.see(tensor, after)

    def reach(self, tensor: Tensor) -> Reach | None:
        """Hops alone."""
        hops = self.seen(tensor)
        return None if hops is None else Reach(hops=hops.reach)


@singledispatch
def tracker(domain: Domain) -> Tracker[Any]:
    """The bookkeeping for a domain."""
    raise TypeError(
        f"'domain' must be a Grid or a Graph, got {type(domain).__name__}. "
        "Write for example Grid((28, 28))."
    )


@tracker.register
def _(domain: Grid) -> Tracker[Field]:
    return GridTracker(domain)


@tracker.register
def _(domain: Graph) -> Tracker[Hops]:
    return GraphTracker()
