"""Which layers to look at: a few of them, from those that see little to those that see much."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.explain.layer import Layer
from gnnvision.explain.layers import layers
from gnnvision.layers import Convolution
from gnnvision.summary import Reach

__all__ = ["depths"]

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, Convolution)
_FEW = 3


def depths(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    seen: Mapping[str, Reach | None],
    most: int = 4,
) -> list[str]:
    """Layers at a few depths, from local to global.

    Of a network for pictures the last layer at each resolution; where there are not three of
    these, layers that see more and more. Of one for graphs the last layer after each number of
    hops. A block comes before the layers in it, and the first and the last depth are among them.

    Args:
        model: as for `layers`.
        x: likewise.
        domain: likewise.
        seen: what `reaches` found of each layer; it may be empty.
        most: at most so many.

    Raises:
        ValueError: if no layer has more than one site.
    """
    listed = [
        layer
        for layer in layers(model, x, domain)
        if layer.domain is not None and layer.domain.num_sites > 1
    ]
    modules = dict(model.named_modules())

    def has(layer: Layer, kinds: tuple[type, ...]) -> bool:
        return any(isinstance(part, kinds) for part in modules[layer.name].modules())

    if seen:
        listed = [layer for layer in listed if seen.get(layer.name) is not None]
    coarse = {layer.name: _coarse(layer, seen.get(layer.name)) for layer in listed}
    found = [layer for layer in listed if has(layer, _CONVOLUTIONS)]
    if len({coarse[layer.name] for layer in found}) < _FEW:  # transformers, messages along bonds
        found = [layer for layer in listed if has(layer, (*_CONVOLUTIONS, nn.Linear))]
    if not found:
        raise ValueError(
            f"'model' must have a layer whose output has more than one site, got "
            f"{type(model).__name__} on {domain}, which has none. Give another."
        )
    groups = _groups(found, coarse)
    if len(groups) < _FEW:
        groups = _groups(found, {layer.name: seen.get(layer.name) for layer in found})
    chosen = [min(reversed(group), key=lambda layer: layer.name.count(".")) for group in groups]
    if len(chosen) > most:
        chosen = [chosen[round(i * (len(chosen) - 1) / (most - 1))] for i in range(most)]
    return [layer.name for layer in chosen]


def _coarse(layer: Layer, reach: Reach | None) -> Hashable:
    """The resolution on a grid, the hops on a graph."""
    return layer.sites if reach is None or reach.hops is None else reach.hops


def _groups(found: list[Layer], keys: Mapping[str, Hashable]) -> list[list[Layer]]:
    groups: dict[Hashable, list[Layer]] = {}
    for layer in found:
        groups.setdefault(keys[layer.name], []).append(layer)
    return list(groups.values())
