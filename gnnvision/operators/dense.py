"""The dense matrix product X W + b of all layers, in whichever library computes it faster.

torch multiplies float32 matrices with MKL, which does not use the full width of AMD's processors:
oneDNN, which is part of torch as well, takes half the time there. oneDNN compiles a program for
each shape, in about a millisecond, so that numbers of rows are rounded up; batches of molecules
would otherwise compile one for each batch.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._C import _are_functorch_transforms_active as transforms_active
from torch._C._functorch import is_legacy_batchedtensor
from torch.autograd import Function, forward_ad
from torch.overrides import TorchFunctionMode

from gnnvision.domains.modes import is_watched

__all__ = [
    "dense_product",
    "first_rows",
    "is_plain",
    "padded",
    "product",
    "quick_products",
    "rounded_up",
]

LEAST = 2**21  # multiplications; smaller products are over before oneDNN starts
STEP = 128  # to which rows are rounded up
MANY = 2**14  # rows, for which compiling takes no time in comparison


def dense_product(x: Tensor, W: Tensor, bias: Tensor | None = None) -> Tensor:
    """X W + b, differentiable any number of times, in forward and reverse mode.

    Args:
        x: X. Shape (N, *, C_in).
        W: of the same dtype. Shape (C_in, C_out).
        bias: b. Shape (C_out,).

    Returns:
        Shape (N, *, C_out).
    """
    if (
        type(x) is not Tensor
        or x.ndim != 2
        or not _is_for_onednn(x, x.shape[0] * W.numel())
        or W.dtype is not torch.float32
        or not is_plain(x)
    ):
        if bias is None:
            return x @ W
        return torch.addmm(bias, x, W) if x.ndim == 2 else x @ W + bias
    if torch.is_grad_enabled() and (x.requires_grad or W.requires_grad):
        out: Tensor = _DenseProduct.apply(x, W, bias)
        return out
    return first_rows(product(padded(x, rounded_up(x, x.shape[0])), W, bias), x.shape[0])


def quick_products(x: Tensor) -> AbstractContextManager[object]:
    """A context in which `nn.Linear` computes by `dense_product`, if that is faster for `x`."""
    quick = type(x) is Tensor and _is_for_onednn(x, LEAST) and is_plain(x)
    return _DenseLinear() if quick else nullcontext()


class _DenseLinear(TorchFunctionMode):
    """A context in which `torch.nn.functional.linear` is `dense_product`."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """The result of the function."""
        if func is F.linear and len(args) == 3 and not kwargs:
            x, W, bias = args
            return dense_product(x, W.t(), bias)
        return func(*args, **(kwargs or {}))


class _DenseProduct(Function):
    """Y = X W + b; dX = dY Wᵀ, dW = Xᵀ dY, and db is the sum of the rows of dY."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        W: Tensor,
        bias: Tensor | None,
    ) -> Tensor:
        ctx.save_for_backward(x, W)
        ctx.padded = padded(x, rounded_up(x, x.shape[0]))
        return first_rows(product(ctx.padded, W, bias), x.shape[0])

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        grad: Tensor,
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, W = ctx.saved_tensors
        x_wanted, W_wanted, bias_wanted = ctx.needs_input_grad
        d_x = d_W = None
        d_bias = grad.sum(0) if bias_wanted else None
        if torch.is_grad_enabled() or not is_plain(grad):  # for a derivative of higher order
            d_x = grad @ W.t() if x_wanted else None
            return d_x, x.t() @ grad if W_wanted else None, d_bias
        rows = padded(grad, ctx.padded.shape[0])
        if x_wanted:
            d_x = first_rows(product(rows, W.t()), x.shape[0])
        if W_wanted:  # by its transpose, as linear layers store it
            d_W = product(rows.t(), ctx.padded).t()
        return d_x, d_W, d_bias


def product(x: Tensor, W: Tensor, bias: Tensor | None = None) -> Tensor:
    """X W + b without a backward pass, of dense matrices on the CPU.

    Args:
        x: X, with `rounded_up` rows. Shape (N, C_in).
        W: shape (C_in, C_out).
        bias: b. Shape (C_out,).
    """
    if _is_for_onednn(x, x.shape[0] * W.numel()):
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, W.t(), bias, "none", [], "")
        return y
    return x @ W if bias is None else torch.addmm(bias, x, W)


def first_rows(y: Tensor, num_rows: int) -> Tensor:
    """A new result cut to its first rows: not a view, so that it can be edited in place."""
    return y if y.shape[0] == num_rows else y.resize_(num_rows, y.shape[1])


def rounded_up(x: Tensor, num_rows: int) -> int:
    """The number of rows that `product` wants in place of `num_rows` rows like those of `x`."""
    if num_rows >= MANY or not _is_for_onednn(x, LEAST):
        return num_rows
    return num_rows + -num_rows % STEP


def padded(x: Tensor, num_rows: int) -> Tensor:
    """The matrix with rows of zeros below it."""
    missing = num_rows - x.shape[0]
    return torch.cat((x, x.new_zeros(missing, x.shape[1]))) if missing else x.contiguous()


def is_plain(x: Tensor) -> bool:
    """Whether a product on the CPU is neither transformed, compiled, watched nor autocast."""
    return (
        x.device.type == "cpu"
        and not torch.compiler.is_compiling()
        and not transforms_active()
        and not is_legacy_batchedtensor(x)
        and forward_ad._current_level < 0
        and not is_watched()
        and not torch.is_autocast_enabled("cpu")
    )


def _is_for_onednn(x: Tensor, count: int) -> bool:
    """Whether oneDNN takes less time for a product with this number of multiplications."""
    return (
        count >= LEAST
        and x.dtype is torch.float32
        and torch._C._get_mkldnn_enabled()
        and _is_amd()
    )


@cache
def _is_amd() -> bool:
    """Whether the processor is AMD's, and torch has oneDNN."""
    if not torch.backends.mkldnn.is_available():
        return False
    try:
        return "AuthenticAMD" in Path("/proc/cpuinfo").read_text()
    except OSError:  # another system than Linux
        return "AuthenticAMD" in platform.processor()
