"""The memory layout of weights: contiguous, or as a training step reads them fastest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gnnvision.operators.signals import is_sparse, signal_operator

__all__ = [
    "Linear",
    "as_made",
    "drawn_by_rows",
    "linear",
    "quick",
    "quick_filters",
    "quick_linears",
]


class Linear(nn.Linear):
    """`torch.nn.Linear` for dense and sparse signals of any dtype; the weight Wₖ of a convolution.

    `quick_linears` recognizes it, and torch's quantization leaves it as it is.
    """

    def forward(self, input: Tensor) -> Tensor:
        """X W (+ b), in the dtype of the signal: (N, C_in) -> (N, C_out)."""
        weight = self.weight.to(input.dtype)
        bias = None if self.bias is None else self.bias.to(input.dtype)
        if not is_sparse(input):
            return F.linear(input, weight, bias)
        y = signal_operator(input).times(weight.t())
        return y if bias is None else y + bias


def linear(in_channels: int, out_channels: int, bias: bool = False) -> Linear:
    """A linear layer whose weight multiplies sparse signals."""
    return Linear(in_channels, out_channels, bias)


def drawn_by_rows(weight: Tensor, draw: Callable[[Tensor], object]) -> None:
    """Initialize a weight in the order of weight.T, so that the layout does not matter."""
    with torch.no_grad():
        turned = torch.empty_like(weight.t(), memory_format=torch.contiguous_format).t()
        draw(turned)
        weight.copy_(turned)


def quick_linears(model: nn.Module) -> None:
    """Store the weights of `linear` layers by input row, which a sparse signal gathers."""
    for module in model.modules():
        if isinstance(module, Linear):
            weight = module.weight
            if not weight.t().is_contiguous():
                weight.data = weight.data.t().contiguous().t()


def quick_filters(model: nn.Module) -> None:
    """Store the filters of convolutions channels-last, the layout of the images of tasks."""
    for parameter in model.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def as_made(model: nn.Module) -> None:
    """Make every parameter contiguous, for code that saves, prunes or flattens them."""
    for parameter in model.parameters():
        parameter.data = parameter.data.contiguous()


@contextmanager
def quick(model: nn.Module) -> Iterator[None]:
    """A context with `quick_filters`; the memory layout is restored afterwards."""
    held = [(parameter, parameter.data) for parameter in model.parameters()]
    quick_filters(model)
    try:
        yield
    finally:
        for parameter, data in held:
            parameter.data = data
