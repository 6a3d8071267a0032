"""What goes through each layer of a model, read off by hooks.

Whatever is attached to a model here is taken off again, and its modes are put back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.layers import Convolution
from gnnvision.layers.hooks import attached, evaluating

__all__ = ["Call", "evaluating", "hooked", "last_weighted", "trace", "units"]


@dataclass
class Call:
    """What went through one layer.

    Args:
        name: of the layer in the model.
        module: the layer.
        signal: what entered it.
        output: what left it.
        times: how often it was called; the tensors are those of the last time.
    """

    name: str
    module: nn.Module
    signal: Tensor
    output: Tensor
    times: int = 1


@contextmanager
def hooked(modules: list[nn.Module], hook: Callable[..., Any]) -> Iterator[None]:
    """A forward hook on each module while the block runs."""
    with attached(module.register_forward_hook(hook) for module in modules):
        yield


def units(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """The layers of a model by name: convolutions whole, and whatever has nothing inside.

    A module with parts counts beside them if it holds parameters of its own.
    """
    found: dict[nn.Module, str] = {}

    def walk(name: str, module: nn.Module) -> None:
        children = list(module.named_children())
        whole = isinstance(module, Convolution) or not children
        if whole or any(True for _ in module.parameters(recurse=False)):
            found.setdefault(module, name or type(module).__name__)
        if not whole:
            for child_name, child in children:
                walk(f"{name}.{child_name}".lstrip("."), child)

    walk("", model)
    return [(name, module) for module, name in found.items()]


def trace(model: nn.Module, x: Tensor, domain: Domain) -> tuple[Tensor, list[Call]]:
    """The output of a model in evaluation mode, and its layers in the order they ran."""
    names = {module: name for name, module in units(model)}
    calls: dict[nn.Module, Call] = {}

    def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401
        if inputs and isinstance(inputs[0], Tensor) and isinstance(output, Tensor):
            before = calls.pop(module, None)
            times = 1 if before is None else before.times + 1
            calls[module] = Call(names[module], module, inputs[0], output, times)

    with evaluating(model), hooked(list(names), hook), torch.no_grad():
        y: Tensor = model(x, domain)
    return y, list(calls.values())


def last_weighted(calls: list[Call]) -> Call | None:
    """The last layer that holds parameters: the one that makes the outputs."""
    weighted = [c for c in calls if any(True for _ in c.module.parameters())]
    return weighted[-1] if weighted else None
