"""Meta tensors without torch's compiler.

With them torch reads a few settings and three small classes of its compiler, whose import takes a
second, longer than what is computed. Within a block a light module stands in for `torch._dynamo`
that has these settings and classes. Code that asks it for more gets the compiler itself.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

__all__ = ["without_compiler"]

_NAME = "torch._dynamo"


class _ConstantSource:
    """The name of a tensor, which only the compiler would use."""

    def __init__(self, source_name: str) -> None:
        self.source_name = source_name


class _AttrSource:
    """The source of a part of a named input, as of the tensor that it is a view of."""

    def __init__(self, base: Any, member: str) -> None:  # noqa: ANN401
        self.base, self.member = base, member


class _RandomValueSource:
    """Where the compiler's random numbers come from; nothing here does."""


@contextmanager
def without_compiler() -> Iterator[None]:
    """A context in which `torch._dynamo` is imported only if more than its settings is used."""
    if _NAME in sys.modules:
        yield
        return
    light, source = ModuleType(_NAME), ModuleType(f"{_NAME}.source")
    marked: list[Any] = []

    def disable(function: Any, *args: object, **kwargs: object) -> Any:  # noqa: ANN401
        """The function as it is; torch marks it, so that it does not ask again."""
        marked.append(function)
        return function

    def load(module: str, name: str) -> Any:  # noqa: ANN401
        if name.startswith("__"):
            raise AttributeError(name)
        remove()
        return getattr(importlib.import_module(module), name)

    def remove() -> None:
        if sys.modules.get(_NAME) is light:
            for name in [name for name in sys.modules if f"{name}.".startswith(f"{_NAME}.")]:
                del sys.modules[name]
            vars(torch).pop("_dynamo", None)
        while marked:
            vars(marked.pop()).pop("__dynamo_disable", None)

    vars(light).update(
        __path__=[str(Path(torch.__file__).parent / "_dynamo")],  # where `config` is found
        __getattr__=lambda name: load(_NAME, name),
        disable=disable,
        source=source,
    )
    vars(source).update(
        __getattr__=lambda name: load(f"{_NAME}.source", name),
        AttrSource=_AttrSource,
        ConstantSource=_ConstantSource,
        RandomValueSource=_RandomValueSource,
    )
    sys.modules |= {_NAME: light, f"{_NAME}.source": source}
    vars(torch)["_dynamo"] = light
    try:
        yield
    finally:
        remove()
