"""Values that are made in a thread while the caller works on the ones before."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["made_ahead"]

T = TypeVar("T")
R = TypeVar("R")


def made_ahead(make: Callable[[T], R], items: Iterable[T], depth: int = 3) -> Iterator[R]:
    """Iterate over `make(item)`, in order; a thread makes up to `depth` of them ahead.

    Args:
        make: a function that spends its time outside of the interpreter, as numpy does.
        items: what it is called with.
        depth: how many values may wait.
    """
    with ThreadPoolExecutor(1, "made_ahead") as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(make, item))
                if len(waiting) > depth:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
