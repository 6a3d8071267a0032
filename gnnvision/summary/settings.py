"""The main arguments of a layer as a short text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from gnnvision.layers.graph import FamilyConvolution

__all__ = ["settings"]

POOLS = (
    nn.modules.pooling._MaxPoolNd,
    nn.modules.pooling._AvgPoolNd,
)

ADAPTIVE = (
    nn.modules.pooling._AdaptiveAvgPoolNd,
    nn.modules.pooling._AdaptiveMaxPoolNd,
)


def settings(module: nn.Module) -> str:
    """The main arguments of a layer, for example "3 → 64, 7 × 7, stride 2".

    Example:
        >>> settings(nn.Conv2d(3, 64, 7, stride=2)), settings(nn.Dropout(0.5))
        ('3 → 64, 7 × 7, stride 2', 'p=0.5')
    """
    if isinstance(module, nn.modules.conv._ConvNd):
        parts = [f"{module.in_channels} → {module.out_channels}", by(module.kernel_size)]
        if max(module.stride) > 1:
            parts.append(f"stride {each(module.stride)}")
        if max(module.dilation) > 1:
            parts.append(f"dilation {each(module.dilation)}")
        if module.groups > 1:
            parts.append(f"{module.groups} groups")
        return ", ".join(parts)
    if isinstance(module, FamilyConvolution):
        words = {"heads": "heads", "K": "polynomials", "num_relations": "relations"}
        own = [f"{vars(module)[key]} {word}" for key, word in words.items() if key in vars(module)]
        return ", ".join([f"{module.in_channels} → {module.out_channels}", *own])
    if isinstance(module, nn.Linear):
        return f"{module.in_features} → {module.out_features}"
    if isinstance(module, POOLS):
        options: dict[str, Any] = vars(module)
        kernel, stride = options["kernel_size"], options["stride"]
        plain = by(kernel) if isinstance(kernel, tuple) else f"{kernel}"
        return plain if stride == kernel else f"{plain}, stride {each(stride)}"
    if isinstance(module, ADAPTIVE):
        size = module.output_size
        return f"to {by(size) if isinstance(size, tuple) else size}"
    if isinstance(module, nn.Flatten):
        return ""
    text = module.extra_repr()
    for end in (", eps=", ", bias=", "inplace="):
        text = text.split(end)[0]
    return text.replace("normalized_shape=", "").replace("'", "").strip(", ")


def by(sizes: Sequence[int | None]) -> str:
    """The sizes of all axes, for example "7 × 7"."""
    return " × ".join(f"{size}" for size in sizes)


def each(sizes: int | Sequence[int]) -> str:
    """The sizes of all axes, as one number if they are equal."""
    if isinstance(sizes, int):
        return f"{sizes}"
    return f"{sizes[0]}" if len(set(sizes)) == 1 else by(sizes)
