"""The summary of a whole network: its layers in order, and their totals."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Any

from gnnvision.domains import Domain
from gnnvision.errors import integer
from gnnvision.summary.layer import LayerSummary, Shape

__all__ = ["Summary"]


@dataclass(frozen=True)
class Summary:
    """The summary of a network on a domain, as returned by `gnnvision.summary`.

    `print` shows a table, and so do notebooks.

    Args:
        network: the summary of the model, with its layers as children.
        domain: of the signal.
        input_shape: of the signal.
        parameter_bytes: the memory of the parameters.
        depth: how many levels of nested modules `layers` shows; all if None.
    """

    network: LayerSummary
    domain: Domain
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
        return Summary(
            self.network, self.domain, self.input_shape, self.parameter_bytes, checked_depth(depth)
        )

    def rows(self) -> list[dict[str, Any]]:
        """The layers as dictionaries of plain values, for a table or a CSV file."""
        return [layer.to_dict() for layer in self.layers]

    def to_dict(self) -> dict[str, Any]:
        """The whole summary as plain values, for JSON."""
        return {
            "kind": self.network.kind,
            "domain": repr(self.domain),
            "input_shape": list(self.input_shape),
            "output_shape": None if self.output_shape is None else list(self.output_shape),
            "total_parameters": self.total_parameters,
            "trainable_parameters": self.trainable_parameters,
            "total_macs": self.total_macs,
            "activation_bytes": self.activation_bytes,
            "parameter_bytes": self.parameter_bytes,
            "layers": self.rows(),
        }

    def to_text(self, width: int | None = None) -> str:
        """The table as plain text.

        Args:
            width: in characters; that of the terminal if not given.
        """
        from gnnvision.summary.table import text

        return text(self, width or shutil.get_terminal_size((100, 24)).columns)

    def to_html(self) -> str:
        """The table as an HTML element without styles."""
        from gnnvision.summary.table import html

        return html(self)

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return self.to_html()


def checked_depth(depth: int | None) -> int | None:
    """Check a number of levels.

    Raises:
        TypeError: if it is neither an integer nor None.
        ValueError: if it is negative.
    """
    if depth is None:
        return None
    integer("depth", depth, 0, "Use 0 for a single row.")
    return depth
