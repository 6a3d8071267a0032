"""Whether an operation must be made of the framework's own, differentiable ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor
from torch._C import _are_functorch_transforms_active as transforms_active
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch.autograd import forward_ad

__all__ = ["is_batched", "is_live", "is_transformed", "made_plainly", "plainly"]


T = TypeVar("T")


def is_transformed() -> bool:
    """Whether `torch.func`, forward-mode differentiation or the compiler looks on.

    They know the framework's operations, and none of our kernels nor any look at a value.
    """
    return torch.compiler.is_compiling() or transforms_active() or forward_ad._current_level >= 0


def is_batched(value: Tensor) -> bool:
    """Whether a tensor stands for many, inside `torch.func.vmap`."""
    return transforms_active() and torch._C._functorch.is_batchedtensor(value)


def is_live(value: Tensor) -> bool:
    """Whether a tensor takes part in a differentiation or transform, so that it is not kept."""
    if value.requires_grad:
        return True
    if torch.compiler.is_compiling():
        return False
    if torch._C._functorch.is_functorch_wrapped_tensor(value):
        return True
    return forward_ad._current_level >= 0 and forward_ad.unpack_dual(value).tangent is not None


@contextmanager
def plainly(*given: Tensor) -> Iterator[None]:
    """Inside the block tensors are made that may be kept: no inference mode and no transform.

    Args:
        given: what they are made of; where a transform has wrapped that, they are wrapped too,
            and are kept with it.
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
    """What `build()` returns, made `plainly`; the compiler, which keeps nothing, needs no care."""
    if torch.compiler.is_compiling():
        return build()
    with plainly(*given):
        return build()
