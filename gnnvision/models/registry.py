"""Networks by name, and what it takes to build one again."""

from __future__ import annotations

import difflib
import inspect
import json
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, get_type_hints

from torch import nn

__all__ = ["argument_types", "build", "names", "register"]

P = ParamSpec("P")
M = TypeVar("M", bound=nn.Module)

# Says with which numbers a network begins, not what it is made of.
_FIRST_VALUES = "weights"

_builders: dict[str, Callable[..., nn.Module]] = {}


def register(builder: Callable[P, M]) -> Callable[P, M]:
    """Let a function that builds a network be called by its name.

    Each network it returns carries `spec`, for JSON: `build(spec["name"], **spec["arguments"])`
    makes an equal network, into which a checkpoint's weights fit. The argument `weights`, the
    numbers to begin with, is recorded as None.

    Args:
        builder: a function whose arguments JSON can hold.

    Returns:
        The function, registered.

    Raises:
        ValueError: if the name is taken.

    Example:
        >>> from gnnvision.models import lenet5
        >>> lenet5(num_classes=7).spec["arguments"]
        {'in_channels': 1, 'num_classes': 7, 'image_size': 32}
    """
    name = builder.__name__
    if name in _builders:
        raise ValueError(f"'builder' must have a name of its own, got {name!r}. Rename it.")
    signature = inspect.signature(builder)

    @wraps(builder)
    def recorded(*args: P.args, **kwargs: P.kwargs) -> M:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        network = builder(*args, **kwargs)
        given = {k: None if k == _FIRST_VALUES else v for k, v in bound.arguments.items()}
        vars(network)["spec"] = {"name": name, "arguments": _for_json(name, given)}
        return network

    _builders[name] = recorded
    return recorded


def build(name: str, /, **arguments: Any) -> nn.Module:  # noqa: ANN401
    """A new network by its name.

    Args:
        name: one of `names()`; "-" may stand for "_".
        arguments: those of the function of that name.

    Returns:
        The network; `network.spec` says how to build it again.

    Raises:
        TypeError: if the network has no such argument.
        ValueError: if there is no such network, with the nearest name.

    Example:
        >>> build("fashion_cnn", num_classes=3).spec["arguments"]["num_classes"]
        3
    """
    wanted = str(name).lower().replace("-", "_")
    if wanted not in _builders:
        near = difflib.get_close_matches(wanted, _builders, n=1, cutoff=0.0)
        raise ValueError(
            f"'name' must be the name of a network, got {name!r}. Did you mean {near[0]!r}? "
            f"There are {', '.join(names())}."
        )
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
    """The annotations of the arguments of a network's function; without those that are not known.

    Args:
        name: one of `names()`.
    """
    builder = _builders[name]
    try:
        hints = get_type_hints(builder)
    except NameError:  # of a module that is imported for types alone
        return {}
    return {n: hints[n] for n in inspect.signature(builder).parameters if n in hints}


def names() -> list[str]:
    """The names of all networks, in alphabetical order."""
    return sorted(_builders)


def _for_json(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        held: dict[str, Any] = json.loads(json.dumps(arguments))
    except TypeError as error:
        raise TypeError(
            f"'arguments' of {name} must be numbers, names or lists of them, got {arguments!r} "
            f"({error}). A checkpoint keeps them."
        ) from error
    return held
