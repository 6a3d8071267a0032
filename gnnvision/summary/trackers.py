"""Bookkeeping of receptive fields while a network is traced."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any, Generic, TypeVar

from torch import Tensor, nn
from torch._ops import OpOverload

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.errors import wrong_type
from gnnvision.summary.field import Field, joined
from gnnvision.summary.hops import Hops
from gnnvision.summary.memory import copied, memory, part_of
from gnnvision.summary.reach import Reach, tensors_in
from gnnvision.summary.rows import hops_after, hops_of_layer
from gnnvision.summary.rules import field_after

__all__ = ["Tracker", "tracker"]

Seen = TypeVar("Seen", Field, Hops)


class Tracker(ABC, Generic[Seen]):
    """The receptive fields of all tensors so far; a tensor without an entry has none.

    Tensors are identified by identity, so that each is kept until the end.
    """

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Tensor, Seen]] = {}

    def seen(self, value: object) -> Seen | None:
        """The receptive fields of a tensor."""
        entry = self._seen.get(id(value))
        return None if entry is None else entry[1]

    def see(self, tensor: Tensor, seen: Seen) -> None:
        """Store the receptive fields of a tensor."""
        self._seen[id(tensor)] = (tensor, seen)

    @abstractmethod
    def begin(self, x: Tensor) -> None:
        """Register `x` as the input, whose sites depend on themselves."""

    @abstractmethod
    def operation(
        self, func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], out: object
    ) -> None:
        """Register `out` as the result of a torch operation."""

    def layer(self, module: nn.Module, args: Sequence[Any], out: object) -> None:
        """Register `out` as the output of a layer."""

    @abstractmethod
    def reach(self, tensor: Tensor) -> Reach | None:
        """The receptive field of a tensor as a `Reach`."""


class GridTracker(Tracker[Field]):
    """Receptive fields, by a rule for each operation.

    Args:
        grid: of the input.
    """

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.grid = grid
        self._written: dict[int, list[tuple[Tensor, Field]]] = {}
        self._known: dict[int, int] = {}

    def begin(self, x: Tensor) -> None:
        """Register the input images."""
        self.see(x, Field.of_input(x.shape))

    def operation(
        self, func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], out: object
    ) -> None:
        """See `field_after`."""
        given = named(func, args, kwargs)
        results = tensors_in(out)
        given["pieces"] = [tensor.shape for tensor in results]
        for position, tensor in enumerate(results):
            given["position"] = position
            field = field_after(func, given, self.seen, tensor.shape)
            if field is not None:
                if func._schema.is_mutable and (place := memory(tensor)) is not None:
                    for source in tensors_in(args):
                        if source is not tensor and memory(source) == place:
                            field = copied(field, source, tensor)
                    self._written.setdefault(place, []).append((tensor, field))
                self.see(tensor, field)

    def see(self, tensor: Tensor, seen: Field) -> None:
        """Store the field of a tensor, merged with fields written to its storage before."""
        super().see(tensor, seen)
        self._known[id(tensor)] = len(self._written.get(memory(tensor) or 0, []))

    def seen(self, value: object) -> Field | None:
        """The field of a tensor, including what was written through other views."""
        if not isinstance(value, Tensor):
            return None
        own = super().seen(value)
        later = self._written.get(memory(value) or 0, [])[self._known.get(id(value), 0) :]
        fields = [part_of(field, tensor, value) for tensor, field in later if tensor is not value]
        if not fields:
            return own
        fields = [field.all_settled() for field in fields + ([own] if own else [])]
        if any(field.dims is None for field in fields):
            return fields[0].lost()
        places = [[f.dims[dim] for f in fields if f.dims] for dim in range(value.ndim)]
        return joined(fields, places, value.shape)

    def reach(self, tensor: Tensor) -> Reach | None:
        """The receptive field of a tensor as a `Reach`, with that of each value."""
        field = self.seen(tensor)
        if field is None:
            return None
        field = field.all_settled()
        size, jump, first = zip(*((a.size, a.jump, a.first) for a in field.axes), strict=True)
        return Reach(size, jump, first, sight=field)


class GraphTracker(Tracker[Hops]):
    """Hops, by a rule for each operation and for some layers."""

    def begin(self, x: Tensor) -> None:
        """Register the input signal."""
        self.see(x, Hops.of_input(x.shape[0]))

    def operation(
        self, func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], out: object
    ) -> None:
        """See `hops_after`."""
        given = named(func, args, kwargs)
        for tensor in tensors_in(out):
            hops = hops_after(func, given, self.seen, tensor.shape)
            if hops is not None:
                self.see(tensor, hops)

    def layer(self, module: nn.Module, args: Sequence[Any], out: object) -> None:
        """See `hops_of_layer`."""
        for tensor in tensors_in(out):
            hops = hops_of_layer(module, args, self.seen, tensor.shape[0] if tensor.ndim else 1)
            if hops is not None:
                self.see(tensor, hops)

    def reach(self, tensor: Tensor) -> Reach | None:
        """The receptive field of a tensor as a `Reach`, with that of each row."""
        hops = self.seen(tensor)
        return None if hops is None else Reach(hops=hops.reach, sight=hops)


def named(func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an operation by name, the signal first."""
    names = (argument.name for argument in func._schema.arguments)
    return dict(zip(names, args, strict=False)) | dict(kwargs)


@singledispatch
def tracker(domain: Domain) -> Tracker[Any]:
    """A tracker for a domain."""
    raise wrong_type("domain", "be a Grid or a Graph", domain, "Use for example Grid((28, 28)).")


@tracker.register
def _(domain: Grid) -> Tracker[Field]:
    return GridTracker(domain)


@tracker.register
def _(domain: Graph) -> Tracker[Hops]:
    return GraphTracker()
