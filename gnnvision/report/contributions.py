"""Message contributions of a node's neighbors to its class logits, in the last convolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.explain import hooked, model_output, trace
from gnnvision.layers import Convolution
from gnnvision.layers.hooks import evaluating

__all__ = ["Contributions", "contributions"]


@dataclass(frozen=True)
class Contributions:
    """The logits of one node, decomposed into message contributions.

    Args:
        node: the node i.
        sources: the m nodes j that send it messages, itself included.
        values: the contribution of each to each class. Shape (num_classes, m).
        rest: the logits minus the sums of the contributions. Shape (num_classes,).
        outputs: the logits. Shape (num_classes,).
        is_exact: whether the rest is the bias of the convolution alone.
        layer: the name of the convolution.
    """

    node: int
    sources: Tensor
    values: Tensor
    rest: Tensor
    outputs: Tensor
    is_exact: bool
    layer: str


def contributions(
    model: nn.Module, x: Tensor, domain: Domain, node: int, classes: Sequence[int]
) -> Contributions | None:
    """The contribution Σₖ Sₖ[i, j] (xⱼ Wₖ) · g of each neighbor j to the logits of a node i.

    g is the gradient of a logit of i with respect to the output Σₖ Sₖ X Wₖ + b of the last
    convolution. In a network that ends with this convolution g is a unit vector, and the
    contributions and the bias add up to the logit. If other layers follow, they are linearized.

    Args:
        model: a network whose output has a row for each node.
        x: its signal. Shape (N, C).
        domain: the graph of the signal.
        node: i.
        classes: the columns of the output.

    Returns:
        None if the model has no convolution, or calls its last one several times.
    """
    _, calls = trace(model, x, domain)
    found = [call for call in calls if isinstance(call.module, Convolution)]
    if not found or found[-1].layer.times > 1:
        return None
    call = found[-1]
    layer = call.module
    assert isinstance(layer, Convolution)
    with evaluating(model):
        with torch.no_grad():
            sources, messages = _messages(layer, call.signal, domain, node)
            bias = layer.bias
            received = messages.sum(0) if bias is None else messages.sum(0) + bias
        received.requires_grad_()
        place = torch.tensor([node], device=received.device)

        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
            row = layer.finish(received.unsqueeze(0))
            # The value of the layer's output with the gradient of `row`.
            row = row + (output[place] - row).detach()
            return output.detach().index_copy(0, place, row)

        with torch.enable_grad(), hooked([call.module], hook):
            outputs = model_output(model, x, domain)[node, list(classes)]
            grads = [torch.autograd.grad(o, received, retain_graph=True)[0] for o in outputs]
    g = torch.stack(grads)  # (num_classes, C_out)
    values, outputs = g @ messages.T, outputs.detach()
    rest = outputs - values.sum(1)
    constant = torch.zeros_like(rest) if bias is None else g @ bias.detach()
    scale = 1 + float(values.abs().sum())
    return Contributions(
        node=node,
        sources=sources.cpu(),
        values=values.cpu(),
        rest=rest.cpu(),
        outputs=outputs.cpu(),
        is_exact=bool((rest - constant).abs().max() < 1e-4 * scale),
        layer=call.name,
    )


def _messages(layer: Convolution, x: Tensor, domain: Domain, node: int) -> tuple[Tensor, Tensor]:
    """The neighbors j of `node` and their messages Σₖ Sₖ[node, j] xⱼ Wₖ: (m,), (m, C_out)."""
    operators, taps = layer.operators(domain, x), layer.taps()
    unit = taps.new_zeros(operators[0].shape[0], 1)
    unit[node] = 1
    rows = torch.cat([S.T @ unit for S in operators], 1)  # (N, K)
    reached = (rows != 0).any(1)
    reached[node] = True
    sources = reached.nonzero().squeeze(1)
    held = x.to_sparse_coo() if x.layout is torch.sparse_csr else x
    signal = held.index_select(0, sources).to_dense()  # (m, C_in)
    sent = torch.einsum("mi,kio->mko", signal, taps)
    return sources, (rows[sources].unsqueeze(2) * sent).sum(1)
