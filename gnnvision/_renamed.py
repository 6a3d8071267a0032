"""Former names of renamed functions, attributes and arguments, which keep working.

They are resolved on use, so that they appear neither in `__all__` nor in signatures.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from importlib import import_module
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

__all__ = [
    "current_arguments",
    "former_arguments",
    "former_attributes",
    "former_fields",
    "former_module",
    "former_names",
]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def former_names(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a module with renamed contents.

    Args:
        module: name of the module.
        names: the current name of each former name.
    """

    def current(name: str) -> Any:  # noqa: ANN401
        if name in names:
            return getattr(sys.modules[module], names[name])
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return current


def former_module(name: str, current: str) -> None:
    """Register the former name of a module, whose contents are those of the current one.

    Args:
        name: the former name.
        current: of the module, which is imported on first use.
    """

    def get(attribute: str) -> Any:  # noqa: ANN401
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(import_module(current), attribute)

    sys.modules[name] = ModuleType(name)
    vars(sys.modules[name])["__getattr__"] = get


def former_attributes(names: Mapping[str, str]) -> Callable[[type[T]], type[T]]:
    """A class decorator: renamed attributes and methods can be read by their former names.

    Args:
        names: the current name of each former name.
    """

    def decorate(cls: type[T]) -> type[T]:
        for former, current in names.items():
            setattr(cls, former, _Former(former, current))
        return cls

    return decorate


class _Former:
    """The descriptor of a former attribute name."""

    def __init__(self, former: str, current: str) -> None:
        self.former, self.current = former, current

    def __get__(self, instance: object, owner: type) -> Any:  # noqa: ANN401
        if instance is None:
            return getattr(owner, self.current)
        for cls in reversed(owner.__mro__):
            if not isinstance(vars(cls).get(self.former, self), _Former):
                # The override of a subclass called this through `super()`.
                return getattr(super(cls, instance), self.current)
        return getattr(instance, self.current)


def former_fields(names: Mapping[str, str]) -> Callable[[type[T]], type[T]]:
    """A decorator of dataclasses: renamed fields can be given and read by their former names.

    Args:
        names: the current name of each former name.
    """

    def decorate(cls: type[T]) -> type[T]:
        initialize = cls.__init__
        all_fields = {field.name for field in fields(cls)}  # type: ignore[arg-type]

        @functools.wraps(initialize)
        def initialize_by_either_name(self: T, *args: Any, **values: Any) -> None:  # noqa: ANN401
            if all_fields <= values.keys():  # by `dataclasses.replace`: the former name changes
                replaced = {names[former] for former in names.keys() & values.keys()}
                values = {name: v for name, v in values.items() if name not in replaced}
            initialize(self, *args, **current_arguments(names, values))

        cls.__init__ = initialize_by_either_name  # type: ignore[assignment, method-assign]
        return former_attributes(names)(cls)

    return decorate


def former_arguments(**names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A function decorator: renamed arguments can be given by their former names.

    Args:
        names: the current name of each former name.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **values: P.kwargs) -> R:
            return function(*args, **(current_arguments(names, values) if values else values))

        return call

    return decorate


def current_arguments(names: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments with each former name replaced by the current one.

    Args:
        names: the current name of each former name.
        values: the arguments.

    Raises:
        TypeError: if one is given by both names.
    """
    out = dict(values)
    for former in names.keys() & values.keys():
        current = names[former]
        if current in values:
            raise TypeError(
                f"'{former}' must not be given together with '{current}', its current name, got "
                f"both. Give '{current}' alone."
            )
        out[current] = out.pop(former)
    return out
