"""What goes through each layer of a model, read off by hooks.

Whatever is attached to a model here is taken off again, and its modes are put back.
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

__all__ = ["Call", "answers", "blocks", "evaluating", "hooked", "last_weighted", "trace", "units"]


@dataclass
class Call:
    """What went through one layer.

    Args:
        name: of the layer in the model.
        module: the layer.
        signal: what entered it.
        output: what left it, as it was then, whatever a later layer wrote over it.
        times: how often it was called; the tensors are those of the last time.
        domain: where `output` lives; None where the sites are gone.
        channel_dim: the dimension of `output`'s channels: 1, or -1 for the last.
        edges_of: the graph of which the sites are the edges; None where they are its nodes.
        inside: behind pooling on a graph, the node of the pooled graph that each node of the
            input is in, -1 for a node that was left out; else None.
    """

    name: str
    module: nn.Module
    signal: Tensor
    output: Tensor
    times: int = 1
    domain: Domain | None = None
    channel_dim: int = 1
    edges_of: Graph | None = None
    inside: Tensor | None = None


@contextmanager
def hooked(modules: list[nn.Module], hook: Callable[..., Any]) -> Iterator[None]:
    """A forward hook on each module while the block runs."""
    with attached(module.register_forward_hook(hook) for module in modules):
        yield


def answers(model: nn.Module, x: Tensor, domain: Domain) -> Tensor:
    """The output of a model, called with the domain or, if it does not ask for one, without.

    Args:
        model: any module for signals on such a domain; `layers.calling` says how it is called.
        x: the signal.
        domain: where it lives.

    Raises:
        TypeError: if it takes no such signal, or requires another input.
    """
    check_takes(model, domain)
    return one_tensor(call(model, x, domain), model)


def units(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """The layers of a model by name: convolutions whole, and whatever has nothing inside.

    A module with parts counts beside them if it holds parameters of its own.
    """
    found: dict[nn.Module, str] = {}

    def walk(name: str, module: nn.Module) -> None:
        whole = _is_whole(module)
        if whole or any(True for _ in module.parameters(recurse=False)):
            found.setdefault(module, name or type(module).__name__)
        if not whole:
            for child_name, child in module.named_children():
                walk(f"{name}.{child_name}".lstrip("."), child)

    walk("", model)
    return [(name, module) for module, name in found.items()]


def _is_whole(module: nn.Module) -> bool:
    """Whether a layer is looked at as one, whatever is inside."""
    return isinstance(module, Convolution) or not any(True for _ in module.children())


def blocks(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """The layers of a model and the blocks that they are in, by name, without the model itself."""
    inside = dict(units(model))
    within = {part for unit in inside.values() if _is_whole(unit) for part in unit.modules()}
    within |= set(inside.values())
    held = {name: module for name, module in model.named_modules() if module not in within}
    held.pop("", None)
    return [*inside.items(), *held.items()]


def trace(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    *,
    modules: list[tuple[str, nn.Module]] | None = None,
    keep: Collection[str] | None = None,
) -> tuple[Tensor, list[Call]]:
    """The output of a model in evaluation mode, and its layers in the order they ran.

    Args:
        model: any, as `answers` calls it.
        x: the signal: (B, C, H, W) on a grid, (N, C) on a graph.
        domain: where it lives.
        modules: which to look at, by name; `units(model)` if not given.
        keep: names of the layers whose numbers are wanted; of the others the tensors have their
            shapes alone, which takes no memory. All if not given.
    """
    names = {module: name for name, module in (units(model) if modules is None else modules)}
    calls: dict[nn.Module, Call] = {}
    where = places(domain)
    where.begin(x, domain)

    def hook(module: nn.Module, inputs: Any, more: Any, output: Any) -> None:  # noqa: ANN401
        if inputs and isinstance(inputs[0], Tensor) and isinstance(output, Tensor):
            before = calls.pop(module, None)
            times = 1 if before is None else before.times + 1
            place = where.after(module, (*inputs, *more.values()), output)
            name = names[module]
            if keep is None or name in keep:
                signal, held = inputs[0], output.detach().clone()
            else:
                signal, held = _empty(inputs[0]), _empty(output)
            at = (place.domain, place.channel_dim, place.edges_of, place.inside)
            calls[module] = Call(name, module, signal, held, times, *at)

    handles = (module.register_forward_hook(hook, with_kwargs=True) for module in names)
    with evaluating(model), attached(handles), torch.no_grad():
        y = answers(model, x, domain)
    return y, list(calls.values())


def _empty(tensor: Tensor) -> Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")


def last_weighted(calls: list[Call]) -> Call | None:
    """The last layer that holds parameters: the one that makes the outputs."""
    weighted = [c for c in calls if any(True for _ in c.module.parameters())]
    return weighted[-1] if weighted else None
