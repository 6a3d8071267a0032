"""A model that has forgotten: copies whose layers, from the answer backwards, are drawn anew."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.explain.trace import answers, trace, units
from gnnvision.layers.hooks import attached, evaluating

__all__ = ["cascade", "randomized"]

# Weights are to be others than those a model began with, whose seeds are small numbers.
_FAR = 2**40


def cascade(
    model: nn.Module, x: Tensor, domain: Domain, stages: int = 4, seed: int = 0
) -> Iterator[tuple[str, nn.Module]]:
    """Copies of a model in which ever more layers have weights that nothing was learned with.

    The layers that make the answer come first, the one that reads the input last; after the last
    stage all are drawn anew, by their own `reset_parameters`. Batch norms among them get the
    statistics of `x`, since those of the training belong to weights that are gone: else deep
    networks would give numbers next to 0 or beyond all bounds.

    Args:
        model: left as it is.
        x: a signal, to know in which order the layers run.
        domain: where it lives.
        stages: how many copies; fewer if there are fewer layers with weights.
        seed: of the new weights; other random numbers of the process are not touched.

    Yields:
        The name of the layer nearest to the input that is drawn anew, and the copy in evaluation
        mode. It is the same object each time, changed further.

    Raises:
        ValueError: if `stages` is not positive or the model has no parameters.

    References:
        Adebayo et al., "Sanity Checks for Saliency Maps", 2018,
        https://arxiv.org/abs/1810.03292, section 3.
    """
    if stages < 1:
        raise ValueError(f"'stages' must be at least 1, got {stages}. Raise it.")
    other = copy.deepcopy(model).eval()
    layers = _backwards(other, x, domain)
    if not layers:
        raise ValueError(
            f"'model' must have parameters, got {type(model).__name__} without any. There is "
            "nothing to draw anew."
        )
    count = min(stages, len(layers))
    places = [x.device] if x.device.type == "cuda" else []
    with torch.random.fork_rng(places):
        torch.manual_seed(_FAR + seed)
        state = torch.get_rng_state()
    done = 0
    for stage in range(count):
        upto = -(-len(layers) * (stage + 1) // count)
        part = layers[done:upto]
        with torch.random.fork_rng(places), torch.inference_mode(False):
            torch.set_rng_state(state)
            for _, module in part:
                _redraw(module)
            state = torch.get_rng_state()
        _settle([module for _, module in layers[:upto]], other, x, domain)
        done = upto
        yield part[-1][0], other


def randomized(model: nn.Module, x: Tensor, domain: Domain, seed: int = 0) -> nn.Module:
    """A copy of a model with all its weights drawn anew: the last stage of `cascade`."""
    return next(cascade(model, x, domain, 1, seed))[1]


def _backwards(model: nn.Module, x: Tensor, domain: Domain) -> list[tuple[str, nn.Module]]:
    """The layers with parameters, the one that ran last first."""
    _, calls = trace(model, x, domain, keep=())
    order = {call.name: number for number, call in enumerate(calls)}
    found, place = [], 0
    for number, (name, module) in enumerate(units(model)):
        place = order.get(name, place)  # one that is not called as such stays with its neighbor
        if any(True for _ in module.parameters()):
            found.append((place, number, name, module))
    return [(name, module) for _, _, name, module in sorted(found, key=lambda f: (-f[0], -f[1]))]


@torch.no_grad()
def _redraw(module: nn.Module) -> None:
    for part in module.modules():
        own = list(part.parameters(recurse=False))
        reset = getattr(part, "reset_parameters", None)
        if own and callable(reset):
            reset()
            continue
        for parameter in own:
            spread, middle = parameter.std(correction=0), parameter.mean()
            parameter.normal_().mul_(spread).add_(middle)


@torch.no_grad()
def _settle(layers: list[nn.Module], model: nn.Module, x: Tensor, domain: Domain) -> None:
    """Give batch norms the mean and variance of what reaches them."""
    batch_norm = nn.modules.batchnorm._BatchNorm
    norms = {m for layer in layers for m in layer.modules() if isinstance(m, batch_norm)}

    def hook(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        assert isinstance(module, batch_norm)
        numbers = inputs[0].transpose(0, 1).flatten(1)  # (C, all else)
        if numbers.shape[1] > 1 and module.running_mean is not None:
            assert module.running_var is not None
            module.running_mean.copy_(numbers.mean(1))
            module.running_var.copy_(numbers.var(1, correction=0))

    handles = (norm.register_forward_pre_hook(hook) for norm in norms)
    if norms:
        with evaluating(model), attached(handles):
            answers(model, x.clone(), domain)
