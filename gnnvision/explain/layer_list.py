"""The layers of a model by name, with the shapes and domains of their outputs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from torch import Tensor, nn

from gnnvision._renamed import former_arguments
from gnnvision.domains import Domain
from gnnvision.errors import invalid, nearest
from gnnvision.explain.layer import Layer, Layers
from gnnvision.explain.tracing import CONVOLUTIONS, Call, layers_and_blocks, trace
from gnnvision.inspect import Reach

__all__ = ["find_call", "find_layer", "layers", "layers_by_depth", "pick_call"]

_FEW = 3


def layers(model: nn.Module, x: Tensor, domain: Domain) -> Layers:
    """The layers and blocks of a model, with the shapes of their outputs.

    A block whose output is that of its last layer is left out.

    Args:
        model: a network, called as (x, domain) or (x); run in evaluation mode, its state is
            restored.
        x: a signal. Shape (B, C, H, W) on a grid, (N, C) on a graph.
        domain: the grid or graph of the signal.

    Example:
        >>> import torch, gnnvision as gv
        >>> graph = gv.Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> model = gv.Sequential(gv.GCNConv(5, 8), nn.ReLU(), gv.Readout("mean"))
        >>> print(layers(model, torch.ones(3, 5), graph))
        Layer   Kind      Output     Sites
        ──────────────────────────────────
        0       GCNConv    3 × 8   3 nodes
        1       ReLU       3 × 8   3 nodes
        2       Readout    1 × 8      none
    """
    _, calls = trace(model, x, domain, modules=layers_and_blocks(model), keep=())
    shown: list[Layer] = []
    for call in calls:
        same = shown and shown[-1].name.startswith(f"{call.name}.")
        if not (same and type(call.module) is nn.Sequential):
            shown.append(call.layer)
    return Layers(shown)


def find_layer(model: nn.Module, x: Tensor, domain: Domain, name: str) -> Layer:
    """The layer of this name, any module in the model whose output has sites.

    Args:
        model: a network for images or graphs, called as (x, domain) or (x).
        x: the signal.
        domain: the grid or graph of the signal.
        name: of the layer.

    Raises:
        ValueError: if there is no such layer (the nearest names are suggested), if it is not
            called in the forward pass, or if its output has no sites.
    """
    return find_call(model, x, domain, name).layer


def find_call(model: nn.Module, x: Tensor, domain: Domain, name: str, keep: bool = False) -> Call:
    """The last call of the layer that `find_layer` returns; its values are kept if `keep`."""
    watched = layers_and_blocks(model, name)
    _, calls = trace(model, x, domain, modules=watched, keep=(name,) if keep else ())
    return pick_call(model, calls, name)


def pick_call(model: nn.Module, calls: Sequence[Call], name: str) -> Call:
    """The call of the layer of this name, whose output has sites; errors as for `find_layer`."""
    found = {call.name: call for call in calls}
    with_sites = [call.name for call in calls if call.layer.domain is not None]
    if name not in found:
        near = _listed(nearest(name, with_sites or list(found), 3, cutoff=0))
        if name and name in dict(model.named_modules()):
            condition, advice = "be called in the forward pass", f"Choose for example {near}."
            got = f"{name!r}, which is not called or returns no tensor"
            raise invalid("layer", condition, got, advice)
        advice = f"Did you mean {near}? {type(model).__name__} has {len(found)} layers."
        raise invalid("layer", "be the name of a layer", repr(name), advice)
    layer = found[name].layer
    if layer.domain is None:
        shape = " × ".join(map(str, layer.shape))
        last = f"is {with_sites[-1]!r}" if with_sites else "does not exist in this model"
        got = f"{name!r} ({layer.kind}) with an output of {shape}"
        condition, advice = "have an output with sites", f"The last layer with sites {last}."
        raise invalid("layer", f"{condition} (pixels or nodes)", got, advice)
    return found[name]


def _listed(names: Sequence[str]) -> str:
    quoted = [repr(name) for name in names]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


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
    listed = [layer for layer in layers(model, x, domain) if layer.has_sites]
    listed = [layer for layer in listed if not sizes or sizes.get(layer.name) is not None]

    def having(*kinds: type) -> list[Layer]:
        parts = {layer.name: model.get_submodule(layer.name).modules() for layer in listed}
        return [one for one in listed if any(isinstance(part, kinds) for part in parts[one.name])]

    def depth(layer: Layer) -> Hashable:
        """The resolution on a grid, the hops on a graph, the sites of a field elsewhere."""
        reach = sizes.get(layer.name)
        return layer.sites if reach is None or reach.size else (reach.hops, reach.count)

    found = having(*CONVOLUTIONS)
    if len(set(map(depth, found))) < _FEW:  # transformers, messages along bonds
        found = having(*CONVOLUTIONS, nn.Linear)
    if not found:
        got = f"{type(model).__name__} on {domain}, which has no such layer"
        raise invalid("model", "have a layer with more than one site", got, "Use another model.")
    keys: dict[str, Hashable] = {layer.name: depth(layer) for layer in found}
    if len(set(keys.values())) < _FEW:
        keys = {layer.name: sizes.get(layer.name) for layer in found}
    groups: dict[Hashable, list[Layer]] = {}
    for layer in found:
        groups.setdefault(keys[layer.name], []).append(layer)
    chosen = [
        min(reversed(group), key=lambda layer: layer.name.count(".")).name
        for group in groups.values()
    ]
    if len(chosen) > max_count:
        step = (len(chosen) - 1) / (max_count - 1)
        chosen = [chosen[round(i * step)] for i in range(max_count)]
    return chosen
