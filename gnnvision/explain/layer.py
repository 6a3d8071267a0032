"""One layer of a model, and a list of layers that prints as a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import dedent
from typing import TYPE_CHECKING, Literal

from torch import Tensor

from gnnvision._renamed import former_attributes
from gnnvision.domains import Domain, Graph, Grid

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Layer", "Layers", "Tokens"]


@dataclass(frozen=True)
class Tokens:
    """The positions of image patches in a sequence of tokens."""

    size: tuple[int, ...]  # the number of patches along each side, (h, w)
    index: Tensor  # the token of each patch, row by row. Shape (h w,)
    batch_dim: int  # the dimension of the batch: 0, or 1 if the sequence comes first
    length: int  # the number of tokens, class tokens included

    @property
    def others(self) -> int:
        """The number of tokens without a patch, such as a class token."""
        return self.length - len(self.index)

    def on_grid(self, tokens: Tensor) -> Tensor:
        """The patch tokens as an image: (B, T, C), or (T, B, C), -> (B, C, h, w)."""
        picked = tokens.transpose(0, self.batch_dim)[:, self.index.to(tokens.device)]
        image: Tensor = picked.movedim(-1, 1).unflatten(2, self.size)
        return image


@former_attributes({"inside": "cluster"})
@dataclass(frozen=True)
class Layer:
    """One layer of a model, or a block of them.

    Args:
        name: its name in the model, for `model.get_submodule`.
        kind: its class.
        shape: the shape of its output.
        domain: of its output; None if it has no sites, as after a readout.
        times: how often it was called; the attributes describe the last call.
        edges_of: the graph whose edges are the sites; None if the sites are nodes.
        channel_dim: the dimension of the output's channels: 1, or -1 for the last.
        cluster: after pooling, the site of the pooled domain that each input site was pooled
            into, -1 for a dropped one; None on a grid and without pooling. Shape (N,).
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

    @property
    def has_sites(self) -> bool:
        """Whether its output has more than one site."""
        return self.domain is not None and self.domain.num_sites > 1

    def channels_first(self, output: Tensor) -> Tensor:
        """An output of the layer, or a gradient of it, with the channels in dimension 1.

        Tokens are arranged as an image of their patches.
        """
        if self.tokens is not None:
            return self.tokens.on_grid(output)
        return output if self.channel_dim == 1 else output.movedim(self.channel_dim, 1)

    @property
    def sites(self) -> str:
        """The sites as text: "7 × 7", "9 nodes", "16 edges", "19 sites", or "none"."""
        if self.domain is None:
            return "none"
        if isinstance(self.domain, Grid):
            return " × ".join(map(str, self.domain.shape))
        what = "node" if isinstance(self.domain, Graph) else "site"
        what = what if self.edges_of is None else "edge"
        return f"{self.domain.num_sites:,} {what}{'s' * (self.domain.num_sites != 1)}"

    def __str__(self) -> str:
        return f"{self.name} ({self.kind}), {self.sites}"


class Layers(tuple[Layer, ...]):
    """The layers of a model in the order in which their calls ended; `print` shows a table.

    Args:
        iterable: the layers.
    """

    __slots__ = ()

    def __getitem__(self, index: int | slice) -> Layer | Layers:  # type: ignore[override]
        found = super().__getitem__(index)
        return found if isinstance(found, Layer) else Layers(found)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the layers."""
        return tuple(layer.name for layer in self)

    def with_sites(self) -> Layers:
        """The layers whose output has sites, and so has feature maps."""
        return Layers(layer for layer in self if layer.domain is not None)

    def rows(self) -> list[dict[str, str]]:
        """The rows of the table: the text of each cell, by the name of its column."""
        return [
            {
                "Layer": one.name,
                "Kind": one.kind + (f", called {one.times} times" if one.times > 1 else ""),
                "Output": " × ".join(f"{n:,}" for n in one.shape),
                "Sites": one.sites,
            }
            for one in self
        ]

    def __rich__(self) -> Table:
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("Layer", "Kind", "Output", "Sites"):
            side: Literal["left", "right"] = "right" if name in ("Output", "Sites") else "left"
            table.add_column(name, justify=side, overflow="fold")
        for row in self.rows():
            table.add_row(*row.values())
        return table

    def __str__(self) -> str:
        from rich.console import Console

        console = Console(
            width=120, no_color=True, highlight=False, markup=False, force_jupyter=False
        )
        with console.capture() as text:
            console.print(self)
        lines = [line.rstrip() for line in text.get().splitlines()]
        return dedent("\n".join(filter(None, lines)))
