"""Whether differentiation, a transform or the compiler is active."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor
from torch._C import _are_functorch_transforms_active as transforms_active
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch.autograd import forward_ad
from torch.fx import Proxy

__all__ = [
    "is_batched",
    "is_live",
    "is_only_batched",
    "is_symbol",
    "is_transformed",
    "is_watched",
    "made_plainly",
    "plainly",
    "recording",
]


T = TypeVar("T")


def is_transformed() -> bool:
    """Whether a `torch.func` transform, forward-mode differentiation or the compiler is active.

    They support the operations of torch, but neither custom kernels nor control flow that depends
    on values.
    """
    return torch.compiler.is_compiling() or transforms_active() or forward_ad._current_level >= 0


def is_symbol(value: object) -> bool:
    """Whether a value stands for a tensor in `torch.fx.symbolic_trace`, which has no shape."""
    return isinstance(value, Proxy)


def is_batched(value: Tensor) -> bool:
    """Whether a tensor is batched by `torch.func.vmap`."""
    return transforms_active() and torch._C._functorch.is_batchedtensor(value)


def is_only_batched() -> bool:
    """Whether `torch.func.vmap` is active and no other transform, so that it is outermost."""
    stack = torch._C._functorch.get_interpreter_stack() if transforms_active() else None
    kind = torch._C._functorch.TransformType.Vmap
    return bool(stack) and all(level.key() == kind for level in stack or ())


def is_live(value: Tensor) -> bool:
    """Whether a tensor takes part in differentiation or a transform, so that it is not cached."""
    if value.requires_grad:
        return True
    if torch.compiler.is_compiling():
        return False
    if torch._C._functorch.is_functorch_wrapped_tensor(value):
        return True
    return forward_ad._current_level >= 0 and forward_ad.unpack_dual(value).tangent is not None


@contextmanager
def plainly(*given: Tensor) -> Iterator[None]:
    """A context without inference mode and transforms, for tensors that are cached.

    Args:
        given: the inputs; if a transform has wrapped one of them, the transform stays active.
    """
    with torch.inference_mode(False):
        if transforms_active() and not any(
            torch._C._functorch.is_functorch_wrapped_tensor(value) for value in given
        ):
            with temporarily_clear_interpreter_stack():
                yield
        else:
            yield


def made_plainly(build: Callable[[], T], *given: Tensor) -> T:
    """The result of `build()` in the context `plainly`, or without it under the compiler."""
    # Where the context would change nothing it is not entered: a batch of a training comes
    # through here many times.
    plain = torch.is_grad_enabled() and not transforms_active()
    if torch.compiler.is_compiling() or (plain and not torch.is_inference_mode_enabled()):
        return build()
    with plainly(*given):
        return build()


_recorders = threading.local()  # the number of active ones in this thread


@contextmanager
def recording() -> Iterator[None]:
    """A context in which the one active mode for operations records what is computed as usual."""
    before = getattr(_recorders, "number", 0)
    _recorders.number = before + 1
    try:
        yield
    finally:
        _recorders.number = before


def is_watched() -> bool:
    """Whether a mode sees every operation, which may support only those of torch itself."""
    modes: int = torch._C._len_torch_dispatch_stack()
    return modes > getattr(_recorders, "number", 0)
