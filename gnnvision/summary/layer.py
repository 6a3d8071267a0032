"""One layer of a summary: its sizes, costs and receptive field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from gnnvision.summary.reach import Reach

__all__ = ["LayerSummary"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class LayerSummary:
    """The summary of one call of a module. All counts include its children.

    Args:
        name: the dotted name of the module in the model; "" for the model.
        kind: the name of its class.
        settings: its main arguments; for the own row of a block, `between`.
        input_shape: of its first input tensor; None if it was not called.
        output_shape: of its first output tensor; None if it was not called.
        parameters: the number of parameters that no previous layer has.
        trainable_parameters: the number of trainable ones among them.
        shared_parameters: the number of parameters that a previous layer has too.
        macs: multiply-accumulates.
        activation_bytes: the memory of its output, or of the outputs of its children and other
            intermediate results. In-place operations and views need none.
        reach: the receptive field of one output value; None if it does not depend on the input.
        children: the calls inside it, in order.
        between: the operations that it runs itself, between its children.
        was_called: whether it was called.
    """

    name: str
    kind: str
    settings: str = ""
    input_shape: Shape | None = None
    output_shape: Shape | None = None
    parameters: int = 0
    trainable_parameters: int = 0
    shared_parameters: int = 0
    macs: int = 0
    activation_bytes: int = 0
    reach: Reach | None = None
    children: tuple[LayerSummary, ...] = ()
    between: str = ""
    was_called: bool = True

    @property
    def frozen_parameters(self) -> int:
        """The number of frozen parameters."""
        return self.parameters - self.trainable_parameters

    @property
    def receptive_field(self) -> tuple[float, ...] | None:
        """The size along each axis of a grid; `inf` is the entire axis, `nan` unknown."""
        return None if self.reach is None else self.reach.size

    @property
    def jump(self) -> tuple[float, ...] | None:
        """The distance on the input between the receptive fields of two neighboring outputs."""
        return None if self.reach is None else self.reach.jump

    @property
    def hops(self) -> float | None:
        """The maximum number of hops on a graph; `inf` is the entire graph."""
        return None if self.reach is None else self.reach.hops

    def rows(self, depth: int | None = None) -> Iterator[LayerSummary]:
        """The layers that a table shows; their counts sum to those of this one.

        Args:
            depth: how many levels of nested modules to show; all if not given.
        """
        if not self.children or depth == 0:
            yield replace(self, children=())
            return
        for child in self.children:
            yield from child.rows(None if depth is None else depth - 1)
        own = self.own()
        if own.parameters or own.shared_parameters or own.macs or own.activation_bytes:
            yield own

    def own(self) -> LayerSummary:
        """The parameters and operations of a block itself, without its children."""
        counts = {
            name: getattr(self, name) - sum(getattr(child, name) for child in self.children)
            for name in COUNTS
        }
        return replace(self, children=(), settings=self.between, **counts)

    def to_dict(self) -> dict[str, Any]:
        """The layer as plain values, without `children`."""
        values = {name: getattr(self, name) for name in COLUMNS}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


COUNTS = (
    "parameters",
    "trainable_parameters",
    "shared_parameters",
    "macs",
    "activation_bytes",
)
COLUMNS = (
    "name",
    "kind",
    "settings",
    "input_shape",
    "output_shape",
    *COUNTS,
    "receptive_field",
    "jump",
    "hops",
)
