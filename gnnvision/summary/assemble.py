"""Assembly of the layers of a summary from a trace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from torch import nn

from gnnvision.summary.layer import LayerSummary
from gnnvision.summary.settings import settings
from gnnvision.summary.trace import Trace
from gnnvision.summary.watch import Call

__all__ = ["assemble"]


def assemble(model: nn.Module, traced: Trace) -> LayerSummary:
    """The summary of the model with its layers as children; each parameter is counted once.

    A parameter is counted in its module or, if that was not called (such as the linear maps inside
    attention and graph convolutions), in the closest parent that was. A module that was not called
    and whose parameters were not used, such as a head for training only, is a separate layer at
    the end of its block.
    """
    called = {call.module for call in _calls(traced.call)}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    held: dict[nn.Module, list[nn.Parameter]] = {}
    idle: dict[nn.Module, dict[str, nn.Module]] = {}

    def walk(module: nn.Module, path: str, caller: nn.Module, visited: set[nn.Module]) -> None:
        if module in visited:
            return
        visited.add(module)
        if module in called:
            caller = module
        elif any(True for _ in module.parameters()) and not any(
            part in called or names[id(p)] in traced.used
            for part in module.modules()
            for p in part.parameters(recurse=False)
        ):
            idle.setdefault(caller, {})[path] = module
            return
        held.setdefault(caller, []).extend(module.parameters(recurse=False))
        for name, child in module.named_children():
            walk(child, f"{path}.{name}".lstrip("."), caller, visited)

    walk(model, "", model, set())
    return _Assembly(held, idle).layer(traced.call)


class _Assembly:
    """Layers made one after another, so that what is shared is counted with the first."""

    def __init__(
        self,
        held: dict[nn.Module, list[nn.Parameter]],
        idle: dict[nn.Module, dict[str, nn.Module]],
    ) -> None:
        self.held = held
        self.idle = idle
        self.counted: set[int] = set()
        self.met: set[nn.Module] = set()

    def layer(self, call: Call) -> LayerSummary:
        """The summary of one call, with the calls inside it."""
        again = call.module in self.met
        self.met.add(call.module)
        mine = self.count(self.held.get(call.module, []))
        children = [self.layer(child) for child in call.children]
        unused = [] if again else self.idle.get(call.module, {}).items()
        children += [self.unused(name, module) for name, module in unused]
        whole = replace(
            mine,
            name=call.name,
            kind=type(call.module).__name__,
            settings=settings(call.module),
            between=_operations(call),
            input_shape=call.input_shape,
            output_shape=call.output_shape,
            macs=call.macs,
            activation_bytes=call.made if children else call.left,
            reach=call.reach,
            children=tuple(children),
        )
        sums = {name: getattr(whole, name) for name in ADDED}
        for child in children:
            sums = {name: value + getattr(child, name) for name, value in sums.items()}
        return replace(whole, **sums)

    def unused(self, name: str, module: nn.Module) -> LayerSummary:
        """The summary of a module that was not called."""
        counts = self.count(module.parameters())
        return replace(counts, name=name, kind=type(module).__name__, was_called=False)

    def count(self, parameters: Iterable[nn.Parameter]) -> LayerSummary:
        """The number of parameters that were not counted before, and of those that were."""
        each = {id(p): p for p in parameters}
        new = [p for key, p in each.items() if key not in self.counted]
        self.counted |= each.keys()
        total = sum(p.numel() for p in new)
        return LayerSummary(
            "",
            "",
            parameters=total,
            trainable_parameters=sum(p.numel() for p in new if p.requires_grad),
            shared_parameters=sum(p.numel() for p in each.values()) - total,
        )


PLAIN = {
    "addmm": "matrix product",
    "mm": "matrix product",
    "bmm": "matrix product",
    "baddbmm": "matrix product",
    "embedding_bag": "sparse product",
    "embedding_bag_forward_only": "sparse product",
    "max_pool2d_with_indices": "max_pool2d",
    "max_pool3d_with_indices": "max_pool3d",
}
ADDED = ("parameters", "trainable_parameters", "shared_parameters", "macs", "activation_bytes")


def _calls(call: Call) -> Iterator[Call]:
    yield call
    for child in call.children:
        yield from _calls(child)


def _operations(call: Call) -> str:
    """The operations between the layers of a block: "add × 2, cat"."""
    counts: dict[str, int] = {}
    for name, count in call.operations.items():
        name = PLAIN.get(name, name)
        counts[name] = counts.get(name, 0) + count
    return ", ".join(name if n == 1 else f"{name} × {n}" for name, n in counts.items())
