"""Grad-CAM: a class activation map from the gradients of one layer."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.errors import invalid
from gnnvision.explain.gradients import compute_gradients, guided_gradient, input_with_grad
from gnnvision.explain.instance import Instance
from gnnvision.explain.layers import Layer
from gnnvision.explain.samples import expand_to_sites, mean_per_sample, unknown_domain
from gnnvision.explain.tokens import Tokens
from gnnvision.explain.trace import hooked
from gnnvision.operators import arriving

__all__ = ["grad_cam", "guided_grad_cam", "to_input_sites"]


def grad_cam(instance: Instance, layer: Layer) -> tuple[Tensor, list[str]]:
    """The class activation map ReLU(Σᶜ αᶜ Aᶜ), with αᶜ the mean of ∂f / ∂Aᶜ over the sites.

    A is the output of the layer. On a grid the map is interpolated to the size of the input; on
    a graph it has a value for each node.

    References:
        Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
        Localization", 2017, https://arxiv.org/abs/1610.02391, equations 1 and 2.
        Pope et al., "Explainability Methods for Graph Convolutional Neural Networks", 2019,
        https://openaccess.thecvf.com/content_CVPR_2019/html/Pope_Explainability_Methods_for_Graph_Convolutional_Neural_Networks_CVPR_2019_paper.html,
        the same on the nodes of a graph.
    """
    assert layer.domain is not None  # `find_layer` returns no others
    module = instance.model.get_submodule(layer.name)
    kept: list[Tensor] = []

    def hook(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
        kept.append(output)
        return output.clone()  # the next layer may work in place

    with input_with_grad(instance) as x:
        with hooked([module], hook):
            output = instance.output(x)
        (grad,), notes = compute_gradients(output, [kept[-1]])
    maps, grad = layer.channels_first(kept[-1].detach()), layer.channels_first(grad)
    weight = expand_to_sites(mean_per_sample(grad, layer.domain), maps, layer.domain)
    summed = (weight * maps).sum(1)
    values = summed.relu()
    name = f"layer {layer.name!r}"
    if layer.times > 1:
        notes = [*notes, f"The last of {layer.times} calls of {name} is used."]
    if layer.tokens is not None:
        notes = [*notes, _tokens_note(layer, layer.tokens)]
    if instance.is_checked and not bool(values.any()) and bool(summed.any()):
        notes = [*notes, f"The map of {name} is negative everywhere, so ReLU sets it to 0."]
    return to_input_sites(instance.domain, values, layer), notes


def _tokens_note(layer: Layer, tokens: Tokens) -> str:
    """How a sequence of tokens is arranged as an image."""
    left = {0: "", 1: "; its class token is left out"}.get(
        tokens.others, f"; its {tokens.others} other tokens are left out"
    )
    return f"The tokens of layer {layer.name!r} are arranged as {layer.sites} image patches{left}."


def guided_grad_cam(instance: Instance, layer: Layer) -> tuple[Tensor, list[str]]:
    """Guided gradient × Grad-CAM, which is both fine-grained and class-discriminative.

    References:
        Selvaraju et al., as for `grad_cam`, section 3.2.
    """
    coarse, notes = grad_cam(instance, layer)
    fine, more = guided_gradient(instance)
    return coarse * fine, list(dict.fromkeys([*notes, *more]))


@singledispatch
def to_input_sites(domain: Domain, values: Tensor, layer: Layer) -> Tensor:
    """Values at the sites of a layer, transferred to the sites of the input.

    Args:
        domain: the domain of the input.
        values: shape (B, h, w) on a grid, (n,) on a graph.
        layer: the layer of the values.

    Raises:
        TypeError: if the domain is neither a grid nor a graph.
        ValueError: if the correspondence of the sites is unknown.
    """
    raise unknown_domain(domain)


@to_input_sites.register
def _(domain: Grid, values: Tensor, layer: Layer) -> Tensor:
    """By linear interpolation between the layer's sites."""
    mode = {1: "linear", 2: "bilinear", 3: "trilinear"}[domain.ndim]
    if values.shape[1:] == domain.shape:
        return values
    return F.interpolate(values[:, None], domain.shape, mode=mode)[:, 0]


@to_input_sites.register
def _(domain: Graph, values: Tensor, layer: Layer) -> Tensor:
    """Each node gets its value, the mean of its incoming edges, or the value of its cluster."""
    if layer.edges_of is not None:
        incidence = arriving(layer.edges_of, values.dtype)
        count = incidence @ torch.ones_like(values)[:, None]
        values = (incidence @ values[:, None] / count.clamp(min=1))[:, 0]
    if layer.cluster is not None:
        return values[layer.cluster.clamp(min=0)] * (layer.cluster >= 0)
    if len(values) != domain.num_nodes:
        condition = "have the sites of the input, or clusters of these sites"
        got = f"{layer.name!r} with {layer.sites}"
        raise invalid("layer", condition, got, "Choose a layer before it.")
    return values
