"""The signal that the last layer of a network reads: an embedding of each input."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph
from gnnvision.errors import invalid, nearest
from gnnvision.explain import last_weighted, trace
from gnnvision.operators.signals import is_sparse

__all__ = ["embed"]


def embed(model: nn.Module, x: Tensor, domain: Domain, layer: str | None = None) -> Tensor:
    """What the last layer with weights reads, or the output of a named layer.

    Args:
        model: the network.
        x: the signal.
        domain: its domain.
        layer: the name of a layer; None for the input of the last one with weights.

    Returns:
        A row for each sample of the output: an image, a graph, or a node. The mean over the
        pixels or the nodes of a graph, where the layer has a value for each.

    Raises:
        ValueError: if there is no such layer.
    """
    modules = None
    if layer is not None:
        named = {name: module for name, module in model.named_modules() if name}
        if layer not in named:
            near = nearest(layer, named)
            advice = f"Did you mean {near[0]!r}?" if near else "See print(run.model)."
            raise invalid("layer", "be a layer of the network", repr(layer), advice)
        modules = [(layer, named[layer])]
    with torch.inference_mode(False):
        output, calls = trace(model, x, domain, modules=modules)
    if layer is not None and calls:
        return _rows(calls[-1].output, len(output), domain)
    last = last_weighted(calls)
    if last is None:
        condition = "be a layer that the network calls" if layer else "be named"
        raise invalid("layer", condition, layer, "See print(run.model).")
    held = last.signal
    return _rows(held.to_dense() if is_sparse(held) else held, len(output), domain)


def _rows(signal: Tensor, count: int, domain: Domain) -> Tensor:
    """The mean of a signal over the sites of each sample. Shape (samples, channels)."""
    signal = signal.detach().float().cpu()
    if isinstance(domain, Graph) and len(signal) != count and len(signal) == domain.num_nodes:
        owner = domain.graph_index.cpu()
        sums = torch.zeros(domain.num_graphs, signal.shape[1]).index_add_(0, owner, signal)
        return sums / owner.bincount(minlength=domain.num_graphs).clamp(min=1)[:, None]
    return signal.flatten(2).mean(2) if signal.ndim > 2 else signal
