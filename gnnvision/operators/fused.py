"""Σₖ Sₖ X Wₖ + b as one step of automatic differentiation: of a small signal here.

On a batch of molecules a layer takes a fraction of a millisecond, of which the calls around its
products are the larger part. Here all sparse products of a layer are one, and so are its dense
ones; what is saved for the backward pass is small because the signal is. A large signal is
multiplied in blocks of rows, in `large`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from gnnvision.operators.base import Identity, Operator
from gnnvision.operators.dense import first_rows, is_plain, padded, product, rounded_up
from gnnvision.operators.large import large_sum
from gnnvision.operators.product import bag, sparse_product
from gnnvision.operators.sparse import Sparse

__all__ = ["FEW", "fused_sum"]

FEW = 2**14  # sites of a small signal


def fused_sum(
    operators: Sequence[Operator],
    x: Tensor,
    matrices: Sequence[Tensor | None],
    bias: Tensor | None = None,
) -> Tensor | None:
    """Σₖ Sₖ X Wₖ + b; None if this is not one sparse and at most one dense product.

    Args:
        operators: the Sₖ, of which there must be one sparse operator S, or S and I.
        x: X. Shape (N, C_in).
        matrices: the Wₖ, which must not remove columns from a small signal, nor add columns to a
            large one; or, for a small one, the numbers 1 (None) and w, (1,).
        bias: b. Shape (C_out,).

    Returns:
        The sum. Shape (M, C_out).
    """
    S, W = operators[0], matrices[0]
    if (
        type(x) is not Tensor
        or x.ndim != 2
        or x.layout is not torch.strided
        or type(S) is not Sparse
        or S.value.requires_grad
        or x.shape[0] != S.pattern.shape[1]
        or not is_plain(x)
    ):
        return None
    with_self = len(operators) == 2 and type(operators[1]) is Identity
    with_self = with_self and S.shape[0] == S.shape[1]
    if len(operators) != 1 and not with_self:
        return None
    S = S if S.value.dtype is x.dtype else S.to(x.dtype)
    if W is None:
        scale = matrices[-1]
        if x.shape[0] >= FEW or not with_self:
            return None
        if scale is None or scale.ndim != 1 or scale.requires_grad:
            return None
        return S.and_self(scale).apply(x)
    if any(w is None or w.ndim != 2 or w.dtype is not x.dtype for w in matrices):
        return None
    if x.shape[0] >= FEW:
        narrowing = W.shape[0] >= W.shape[1] and x.shape[1] and S.pattern.col.numel()
        root = matrices[1] if with_self else None
        return large_sum(S, x, W, root, bias) if narrowing else None
    if W.shape[0] > W.shape[1] or not x.shape[1] or not S.pattern.col.numel():
        return None
    stack = S.beside_self if with_self else S
    if not torch.is_grad_enabled():
        return _forward(x, stack, torch.cat(matrices), bias)[0]  # type: ignore[arg-type]
    back = stack.T if x.requires_grad else None  # found here once, and cached
    out: Tensor = _FusedSum.apply(x, bias, stack, back, *matrices)
    return out


class _FusedSum(Function):
    """Y = Z W + b with Z = (S₁ X, S₂ X, …) and W the Wₖ below each other.

    dZ = dY Wᵀ, dW = Zᵀ dY, and dX is the transposed sparse product of dZ.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        bias: Tensor | None,
        stack: Sparse,
        back: Sparse | None,
        *matrices: Tensor,
    ) -> Tensor:
        W = matrices[0] if len(matrices) == 1 else torch.cat(matrices)
        y, z = _forward(x, stack, W, bias)
        ctx.save_for_backward(x, *matrices)
        # Made here, so that nobody else can have edited them by the backward pass.
        ctx.z, ctx.W, ctx.stack, ctx.back = z, W, stack, back
        return y

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        grad: Tensor,
    ) -> tuple[Tensor | None, ...]:
        x, *matrices = ctx.saved_tensors
        x_wanted, bias_wanted, _, _, *wanted = ctx.needs_input_grad
        count = len(matrices)
        d_x = None
        d_matrices: list[Tensor | None] = [None] * count
        d_bias = grad.sum(0) if bias_wanted else None
        if torch.is_grad_enabled() or not is_plain(grad):  # for a derivative of higher order
            stack, W = ctx.stack, torch.cat(matrices)
            z = sparse_product(stack.pattern, stack.value, x).view(len(grad), -1)
            if x_wanted:
                d_z = (grad @ W.t()).view(-1, x.shape[1])
                d_x = sparse_product(stack.T.pattern, stack.T.value, d_z)
            if any(wanted):
                d_matrices = list((z.t() @ grad).split(x.shape[1]))
            return d_x, d_bias, None, None, *d_matrices
        z, W = ctx.z, ctx.W
        rows = padded(grad, z.shape[0])
        if x_wanted:
            d_z = product(rows, W.t())
            d_x = bag(ctx.back.pattern, ctx.back.value, d_z.view(-1, x.shape[1]))
        if any(wanted):  # transposed, as linear layers store their weights
            d_W = product(rows.t(), z)
            d_matrices = [d.t() for d in d_W.split(x.shape[1], 1)]
        return d_x, d_bias, None, None, *d_matrices


def _forward(x: Tensor, stack: Sparse, W: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """Y, and Z with rows of zeros below it."""
    count = W.shape[0] // x.shape[1]
    num_rows = stack.shape[0] // count
    z = bag(stack.pattern, stack.value, x, rounded_up(x, num_rows) * count).view(-1, W.shape[0])
    y = product(z, W, bias)
    return first_rows(y, num_rows), z
