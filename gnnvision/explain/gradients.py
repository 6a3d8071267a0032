"""Gradient-based attribution: gradient, input × gradient, guided gradient and Grad-CAM."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from gnnvision.domains import Domain, Grid
from gnnvision.errors import invalid
from gnnvision.explain.instance import Instance, expand_to_sites, mean_per_sample
from gnnvision.explain.layer import Layer
from gnnvision.explain.tracing import hooked
from gnnvision.layers.hooks import evaluating
from gnnvision.operators import arriving

__all__ = ["grad_cam", "gradient", "guided_grad_cam", "guided_gradient", "input_gradient"]

NO_PATH = (
    "This output is not differentiable with respect to the input: the gradient is 0 everywhere "
    "and carries no information."
)
NO_RECTIFIER = (
    "The network has no ReLU or similar activation to guide: this is the plain gradient."
)

# Activations that pass large values and suppress small ones.
_RECTIFIERS: frozenset[Callable[..., Any]] = frozenset(
    {
        F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_,
        F.relu6, F.leaky_relu, F.leaky_relu_, F.prelu, torch.prelu, F.rrelu, F.elu, F.elu_,
        F.selu, F.selu_, torch.selu, torch.selu_, F.celu, F.celu_, F.gelu, F.silu, F.mish,
        F.softplus, F.hardswish, F.hardtanh, F.hardtanh_
    }
)  # fmt: skip
_HARDTANH = (F.hardtanh, F.hardtanh_)  # a rectifier only if it begins at 0, as ReLU6


def gradient(instance: Instance) -> tuple[Tensor, list[str]]:
    """The saliency maxᶜ |∂f / ∂x| of each site, the largest over its channels.

    References:
        Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks", 2014,
        https://arxiv.org/abs/1312.6034, section 3.1.
    """
    grad, notes = _input_gradient(instance)
    return grad.abs().amax(1), notes


def input_gradient(instance: Instance) -> tuple[Tensor, list[str]]:
    """Σᶜ x ∂f / ∂x of each site: to first order, the drop of the output if x is set to 0 there.

    References:
        Shrikumar, Greenside, Shcherbina, Kundaje, "Not Just a Black Box", 2016,
        https://arxiv.org/abs/1605.01713, section 2.
    """
    grad, notes = _input_gradient(instance)
    return (instance.x * grad).sum(1), notes


def guided_gradient(instance: Instance) -> tuple[Tensor, list[str]]:
    """maxᶜ |∂f / ∂x| of each site, with negative gradients set to 0 at every rectifier.

    References:
        Springenberg, Dosovitskiy, Brox, Riedmiller, "Striving for Simplicity: The All
        Convolutional Net", 2015, https://arxiv.org/abs/1412.6806, section 3.4.
        Differs from the paper: activations similar to ReLU (ReLU6, GELU, SiLU, ...) are guided
        too, also where they are called as functions.
    """
    guide = Guided()
    grad, notes = _input_gradient(instance, guide)
    return grad.abs().amax(1), notes if guide.count else [*notes, NO_RECTIFIER]


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
    kept: list[Tensor] = []

    def hook(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
        kept.append(output)
        return output.clone()  # the next layer may work in place

    with _input_with_grad(instance) as x:
        with hooked([instance.model.get_submodule(layer.name)], hook):
            output = instance.output(x)
        grad, notes = _gradient_of(output, kept[-1])
    maps, grad = layer.channels_first(kept[-1].detach()), layer.channels_first(grad)
    weight = expand_to_sites(mean_per_sample(grad, layer.domain), maps, layer.domain)
    summed = (weight * maps).sum(1)
    values = summed.relu()
    if layer.times > 1:
        notes += [f"The last of {layer.times} calls of layer {layer.name!r} is used."]
    if layer.tokens is not None:
        others = layer.tokens.others
        left = "its class token is" if others == 1 else f"its {others} other tokens are"
        left = f"; {left} left out" if others else ""
        arranged = f"are arranged as {layer.sites} image patches{left}."
        notes += [f"The tokens of layer {layer.name!r} {arranged}"]
    if instance.is_checked and not bool(values.any()) and bool(summed.any()):
        negative = "is negative everywhere, so ReLU sets it to 0."
        notes += [f"The map of layer {layer.name!r} {negative}"]
    return to_input_sites(instance.domain, values, layer), notes


def guided_grad_cam(instance: Instance, layer: Layer) -> tuple[Tensor, list[str]]:
    """Guided gradient × Grad-CAM, which is both fine-grained and class-discriminative.

    References:
        Selvaraju et al., as for `grad_cam`, section 3.2.
    """
    coarse, notes = grad_cam(instance, layer)
    fine, more = guided_gradient(instance)
    return coarse * fine, list(dict.fromkeys([*notes, *more]))


def to_input_sites(domain: Domain, values: Tensor, layer: Layer) -> Tensor:
    """Values at the sites of a layer, transferred to the sites of the input.

    On a grid by linear interpolation between the layer's sites. On other domains each site has
    the value of its cluster, and a node the mean of its incoming edges.

    Raises:
        ValueError: if the correspondence of the sites is unknown.
    """
    if isinstance(domain, Grid):
        if values.shape[1:] == domain.shape:
            return values
        mode = ("linear", "bilinear", "trilinear")[domain.ndim - 1]
        return F.interpolate(values[:, None], domain.shape, mode=mode)[:, 0]
    if layer.edges_of is not None:
        incidence = arriving(layer.edges_of, values.dtype)
        count = incidence @ torch.ones_like(values)[:, None]
        values = (incidence @ values[:, None] / count.clamp(min=1))[:, 0]
    assert layer.domain is not None
    sites = layer.domain.to_sites(values.unsqueeze(1))  # (S, *, 1)
    if layer.cluster is not None:
        cluster = layer.cluster.to(sites.device)
        known = (cluster >= 0).reshape(-1, *[1] * (sites.ndim - 1))
        sites = sites[cluster.clamp(min=0)] * known
    elif sites.shape[0] != domain.num_sites:
        condition = "have the sites of the input, or clusters of these sites"
        got = f"{layer.name!r} with {layer.sites}"
        raise invalid("layer", condition, got, "Choose a layer before it.")
    return domain.from_sites(sites).squeeze(1)


@contextmanager
def _input_with_grad(instance: Instance) -> Iterator[Tensor]:
    """A copy of the signal that requires a gradient; inside, the model is in evaluation mode."""
    with evaluating(instance.model), torch.inference_mode(False), torch.enable_grad():
        yield instance.x.detach().clone().requires_grad_()


def _input_gradient(instance: Instance, mode: Guided | None = None) -> tuple[Tensor, list[str]]:
    """∂(Σ outputs) / ∂x, with the forward pass in a mode; and notes."""
    with _input_with_grad(instance) as x:
        with mode or nullcontext():
            output = instance.output(x)
        return _gradient_of(output, x)


def _gradient_of(output: Tensor, x: Tensor) -> tuple[Tensor, list[str]]:
    """∂(Σ outputs) / ∂x, zeros if it does not depend on it, and notes.

    The samples of a batch do not depend on one another, so the gradient of the sum is that of
    each. No gradient is left on a parameter.
    """
    found = None
    if output.requires_grad:
        (found,) = torch.autograd.grad(output.sum(), x, allow_unused=True)
    return (torch.zeros_like(x), [NO_PATH]) if found is None else (found, [])


class Guided(TorchFunctionMode):
    """A mode in which rectifiers pass on only positive gradients; `count` counts their calls.

    It intercepts functions rather than modules, so that rectifiers called as functions are
    covered, a module may be called several times, and no hook is left on the model. In-place
    rectifiers are covered too: the hook is on their result.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(
        self,
        func: Any,  # noqa: ANN401
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Call the function; if it is a rectifier, clamp the gradient of its result at 0."""
        out = func(*args, **(kwargs or {}))
        if func in _RECTIFIERS and isinstance(out, Tensor):
            given = dict(zip(("input", "min_val"), args, strict=False)) | (kwargs or {})
            if func not in _HARDTANH or given.get("min_val", -1.0) == 0:
                self.count += 1
                if out.requires_grad:
                    out.register_hook(lambda grad: grad.clamp(min=0))
        return out
