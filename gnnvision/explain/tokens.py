"""The image patch of each token of a transformer, found with gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.domains import Grid
from gnnvision.domains.device import as_double, widest
from gnnvision.explain.layer import Tokens
from gnnvision.explain.places import Places
from gnnvision.explain.tracing import layers_and_blocks, model_output
from gnnvision.layers.hooks import attached, evaluating

__all__ = ["token_layouts"]

_TOLERANCE = 1e-3  # of a token's index, relative to the size of the gradient


def token_layouts(model: nn.Module, x: Tensor, grid: Grid) -> list[Tokens]:
    """The layouts of the token sequences in a network for images, from one forward pass.

    For the first sequence of each length, two gradients with respect to the last known feature
    map (or the input) are computed: that of Σ yₜ and that of Σ (t+1) yₜ. If a site contributes
    to token t alone, their ratio there is t + 1, for any order of the tokens and any position of
    a class token. After layers that mix sites no layout is found. `x` has one image.
    """
    if grid.ndim != 2:
        return []
    found: dict[tuple[int, int], Tokens | None] = {}  # by length and batch_dim
    last: tuple[Tensor, Tokens | None] = (x, None)

    def look(tokens: Tensor) -> Tokens | None:
        """The layout of a sequence, computed for the first sequence of its length."""
        if tokens.ndim != 3 or 1 not in tokens.shape[:2]:
            return None
        batch_dim = 0 if tokens.shape[0] == 1 else 1
        kind = int(tokens.shape[1 - batch_dim]), batch_dim
        if kind not in found:
            found[kind] = _layout(*last, tokens, batch_dim)
        return found[kind]

    def before(module: nn.Module, inputs: Any) -> None:  # noqa: ANN401
        if inputs and isinstance(inputs[0], Tensor):
            look(inputs[0])

    def after(module: nn.Module, inputs: Any, output: Any) -> Tensor | None:  # noqa: ANN401
        nonlocal last
        if not isinstance(output, Tensor) or not output.is_floating_point():
            return None
        place = places.place_after(module, inputs, output)
        layout = look(output)
        is_map = place.domain is not None and place.channel_dim == 1 and len(output) == 1
        if not is_map and layout is None:
            return None
        last = (kept := output.clone(), layout)  # the next layer may work in place
        if is_map:
            places.record(kept, place)
        return kept

    modules = [module for _, module in layers_and_blocks(model)]
    with evaluating(model), torch.inference_mode(False), torch.enable_grad():
        signal = x.detach().clone().requires_grad_()
        places = Places(signal, grid)
        last = (signal, None)
        handles = [module.register_forward_pre_hook(before) for module in modules]
        handles += [module.register_forward_hook(after) for module in modules]
        with attached(handles):
            model_output(model, signal.clone(), grid)
    return [layout for layout in found.values() if layout is not None]


def _layout(
    source: Tensor, source_tokens: Tokens | None, output: Tensor, batch_dim: int
) -> Tokens | None:
    """The layout of `output`; None unless each site of `source` contributes to one token."""
    tokens = output.transpose(0, batch_dim)[0]  # (T, C)
    count = len(tokens)
    if not tokens.requires_grad or count < 2:
        return None
    generator = torch.Generator().manual_seed(0)
    mix = torch.rand(tokens.shape[1], generator=generator, dtype=torch.float64) + 0.5
    wide = tokens.to(widest(tokens.device))
    each = wide @ mix.to(wide.dtype).to(wide.device)  # (T,)
    numbers = torch.arange(1, count + 1, device=each.device, dtype=each.dtype)
    grads = [
        torch.autograd.grad(total, source, retain_graph=True, allow_unused=True)[0]
        for total in (each.sum(), (numbers * each).sum())
    ]
    if grads[0] is None or grads[1] is None:
        return None
    if source_tokens is not None:
        grads = [source_tokens.on_grid(grad) for grad in grads]
    plain, counted = (as_double(grad[0]).flatten(1) for grad in grads)  # (C, sites)
    size = plain.square().sum(0)
    ratio = (plain * counted).sum(0) / size.clamp(min=1e-30)
    number = ratio.round()
    missed = (counted - number * plain).square().sum(0).sqrt()
    exact = missed <= _TOLERANCE * number.abs() * size.sqrt() / count**0.5
    if not bool((exact & (size > 0) & (number >= 1) & (number <= count)).all()):
        return None
    at = (number.long() - 1).view(grads[0].shape[2:])  # (H, W): the token of each site
    rows, columns = _starts(at), _starts(at.T)
    index = at[rows][:, columns]
    tall = torch.diff(rows, append=rows.new_tensor([at.shape[0]]))
    wide = torch.diff(columns, append=columns.new_tensor([at.shape[1]]))
    again = index.repeat_interleave(tall, 0).repeat_interleave(wide, 1)
    if not torch.equal(again, at) or index.numel() != index.unique().numel():
        return None
    return Tokens(tuple(index.shape), index.flatten(), batch_dim, count)


def _starts(at: Tensor) -> Tensor:
    """The indices of the rows that differ from the row before."""
    new = torch.ones(len(at), dtype=torch.bool, device=at.device)
    new[1:] = (at[1:] != at[:-1]).any(1)
    return new.nonzero()[:, 0]
