"""The parameters, buffers and optimizers of several models of one architecture, stacked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gnnvision.training.optimizers import SGD, Adam, AdamW

__all__ = ["Stack", "StackedOptimizer", "stacked", "with_layout_of"]

_BY_ELEMENT = (Adam, AdamW, SGD)  # optimizers that treat each number by itself


class Stack:
    """The tensors of G models, of shape (G, ...); those of each model become views of its part.

    Args:
        models: of one architecture, in one state of freezing.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        self.models = list(models)
        self.template = models[0]
        self.state: dict[str, Tensor] = {}
        self._leaf: dict[int, Tensor] = {}  # by the id of the template's parameter
        for name, parameter in self.template.named_parameters():
            parts = [model.get_parameter(name) for model in models]
            whole = stacked([part.data for part in parts])
            for part, view in zip(parts, whole, strict=True):
                part.data = view
            self.state[name] = whole.requires_grad_(parameter.requires_grad)
            self._leaf[id(parameter)] = whole
        done: dict[int, Tensor] = {}
        for name, buffer in self.template.named_buffers(remove_duplicate=False):
            if id(buffer) not in done:
                done[id(buffer)] = stacked([model.get_buffer(name) for model in models])
            self.state[name] = done[id(buffer)]
        for name in self.buffers:
            for model, view in zip(models, self.state[name], strict=True):
                _set_buffer(model, name, view)

    @property
    def buffers(self) -> dict[str, Tensor]:
        """The stacked buffers by name."""
        names = [name for name, _ in self.template.named_buffers(remove_duplicate=False)]
        return {name: self.state[name] for name in names}

    def leaf(self, parameter: Tensor) -> Tensor:
        """The stacked tensor of a parameter of the first model."""
        return self._leaf[id(parameter)]

    def release(self) -> None:
        """Give each model separate tensors again."""
        for model in self.models:
            for parameter in model.parameters():
                parameter.data = parameter.data.clone()
            for name in self.buffers:
                _set_buffer(model, name, model.get_buffer(name).clone())


class StackedOptimizer:
    """The optimizers of G models as one, where that treats each number by itself.

    Others, such as Muon, take a step for each model, on its part of the gradients.

    Args:
        optimizers: of the models, with the same settings and at the same step.
        stack: their stacked parameters.
    """

    def __init__(self, optimizers: Sequence[Optimizer], stack: Stack) -> None:
        self.optimizers = list(optimizers)
        like = self.optimizers[0]
        own = [[p for g in each.param_groups for p in g["params"]] for each in optimizers]
        self.learned = [stack.leaf(parameter) for parameter in own[0]]
        self._rows = list(zip(*own, strict=True))  # for each of `learned`, that of each model
        self._whole: Optimizer | None = None
        if type(like) in _BY_ELEMENT:
            groups = [
                g | {"params": [stack.leaf(p) for p in g["params"]]} for g in like.param_groups
            ]
            self._whole = cast(Any, type(like))(groups, lr=like.defaults["lr"], fused=True)
            # As in `captured`: it would warn at each plain step on a GPU.
            self._whole._warned_capturable_if_run_uncaptured = True
            self._take_over()

    def state(self) -> list[Tensor]:
        """The tensors that a step changes in place, other than the parameters."""
        optimizers = self.optimizers if self._whole is None else [self._whole]
        states = [state for each in optimizers for state in each.state.values()]
        return [v for state in states for v in state.values() if isinstance(v, Tensor)]

    def step(self, gradients: Sequence[Tensor]) -> None:
        """Update all models by the stacked gradients of `learned`."""
        if self._whole is None:
            for row, gradient in zip(self._rows, gradients, strict=True):
                for parameter, part in zip(row, gradient, strict=True):
                    parameter.grad = part
            for optimizer in self.optimizers:
                optimizer.step()
            return
        groups = zip(self._whole.param_groups, self.optimizers[0].param_groups, strict=True)
        for group, like in groups:
            group["lr"] = like["lr"]
        for leaf, gradient in zip(self.learned, gradients, strict=True):
            leaf.grad = gradient
        self._whole.step()

    def _take_over(self) -> None:
        """Stack the states of the optimizers, if they have any yet."""
        assert self._whole is not None
        for leaf, row in zip(self.learned, self._rows, strict=True):
            pairs = zip(self.optimizers, row, strict=True)
            states = [optimizer.state[p] for optimizer, p in pairs if p in optimizer.state]
            for name, value in (states[0] if states else {}).items():
                if isinstance(value, Tensor):
                    is_step = value.shape != row[0].shape
                    parts = [state[name] for state in states]
                    self._whole.state[leaf][name] = value.clone() if is_step else stacked(parts)

    def hand_over(self) -> None:
        """Give each optimizer its part of the state, to be saved or to continue alone."""
        if self._whole is None:
            return
        for optimizer in self.optimizers:
            groups = zip(optimizer.param_groups, self.optimizers[0].param_groups, strict=True)
            for group, like in groups:
                if isinstance(group["lr"], Tensor):
                    group["lr"].copy_(like["lr"])
                else:
                    group["lr"] = like["lr"]
        for leaf, row in zip(self.learned, self._rows, strict=True):
            for name, value in self._whole.state.get(leaf, {}).items():
                if not isinstance(value, Tensor):
                    continue
                for number, (optimizer, p) in enumerate(zip(self.optimizers, row, strict=True)):
                    part = value if value.shape != leaf.shape else value[number]
                    optimizer.state[p][name] = torch.empty_like(part).copy_(part)


def stacked(parts: Sequence[Tensor]) -> Tensor:
    """The tensors as one of shape (G, ...), each part in the memory layout that they have."""
    like = parts[0]
    strides = torch.empty_like(like).stride()  # those of `like` if it is dense
    whole = like.new_empty_strided((len(parts), *like.shape), (like.numel(), *strides))
    for part, view in zip(parts, whole, strict=True):
        view.copy_(part)
    return whole


def with_layout_of(value: Tensor, like: Tensor) -> Tensor:
    """The values in the memory layout of another tensor, itself if it has that."""
    if value.stride() == like.stride():
        return value
    return torch.empty_like(like).copy_(value)


def _set_buffer(model: nn.Module, name: str, value: Tensor) -> None:
    place, _, last = name.rpartition(".")
    model.get_submodule(place)._buffers[last] = value
