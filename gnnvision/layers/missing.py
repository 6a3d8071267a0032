"""Checks for NaN in features; on a GPU, which the host would wait for, only once."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from gnnvision.domains.modes import is_transformed
from gnnvision.errors import invalid

__all__ = ["check_given", "check_not_nan", "given", "known_complete", "mark_complete"]

_complete: WeakTensorKeyDictionary = WeakTensorKeyDictionary()  # tensor -> its version then
_inside = threading.local()  # whether this thread runs a network whose input was checked


def check_not_nan(x: Tensor) -> None:
    """Check that features contain no NaN, by their sum; not where it is known."""
    if getattr(_inside, "network", False):
        return
    value = x if x.layout is torch.strided else _stored(x)
    if math.isnan(float(value.detach().sum())) and bool(value.isnan().any()):
        row = value.isnan().nonzero()[0].tolist()
        advice = "Fill in or remove the missing features."
        raise invalid("x", "not contain NaN", f"one at {row}", advice)


def check_given(x: Tensor) -> None:
    """`check_not_nan`, on a GPU only once for a tensor and all its slices.

    Signals between the layers of a network whose input was checked are not checked again.
    """
    if getattr(_inside, "network", False):
        return
    whole = x if x._base is None else x._base
    known = None if x.is_inference() else _stored(whole)._version
    if known is not None and _complete.get(whole) == known:
        return
    if whole is x or math.isnan(float(_stored(whole).detach().sum())):
        check_not_nan(x)
        if whole is not x:
            return
    if known is not None:
        _complete[whole] = known


def mark_complete(x: Tensor) -> Tensor:
    """The tensor itself, a copy of values that were checked, which is not checked again."""
    _complete[x] = _stored(x)._version
    return x


@contextmanager
def given(x: Tensor) -> Iterator[None]:
    """A context in which a network runs on `x`, which is checked here and not in each layer."""
    if x.grad_fn is None and x.is_floating_point() and not is_transformed():
        check_given(x)
    with known_complete():
        yield


@contextmanager
def known_complete() -> Iterator[None]:
    """A context in which nothing is checked, for an input that was checked before."""
    before, _inside.network = getattr(_inside, "network", False), True
    try:
        yield
    finally:
        _inside.network = before


def _stored(x: Tensor) -> Tensor:
    if x.layout is torch.strided:
        return x
    return x.values() if x.is_sparse_csr else x._values()
