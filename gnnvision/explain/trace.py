"""Forward passes of a model with the inputs and outputs of its layers, recorded by hooks.

Hooks are removed and modes restored afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph
from gnnvision.explain.sites import places
from gnnvision.layers import Convolution
from gnnvision.layers.calling import call, check_takes, one_tensor
from gnnvision.layers.hooks import attached, evaluating

__all__ = [
    "Call",
    "evaluating",
    "hooked",
    "last_weighted",
    "layers_and_blocks",
    "leaf_layers",
    "model_output",
    "trace",
]


@dataclass
class Call:
    """A call of one layer in a forward pass.

    Args:
        name: the name of the layer in the model.
        module: the layer.
        signal: its first input.
        output: a copy of its output, which later in-place operations do not change.
        times: how often it was called; the tensors are those of the last call.
        domain: the grid or graph of `output`; None if it has no sites, as after a readout.
        channel_dim: the dimension of `output`'s channels: 1, or -1 for the last.
        edges_of: the graph whose edges are the sites; None if the sites are nodes.
        cluster: after pooling on a graph, the node of the pooled graph that each input node was
            pooled into, -1 for a dropped node; else None. Shape (N,).
    """

    name: str
    module: nn.Module
    signal: Tensor
    output: Tensor
    times: int = 1
    domain: Domain | None = None
    channel_dim: int = 1
    edges_of: Graph | None = None
    cluster: Tensor | None = None


@contextmanager
def hooked(modules: list[nn.Module], hook: Callable[..., Any]) -> Iterator[None]:
    """Attach a forward hook to each module inside the block."""
    with attached(module.register_forward_hook(hook) for module in modules):
        yield


def model_output(model: nn.Module, x: Tensor, domain: Domain) -> Tensor:
    """The output of a model, called with or without the domain as its signature requires.

    Args:
        model: any module for signals on such a domain; see `layers.calling`.
        x: the signal.
        domain: the grid or graph of the signal.

    Raises:
        TypeError: if it does not take such a signal, or requires another input.
    """
    check_takes(model, domain)
    return one_tensor(call(model, x, domain), model)


def leaf_layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """The layers of a model with their names: convolutions, and modules without children.

    A module with children is included together with them if it has its own parameters.
    """
    found: dict[nn.Module, str] = {}

    def walk(name: str, module: nn.Module) -> None:
        whole = _is_leaf(module)
        if whole or any(True for _ in module.parameters(recurse=False)):
            found.setdefault(module, name or type(module).__name__)
        if not whole:
            for child_name, child in module.named_children():
                walk(f"{name}.{child_name}".lstrip("."), child)

    walk("", model)
    return [(name, module) for module, name in found.items()]


def _is_leaf(module: nn.Module) -> bool:
    """Whether a module counts as one layer, whatever its children."""
    return isinstance(module, Convolution) or not any(True for _ in module.children())


def layers_and_blocks(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """The layers of a model and the blocks that contain them, without the model itself."""
    cluster = dict(leaf_layers(model))
    within = {part for unit in cluster.values() if _is_leaf(unit) for part in unit.modules()}
    within |= set(cluster.values())
    held = {name: module for name, module in model.named_modules() if module not in within}
    held.pop("", None)
    return [*cluster.items(), *held.items()]


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
        x: the signal: (B, C, H, W) on a grid, (N, C) on a graph.
        domain: the grid or graph of the signal.
        modules: the modules to record, with their names; `leaf_layers(model)` if not given.
        keep: the names of the layers whose values are kept; the tensors of the others have a
            shape only and take no memory. All if not given.
    """
    names = {module: name for name, module in (leaf_layers(model) if modules is None else modules)}
    calls: dict[nn.Module, Call] = {}
    where = places(domain)
    where.start(x, domain)

    def hook(module: nn.Module, inputs: Any, more: Any, output: Any) -> None:  # noqa: ANN401
        if inputs and isinstance(inputs[0], Tensor) and isinstance(output, Tensor):
            before = calls.pop(module, None)
            times = 1 if before is None else before.times + 1
            place = where.place_after(module, (*inputs, *more.values()), output)
            name = names[module]
            if keep is None or name in keep:
                signal, held = inputs[0], output.detach().clone()
            else:
                signal, held = _empty(inputs[0]), _empty(output)
            at = (place.domain, place.channel_dim, place.edges_of, place.cluster)
            calls[module] = Call(name, module, signal, held, times, *at)

    handles = (module.register_forward_hook(hook, with_kwargs=True) for module in names)
    with evaluating(model), attached(handles), torch.no_grad():
        y = model_output(model, x, domain)
    return y, list(calls.values())


def _empty(tensor: Tensor) -> Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")


def last_weighted(calls: list[Call]) -> Call | None:
    """The last layer with parameters, usually the output layer; None if there is none."""
    weighted = [c for c in calls if any(True for _ in c.module.parameters())]
    return weighted[-1] if weighted else None
