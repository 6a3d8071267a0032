"""The layers of a model by name, with the shapes and domains of their outputs."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.errors import invalid, nearest
from gnnvision.explain.layer import Layer, Layers
from gnnvision.explain.trace import Call, layers_and_blocks, trace
from gnnvision.layers import Convolution

__all__ = [
    "CONVOLUTIONS",
    "Layer",
    "Layers",
    "as_layer",
    "find_call",
    "find_layer",
    "has_sites",
    "layers",
]

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, Convolution)


def layers(model: nn.Module, x: Tensor, domain: Domain) -> Layers:
    """The layers and blocks of a model, with the shapes of their outputs.

    A block whose output is that of its last layer is left out.

    Args:
        model: a network for images or graphs, called as (x, domain) or (x); run in evaluation
            mode, its state is restored.
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
            shown.append(as_layer(call))
    return Layers(shown)


def find_layer(model: nn.Module, x: Tensor, domain: Domain, name: str) -> Layer:
    """The layer of this name, whose output has sites.

    Args:
        model: as for `layers`.
        x: as for `layers`.
        domain: as for `layers`.
        name: the name of any module in the model.

    Raises:
        ValueError: if there is no such layer (the nearest names are suggested), if it is not
            called in the forward pass, or if its output has no sites.
    """
    return as_layer(find_call(model, x, domain, name))


def find_call(model: nn.Module, x: Tensor, domain: Domain, name: str, keep: bool = False) -> Call:
    """The last call of the layer of this name, whose output has sites.

    Args:
        model: as for `find_layer`.
        x: as for `find_layer`.
        domain: as for `find_layer`.
        name: as for `find_layer`.
        keep: whether to keep the values of its output, not only their shape.

    Raises:
        ValueError: as for `find_layer`.
    """
    watched = layers_and_blocks(model)
    if name not in dict(watched):
        watched += [(n, m) for n, m in model.named_modules() if n and n == name]
    _, calls = trace(model, x, domain, modules=watched, keep=(name,) if keep else ())
    found = {call.name: call for call in calls}
    with_sites = [call.name for call in calls if call.domain is not None]
    if name not in found:
        near = _listed(nearest(name, with_sites or list(found), 3, cutoff=0))
        if name and name in dict(model.named_modules()):
            got = f"{name!r}, which is not called or returns no tensor"
            raise invalid(
                "layer", "be called in the forward pass", got, f"Choose for example {near}."
            )
        advice = f"Did you mean {near}? {type(model).__name__} has {len(found)} layers."
        raise invalid("layer", "be the name of a layer", repr(name), advice)
    if found[name].domain is None:
        shape = " × ".join(map(str, found[name].output.shape))
        last = f"is {with_sites[-1]!r}" if with_sites else "does not exist in this model"
        got = f"{name!r} ({type(found[name].module).__name__}) with an output of {shape}"
        advice = f"The last layer with sites {last}."
        raise invalid("layer", "have an output with sites (pixels or nodes)", got, advice)
    return found[name]


def has_sites(call: Call) -> bool:
    """Whether the output of a layer has more than one site."""
    return call.domain is not None and call.domain.num_sites > 1


def as_layer(call: Call) -> Layer:
    """The layer of a call, without the values of its tensors."""
    kind, shape = type(call.module).__name__, tuple(call.output.shape)
    where = (call.edges_of, call.channel_dim, call.cluster)
    return Layer(call.name, kind, shape, call.domain, call.times, *where)


def _listed(names: Sequence[str]) -> str:
    quoted = [repr(name) for name in names]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
