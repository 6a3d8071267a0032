"""The layers of a summary, made from the calls of one run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from gnnvision.inspect.layer import COUNTS, LayerSummary, settings
from gnnvision.inspect.reach import Reach
from gnnvision.inspect.watch import Call

__all__ = ["assembled"]

PRODUCTS = dict.fromkeys(("addmm", "mm", "bmm", "baddbmm"), "matrix product")
PLAIN = PRODUCTS | dict.fromkeys(("embedding_bag", "embedding_bag_forward_only"), "sparse product")
PLAIN |= {f"max_pool{n}d_with_indices": f"max_pool{n}d" for n in (2, 3)}


def assembled(
    model: nn.Module, root: Call, used: Iterable[str], reaches: Mapping[Call, Reach]
) -> LayerSummary:
    """The summary of the model with its layers as children; each parameter is counted once.

    A parameter is counted in its module or, if that was not called (such as the linear maps inside
    attention and graph convolutions), in the closest parent that was. A module that was not called
    and whose parameters were not used, such as a head for training only, is a separate layer at
    the end of its block.

    Args:
        model: the model.
        root: its call.
        used: the names of the parameters that an operation used.
        reaches: the receptive field of each call.
    """
    called = {call.module for call in _calls(root)}
    active = {id(p) for name, p in model.named_parameters() if name in set(used)}
    held: dict[nn.Module, list[nn.Parameter]] = {}
    idle: dict[nn.Module, dict[str, nn.Module]] = {}
    visited: set[nn.Module] = set()

    def walk(module: nn.Module, path: str, caller: nn.Module) -> None:
        if module in visited:
            return
        visited.add(module)
        if module in called:
            caller = module
        elif any(True for _ in module.parameters()) and not any(
            part in called or id(p) in active
            for part in module.modules()
            for p in part.parameters(recurse=False)
        ):
            idle.setdefault(caller, {})[path] = module
            return
        held.setdefault(caller, []).extend(module.parameters(recurse=False))
        for name, child in module.named_children():
            walk(child, f"{path}.{name}".lstrip("."), caller)

    walk(model, "", model)
    counted: set[int] = set()
    met: set[nn.Module] = set()

    def count(parameters: Iterable[nn.Parameter]) -> dict[str, Any]:
        """The number of parameters that were not counted before, and of those that were."""
        each = {id(p): p for p in parameters if not is_lazy(p)}
        new = [p for key, p in each.items() if key not in counted]
        counted.update(each)
        total, trainable = (sum(p.numel() for p in ps) for ps in (new, filter(_trains, new)))
        shared = sum(p.numel() for p in each.values()) - total
        return dict(zip(COUNTS, (total, trainable, shared), strict=False))

    def layer(call: Call) -> LayerSummary:
        """The summary of one call, with the calls inside it."""
        again = call.module in met
        met.add(call.module)
        counts = count(held.get(call.module, []))
        children = [layer(child) for child in call.children]
        for name, module in () if again else idle.get(call.module, {}).items():
            kind, sums = type(module).__name__, count(module.parameters())
            children.append(LayerSummary(name, kind, was_called=False, **sums))
        whole = LayerSummary(
            name=call.name,
            kind=type(call.module).__name__,
            settings=settings(call.module),
            between=_operations(call),
            input_shape=call.input_shape,
            output_shape=call.output_shape,
            macs=call.macs,
            activation_bytes=call.made if children else call.left,
            reach=reaches.get(call),
            children=tuple(children),
            **counts,
        )
        sums = {n: getattr(whole, n) + sum(getattr(c, n) for c in children) for n in COUNTS}
        return replace(whole, **sums)

    return layer(root)


def _trains(parameter: nn.Parameter) -> bool:
    return parameter.requires_grad


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
