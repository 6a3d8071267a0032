"""The sparse matrix product of all operators on graphs: the only file that depends on a backend.

`sparse_product` multiplies a sparse matrix with a dense one. On the CPU it uses torch's embedding
bag, a vectorized gather and weighted sum by rows, which is several times faster than torch's
sparse matrices; on a GPU it uses cuSPARSE. The backward pass multiplies with the transpose, whose
pattern is sorted once and cached.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor
from torch._C import _are_functorch_transforms_active as transforms_active
from torch._C._functorch import is_legacy_batchedtensor
from torch.autograd import Function, forward_ad
from torch.utils.weak import WeakIdKeyDictionary

from gnnvision.domains.device import sum_at
from gnnvision.domains.modes import is_batched, is_only_batched, is_transformed
from gnnvision.operators.pattern import Pattern

__all__ = ["sampled_product", "sparse_product", "sum_rows"]


def sparse_product(
    pattern: Pattern, value: Tensor, x: Tensor, back: Tensor | None = None
) -> Tensor:
    """The product of a sparse matrix, `value` at the positions of `pattern`, and `x`.

    It is differentiable in `value` and `x`, any number of times, in forward and reverse mode.

    Args:
        pattern: E positions in an (M, N) matrix.
        value: the entries. Shape (E,).
        x: of the same dtype and device. Shape (N, C).
        back: `value` in the order of the transposed pattern, if it is constant. Shape (E,).

    Returns:
        The product. Shape (M, C).
    """
    # As `is_transformed`, without a call: this is asked in every product.
    transformed = transforms_active() or forward_ad._current_level >= 0
    if transformed or torch.compiler.is_compiling() or is_legacy_batchedtensor(x):
        if is_only_batched() and (is_batched(x) or is_batched(value)):
            batched: Tensor = _BatchedProduct.apply(value, x, pattern, back)
            return batched
        return _composed(pattern, value, x)
    if not (torch.is_grad_enabled() and (value.requires_grad or x.requires_grad)):
        return _forward(pattern, value, x)
    out: Tensor = _SparseProduct.apply(value, x, pattern, back)
    return out


class _SparseProduct(Function):
    """Y = S X; dX = Sᵀ dY and dS = dY Xᵀ at the places of S."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        value: Tensor,
        x: Tensor,
        pattern: Pattern,
        back: Tensor | None,
    ) -> Tensor:
        # Not split into `setup_context`, which takes longer than a small product: where that is
        # needed, by `torch.func` or in forward mode, `_composed` runs instead.
        ctx.pattern, ctx.back = pattern, back
        value_wanted, x_wanted = ctx.needs_input_grad[:2]
        ctx.save_for_backward(value if x_wanted else None, x if value_wanted else None)
        return _forward(pattern, value, x)

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        grad: Tensor,
    ) -> tuple[Tensor | None, Tensor | None, None, None]:
        value, x = ctx.saved_tensors
        d_value = d_x = None
        if ctx.needs_input_grad[0]:
            d_value = sampled_product(ctx.pattern, grad, x)
        if ctx.needs_input_grad[1]:
            back = ctx.back
            if back is None:
                back = value.index_select(0, ctx.pattern.transposed[1])
            d_x = sparse_product(ctx.pattern.turned, back, grad)
        return d_value, d_x, None, None


