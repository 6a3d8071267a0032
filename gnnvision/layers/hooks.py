"""Context managers that restore the modes and hooks of a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn
from torch.utils.hooks import RemovableHandle

__all__ = ["attached", "evaluating"]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """A context in evaluation mode; each module's mode is restored afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def attached(handles: Iterable[RemovableHandle]) -> Iterator[None]:
    """A context that removes the given hooks at its end."""
    listed = list(handles)
    try:
        yield
    finally:
        for handle in listed:
            handle.remove()
