"""The memory layout of weights: contiguous, or as a training step reads them fastest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

__all__ = [
    "as_made",
    "bias_of",
    "drawn_by_rows",
    "linear",
    "quick",
    "quick_filters",
    "quick_linears",
    "weight_of",
]


def linear(in_channels: int, out_channels: int, bias: bool = False) -> nn.Linear:
    """A linear layer for sparse signals, which `quick_linears` recognizes."""
    lin = nn.Linear(in_channels, out_channels, bias)
    lin.multiplies_sparse = True  # type: ignore[assignment]
    return lin


def weight_of(lin: nn.Module) -> Tensor:
    """The weight of a linear layer, dequantized if torch has quantized it."""
    held = lin.weight
    return held if isinstance(held, Tensor) else held().dequantize()


def bias_of(lin: nn.Module) -> Tensor | None:
    """The bias of a linear layer, quantized or not."""
    held = lin.bias
    return held() if callable(held) else held  # type: ignore[return-value]


def drawn_by_rows(weight: Tensor, draw: Callable[[Tensor], object]) -> None:
    """Initialize a weight in the order of weight.T, so that the layout does not matter."""
    with torch.no_grad():
        turned = torch.empty_like(weight.t(), memory_format=torch.contiguous_format).t()
        draw(turned)
        weight.copy_(turned)


def quick_linears(model: nn.Module) -> None:
    """Store the weights of `linear` layers by input row, which a sparse signal gathers."""
    for module in model.modules():
        if getattr(module, "multiplies_sparse", False):
            weight: Tensor = module.weight  # type: ignore[assignment]
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
