"""A few layers of a network, from small receptive fields to large ones."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from torch import Tensor, nn

from gnnvision._renamed import former_arguments
from gnnvision.domains import Domain
from gnnvision.errors import invalid
from gnnvision.explain.layer import Layer
from gnnvision.explain.layers import layers
from gnnvision.layers import Convolution
from gnnvision.summary import Reach

__all__ = ["layers_by_depth"]

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, Convolution)
_FEW = 3


@former_arguments(seen="sizes", most="max_count")
def layers_by_depth(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    sizes: Mapping[str, Reach | None],
    max_count: int = 4,
) -> list[str]:
    """The names of a few layers at different depths, from local to global.

    In a network for images: the last layer at each resolution or, if there are fewer than three
    resolutions, layers with growing receptive fields. In a network for graphs: the last layer
    after each number of hops. A block is preferred to the layers in it. The first and the last
    depth are always included.

    Args:
        model: as for `layers`.
        x: as for `layers`.
        domain: as for `layers`.
        sizes: what `receptive_field_sizes` returns; it may be empty.
        max_count: the largest number of layers.

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

    if sizes:
        listed = [layer for layer in listed if sizes.get(layer.name) is not None]
    coarse = {layer.name: _depth(layer, sizes.get(layer.name)) for layer in listed}
    found = [layer for layer in listed if has(layer, _CONVOLUTIONS)]
    if len({coarse[layer.name] for layer in found}) < _FEW:  # transformers, messages along bonds
        found = [layer for layer in listed if has(layer, (*_CONVOLUTIONS, nn.Linear))]
    if not found:
        got = f"{type(model).__name__} on {domain}, which has no such layer"
        raise invalid("model", "have a layer with more than one site", got, "Use another model.")
    groups = _groups(found, coarse)
    if len(groups) < _FEW:
        groups = _groups(found, {layer.name: sizes.get(layer.name) for layer in found})
    chosen = [min(reversed(group), key=lambda layer: layer.name.count(".")) for group in groups]
    if len(chosen) > max_count:
        step = (len(chosen) - 1) / (max_count - 1)
        chosen = [chosen[round(i * step)] for i in range(max_count)]
    return [layer.name for layer in chosen]


def _depth(layer: Layer, reach: Reach | None) -> Hashable:
    """The resolution on a grid, the hops on a graph."""
    return layer.sites if reach is None or reach.hops is None else reach.hops


def _groups(found: list[Layer], keys: Mapping[str, Hashable]) -> list[list[Layer]]:
    groups: dict[Hashable, list[Layer]] = {}
    for layer in found:
        groups.setdefault(keys[layer.name], []).append(layer)
    return list(groups.values())
