"""What each tensor of a traced network sees of the input, kept while it runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from math import isinf, isnan
from typing import Any, Generic, TypeVar

from torch import Tensor, nn
from torch._ops import OpOverload

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.layers import GraphPool, Readout
from gnnvision.summary.field import Field
from gnnvision.summary.hops import Hops
from gnnvision.summary.rules import field_after

__all__ = ["Reach", "Tracker", "tensors_in", "tracker"]

Seen = TypeVar("Seen", Field, Hops)
BAGS = ("aten::_embedding_bag", "aten::_embedding_bag_forward_only")


@dataclass(frozen=True)
class Reach:
    """What one number of a signal depends on.

    Args:
        size: on a grid, the sites seen along each axis; `inf` is all of them, `nan` not known.
        jump: on a grid, how far apart on the input two neighbouring numbers look.
        hops: on a graph, the edges to the farthest node seen, at most; `inf` is the whole graph.
    """

    size: tuple[float, ...] | None = None
    jump: tuple[float, ...] | None = None
    hops: float | None = None

    def __str__(self) -> str:
        if self.hops is not None:
            if isinf(self.hops):
                return "the graph"
            return f"{number(self.hops)} hop{'s' * (self.hops != 1)}"
        sizes = self.size or ()
        if all(isinf(size) for size in sizes):
            return "everything"
        return " × ".join("all" if isinf(size) else number(size) for size in sizes)

    @property
    def step(self) -> str:
        """The jump for people; nothing where all is seen."""
        pairs = zip(self.jump or (), self.size or (), strict=True)
        each = [number(jump) for jump, size in pairs if not isinf(size)]
        return each[0] if len(set(each)) == 1 else " × ".join(each)


def number(value: float) -> str:
    """A count as it is read: "3", "0.5", "?" where it is not known."""
    return "?" if isnan(value) else f"{value:,.4g}" if value % 1 else f"{value:,.0f}"


def tensors_in(value: object) -> list[Tensor]:
    """The tensors in nested tuples, lists and mappings, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [tensor for part in value for tensor in tensors_in(part)]
    return []


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
        for tensor in tensors_in(out):
            field = field_after(schema.name, given, self.seen, tensor.shape)
            if field is not None:
                self.see(tensor, field)

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
