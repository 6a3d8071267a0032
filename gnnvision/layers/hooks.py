"""Looking into a model without leaving a trace: its modes and hooks are put back afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn
from torch.utils.hooks import RemovableHandle

__all__ = ["attached", "evaluating"]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the block; every module's own mode after it."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def attached(handles: Iterable[RemovableHandle]) -> Iterator[None]:
    """Hooks that were just registered, while the block runs."""
    listed = list(handles)
    try:
        yield
    finally:
        for handle in listed:
            handle.remove()
