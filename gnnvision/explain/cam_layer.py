"""The layer that Grad-CAM looks at: the last through which the whole answer goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Grid
from gnnvision.domains.device import widest
from gnnvision.explain.layer import Layer
from gnnvision.explain.layers import CONVOLUTIONS, as_layer, find_call, has_sites
from gnnvision.explain.members import copies
from gnnvision.explain.tokens import Tokens, token_layouts, tokens_of
from gnnvision.explain.trace import Call, answers, blocks, trace, units
from gnnvision.layers.hooks import attached, evaluating

__all__ = ["cam_layer", "last_spatial"]

_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.modules.batchnorm._NormBase, nn.LocalResponseNorm)


def cam_layer(model: nn.Module, x: Tensor, domain: Domain, name: str | None = None) -> Layer:
    """The layer of this name, or the one that `last_spatial` chooses.

    Args:
        model: as for `last_spatial`.
        x: likewise.
        domain: likewise.
        name: of any module in the model whose output lies on sites, or is the tokens of a
            transformer whose patches are known; None to choose one.

    Raises:
        ValueError: as `find_layer` or `last_spatial` does.
    """
    if name is None:
        return last_spatial(model, x, domain)
    watched = blocks(model)
    if name not in dict(watched):
        watched += [(n, m) for n, m in model.named_modules() if n and n == name]
    if isinstance(domain, Grid) and name in dict(watched):
        _, calls = trace(model, x, domain, modules=watched, keep=())
        for call in calls:
            if call.name == name and call.domain is None and call.output.ndim == 3:
                layouts = token_layouts(model, copies(domain, x, [0])[0], domain)
                tokens = tokens_of(layouts, call, len(x))
                if tokens is not None:
                    return _as_layer(call, tokens)
    return as_layer(find_call(model, x, domain, name))


def last_spatial(model: nn.Module, x: Tensor, domain: Domain) -> Layer:
    """The layer that Grad-CAM looks at if none is named.

    On a grid it is the last layer that has weights and more than one site (a convolution, or a
    linear layer at each site or token), if the whole answer goes through it. Where it is one
    branch of several, or is skipped by a residual connection, it is the smallest block around it
    through which the whole answer goes, or else the last layer of which that is true. Tokens of
    a transformer count as sites once it is known which patch each belongs to, and only where
    the patches themselves still have a say: behind the last attention a class token may be all
    that is read.

    On a graph it is the last convolution. Where that works on the edges of the graph, it is the
    smallest block around it that is back on the nodes, or else the last layer after it that is.

    Args:
        model: as for `layers`.
        x: likewise.
        domain: likewise.

    Raises:
        ValueError: if there is none, with the layers that may be named instead.
    """
    _, calls = trace(model, x, domain, modules=blocks(model), keep=())
    if isinstance(domain, Grid):
        return _on_grid(model, x, domain, calls)
    fitting = [c for c in calls if isinstance(c.module, CONVOLUTIONS) and has_sites(c)]
    if not fitting:
        raise _nothing(model, domain, calls)
    last = fitting[-1]
    if last.edges_of is not None:
        later = [c for c in calls[calls.index(last) :] if has_sites(c) and c.edges_of is None]
        around = [c for c in later if last.name.startswith(f"{c.name}.")]
        last = (around or later[-1:] or [last])[0]
    return as_layer(last)


@dataclass(frozen=True)
class _Sited:
    """A layer that ran and has sites, and its tokens where it has any."""

    call: Call
    tokens: Tokens | None


def _on_grid(model: nn.Module, x: Tensor, domain: Grid, calls: Sequence[Call]) -> Layer:
    one, _ = copies(domain, x, [0])
    sequences = [c for c in calls if c.output.ndim == 3 and c.domain is None]
    layouts = token_layouts(model, one, domain) if sequences else []
    sited: list[_Sited] = []
    for call in calls:
        tokens = tokens_of(layouts, call, len(x)) if call.domain is None else None
        if has_sites(call) or (tokens is not None and len(tokens.index) > 1):
            sited.append(_Sited(call, tokens))
    leaves = {module for _, module in units(model)}
    heavy = [s for s in sited if s.call.module in leaves and _is_heavy(s.call.module)]
    if not heavy:
        raise _nothing(model, domain, calls)
    last = heavy[-1]
    around = [
        s for s in sited[sited.index(last) + 1 :] if last.call.name.startswith(f"{s.call.name}.")
    ]
    tried = [last, *around]
    tried += [s for s in reversed(sited) if s not in tried]
    chosen = _first_whole(model, one, domain, tried)
    if chosen is None:
        raise _nothing(model, domain, calls)
    weighted = [c for c in calls if c.module in leaves and _is_heavy(c.module)]
    known = [s.call for s in sited]
    lost = [c for c in weighted if c.output.ndim == 3 and c not in known]
    if lost and chosen.call is weighted[0]:  # it only reads the input; the rest is out of sight
        names = ", ".join(repr(s.call.name) for s in sited[-3:])
        raise ValueError(
            f"'layer' must be given for {type(model).__name__}, got None: the layers after "
            f"{chosen.call.name!r} work on tokens, and which part of the image each token is of "
            f"cannot be derived. Set layer= to the name of a layer that lies on sites ({names}), "
            "or choose a method that looks at the input."
        )
    return _as_layer(chosen.call, chosen.tokens)


def _is_heavy(module: nn.Module) -> bool:
    """Whether a layer has weights with which it mixes channels or sites."""
    if isinstance(module, (*_NORMS, nn.PReLU)) or type(module).__name__.endswith("Norm"):
        return False
    if isinstance(module, CONVOLUTIONS):
        return True
    return any(parameter.ndim > 1 for parameter in module.parameters())


def _as_layer(call: Call, tokens: Tokens | None) -> Layer:
    layer = as_layer(call)
    if tokens is None:
        return layer
    return replace(layer, domain=Grid(tokens.size), channel_dim=-1, tokens=tokens)


def _nothing(model: nn.Module, domain: Domain, calls: Sequence[Call]) -> ValueError:
    names = [call.name for call in calls if has_sites(call)][-3:]
    may = f"Give one of {', '.join(map(repr, names))} as layer=" if names else "Give another model"
    return ValueError(
        f"'model' must have a convolution whose output has more than one site, or another layer "
        f"with weights that has sites or tokens of known patches, got {type(model).__name__} on "
        f"{domain}, which has none through which the whole answer goes. {may}, or choose a method "
        "that looks at the input, as 'integrated_gradients'."
    )


def _first_whole(
    model: nn.Module, x: Tensor, domain: Domain, tried: Sequence[_Sited]
) -> _Sited | None:
    """The first layer without which the answer does not depend on the input.

    Of these, the first whose sites the answer has a gradient by. Where it has none by any, as
    with a head of zeros, the gradient of what enters the head is asked instead.

    One run records what is computed from what. A layer is one that everything goes through if
    the input cannot be reached from the answer without it.
    """
    kept: dict[nn.Module, Tensor] = {}
    into: list[Tensor] = []  # what entered the last layer with weights

    def hook(module: nn.Module, inputs: Any, output: Any) -> Tensor | None:  # noqa: ANN401
        if not isinstance(output, Tensor) or not output.is_floating_point():
            return None
        kept[module] = output.clone()  # a step of its own in what is recorded; the last call stays
        return kept[module]

    def before(module: nn.Module, inputs: Any) -> None:  # noqa: ANN401
        if inputs and isinstance(inputs[0], Tensor) and inputs[0].requires_grad:
            into[:] = [inputs[0]]

    modules = [s.call.module for s in tried]
    heads = [module for _, module in units(model) if _is_heavy(module)]
    with evaluating(model), torch.inference_mode(False), torch.enable_grad():
        signal = x.detach().clone().requires_grad_()
        handles = [module.register_forward_hook(hook) for module in modules]
        handles += [module.register_forward_pre_hook(before) for module in heads]
        with attached(handles):
            rows = answers(model, signal.clone(), domain)
        if not rows.requires_grad or not _reaches(rows.grad_fn, signal):
            return tried[0]  # the method says that nothing has a derivative
        answer = _mixed(rows)
        whole = [
            one
            for one in tried
            if (held := kept.get(one.call.module)) is not None
            and _all_through(answer, held, signal)
        ]
        for asked in (answer, *map(_mixed, into)):
            for one in whole:
                held = kept[one.call.module]
                (slope,) = torch.autograd.grad(asked, held, retain_graph=True, allow_unused=True)
                if slope is not None and one.tokens is not None:
                    slope = one.tokens.on_grid(slope)
                if slope is not None and bool(slope.any()):
                    return one
    return whole[0] if whole else None


def _mixed(values: Tensor) -> Tensor:
    """A sum with fixed weights, as probabilities have one that never changes."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.rand(values.shape, generator=generator, dtype=torch.float64) + 0.5
    wide = values.to(widest(values.device))
    return (wide * weight.to(wide.dtype).to(wide.device)).sum()


def _all_through(answer: Tensor, held: Tensor, signal: Tensor) -> bool:
    """Whether every path from the answer back to the signal goes through what a layer gave."""
    return held.grad_fn is not None and not _reaches(answer.grad_fn, signal, held.grad_fn)


def _reaches(start: Any, signal: Tensor, stop: Any = None) -> bool:  # noqa: ANN401
    """Whether the signal is among what a step was computed from, other than by way of `stop`."""
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
