"""The layers of a model by name, with their shapes and where their signals live."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.explain.layer import Layer, Layers
from gnnvision.explain.trace import Call, blocks, trace
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
    """The layers of a model and their blocks, with the shapes that a signal has after them.

    A block that returns just what its last layer does is left out.

    Args:
        model: any network for pictures, or one for graphs as ours are; used in evaluation mode
            and left as it was found.
        x: a signal. Shape (B, C, H, W) on a grid, (N, C) on a graph.
        domain: where it lives.

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
    _, calls = trace(model, x, domain, modules=blocks(model), keep=())
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
        x: likewise.
        domain: likewise.
        name: of any module in the model.

    Raises:
        ValueError: if there is no such layer, with the nearest names; if it does not run on the
            way to the answer; or if the sites are gone after it.
    """
    return as_layer(find_call(model, x, domain, name))


def find_call(model: nn.Module, x: Tensor, domain: Domain, name: str, keep: bool = False) -> Call:
    """What `find_layer` finds, as it was called.

    Args:
        model: as for `find_layer`.
        x: likewise.
        domain: likewise.
        name: likewise.
        keep: whether its numbers are wanted, too.

    Raises:
        ValueError: as `find_layer` does.
    """
    watched = blocks(model)
    if name not in dict(watched):
        watched += [(n, m) for n, m in model.named_modules() if n and n == name]
    _, calls = trace(model, x, domain, modules=watched, keep=(name,) if keep else ())
    found = {call.name: call for call in calls}
    with_sites = [call.name for call in calls if call.domain is not None]
    if name not in found:
        if name and name in dict(model.named_modules()):
            raise ValueError(
                f"'layer' must be one that gives a tensor on the way to the answer, got {name!r}, "
                f"which does not. Choose for example {_listed(_near(name, with_sites))}."
            )
        near = _listed(_near(name, with_sites or list(found)))
        raise ValueError(
            f"'layer' must be the name of a layer, got {name!r}. Did you mean {near}? "
            f"{type(model).__name__} has {len(found)}."
        )
    if found[name].domain is None:
        shape = " × ".join(map(str, found[name].output.shape))
        last = f"The last that does is {with_sites[-1]!r}." if with_sites else "None of them does."
        raise ValueError(
            f"'layer' must have an output that lies on sites, got {name!r} "
            f"({type(found[name].module).__name__}), whose output of {shape} is after they are "
            f"gone. {last}"
        )
    return found[name]


def has_sites(call: Call) -> bool:
    """Whether the output of a layer has more than one site."""
    return call.domain is not None and call.domain.num_sites > 1


def as_layer(call: Call) -> Layer:
    """A call without its numbers."""
    kind, shape = type(call.module).__name__, tuple(call.output.shape)
    where = (call.edges_of, call.channel_dim, call.inside)
    return Layer(call.name, kind, shape, call.domain, call.times, *where)


def _near(name: str, names: Sequence[str]) -> list[str]:
    return difflib.get_close_matches(name, names, n=3, cutoff=0.0)


def _listed(names: Sequence[str]) -> str:
    quoted = [repr(name) for name in names]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
