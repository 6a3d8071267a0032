"""One layer of a model, and a list of layers that prints as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import dedent
from typing import TYPE_CHECKING, overload

from torch import Tensor

from gnnvision._renamed import former_attributes
from gnnvision.domains import Domain, Graph

if TYPE_CHECKING:
    from rich.table import Table

    from gnnvision.explain.tokens import Tokens

__all__ = ["Layer", "Layers"]

_HEAD = ("Layer", "Kind", "Output", "Sites")


@former_attributes({"inside": "cluster"})
@dataclass(frozen=True)
class Layer:
    """One layer of a model, or a block of them.

    Args:
        name: its name in the model, for `model.get_submodule`.
        kind: its class.
        shape: the shape of its output.
        domain: the grid or graph of its output; None if it has no sites, as after a readout.
        times: how often it was called; the attributes describe the last call.
        edges_of: the graph whose edges are the sites; None if the sites are nodes.
        channel_dim: the dimension of the output's channels: 1, or -1 for the last.
        cluster: after pooling on a graph, the node of the pooled graph that each input node was
            pooled into, -1 for a dropped node; else None. Shape (N,).
        tokens: the layout of the patches in its output, if that is a sequence of tokens; else
            None.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    domain: Domain | None
    times: int = 1
    edges_of: Graph | None = None
    channel_dim: int = 1
    cluster: Tensor | None = field(default=None, compare=False, repr=False)
    tokens: Tokens | None = field(default=None, compare=False, repr=False)

    @property
    def channels(self) -> int:
        """The number of channels."""
        return self.shape[self.channel_dim]

    def channels_first(self, output: Tensor) -> Tensor:
        """An output of the layer, or a gradient of it, with the channels in dimension 1.

        Tokens are arranged as an image of their patches.
        """
        if self.tokens is not None:
            return self.tokens.on_grid(output)
        return output if self.channel_dim == 1 else output.movedim(self.channel_dim, 1)

    @property
    def sites(self) -> str:
        """The sites as text: "7 × 7", "9 nodes", "16 edges", or "none"."""
        if self.domain is None:
            return "none"
        size = getattr(self.domain, "shape", None)
        if size is not None:
            return " × ".join(map(str, size))
        what = "node" if self.edges_of is None else "edge"
        return f"{self.domain.num_sites:,} {what}{'s' * (self.domain.num_sites != 1)}"

    def __str__(self) -> str:
        return f"{self.name} ({self.kind}), {self.sites}"


class Layers(Sequence[Layer]):
    """The layers of a model in the order in which their calls ended; `print` shows a table.

    Args:
        found: the layers.
    """

    def __init__(self, found: Sequence[Layer]) -> None:
        self._found = tuple(found)

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> Layers: ...
    def __getitem__(self, index: int | slice) -> Layer | Layers:
        found = self._found[index]
        return Layers(found) if isinstance(found, tuple) else found

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._found)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the layers."""
        return tuple(layer.name for layer in self)

    def with_sites(self) -> Layers:
        """The layers whose output has sites, and so has feature maps."""
        return Layers([layer for layer in self if layer.domain is not None])

    def rows(self) -> list[dict[str, str]]:
        """The rows of the table: the text of each cell, by the name of its column."""
        rows = []
        for layer in self:
            kind = layer.kind + (f", called {layer.times} times" if layer.times > 1 else "")
            shape = " × ".join(f"{n:,}" for n in layer.shape)
            rows.append(dict(zip(_HEAD, (layer.name, kind, shape, layer.sites), strict=True)))
        return rows

    def __rich__(self) -> Table:
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in _HEAD:
            side = "right" if name in _HEAD[2:] else "left"
            table.add_column(name, justify=side, overflow="fold")  # type: ignore[arg-type]
        for row in self.rows():
            table.add_row(*row.values())
        return table

    def __str__(self) -> str:
        from rich.console import Console

        console = Console(width=120, no_color=True, highlight=False, markup=False)
        with console.capture() as text:
            console.print(self)
        lines = [line.rstrip() for line in text.get().splitlines()]
        return dedent("\n".join(line for line in lines if line))
