"""The memory layout of weights: contiguous, or as a training step reads them fastest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from gnnvision.layers.linear import Linear

__all__ = [
    "as_made",
    "drawn_by_rows",
    "quick",
    "quick_filters",
    "quick_linears",
]


def drawn_by_rows(weight: Tensor, draw: Callable[[Tensor], object]) -> None:
    """Initialize a weight in the order of weight.T, so that the layout does not matter."""
    if is_lazy(weight):
        return
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
