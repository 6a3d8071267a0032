"""The layer of Grad-CAM: by default the last spatial layer on every path to the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Grid
from gnnvision.domains.device import widest
from gnnvision.errors import invalid
from gnnvision.explain.layer import Layer
from gnnvision.explain.layer_list import pick_call
from gnnvision.explain.tokens import token_layouts
from gnnvision.explain.tracing import (
    CONVOLUTIONS,
    Call,
    layers_and_blocks,
    leaf_layers,
    model_output,
    trace,
)
from gnnvision.layers.hooks import attached, evaluating

__all__ = ["cam_layer", "last_spatial"]

_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.modules.batchnorm._NormBase, nn.LocalResponseNorm)


def cam_layer(model: nn.Module, x: Tensor, domain: Domain, name: str | None = None) -> Layer:
    """The layer of this name, or the one that `last_spatial` chooses; errors as of `find_layer`.

    Unlike there, its output may consist of the tokens of a transformer with known patches.
    """
    if name is None:
        return last_spatial(model, x, domain)
    _, calls = trace(model, x, domain, modules=layers_and_blocks(model, name), keep=())
    named = [call for call in calls if call.name == name and call.layer.domain is None]
    _recognize_tokens(model, x, domain, named)
    return pick_call(model, calls, name).layer


def last_spatial(model: nn.Module, x: Tensor, domain: Domain) -> Layer:
    """The layer that Grad-CAM uses if none is named.

    On a grid it is the last layer with weights and more than one site (a convolution, or a
    linear layer applied at each site or token), if every path from the input to the output goes
    through it. If it is one of several branches, or is bypassed by a residual connection, it is
    the smallest enclosing block on every path, or else the last layer on every path. Tokens of a
    transformer count as sites if the patch of each is known, and only where the output still
    depends on the patch tokens: after the last attention it may depend on the class token alone.

    On other domains it is the last convolution. If that works on the edges of a graph, it is the
    smallest enclosing block whose output lies on the nodes, or else the last such layer after it.

    Args:
        model: as for `layers`.
        x: as for `layers`.
        domain: as for `layers`.

    Raises:
        ValueError: if there is none; the layers that can be named instead are listed.
    """
    _, calls = trace(model, x, domain, modules=layers_and_blocks(model), keep=())
    if isinstance(domain, Grid):
        return _on_grid(model, x, domain, calls)
    sited = [call for call in calls if call.layer.has_sites]
    fitting = [call for call in sited if isinstance(call.module, CONVOLUTIONS)]
    if not fitting:
        raise _no_layer_error(model, domain, calls)
    last = fitting[-1]
    if last.layer.edges_of is not None:
        later = [c for c in sited[sited.index(last) :] if c.layer.edges_of is None]
        last = (_around(last, later) or later[-1:] or [last])[0]
    return last.layer


def _around(inner: Call, calls: Sequence[Call]) -> list[Call]:
    """The blocks that contain a layer."""
    return [call for call in calls if inner.name.startswith(f"{call.name}.")]


def _on_grid(model: nn.Module, x: Tensor, domain: Grid, calls: Sequence[Call]) -> Layer:
    _recognize_tokens(model, x, domain, calls)
    sited = [call for call in calls if call.layer.has_sites]
    leaves = {module for _, module in leaf_layers(model)}
    weighted = [c for c in calls if c.module in leaves and _has_weights(c.module)]
    heavy = [call for call in weighted if call.layer.has_sites]
    if not heavy:
        raise _no_layer_error(model, domain, calls)
    last = heavy[-1]
    tried = [last, *_around(last, sited[sited.index(last) + 1 :])]
    tried += [call for call in reversed(sited) if call not in tried]
    chosen = _first_on_every_path(model, domain.sample(x, [0])[0], domain, tried)
    if chosen is None:
        raise _no_layer_error(model, domain, calls)
    lost = [call for call in weighted if call.output.ndim == 3 and call not in sited]
    if lost and chosen is weighted[0]:  # the input layer; the tokens after it are unknown
        names = ", ".join(repr(call.name) for call in sited[-3:])
        raise invalid(
            "layer", f"be named for {type(model).__name__}", "None",
            f"The layers after {chosen.name!r} work on tokens, and the image patch of each "
            f"token is unknown. Set layer= to a layer with sites ({names}), or choose a method "
            "that uses no layer, such as 'integrated_gradients'."
        )  # fmt: skip
    return chosen.layer


def _recognize_tokens(model: nn.Module, x: Tensor, domain: Domain, calls: Sequence[Call]) -> None:
    """Set the domain of layers whose output is a sequence of tokens to the grid of the patches."""
    sequences = [c for c in calls if c.output.ndim == 3 and c.layer.domain is None]
    if not sequences or not isinstance(domain, Grid):
        return
    layouts = token_layouts(model, domain.sample(x, [0])[0], domain)
    for call in sequences:
        for tokens in layouts:
            at, shape = tokens.batch_dim, call.output.shape
            if (shape[at], shape[1 - at]) == (len(x), tokens.length):
                patches = Grid(tokens.size)
                call.layer = replace(call.layer, domain=patches, channel_dim=-1, tokens=tokens)
                break


def _has_weights(module: nn.Module) -> bool:
    """Whether a layer has weights that mix channels or sites, unlike a norm."""
    if isinstance(module, (*_NORMS, nn.PReLU)) or type(module).__name__.endswith("Norm"):
        return False
    if isinstance(module, CONVOLUTIONS):
        return True
    return any(parameter.ndim > 1 for parameter in module.parameters())


def _no_layer_error(model: nn.Module, domain: Domain, calls: Sequence[Call]) -> ValueError:
    names = [call.name for call in calls if call.layer.has_sites and not call.layer.tokens][-3:]
    may = f"Set layer= to one of {', '.join(map(repr, names))}" if names else "Use another model"
    return invalid(
        "model", "have a layer with weights and several sites on every path to its output",
        f"{type(model).__name__} on {domain}, which has no such layer",
        f"{may}, or choose a method that uses no layer, such as 'integrated_gradients'."
    )  # fmt: skip


def _first_on_every_path(
    model: nn.Module, x: Tensor, domain: Domain, tried: Sequence[Call]
) -> Call | None:
    """The first layer that is on every path from the input to the output, if there is one.

    Among these, the first at whose sites the gradient of the output is not 0. If it is 0 at all,
    as with a head of zeros, the gradient of the head's input is used instead.

    One forward pass records the autograd graph. A layer is on every path if the input cannot be
    reached from the output without passing it.
    """
    kept: dict[nn.Module, Tensor] = {}
    into: list[Tensor] = []  # the input of the last layer with weights

    def hook(module: nn.Module, inputs: Any, output: Any) -> Tensor | None:  # noqa: ANN401
        if not isinstance(output, Tensor) or not output.is_floating_point():
            return None
        kept[module] = output.clone()  # a separate node of the autograd graph; the last call wins
        return kept[module]

    def before(module: nn.Module, inputs: Any) -> None:  # noqa: ANN401
        if inputs and isinstance(inputs[0], Tensor) and inputs[0].requires_grad:
            into[:] = [inputs[0]]

    heads = [module for _, module in leaf_layers(model) if _has_weights(module)]
    with evaluating(model), torch.inference_mode(False), torch.enable_grad():
        signal = x.detach().clone().requires_grad_()
        handles = [call.module.register_forward_hook(hook) for call in tried]
        handles += [module.register_forward_pre_hook(before) for module in heads]
        with attached(handles):
            rows = model_output(model, signal.clone(), domain)
        if not rows.requires_grad or not _depends_on(rows.grad_fn, signal):
            return tried[0]  # the method notes that the gradient is 0
        projected = _random_projection(rows)
        whole = [
            call
            for call in tried
            if (held := kept.get(call.module)) is not None
            and held.grad_fn is not None
            and not _depends_on(projected.grad_fn, signal, held.grad_fn)
        ]
        for scalar in (projected, *map(_random_projection, into)):
            for call in whole:
                held = kept[call.module]
                (grad,) = torch.autograd.grad(scalar, held, retain_graph=True, allow_unused=True)
                if grad is not None and bool(call.layer.channels_first(grad).any()):
                    return call
    return whole[0] if whole else None


def _random_projection(values: Tensor) -> Tensor:
    """A sum with fixed random weights, as the plain sum of probabilities is constant."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.rand(values.shape, generator=generator, dtype=torch.float64) + 0.5
    wide = values.to(widest(values.device))
    return (wide * weight.to(wide.dtype).to(wide.device)).sum()


def _depends_on(start: Any, signal: Tensor, stop: Any = None) -> bool:  # noqa: ANN401
    """Whether a step of the autograd graph depends on the signal on a path without `stop`."""
    seen, ahead = {start}, [start]
    while ahead:
        node = ahead.pop()
        if node is stop:
            continue
        if getattr(node, "variable", None) is signal:
            return True
        for after, _ in node.next_functions:
            if after is not None and after not in seen:
                seen.add(after)
                ahead.append(after)
    return False
