"""The summary of a whole network: its layers in order, and their totals."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import Any

from gnnvision._html import bars, card
from gnnvision.domains import Domain
from gnnvision.errors import integer
from gnnvision.inspect.layer import LayerSummary, Shape
from gnnvision.inspect.table import HEAD, amount, cells, html, in_bytes, shape_text, text

__all__ = ["Summary"]


@dataclass(frozen=True)
class Summary:
    """The summary of a network, as returned by `gnnvision.summary`; `print` shows a table.

    Args:
        network: the summary of the model, with its layers as children.
        domain: of the signal; None if there is none.
        input_shape: of the first input tensor.
        parameter_bytes: the memory of the parameters.
        depth: how many levels of nested modules `layers` shows; all if None.
    """

    network: LayerSummary
    domain: Domain | None
    input_shape: Shape
    parameter_bytes: int
    depth: int | None = None

    @property
    def layers(self) -> tuple[LayerSummary, ...]:
        """The rows of the table, in execution order; they sum to the totals."""
        return tuple(self.network.rows(self.depth))

    @property
    def output_shape(self) -> Shape | None:
        """The shape of the first output tensor of the network."""
        return self.network.output_shape

    @property
    def total_parameters(self) -> int:
        """The number of parameters."""
        return self.network.parameters

    @property
    def trainable_parameters(self) -> int:
        """The number of trainable parameters."""
        return self.network.trainable_parameters

    @property
    def total_macs(self) -> int:
        """The multiply-accumulates of one forward pass of the batch."""
        return self.network.macs

    @property
    def activation_bytes(self) -> int:
        """The memory of the outputs of all layers, which training keeps for the backward pass."""
        return self.network.activation_bytes

    def at_depth(self, depth: int | None) -> Summary:
        """The same summary with another number of levels of nested modules.

        Raises:
            TypeError: if `depth` is neither an integer nor None.
            ValueError: if it is negative.
        """
        if depth is not None:
            integer("depth", depth, 0, "Use 0 for a single row.")
        return replace(self, depth=depth)

    def rows(self) -> list[dict[str, Any]]:
        """The layers as dictionaries of plain values, for a table or a CSV file."""
        return [layer.to_dict() for layer in self.layers]

    def cells(self) -> list[tuple[str, ...]]:
        """The cells of the table as text, the totals in the last row."""
        total = (f"{self.total_parameters:,}", amount(self.total_macs))
        last = ("Total", "", "", shape_text(self.output_shape), *total)
        return [*map(cells, self.layers), (*last, in_bytes(self.activation_bytes), "", "")]

    def to_dict(self) -> dict[str, Any]:
        """The whole summary as plain values, for JSON."""
        out = None if self.output_shape is None else list(self.output_shape)
        values = {"kind": self.network.kind, "domain": repr(self.domain)}
        values |= {"input_shape": list(self.input_shape), "output_shape": out}  # type: ignore[dict-item]
        names = ("total_parameters", "trainable_parameters", "total_macs", "activation_bytes")
        counts = {name: getattr(self, name) for name in (*names, "parameter_bytes")}
        return values | counts | {"layers": self.rows()}

    @property
    def title(self) -> str:
        """The title: the model, its domain and the input shape."""
        where = "" if self.domain is None else f" on {self.domain!r}"
        return f"{self.network.kind}{where}, input {shape_text(self.input_shape)}"

    @property
    def notes(self) -> str:
        """The totals as a sentence."""
        frozen = self.total_parameters - self.trainable_parameters
        return (
            f"Parameters {self.total_parameters:,} ({in_bytes(self.parameter_bytes)}), "
            f"{self.trainable_parameters:,} trainable{f', {frozen:,} frozen' if frozen else ''}; "
            f"multiply-accumulates {amount(self.total_macs)}; "
            f"memory of all layer outputs {in_bytes(self.activation_bytes)}."
        )

    def to_text(self, width: int | None = None) -> str:
        """The table as plain text, `width` characters wide; by default as the terminal."""
        width = width or shutil.get_terminal_size((100, 24)).columns
        return text(self.title, self.cells(), self.notes, width)

    def to_html(self) -> str:
        """The table as an HTML element without styles."""
        return html(self.title, self.cells(), self.notes)

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        """A short table and a bar of the parameters of each layer, for notebooks."""
        rows = self.cells()
        chosen = [HEAD.index(name) for name in ("Layer", "Type", "Output", "Parameters", "MACs")]
        drawing = bars({row.name or row.kind: row.parameters for row in self.layers})
        short = [[row[place] for place in chosen] for row in rows]
        return card(self.title, short, drawing, [HEAD[place] for place in chosen])
