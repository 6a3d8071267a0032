"""Randomness: one number from which everything that a run draws follows."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral

import torch
from torch import Tensor, nn

from gnnvision.layers.memory import quick_linears

__all__ = ["fresh_model", "rng_state", "seeded", "set_rng_state", "to_seeds"]

_MOST_SEEDS = 100_000


def to_seeds(seeds: int | Sequence[int]) -> list[int]:
    """The seeds 0 to `seeds` - 1, or those listed.

    Raises:
        ValueError: if there are none, or one is listed twice.
    """
    counted = isinstance(seeds, int) and not isinstance(seeds, bool)
    if counted and seeds > _MOST_SEEDS:  # type: ignore[operator]
        raise ValueError(
            f"'seeds' must be at most {_MOST_SEEDS}, got {seeds}. Each is a training of its own: "
            "give for example 10."
        )
    out = list(range(seeds)) if counted else list(seeds)  # type: ignore[arg-type]
    if not out or len(set(out)) < len(out):
        raise ValueError(
            f"'seeds' must be a positive count or distinct seeds, got {seeds!r}. "
            "Give for example 10."
        )
    if any(isinstance(s, bool) or not isinstance(s, Integral) or not 0 <= s < 2**32 for s in out):
        raise ValueError(
            f"'seeds' must be whole numbers from 0 to {2**32 - 1}, got {seeds!r}. Choose others."
        )
    return [int(seed) for seed in out]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random numbers from `seed` inside the block; the caller's stream goes on after it."""
    before = rng_state()
    torch.manual_seed(seed)
    try:
        yield
    finally:
        set_rng_state(before)


def rng_state() -> dict[str, Tensor]:
    """Where the random streams of all devices are."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state |= {f"cuda:{i}": s for i, s in enumerate(torch.cuda.get_rng_state_all())}
    return state


def set_rng_state(state: dict[str, Tensor]) -> None:
    """Put the random streams back to where `rng_state` saw them."""
    for device, value in state.items():
        if device == "cpu":
            torch.set_rng_state(value)
        elif torch.cuda.is_available():
            torch.cuda.set_rng_state(value, device)


def fresh_model(model: nn.Module | Callable[[], nn.Module], reset: bool) -> nn.Module:
    """A model of its own for a seed: built anew, or a copy with newly drawn weights.

    Args:
        model: a model, or a function that builds one.
        reset: whether to draw the weights of a copy anew.

    Raises:
        ValueError: if a parameter belongs to no module that can reset it.
    """
    if not isinstance(model, nn.Module):
        return _built(model)
    if isinstance(model, torch.jit.ScriptModule):
        raise TypeError(
            "'model' must be a network in Python, got one in TorchScript. Train the network that "
            "it was made from, and script that."
        )
    copied = copy.deepcopy(model)
    quick_linears(copied)  # first, as new weights are drawn in the order of memory
    if reset:
        _reset(copied, "")
    return copied


def _built(builder: Callable[[], nn.Module]) -> nn.Module:
    """What a function without arguments builds.

    Raises:
        TypeError: if it is no function, needs arguments, or builds no module.
    """
    if not callable(builder):
        raise TypeError(
            "'model' must be a torch.nn.Module or a function that builds one, got "
            f"{builder!r}. Build a network, such as one of gnnvision.models."
        )
    try:
        inspect.signature(builder).bind()
    except ValueError:  # a builtin that does not tell
        pass
    except TypeError as error:
        raise TypeError(
            f"'model' must build a network without arguments, got a function with {error}. Write "
            "lambda: build(...) around it."
        ) from error
    model = builder()
    if not isinstance(model, nn.Module):
        raise TypeError(
            "'model' must build a torch.nn.Module, got a function that gives "
            f"{type(model).__name__}. Return the network."
        )
    return model


def _reset(module: nn.Module, name: str) -> None:
    """Reset the outermost modules that know how."""
    reset = getattr(module, "reset_parameters", None)
    if callable(reset):
        reset()
        return
    for parameter, _ in module.named_parameters(recurse=False):
        raise ValueError(
            "'model' must be able to reset its parameters for a new seed, got "
            f"{f'{name}.{parameter}'.lstrip('.')!r} of {type(module).__name__}, which has no "
            "reset_parameters. Give fit a function that builds the model."
        )
    for child_name, child in module.named_children():
        _reset(child, f"{name}.{child_name}".lstrip("."))
