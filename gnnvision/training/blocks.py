"""The blocks of a network, in order: what is trained, frozen or given a learning rate as one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from gnnvision.layers import Sequential

__all__ = ["Block", "blocks", "last_linear"]


@dataclass(frozen=True)
class Block:
    """A part of a network that has weights, and what stands around it without any.

    Args:
        name: of its module with weights, as in `named_modules`.
        names: of all its modules, that one among them.
        modules: these modules, in order.
    """

    name: str
    names: tuple[str, ...]
    modules: tuple[nn.Module, ...]

    @property
    def num_parameters(self) -> int:
        """How many numbers it has learned."""
        return sum(p.numel() for module in self.modules for p in module.parameters())


def blocks(network: nn.Module) -> list[Block]:
    """The blocks of a network from its input to its head, the head left out.

    Lists and sequences of layers are opened, and so is what holds the head; another module with
    a forward of its own, as a residual block, is one block. Layers without weights go with the
    block before them, those at the very start with the first.

    Args:
        network: ends in a dense layer, which is its head, and perhaps layers without weights.

    Returns:
        Them, in the order in which they are declared.

    Raises:
        ValueError: if there is no dense layer.

    Example:
        >>> layers = nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)
        >>> [block.names for block in blocks(nn.Sequential(*layers))]
        [('0', '1', '2')]
    """
    head, _ = last_linear(network)
    out: list[Block] = []
    waiting: list[tuple[str, nn.Module]] = []
    for name, module in _opened("", network, head):
        if name == head:  # what follows it belongs to it
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


def last_linear(network: nn.Module) -> tuple[str, nn.Linear]:
    """The last dense layer and its name.

    Raises:
        ValueError: if there is none, or a layer with weights follows it.
    """
    weighted = [
        (name, module)
        for name, module in network.named_modules()
        if any(True for _ in module.parameters(recurse=False))
    ]
    if not weighted or not isinstance(weighted[-1][1], nn.Linear):
        kind = type(weighted[-1][1]).__name__ if weighted else "no weights"
        raise ValueError(
            f"'network' must end in a dense layer, nn.Linear, got {type(network).__name__}, "
            f"which ends in {kind}. Put a readout and an nn.Linear behind it."
        )
    name, layer = weighted[-1]
    assert isinstance(layer, nn.Linear)
    return name, layer


def _opened(name: str, module: nn.Module, head: str) -> Iterator[tuple[str, nn.Module]]:
    """The modules that a network runs through: containers, and all around the head, opened."""
    # Exactly these: a subclass, as torchvision's convolution with its norm, is one thing.
    listed = type(module) in (nn.Sequential, Sequential, nn.ModuleList)
    if name != head and (not name or listed or head.startswith(f"{name}.")):
        for child, part in module.named_children():
            yield from _opened(f"{name}.{child}".lstrip("."), part, head)
    else:
        yield name, module
