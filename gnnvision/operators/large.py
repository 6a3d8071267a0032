"""S X W + X W₀ + b of a large signal as one step of automatic differentiation.

The rows of the result, and those of the gradients, are computed in blocks: what the sparse product
gives a block is multiplied, and added up, while it is in the cache, and the gradient of X W, which
is as large as X, is never in memory as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from gnnvision.operators.dense import is_plain, product
from gnnvision.operators.product import bag_rows, sparse_product
from gnnvision.operators.sparse import Sparse

__all__ = ["large_sum"]

ROWS = 4096  # of a block


def large_sum(S: Sparse, x: Tensor, W: Tensor, root: Tensor | None, bias: Tensor | None) -> Tensor:
    """S X W + X W₀ + b on the CPU, with a constant S in the dtype of X.

    Args:
        S: shape (M, N); M = N with W₀.
        x: X. Shape (N, C_in).
        W: shape (C_in, C_out).
        root: W₀. Shape (C_in, C_out).
        bias: b. Shape (C_out,).
    """
    if not torch.is_grad_enabled():
        return _forward(S, x, W, root, bias)
    back = S.T if x.requires_grad or W.requires_grad else None  # found here once, and cached
    out: Tensor = _LargeSum.apply(x, W, root, bias, S, back)
    return out


class _LargeSum(Function):
    """With D = Sᵀ dY: dX = D Wᵀ + dY W₀ᵀ, dW = Xᵀ D, dW₀ = Xᵀ dY; db sums the rows of dY."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        W: Tensor,
        root: Tensor | None,
        bias: Tensor | None,
        S: Sparse,
        back: Sparse | None,
    ) -> Tensor:
        ctx.save_for_backward(x, W, root)
        ctx.back = back
        return _forward(S, x, W, root, bias)

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        grad: Tensor,
    ) -> tuple[Tensor | None, ...]:
        x, W, root = ctx.saved_tensors
        x_wanted, W_wanted, root_wanted, bias_wanted = ctx.needs_input_grad[:4]
        d_bias = grad.sum(0) if bias_wanted else None
        if torch.is_grad_enabled() or not is_plain(grad):  # for a derivative of higher order
            received = sparse_product(ctx.back.pattern, ctx.back.value, grad)
            d_x = received @ W.t() if x_wanted else None
            d_x = d_x + grad @ root.t() if d_x is not None and root is not None else d_x
            d_root = x.t() @ grad if root_wanted else None
            return d_x, x.t() @ received if W_wanted else None, d_root, d_bias, None, None
        grad = grad.contiguous()
        d_x = torch.empty_like(x) if x_wanted else None
        exact = torch.promote_types(x.dtype, torch.float32)  # as long sums need
        # Transposed, as linear layers store their weights.
        d_W, d_root = (
            W.new_zeros(W.shape[::-1], dtype=exact) if wanted else None
            for wanted in (W_wanted, root_wanted)
        )
        for rows in _blocks(len(x)):
            if ctx.back is not None and (W_wanted or d_x is not None):
                received = bag_rows(ctx.back.pattern, ctx.back.value, grad, rows)
                if d_W is not None:
                    d_W += product(received.t(), x[rows])
                if d_x is not None:
                    d_x[rows] = product(received, W.t())
            if root is not None and d_x is not None:
                d_x[rows] += product(grad[rows], root.t())
            if d_root is not None:
                d_root += product(grad[rows].t(), x[rows])
        d_W, d_root = (None if d is None else d.t().to(x.dtype) for d in (d_W, d_root))
        return d_x, d_W, d_root, d_bias, None, None


def _forward(S: Sparse, x: Tensor, W: Tensor, root: Tensor | None, bias: Tensor | None) -> Tensor:
    sent = product(x, W)
    y = sent.new_empty(S.shape[0], sent.shape[1])
    for rows in _blocks(S.shape[0]):
        part = bag_rows(S.pattern, S.value, sent, rows)
        if root is not None:
            part += product(x[rows], root)
        y[rows] = part if bias is None else part.add_(bias)
    return y


def _blocks(count: int) -> Iterator[slice]:
    return (slice(first, min(first + ROWS, count)) for first in range(0, count, ROWS))
