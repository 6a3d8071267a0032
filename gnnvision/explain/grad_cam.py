"""Grad-CAM: which sites of a layer speak for an answer."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.explain.gradients import differentiating, guided_gradient, slopes
from gnnvision.explain.layers import Layer
from gnnvision.explain.members import at_sites, over_members
from gnnvision.explain.question import Question
from gnnvision.explain.tokens import Tokens
from gnnvision.explain.trace import hooked
from gnnvision.operators import arriving

__all__ = ["grad_cam", "guided_grad_cam", "onto_input"]


def grad_cam(question: Question, layer: Layer) -> tuple[Tensor, list[str]]:
    """ReLU(Σᶜ αᶜ Aᶜ), with αᶜ the mean of ∂f / ∂Aᶜ over the sites of a member.

    A is the output of the layer. On a graph the values are those of the layer's nodes; on a
    grid they are interpolated onto the input's sites.

    References:
        Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
        Localization", 2017, https://arxiv.org/abs/1610.02391, equations 1 and 2.
        Pope et al., "Explainability Methods for Graph Convolutional Neural Networks", 2019,
        https://openaccess.thecvf.com/content_CVPR_2019/html/Pope_Explainability_Methods_for_Graph_Convolutional_Neural_Networks_CVPR_2019_paper.html,
        the same on the nodes of a graph.
    """
    assert layer.domain is not None  # `find_layer` refuses others
    module = question.model.get_submodule(layer.name)
    kept: list[Tensor] = []

    def hook(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
        kept.append(output)
        return output.clone()  # the next layer may write into it

    with differentiating(question) as x:
        with hooked([module], hook):
            answer = question.answer(x)
        (slope,), notes = slopes(answer, [kept[-1]])
    maps, slope = layer.channels_first(kept[-1].detach()), layer.channels_first(slope)
    weight = at_sites(over_members(slope, layer.domain), maps, layer.domain)
    summed = (weight * maps).sum(1)
    values = summed.relu()
    if layer.times > 1:
        notes = [
            *notes,
            f"{layer.name} is called {layer.times} times: the last time is explained.",
        ]
    if layer.tokens is not None:
        notes = [*notes, _read_as(layer, layer.tokens)]
    if question.is_checked and not bool(values.any()) and bool(summed.any()):
        notes = [*notes, f"Every site of {layer.name} speaks against this answer, none for it."]
    return onto_input(question.domain, values, layer), notes


def _read_as(layer: Layer, tokens: Tokens) -> str:
    """How a sequence of tokens is read as an image."""
    left = {0: "", 1: "; its class token is left out"}.get(
        tokens.others, f"; its {tokens.others} other tokens are left out"
    )
    return f"The tokens of {layer.name} are read as {layer.sites} patches of the image{left}."


def guided_grad_cam(question: Question, layer: Layer) -> tuple[Tensor, list[str]]:
    """Guided gradient times Grad-CAM: fine as the one, of the answer's class as the other.

    References:
        Selvaraju et al., as for `grad_cam`, section 3.2.
    """
    coarse, notes = grad_cam(question, layer)
    fine, more = guided_gradient(question)
    return coarse * fine, list(dict.fromkeys([*notes, *more]))


@singledispatch
def onto_input(domain: Domain, values: Tensor, layer: Layer) -> Tensor:
    """Values at the sites of a layer as values at the sites of the input.

    Args:
        domain: of the input.
        values: shape (B, h, w) on a grid, (n,) on a graph.
        layer: where they are.

    Raises:
        ValueError: if it is not known which sites belong together.
    """
    raise TypeError(
        f"'domain' must be a Grid or a Graph, got {type(domain).__name__}. "
        "Write for example Grid((28, 28))."
    )


@onto_input.register
def _(domain: Grid, values: Tensor, layer: Layer) -> Tensor:
    """Linear between the middles of the layer's sites."""
    mode = {1: "linear", 2: "bilinear", 3: "trilinear"}[domain.ndim]
    if values.shape[1:] == domain.size:
        return values
    return F.interpolate(values[:, None], domain.size, mode=mode)[:, 0]


@onto_input.register
def _(domain: Graph, values: Tensor, layer: Layer) -> Tensor:
    """A node's own value; on edges the mean over those that arrive; that of its cluster, or 0."""
    if layer.edges_of is not None:
        incidence = arriving(layer.edges_of, values.dtype)
        count = incidence @ torch.ones_like(values)[:, None]
        values = (incidence @ values[:, None] / count.clamp(min=1))[:, 0]
    if layer.inside is not None:
        return values[layer.inside.clamp(min=0)] * (layer.inside >= 0)
    if len(values) != domain.num_nodes:
        raise ValueError(
            f"'layer' must have the sites of the input or clusters of them, got {layer.name!r} "
            f"with {layer.sites}. Choose a layer before it."
        )
    return values
