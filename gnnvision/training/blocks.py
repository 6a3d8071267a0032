"""The blocks of a network: the units that are trained or frozen, or have a learning rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from gnnvision.errors import invalid
from gnnvision.layers import Sequential

__all__ = ["Block", "blocks", "first_trainable", "last_linear"]


@dataclass(frozen=True)
class Block:
    """A module with weights, and the modules without weights around it.

    Args:
        name: name of the module with weights, as in `named_modules`.
        names: names of all its modules.
        modules: these modules, in order.
    """

    name: str
    names: tuple[str, ...]
    modules: tuple[nn.Module, ...]

    @property
    def num_parameters(self) -> int:
        """The number of parameters."""
        return sum(p.numel() for module in self.modules for p in module.parameters())


def blocks(network: nn.Module) -> list[Block]:
    """The blocks of a network from its input to its head, without the head.

    Each element of a list or sequence of layers is a block, also inside the module with the head;
    any other module, such as a residual block, is one block. Layers without weights belong to the
    block before them, those at the start to the first block.

    Args:
        network: it ends in a dense layer, its head, and perhaps layers without weights.

    Returns:
        The blocks, in the order in which they are declared.

    Raises:
        ValueError: if the last layer with weights is not a dense one.

    Example:
        >>> layers = nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)
        >>> [block.names for block in blocks(nn.Sequential(*layers))]
        [('0', '1', '2')]
    """
    head, _ = last_linear(network)
    out: list[Block] = []
    waiting: list[tuple[str, nn.Module]] = []
    for name, module in _flatten("", network, head):
        if name == head:  # the layers after it belong to it
            break
        if any(True for _ in module.parameters()):
            held = [*waiting, (name, module)]
            waiting = []
            out.append(Block(name, tuple(n for n, _ in held), tuple(m for _, m in held)))
        elif out:
            last = out[-1]
            out[-1] = Block(last.name, (*last.names, name), (*last.modules, module))
        else:
            waiting.append((name, module))
    return out


def first_trainable(network: nn.Module) -> list[nn.Parameter]:
    """The trainable parameters of the first block that has any; empty without such a block.

    Args:
        network: any network; only one that ends in a dense layer has blocks.
    """
    try:
        parts = blocks(network)
    except ValueError:
        return []
    held = ([p for m in part.modules for p in m.parameters() if p.requires_grad] for part in parts)
    return next(filter(None, held), [])


def last_linear(network: nn.Module) -> tuple[str, nn.Linear]:
    """The name and the module of the last dense layer.

    Raises:
        ValueError: if there is none, or a layer with weights follows it.
    """
    weighted = [
        (name, module)
        for name, module in network.named_modules()
        if any(True for _ in module.parameters(recurse=False))
    ]
    if not weighted or not isinstance(weighted[-1][1], nn.Linear):
        kind = type(weighted[-1][1]).__name__ if weighted else "a layer without weights"
        raise invalid(
            "network",
            "end in a dense layer, nn.Linear",
            f"{type(network).__name__}, which ends in {kind}",
            "Add a readout and an nn.Linear.",
        )
    name, layer = weighted[-1]
    assert isinstance(layer, nn.Linear)
    return name, layer


def _flatten(name: str, module: nn.Module, head: str) -> Iterator[tuple[str, nn.Module]]:
    """The modules of a network, with containers and the modules around the head flattened."""
    # Exactly these: a subclass, such as torchvision's convolution with a norm, is one block.
    is_list = type(module) in (nn.Sequential, Sequential, nn.ModuleList)
    if name != head and (not name or is_list or head.startswith(f"{name}.")):
        for child, part in module.named_children():
            yield from _flatten(f"{name}.{child}".lstrip("."), part, head)
    else:
        yield name, module
