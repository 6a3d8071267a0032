"""How weights lie in memory: as everybody expects them, and as a training step reads them."""

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
    """A linear layer whose W a sparse signal may multiply; `quick_linears` knows it."""
    lin = nn.Linear(in_channels, out_channels, bias)
    lin.multiplies_sparse = True  # type: ignore[assignment]
    return lin


def weight_of(lin: nn.Module) -> Tensor:
    """The weight of a linear layer; of one that torch has quantized, the values it stands for."""
    held = lin.weight
    return held if isinstance(held, Tensor) else held().dequantize()


def bias_of(lin: nn.Module) -> Tensor | None:
    """The bias of a linear layer, quantized or not."""
    held = lin.bias
    return held() if callable(held) else held  # type: ignore[return-value]


def drawn_by_rows(weight: Tensor, draw: Callable[[Tensor], object]) -> None:
    """Draw a weight in the order of W = weight.T, so that a seed gives the same in any memory."""
    with torch.no_grad():
        turned = torch.empty_like(weight.t(), memory_format=torch.contiguous_format).t()
        draw(turned)
        weight.copy_(turned)


def quick_linears(model: nn.Module) -> None:
    """The weights of `linear` with W row by row: a sparse signal gathers whole rows of it."""
    for module in model.modules():
        if getattr(module, "multiplies_sparse", False):
            weight: Tensor = module.weight  # type: ignore[assignment]
            if not weight.t().is_contiguous():
                weight.data = weight.data.t().contiguous().t()


def quick_filters(model: nn.Module) -> None:
    """The filters of convolutions with the channels innermost, as tasks give their images."""
    for parameter in model.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def as_made(model: nn.Module) -> None:
    """Every parameter contiguous: to be saved, pruned or flattened by anybody's code."""
    for parameter in model.parameters():
        parameter.data = parameter.data.contiguous()


@contextmanager
def quick(model: nn.Module) -> Iterator[None]:
    """`quick_filters` inside the block; the weights lie as they did after it."""
    held = [(parameter, parameter.data) for parameter in model.parameters()]
    quick_filters(model)
    try:
        yield
    finally:
        for parameter, data in held:
            parameter.data = data
