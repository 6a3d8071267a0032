"""What a trained model does with each item, and with each layer: read off by hooks.

Whatever is attached to a model here is taken off again, and its modes are put back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gnnvision.data import NodeTask, Task
from gnnvision.domains import Domain
from gnnvision.layers import Convolution

__all__ = ["Call", "Observed", "evaluating", "observe", "trace", "units"]

MOST_ITEMS = 3500


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


@dataclass(frozen=True)
class Observed:
    """What a model does with n items.

    Args:
        inputs: the features of each item, dense or sparse; None where an item is no vector.
            Shape (n, C).
        hidden: what enters the last layer with weights. Shape (n, C').
        layer: the name of that layer.
        output: what the model says. Shape (n, num_outputs).
        target: the true class, -100 where it is not known. Shape (n,).
        train: numbers of the items that trained.
        test: numbers of the items of the test part.
    """

    inputs: Tensor | None
    hidden: Tensor
    layer: str
    output: Tensor
    target: Tensor
    train: Tensor
    test: Tensor

    @property
    def prediction(self) -> Tensor:
        """The class with the highest output. Shape (n,)."""
        return self.output.argmax(1)


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
def hooked(modules: list[nn.Module], hook: Callable[..., Any]) -> Iterator[None]:
    """A forward hook on each module while the block runs."""
    handles = [module.register_forward_hook(hook) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


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


@singledispatch
def observe(task: Task, model: nn.Module) -> Observed | None:
    """What a model does with each item of the test part, as many as are drawn.

    Args:
        task: what was learnt.
        model: with its kept weights.

    Returns:
        None where a layer's signal is not one vector for each item.
    """
    inputs, hidden, outputs, targets, layer, count = [], [], [], [], "", 0
    for x, domain, y in task.batches("test"):
        output, calls = trace(model, x, domain)
        head = last_weighted(calls)
        if head is None or head.signal.shape[0] != len(y) or len(output) != len(y):
            return None
        layer = head.name
        if x.shape[0] == len(y):
            inputs.append(x.flatten(1).cpu())
        hidden.append(head.signal.flatten(1).cpu())
        outputs.append(output.float().cpu())
        targets.append(y.cpu())
        count += len(y)
        if count >= MOST_ITEMS:
            break
    if not count:
        return None
    return Observed(
        inputs=torch.cat(inputs) if len(inputs) == len(hidden) else None,
        hidden=torch.cat(hidden),
        layer=layer,
        output=torch.cat(outputs),
        target=torch.cat(targets),
        train=torch.empty(0, dtype=torch.int64),
        test=torch.arange(count),
    )


@observe.register
def _(task: NodeTask, model: nn.Module) -> Observed | None:
    output, calls = trace(model, task.x, task.graph)
    head = last_weighted(calls)
    if head is None or head.signal.shape[0] != len(task.y) or len(output) != len(task.y):
        return None
    return Observed(
        inputs=task.x.cpu(),
        hidden=head.signal.cpu(),
        layer=head.name,
        output=output.float().cpu(),
        target=task.y.cpu(),
        train=torch.from_numpy(np.array(task.split.train)),
        test=torch.from_numpy(np.array(task.split.test)),
    )
