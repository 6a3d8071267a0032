"""One layer of a summary: its sizes, its costs and what it sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from gnnvision.summary.reach import Reach

__all__ = ["LayerSummary"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class LayerSummary:
    """One call of one module. Numbers include everything inside it.

    Args:
        name: of the module in the model, dotted; the model's own is "".
        kind: its class.
        settings: what it was made with, in short; of a block's own row, `between`.
        input_shape: of the first tensor that enters; None if it was not called.
        output_shape: of the first tensor that leaves; None if it was not called.
        parameters: the numbers that it holds and no layer before it.
        trainable_parameters: those of them that training changes.
        shared_parameters: numbers that it uses and a layer before it holds.
        macs: multiply-accumulates.
        activation_bytes: of its output; of those of its layers and of what it makes between them
            if it has layers. What runs in place and views make nothing.
        reach: what one number of its output depends on; None if it does not see the input.
        children: the calls within it, in order.
        between: the operations that it runs itself, between its layers.
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
        """The parameters that training leaves as they are."""
        return self.parameters - self.trainable_parameters

    @property
    def receptive_field(self) -> tuple[float, ...] | None:
        """The sites seen along each axis of a grid; `inf` is all of them, `nan` not known."""
        return None if self.reach is None else self.reach.size

    @property
    def jump(self) -> tuple[float, ...] | None:
        """How far apart on the grid of the input two neighboring outputs look."""
        return None if self.reach is None else self.reach.jump

    @property
    def hops(self) -> float | None:
        """The edges to the farthest node seen, at most; `inf` is the whole graph."""
        return None if self.reach is None else self.reach.hops

    def rows(self, depth: int | None = None) -> Iterator[LayerSummary]:
        """The layers that a table shows; their numbers add up to those of this one.

        Args:
            depth: how many levels of blocks to open; all if not given.
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
        """What a block holds and does between its layers."""
        counts = {
            name: getattr(self, name) - sum(getattr(child, name) for child in self.children)
            for name in COUNTS
        }
        return replace(self, children=(), settings=self.between, **counts)

    def to_dict(self) -> dict[str, Any]:
        """The row as plain values, without `children`."""
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
