"""Dropout that is fast on the CPU and keeps a sparse signal sparse."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from gnnvision.domains.modes import is_symbol, is_transformed
from gnnvision.errors import in_range, invalid
from gnnvision.operators.signals import is_sparse, with_values

__all__ = ["Dropout"]


class Dropout(nn.Dropout):
    """Set each element to 0 with probability p and divide the others by 1 - p, in training.

    torch draws one random number for each element, on one thread of the CPU; this layer draws 64
    random bits at a time and compares 8 or 16 of them with p. A p that is not a multiple of 1/256
    is rounded to the nearest multiple of 1/65536, and the scale with it, so that the mean stays
    exact. On other devices this is `torch.nn.Dropout`.

    For a sparse signal only the stored elements are drawn, since the others are 0 in any case.

    Args:
        p: the probability of a 0.
        inplace: whether to overwrite the input, unless it is sparse.

    Raises:
        ValueError: if `p` is not from 0 to 1.

    References:
        Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
        2014, https://jmlr.org/papers/v15/srivastava14a.html, section 4.

    Example:
        >>> Dropout(0.5).eval()(torch.ones(3))
        tensor([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        in_range("p", p, 0, 1)
        super().__init__(p, inplace)

    def forward(self, input: Tensor) -> Tensor:
        """The signal after dropout; unchanged in evaluation mode.

        Raises:
            ValueError: if a sparse signal requires gradients.
        """
        if not self.training or self.p == 0:
            return input
        if is_sparse(input):
            if input.requires_grad:
                advice = "Use input.to_dense().requires_grad_() for gradients of the features."
                condition = "not require gradients if it is sparse"
                raise invalid("input", condition, "a sparse tensor that does", advice)
            stored = input.coalesce() if input.is_sparse else input
            return with_values(stored, drop(stored.values(), self.p))
        if self.inplace:
            return F.dropout(input, self.p, True, True)
        return drop(input, self.p)


def drop(x: Tensor, p: float) -> Tensor:
    """Dropout of a dense tensor; on the CPU by random bits."""
    if is_symbol(x) or x.device.type != "cpu" or p == 1 or is_transformed():
        return F.dropout(x, p, True)
    bits, levels = (torch.int8, 2**8) if (p * 2**8).is_integer() else (torch.int16, 2**16)
    dropped = min(max(round(p * levels), 1), levels - 1)
    words = torch.empty(-(-x.numel() * bits.itemsize // 8), dtype=torch.int64)
    words.random_(-(2**63), None)
    # In place, so that the answer is an integer too: the framework's kernels for bool are slow.
    keep = words.view(bits)[: x.numel()].view(x.shape).ge_(dropped - levels // 2)
    scale = levels / (levels - dropped)
    if not x.requires_grad:
        return _masked(x, keep, scale)
    out: Tensor = _Masked.apply(x, keep, scale)
    return out


def _masked(x: Tensor, keep: Tensor, scale: float) -> Tensor:
    return keep.to(x.dtype).mul_(scale).mul_(x)


class _Masked(Function):
    """y = x * keep * scale, with `keep` of ones and zeros; kept small for the way back."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        keep: Tensor,
        scale: float,
    ) -> Tensor:
        ctx.save_for_backward(keep)
        ctx.scale = scale
        return _masked(x, keep, scale)

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        grad: Tensor,
    ) -> tuple[Tensor, None, None]:
        (keep,) = ctx.saved_tensors
        return _Masked.apply(grad, keep, ctx.scale), None, None
