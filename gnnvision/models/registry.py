"""The registry of networks, which builds them by name."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, get_type_hints

from torch import nn

from gnnvision.errors import invalid, nearest

__all__ = ["argument_types", "build", "names", "register"]

P = ParamSpec("P")
M = TypeVar("M", bound=nn.Module)

# The argument that sets initial weights, not the architecture.
_INITIAL_WEIGHTS = "weights"

_builders: dict[str, Callable[..., nn.Module]] = {}


def register(builder: Callable[P, M]) -> Callable[P, M]:
    """Register a function that builds a network under its name, for `build` and checkpoints.

    In a notebook or a script, a function that is defined again replaces the one before.

    Each network that it returns has a `spec`, for JSON: `build(spec["name"],
    **spec["arguments"])` builds the same architecture, which a checkpoint's weights fit. The
    argument `weights`, for pretrained weights, is recorded as None.

    Args:
        builder: a function whose arguments can be stored as JSON.

    Returns:
        The function, whose networks have a `spec`.

    Raises:
        ValueError: if the name is taken by another network.

    Example:
        >>> from gnnvision.models import lenet5
        >>> lenet5(num_classes=7).spec["arguments"]
        {'in_channels': 1, 'num_classes': 7, 'image_size': 32}
    """
    name = builder.__name__
    former = _builders.get(name)
    if former is not None and not former.__module__ == builder.__module__ == "__main__":
        raise invalid("builder", "have a name that is not taken", repr(name), "Rename it.")
    signature = inspect.signature(builder)

    @wraps(builder)
    def recorded(*args: P.args, **kwargs: P.kwargs) -> M:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        network = builder(*args, **kwargs)
        given = {k: None if k == _INITIAL_WEIGHTS else v for k, v in bound.arguments.items()}
        vars(network)["spec"] = {"name": name, "arguments": _for_json(name, given)}
        return network

    _builders[name] = recorded
    return recorded


def build(name: str, /, **arguments: Any) -> nn.Module:  # noqa: ANN401
    """Build a new network by its name.

    Args:
        name: one of `names()`; "-" can be used for "_".
        arguments: the arguments of the function of that name.

    Returns:
        The network, whose `spec` has its name and arguments.

    Raises:
        TypeError: if the function has no such argument.
        ValueError: if there is no such network, with the closest name.

    Example:
        >>> build("fashion_cnn", num_classes=3).spec["arguments"]["num_classes"]
        3
    """
    wanted = str(name).lower().replace("-", "_")
    if wanted not in _builders:
        near = nearest(wanted, _builders, cutoff=0.0)[0]
        advice = f"Did you mean {near!r}? The networks are {', '.join(names())}."
        raise invalid("name", "be the name of a network", repr(name), advice)
    builder = _builders[wanted]
    known = list(inspect.signature(builder).parameters)
    unknown = [argument for argument in arguments if argument not in known]
    if unknown:
        raise TypeError(
            f"'arguments' of {wanted} must be among {', '.join(known)}, got {unknown[0]!r}. "
            "Leave it out."
        )
    return builder(**arguments)


def argument_types(name: str) -> dict[str, Any]:
    """The annotations of the arguments of a network's function, as far as they are known.

    Args:
        name: one of `names()`.
    """
    builder = _builders[name]
    try:
        hints = get_type_hints(builder)
    except NameError:  # from a module that is imported for type checking only
        return {}
    return {n: hints[n] for n in inspect.signature(builder).parameters if n in hints}


def names() -> list[str]:
    """The names of all networks, in alphabetical order."""
    return sorted(_builders)


def _for_json(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        plain: dict[str, Any] = json.loads(json.dumps(arguments))
    except TypeError as error:
        raise TypeError(
            f"'arguments' of {name} must be numbers, strings or lists of them, got {arguments!r} "
            f"({error}). A checkpoint stores them."
        ) from error
    return plain
