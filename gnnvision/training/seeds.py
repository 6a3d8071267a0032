"""Seeds, the state of random generators, and new models for a seed."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral

import torch
from torch import Tensor, nn

from gnnvision.errors import invalid
from gnnvision.layers.memory import quick_linears

__all__ = ["RandomNumbers", "fresh_model", "rng_state", "seeded", "set_rng_state", "to_seeds"]

_MOST_SEEDS = 100_000


def to_seeds(seeds: int | Sequence[int]) -> list[int]:
    """The list of seeds: 0 to `seeds` - 1, or those given.

    Raises:
        ValueError: if there are none, one is repeated, or one is out of range.
    """
    counted = isinstance(seeds, int) and not isinstance(seeds, bool)
    if counted and seeds > _MOST_SEEDS:  # type: ignore[operator]
        advice = "Each seed is a separate training: use for example 10."
        raise invalid("seeds", f"be at most {_MOST_SEEDS}", seeds, advice)
    out = list(range(seeds)) if counted else list(seeds)  # type: ignore[arg-type]
    if not out or len(set(out)) < len(out):
        condition = "be a positive count or distinct seeds"
        raise invalid("seeds", condition, repr(seeds), "Give for example 10.")
    if any(isinstance(s, bool) or not isinstance(s, Integral) or not 0 <= s < 2**32 for s in out):
        condition = f"be integers from 0 to {2**32 - 1}"
        raise invalid("seeds", condition, repr(seeds), "Choose others.")
    return [int(seed) for seed in out]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """A context with random numbers from `seed`; the generators are restored after it."""
    before = rng_state()
    torch.manual_seed(seed)
    try:
        yield
    finally:
        set_rng_state(before)


def rng_state() -> dict[str, Tensor]:
    """The states of the random generators of all devices."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state |= {f"cuda:{i}": s for i, s in enumerate(torch.cuda.get_rng_state_all())}
    return state


def set_rng_state(state: dict[str, Tensor]) -> None:
    """Restore the states of the random generators that `rng_state` returned."""
    for device, value in state.items():
        if device == "cpu":
            torch.set_rng_state(value)
        elif torch.cuda.is_available():
            torch.cuda.set_rng_state(value, device)


class RandomNumbers:
    """The random numbers of one seed, in place of those of the global generators of all devices.

    It begins where these are when it is made.
    """

    def __init__(self) -> None:
        self._others = rng_state()  # of devices other than the CPU
        self.generator = torch.Generator()  # of the CPU
        self.generator.set_state(self._others.pop("cpu"))

    @contextmanager
    def used(self, keep: bool = True) -> Iterator[None]:
        """A context in which the global generators draw these numbers.

        Args:
            keep: whether to continue after the numbers that were drawn.
        """
        before = rng_state()
        set_rng_state({"cpu": self.generator.get_state()} | self._others)
        try:
            yield
        finally:
            if keep:
                self._others = rng_state()
                self.generator.set_state(self._others.pop("cpu"))
            set_rng_state(before)

    def copy(self) -> RandomNumbers:
        """The same numbers once more."""
        with self.used(keep=False):
            return RandomNumbers()


def fresh_model(model: nn.Module | Callable[[], nn.Module], reset: bool) -> nn.Module:
    """A new model for a seed: built by a function, or a copy, initialized again.

    Args:
        model: a model, or a function that builds one.
        reset: whether to initialize a copy again.

    Raises:
        ValueError: if a parameter belongs to a module without `reset_parameters`.
    """
    if not isinstance(model, nn.Module):
        return _build(model)
    if isinstance(model, torch.jit.ScriptModule):
        raise TypeError(
            "'model' must be a network in Python, got one in TorchScript. Train the "
            "original network, and convert it to TorchScript afterwards."
        )
    copied = copy.deepcopy(model)
    quick_linears(copied)  # first, as the initialization depends on the memory layout
    if reset:
        _reset(copied, "")
    return copied


def _build(builder: Callable[[], nn.Module]) -> nn.Module:
    """The model that a function builds.

    Raises:
        TypeError: if it is not a function, needs arguments, or does not build a module.
    """
    if not callable(builder):
        raise TypeError(
            "'model' must be a torch.nn.Module or a function that builds one, got "
            f"{builder!r}. Build a network, such as one of gnnvision.models."
        )
    try:
        inspect.signature(builder).bind()
    except ValueError:  # a built-in without a signature
        pass
    except TypeError as error:
        raise TypeError(
            f"'model' must build a network without arguments, got a function with {error}. Wrap "
            "it as lambda: build(...)."
        ) from error
    model = builder()
    if not isinstance(model, nn.Module):
        raise TypeError(
            "'model' must build a torch.nn.Module, got a function that returns "
            f"{type(model).__name__}. Return the network."
        )
    return model


def _reset(module: nn.Module, name: str) -> None:
    """Reset the outermost modules that have `reset_parameters`."""
    reset = getattr(module, "reset_parameters", None)
    if callable(reset):
        reset()
        return
    for parameter, _ in module.named_parameters(recurse=False):
        full_name = f"{name}.{parameter}".lstrip(".")
        raise invalid(
            "model",
            "be able to reset its parameters for a new seed",
            f"{full_name!r} of {type(module).__name__}, which has no reset_parameters",
            "Give fit a function that builds the model.",
        )
    for child_name, child in module.named_children():
        _reset(child, f"{name}.{child_name}".lstrip("."))
