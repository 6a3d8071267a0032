"""The linear layers of the Wₖ: for sparse signals, for two ends, of a size yet unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import UninitializedParameter

from gnnvision.errors import invalid
from gnnvision.operators.dense import dense_product
from gnnvision.operators.signals import is_sparse, signal_operator

__all__ = ["LazyLinear", "Linear", "linear", "padded", "size_on_first_call"]

Channels = int | tuple[int, int]


class Linear(nn.Linear):
    """`torch.nn.Linear` for dense and sparse signals of any dtype; the weight Wₖ of a convolution.

    `quick_linears` recognizes it, and torch's quantization leaves it as it is. Of a signal with
    the columns of source and target nodes, it multiplies those of one end.
    """

    unused = 0  # columns of the signal that only the other end has

    @property
    def matrix(self) -> Tensor:
        """W, with zeros for columns that only the other end has. Shape (C_in, C_out)."""
        W = self.weight.t()
        return F.pad(W, (0, 0, 0, self.unused)) if self.unused else W

    def forward(self, input: Tensor) -> Tensor:
        """X W (+ b), in the dtype of the signal: (N, C_in) -> (N, C_out)."""
        if self.unused:
            input = input[:, : self.in_features]
        weight = self.weight.to(input.dtype)
        bias = None if self.bias is None else self.bias.to(input.dtype)
        if not is_sparse(input):
            return dense_product(input, weight.t(), bias)
        y = signal_operator(input).times(weight.t())
        return y if bias is None else y + bias


class LazyLinear(LazyModuleMixin, Linear):
    """A `Linear` whose weight has no size yet.

    Args:
        out_channels: number of outputs.
        bias: whether to learn a bias.
        end: 0 for the channels of source nodes, 1 for those of target nodes.
        pair: whether the signal has the columns of both.
    """

    cls_to_become = Linear

    def __init__(self, out_channels: int, bias: bool, end: int, pair: bool) -> None:
        super().__init__(0, 0, False)
        self.out_features = out_channels
        self.weight = UninitializedParameter()
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None  # type: ignore[assignment]
        self.end, self.pair = end, pair

    def reset_parameters(self) -> None:
        """Nothing before the weight has a size."""
        if self.in_features and not self.has_uninitialized_params():
            super().reset_parameters()

    def initialize_parameters(self, widths: tuple[int, int]) -> None:
        """Give the weight its size.

        Args:
            widths: the channels of source and target nodes.
        """
        self.in_features = widths[self.end]
        self.unused = max(widths) - self.in_features if self.pair else 0
        if self.has_uninitialized_params():
            with torch.no_grad():
                self.weight.materialize((self.out_features, self.in_features))  # type: ignore[attr-defined]


def linear(in_channels: Channels, out_channels: int, bias: bool = False, end: int = 0) -> Linear:
    """A linear layer whose weight multiplies sparse signals.

    Args:
        in_channels: of the signal; a pair for source and target nodes; -1 for that of the first
            signal.
        out_channels: number of outputs.
        bias: whether to learn a bias.
        end: which of a pair the layer multiplies, 0 for source and 1 for target nodes.
    """
    pair = isinstance(in_channels, tuple)
    if -1 in (in_channels if isinstance(in_channels, tuple) else (in_channels,)):
        return LazyLinear(out_channels, bias, end, pair)
    if not isinstance(in_channels, tuple):
        return Linear(in_channels, out_channels, bias)
    lin = Linear(in_channels[end], out_channels, bias)
    lin.unused = max(in_channels) - in_channels[end]
    return lin


def padded(matrix: Tensor, channels: Channels) -> Tensor:
    """A weight with rows of zeros for the columns of a signal that only the other end has."""
    if not isinstance(channels, tuple):
        return matrix
    return F.pad(matrix, (0, 0, 0, max(channels) - matrix.shape[0]))


def size_on_first_call(layer: nn.Module) -> None:
    """Give the weights of a layer their sizes when it is first called."""
    layer._sizing = layer.register_forward_pre_hook(_size, with_kwargs=True)  # type: ignore[assignment]


def _size(layer: Any, args: Sequence[Any], named: dict[str, Any]) -> None:  # noqa: ANN401
    x = args[0] if args else named.get("x")
    ends = x if isinstance(x, (tuple, list)) else (x, x)
    if not all(end is None or isinstance(end, Tensor) for end in ends):
        return  # which `forward` refuses
    declared = layer.in_channels
    pair = isinstance(declared, tuple)
    widths = []
    for end, channels in zip(ends, declared if pair else (declared, declared), strict=True):
        if channels == -1 and end is None:
            advice = "Call the layer once with source and target nodes."
            raise invalid("x", "be given to find in_channels=-1", None, advice)
        widths.append(end.shape[-1] if channels == -1 else channels)
    known = tuple(widths)
    sized = [m for m in layer.modules() if isinstance(m, LazyLinear)]
    fresh = any(lin.has_uninitialized_params() for lin in sized)
    for lin in sized:
        lin._infer_parameters(lin, (known,))
    layer.set_channels(known if pair else known[0])
    if fresh:
        layer.reset_parameters()
    layer._sizing.remove()
    del layer._sizing
