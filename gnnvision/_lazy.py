"""Packages that import their public names when these are first used."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Any

__all__ = ["LazyPackage"]


class LazyPackage(ModuleType):
    """A package whose public names are imported on first use.

    `import gnnvision` and `--help` take milliseconds this way: torch is loaded when something
    needs it. Such a package lists its public names in `__all__` and the modules that hold them in
    `_modules`, in the order of the search; it imports them itself for type checkers only. Names
    that have moved elsewhere are in `_moved`, with the module that holds them now.
    """

    __all__: list[str]
    _modules: tuple[str, ...]
    _moved: Mapping[str, str] = MappingProxyType({})

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name in self._modules:
            module = import_module(f"{self.__name__}.{name}")
            return self.__dict__.get(name, module)
        if name in self.__all__:
            for module_name in self._modules:
                module = import_module(f"{self.__name__}.{module_name}")
                if name in getattr(module, "__all__", ()):
                    value = self.__dict__[name] = getattr(module, name)
                    return value
        if name in self._moved:
            return getattr(import_module(self._moved[name]), name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: object) -> None:
        """Bind the function, not the module, where both have one name, as `gnnvision.summary`."""
        if isinstance(value, ModuleType) and name in self.__all__:
            value = getattr(value, name, value)
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__all__})
