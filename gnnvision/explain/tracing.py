"""Forward passes of a model with the inputs and outputs of its layers, recorded by hooks.

Hooks are removed and modes restored afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.explain.layer import Layer
from gnnvision.explain.places import Places
from gnnvision.layers import Convolution, EdgeConv, MaxPropagation
from gnnvision.layers.calling import call, check_takes, one_tensor
from gnnvision.layers.hooks import attached, evaluating

__all__ = [
    "CONVOLUTIONS",
    "Call",
    "evaluating",
    "hooked",
    "last_weighted",
    "layers_and_blocks",
    "leaf_layers",
    "model_output",
    "trace",
]


CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, Convolution, EdgeConv, MaxPropagation)


@dataclass
class Call:
    """The last call of one layer in a forward pass.

    Args:
        layer: the name of the layer.
        module: the layer.
        signal: the signal that it got.
        output: what it returned.
    """

    layer: Layer  # with the domain of its output
    module: nn.Module
    signal: Tensor  # its first input
    output: Tensor  # a copy, which later in-place operations do not change

    @property
    def name(self) -> str:
        """The name of the layer in the model."""
        return self.layer.name


@contextmanager
def hooked(modules: Sequence[nn.Module], hook: Callable[..., Any]) -> Iterator[None]:
    """Attach a forward hook to each module inside the block.

    Args:
        modules: the modules.
        hook: a forward hook, as for `torch.nn.Module.register_forward_hook`.
    """
    with attached(module.register_forward_hook(hook) for module in modules):
        yield


def model_output(model: nn.Module, x: Tensor, domain: Domain) -> Tensor:
    """The output of a model, called with or without the domain as its signature requires.

    Args:
        model: the network.
        x: the signal.
        domain: the domain of the signal.

    Raises:
        TypeError: if it does not take such a signal, or requires another input.
    """
    check_takes(model, domain)
    return one_tensor(call(model, x, domain), model)


def leaf_layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """The layers of a model with their names: convolutions, and modules without children.

    A module with children is included together with them if it has its own parameters.

    Args:
        model: any module.
    """
    found: dict[nn.Module, str] = {}

    def walk(name: str, module: nn.Module) -> None:
        if _is_leaf(module) or any(True for _ in module.parameters(recurse=False)):
            found.setdefault(module, name or type(module).__name__)
        if not _is_leaf(module):
            for child_name, child in module.named_children():
                walk(f"{name}.{child_name}".lstrip("."), child)

    walk("", model)
    return [(name, module) for module, name in found.items()]


def _is_leaf(module: nn.Module) -> bool:
    """Whether a module counts as one layer, whatever its children."""
    return isinstance(module, CONVOLUTIONS) or not any(True for _ in module.children())


def layers_and_blocks(model: nn.Module, name: str = "") -> list[tuple[str, nn.Module]]:
    """The layers of a model and the blocks that contain them, without the model itself.

    A module of this name inside a layer is added.
    """
    leaves = dict(leaf_layers(model))
    within = {part for leaf in leaves.values() if _is_leaf(leaf) for part in leaf.modules()}
    within |= set(leaves.values())
    held = {n: m for n, m in model.named_modules() if n and (n == name or m not in within)}
    return list((leaves | held).items())


def trace(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    *,
    modules: list[tuple[str, nn.Module]] | None = None,
    keep: Collection[str] | None = None,
) -> tuple[Tensor, list[Call]]:
    """The output of a model in evaluation mode, and the calls of its layers in order.

    Args:
        model: called as by `model_output`.
        x: the signal.
        domain: of the signal.
        modules: the modules to record, with their names; `leaf_layers(model)` if not given.
        keep: the layers whose values are kept, all if not given; others keep their shape only.
    """
    names = {module: name for name, module in (leaf_layers(model) if modules is None else modules)}
    calls: dict[nn.Module, Call] = {}
    places = Places(x, domain)

    def hook(module: nn.Module, inputs: Any, more: Any, output: Any) -> None:  # noqa: ANN401
        if inputs and isinstance(inputs[0], Tensor) and isinstance(output, Tensor):
            name, before = names[module], calls.pop(module, None)
            times = 1 if before is None else before.layer.times + 1
            place = places.place_after(module, (*inputs, *more.values()), output)
            kind, shape = type(module).__name__, tuple(output.shape)
            layer = Layer(name, kind, shape, times=times, **vars(place))
            held = inputs[0], output.detach()
            if keep is None or name in keep:
                calls[module] = Call(layer, module, held[0], held[1].clone())
            else:
                calls[module] = Call(layer, module, *map(_without_values, held))

    handles = (module.register_forward_hook(hook, with_kwargs=True) for module in names)
    with evaluating(model), attached(handles), torch.no_grad():
        y = model_output(model, x, domain)
    return y, list(calls.values())


def _without_values(tensor: Tensor) -> Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")


def last_weighted(calls: list[Call]) -> Call | None:
    """The last layer with parameters, usually the output layer; None if there is none.

    Args:
        calls: the calls of the layers of a model, see `trace`.
    """
    weighted = [c for c in calls if any(True for _ in c.module.parameters())]
    return weighted[-1] if weighted else None