class _BatchedProduct(Function):
    """The products of several matrices of one pattern, or with several signals, under vmap."""

    @staticmethod
    def forward(value: Tensor, x: Tensor, pattern: Pattern, back: Tensor | None) -> Tensor:
        """One product, where nothing is batched."""
        return _composed(pattern, value, x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ANN401
        """Nothing: the rule below calls products that are differentiable themselves."""

    @staticmethod
    def vmap(
        info: Any,  # noqa: ANN401
        in_dims: tuple[int | None, ...],
        value: Tensor,
        x: Tensor,
        pattern: Pattern,
        back: Tensor | None,
    ) -> tuple[Tensor, int]:
        """One wide product (N, G C) if the matrix is the same, else one product for each."""
        of_value, of_x = in_dims[:2]
        if of_value is None:
            assert of_x is not None
            wide = x.movedim(of_x, 1)  # (N, G, C)
            out = sparse_product(pattern, value, wide.flatten(1), back)
            return out.unflatten(1, wide.shape[1:]), 1
        values = value.movedim(of_value, 0)  # (G, E)
        signals = [x] * info.batch_size if of_x is None else x.unbind(of_x)
        products = zip(values.unbind(0), signals, strict=True)
        return torch.stack([sparse_product(pattern, S, each) for S, each in products]), 0


def sampled_product(pattern: Pattern, a: Tensor, b: Tensor) -> Tensor:
    """The entries of a bᵀ at the positions of a pattern.

    It is differentiable any number of times, in forward and reverse mode.

    Args:
        pattern: E positions in an (M, N) matrix.
        a: shape (M, C).
        b: of the same dtype and device. Shape (N, C).

    Returns:
        Shape (E,).
    """
    if is_transformed() or is_legacy_batchedtensor(a) or is_legacy_batchedtensor(b):
        return (a[pattern.row] * b[pattern.col]).sum(1)
    if not (torch.is_grad_enabled() and (a.requires_grad or b.requires_grad)):
        return _sample(pattern, a, b)
    out: Tensor = _SampledProduct.apply(a, b, pattern)
    return out


class _SampledProduct(Function):
    """y = a bᵀ at the places of S; with S the gradient there, da = S b and db = Sᵀ a."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, pattern: Pattern) -> Tensor:  # noqa: ANN401
        ctx.pattern = pattern
        a_wanted, b_wanted = ctx.needs_input_grad[:2]
        ctx.save_for_backward(a if b_wanted else None, b if a_wanted else None)
        return _sample(pattern, a, b)

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        grad: Tensor,
    ) -> tuple[Tensor | None, Tensor | None, None]:
        a, b = ctx.saved_tensors
        d_a = d_b = None
        if ctx.needs_input_grad[0]:
            d_a = sparse_product(ctx.pattern, grad, b)
        if ctx.needs_input_grad[1]:
            back = grad.index_select(0, ctx.pattern.transposed[1])
            d_b = sparse_product(ctx.pattern.turned, back, a)
        return d_a, d_b, None


def sum_rows(pattern: Pattern, x: Tensor) -> Tensor:
    """The sums over the entries of each row: (E, C) -> (M, C)."""
    runs = pattern.runs
    if x.requires_grad or is_transformed():
        return sparse_product(runs, x.new_ones(x.shape[0]), x)
    return _forward(runs, None, x)


def _sample(pattern: Pattern, a: Tensor, b: Tensor) -> Tensor:
    count, (rows, cols) = pattern.col.shape[0], pattern.shape
    exact = a.dtype in (torch.float32, torch.float64)
    by_torch = a.device.type == "cuda" or (
        a.device.type == "cpu" and torch.backends.mkl.is_available()
    )
    # torch's own product refuses more entries than a dense matrix has.
    if exact and by_torch and 0 < count <= rows * cols:
        with warnings.catch_warnings():  # that sparse tensors are in beta state
            warnings.simplefilter("ignore")
            at = _made(pattern, a.new_zeros(count))
        b = b.detach().contiguous().t()
        out: Tensor = torch.sparse.sampled_addmm(at, a.detach().contiguous(), b, beta=0.0)
        return out.values()
    elements = 2**20 if a.device.type == "cpu" else 2**26  # that fit the cache, or its memory
    piece = max(1, elements // max(1, b.shape[1]))
    places = zip(pattern.row.split(piece), pattern.col.split(piece), strict=True)
    pieces = [(a[row] * b[col]).sum(1) for row, col in places]
    return torch.cat(pieces) if pieces else b.new_zeros(0)


def _forward(pattern: Pattern, value: Tensor | None, x: Tensor) -> Tensor:
    if not (pattern.col.numel() and x.shape[1]):
        return x.new_zeros(pattern.shape[0], x.shape[1])
    # cuSPARSE may add in another order each time.
    in_order = x.device.type == "cpu" or torch.are_deterministic_algorithms_enabled()
    if in_order and x.is_floating_point() and x.device.type in ("cpu", "cuda"):
        return bag(pattern, value, x)
    value = x.new_ones(pattern.col.shape[0]) if value is None else value
    if x.device.type == "cuda" and x.is_floating_point():
        return _matrix(pattern, value) @ x
    return _composed(pattern, value, x)


def bag(pattern: Pattern, value: Tensor | None, x: Tensor, num_rows: int | None = None) -> Tensor:
    """The product without a backward pass, with rows of zeros below it if wanted.

    Args:
        pattern: E positions in an (M, N) matrix.
        value: the entries, or None for ones. Shape (E,).
        x: shape (N, C), or with more rows.
        num_rows: the number of rows of the result, if it is more than M.
    """
    return torch.embedding_bag(
        x.detach().contiguous(),  # else it prepares for a backward pass of its own
        pattern.col,
        pattern.rowptr if num_rows is None else pattern.padded_rowptr(num_rows),
        False,  # scale_grad_by_freq
        0,  # sum
        False,  # sparse gradients
        value,
        True,  # rowptr ends with E
    )[0]


def bag_rows(pattern: Pattern, value: Tensor, x: Tensor, rows: slice) -> Tensor:
    """Some rows, that follow one another, of the product without a backward pass."""
    entries = slice(pattern.starts(rows.start), pattern.starts(rows.stop))
    ends = pattern.rowptr[rows.start : rows.stop + 1] - entries.start
    given = (x.detach(), pattern.col[entries], ends)
    return torch.embedding_bag(*given, False, 0, False, value[entries], True)[0]


def _matrix(pattern: Pattern, value: Tensor) -> Tensor:
    """The CSR matrix for cuSPARSE, kept as long as its values live and are not overwritten."""
    if value.requires_grad or value.is_inference():
        return _made(pattern, value.detach())
    kept: tuple[Pattern, int, Tensor] | None = _matrices.get(value)
    if kept is None or kept[0] is not pattern or kept[1] != value._version:
        kept = pattern, value._version, _made(pattern, value.detach())
        _matrices[value] = kept
    return kept[2]


def _made(pattern: Pattern, value: Tensor) -> Tensor:
    return torch.sparse_csr_tensor(
        pattern.rowptr, pattern.col, value, pattern.shape, check_invariants=False
    )


# By the identity of the values: constant operators, as those of a graph, keep theirs.
_matrices: WeakIdKeyDictionary = WeakIdKeyDictionary()


def _composed(pattern: Pattern, value: Tensor, x: Tensor) -> Tensor:
    """The product by the framework's own operations, of which it has every derivative."""
    return sum_at(pattern.row, x[pattern.col] * value.unsqueeze(1), pattern.shape[0])
