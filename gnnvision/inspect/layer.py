"""One layer of a summary: its settings, sizes, costs and receptive field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from gnnvision.inspect.reach import Reach
from gnnvision.layers import Convolution

__all__ = ["COUNTS", "LayerSummary", "Shape", "settings"]

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
        counts = {n: getattr(self, n) - sum(getattr(c, n) for c in self.children) for n in COUNTS}
        return replace(self, children=(), settings=self.between, **counts)

    def to_dict(self) -> dict[str, Any]:
        """The layer as plain values, without `children`."""
        values = {name: getattr(self, name) for name in COLUMNS}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


COUNTS = ("parameters", "trainable_parameters", "shared_parameters", "macs", "activation_bytes")
SHAPES = ("input_shape", "output_shape")
COLUMNS = ("name", "kind", "settings", *SHAPES, *COUNTS, "receptive_field", "jump", "hops")


def settings(module: nn.Module) -> str:
    """The main arguments of a layer, for example "3 → 64, 7 × 7, stride 2".

    Example:
        >>> settings(nn.Conv2d(3, 64, 7, stride=2)), settings(nn.Dropout(0.5))
        ('3 → 64, 7 × 7, stride 2', 'p=0.5')
    """
    own: dict[str, Any] = vars(module)
    if isinstance(module, nn.modules.conv._ConvNd):
        parts = [f"{module.in_channels} → {module.out_channels}", by(module.kernel_size)]
        for name in ("stride", "dilation"):
            parts += [f"{name} {each(own[name])}"] if max(own[name]) > 1 else []
        return ", ".join([*parts, *[f"{module.groups} groups"] * (module.groups > 1)])
    if isinstance(module, Convolution) and own.get("in_channels") and own.get("out_channels"):
        words = {"heads": "heads", "K": "polynomials", "num_relations": "relations"}
        more = [f"{own[key]} {word}" for key, word in words.items() if key in own]
        return ", ".join([f"{own['in_channels']} → {own['out_channels']}", *more])
    if isinstance(module, nn.Linear):
        return f"{module.in_features} → {module.out_features}"
    if isinstance(module, (nn.modules.pooling._MaxPoolNd, nn.modules.pooling._AvgPoolNd)):
        kernel, stride = own["kernel_size"], own["stride"]
        return by(kernel) if stride == kernel else f"{by(kernel)}, stride {each(stride)}"
    if "output_size" in own:
        return f"to {by(own['output_size'])}"
    text = "" if isinstance(module, nn.Flatten) else module.extra_repr()
    for end in (", eps=", ", bias=", "inplace="):
        text = text.split(end)[0]
    return text.replace("normalized_shape=", "").replace("'", "").strip(", ")


def by(sizes: int | Sequence[int | None] | None) -> str:
    """The sizes of all axes, for example "7 × 7"."""
    return " × ".join(f"{n}" for n in sizes) if isinstance(sizes, Sequence) else f"{sizes}"


def each(sizes: int | Sequence[int]) -> str:
    """The sizes of all axes, as one number if they are equal."""
    alike = isinstance(sizes, Sequence) and len(set(sizes)) == 1
    return f"{sizes[0]}" if isinstance(sizes, Sequence) and alike else by(sizes)
