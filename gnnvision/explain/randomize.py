"""Randomized copies of a model, for the parameter-randomization test of attributions."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.errors import at_least, invalid
from gnnvision.explain.tracing import leaf_layers, model_output, trace
from gnnvision.layers.hooks import attached, evaluating

__all__ = ["cascading_randomization", "randomize_weights"]

# Keeps the seeds away from small ones, with which the model itself may have been initialized.
_SEED_OFFSET = 2**40


def cascading_randomization(
    model: nn.Module, x: Tensor, domain: Domain, stages: int = 4, seed: int = 0
) -> Iterator[tuple[str, nn.Module]]:
    """Cascading randomization: copies of a model in which more and more layers are randomized.

    Layers are re-initialized by their own `reset_parameters` from the output layer down to the
    input layer; after the last stage all are. Randomized batch norms get the statistics of `x`,
    since those of the training do not fit the new weights: outputs of deep networks would
    otherwise vanish or explode.

    Args:
        model: the trained model; it is not changed.
        x: a signal, from which the order of the layers is found.
        domain: the grid or graph of the signal.
        stages: the number of stages; fewer if there are fewer layers with weights.
        seed: of the new weights; the global random state is not changed.

    Yields:
        The name of the randomized layer nearest to the input, and the copy in evaluation mode.
        It is the same object each time, randomized further.

    Raises:
        ValueError: if `stages` is not positive or the model has no parameters.

    References:
        Adebayo et al., "Sanity Checks for Saliency Maps", 2018,
        https://arxiv.org/abs/1810.03292, section 3.
    """
    at_least("stages", stages, 1)
    other = copy.deepcopy(model).eval()
    layers = _layers_from_output(other, x, domain)
    if not layers:
        got = f"{type(model).__name__} without any"
        raise invalid("model", "have parameters", got, "There is nothing to randomize.")
    count = min(stages, len(layers))
    places = [x.device] if x.device.type == "cuda" else []
    with torch.random.fork_rng(places):
        torch.manual_seed(_SEED_OFFSET + seed)
        state = torch.get_rng_state()
    done = 0
    for stage in range(count):
        upto = -(-len(layers) * (stage + 1) // count)
        part = layers[done:upto]
        with torch.random.fork_rng(places), torch.inference_mode(False):
            torch.set_rng_state(state)
            for _, module in part:
                _reinitialize(module)
            state = torch.get_rng_state()
        _recompute_batch_norms([module for _, module in layers[:upto]], other, x, domain)
        done = upto
        yield part[-1][0], other


def randomize_weights(model: nn.Module, x: Tensor, domain: Domain, seed: int = 0) -> nn.Module:
    """A copy of a model with all weights randomized: the last stage of the cascade.

    Args:
        model: a network for images or graphs, called as (x, domain) or (x).
        x: the signal.
        domain: the grid or graph of the signal.
        seed: of the random weights.
    """
    return next(cascading_randomization(model, x, domain, 1, seed))[1]


def _layers_from_output(
    model: nn.Module, x: Tensor, domain: Domain
) -> list[tuple[str, nn.Module]]:
    """The layers with parameters, the one that ran last first."""
    _, calls = trace(model, x, domain, keep=())
    order = {call.name: number for number, call in enumerate(calls)}
    found: list[tuple[int, str, nn.Module]] = []
    place = 0
    for name, module in leaf_layers(model):
        place = order.get(name, place)  # a module that is not called keeps its predecessor's place
        if any(True for _ in module.parameters()):
            found.append((place, name, module))
    ordered = sorted(found, key=lambda one: one[0])  # stable
    return [(name, module) for _, name, module in reversed(ordered)]


@torch.no_grad()
def _reinitialize(module: nn.Module) -> None:
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
def _recompute_batch_norms(
    layers: list[nn.Module], model: nn.Module, x: Tensor, domain: Domain
) -> None:
    """Set the running statistics of batch norms to those of their current input."""
    batch_norm = nn.modules.batchnorm._BatchNorm
    norms = {m for layer in layers for m in layer.modules() if isinstance(m, batch_norm)}

    def hook(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        assert isinstance(module, batch_norm)
        values = inputs[0].transpose(0, 1).flatten(1)  # (C, all else)
        if values.shape[1] > 1 and module.running_mean is not None:
            assert module.running_var is not None
            module.running_mean.copy_(values.mean(1))
            module.running_var.copy_(values.var(1, correction=0))

    handles = (norm.register_forward_pre_hook(hook) for norm in norms)
    if norms:
        with evaluating(model), attached(handles):
            model_output(model, x.clone(), domain)
