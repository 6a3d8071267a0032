"""A dictionary that does not change, and can be copied and pickled as any other."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["FrozenDict"]


class FrozenDict(dict[str, Any]):
    """A `dict` that refuses to be changed.

    Example:
        >>> FrozenDict(seed=0)["seed"]
        0
    """

    def _refuse(self, *given: object, **named: object) -> NoReturn:
        raise TypeError("a FrozenDict does not change; make another with dict(...) | changes")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)
