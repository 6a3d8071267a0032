"""The sparse matrix product of all operators on graphs: the only file that depends on a backend.

A pattern stores the positions of the entries of a matrix; `sparse_product` multiplies a matrix of
that pattern with a dense one. On the CPU it uses torch's embedding bag, a vectorized gather and
weighted sum by rows, which is several times faster than torch's sparse matrices; on a GPU it uses
cuSPARSE. The backward pass multiplies with the transpose, whose pattern is sorted once and cached.
"""

from __future__ import annotations

import itertools
import warnings
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch._C import _are_functorch_transforms_active as transforms_active
from torch._C._functorch import is_legacy_batchedtensor
from torch.autograd import Function, forward_ad
from torch.utils.weak import WeakIdKeyDictionary

from gnnvision.domains.device import count, sum_at
from gnnvision.domains.modes import is_batched, is_only_batched, is_transformed, made_plainly

__all__ = ["Pattern", "sampled_product", "sparse_product", "sum_rows"]

_INT32_MAX = 2**31 - 1
Range = tuple[int, int]


class Pattern:
    """The positions of the entries of an (M, N) matrix, sorted by row (CSR).

    Args:
        rowptr: the first entry of each row, then E. Shape (M + 1,).
        col: the column of each entry. Shape (E,).
        num_cols: N.
    """

    def __init__(self, rowptr: Tensor, col: Tensor, num_cols: int) -> None:
        # Half the memory to read where the numbers allow it; a compiled program fits any size.
        wide = torch.compiler.is_compiling()
        wide = wide or max(col.numel(), num_cols, rowptr.numel()) >= _INT32_MAX
        dtype = torch.int64 if wide else torch.int32
        self.rowptr = rowptr.to(dtype)
        self.col = col.to(dtype)
        self.shape = (rowptr.numel() - 1, num_cols)
        self.of_runs = False  # whether `col` is known to be 0, 1, ...
        self._section_of: tuple[Pattern, Range, Range, int] | None = None
        self._row: Tensor | None = None
        self._padded: Tensor | None = None
        self._turned: Pattern | None = None
        self._transposed: tuple[Pattern, Tensor] | None = None
        self._runs: Pattern | None = None
        self._row_blocks: dict[int, list[Range]] = {}
        self._interleaved: dict[int, tuple[Pattern, Tensor]] = {}
        self._copies_of: tuple[Pattern, int] | None = None

    @classmethod
    def from_places(
        cls, row: Tensor, col: Tensor, shape: tuple[int, int]
    ) -> tuple[Pattern, Tensor]:
        """The pattern of entries in any order, and the order that sorts them by row.

        Under the compiler nothing is sorted.
        """
        if torch.compiler.is_compiling():
            pattern = cls(row.new_zeros(shape[0] + 1), col, shape[1])
            pattern._row = row
            return pattern, torch.arange(row.numel(), device=row.device)
        # Half the width is sorted in half the time.
        order = (row.int() if shape[0] < _INT32_MAX else row).argsort(stable=True)
        rowptr = row.new_zeros(shape[0] + 1)
        torch.cumsum(count(row, shape[0]), 0, out=rowptr[1:])
        pattern = cls(rowptr, col[order], shape[1])
        return pattern, order.to(pattern.col.dtype)

    def section(self, rows: Range, cols: Range) -> tuple[Pattern, slice]:
        """A diagonal block, given by ranges of rows and columns, and the slice of its entries.

        No entry of these rows or columns may lie outside the block, as in a batch of graphs.
        """
        first, last = rows
        entries = slice(self.starts(first), self.starts(last))
        rowptr = self.rowptr[first : last + 1] - entries.start
        part = Pattern(rowptr, self.col[entries] - cols[0], cols[1] - cols[0])
        part._section_of = (self, rows, cols, entries.start)
        return part, entries

    def padded_rowptr(self, num_rows: int) -> Tensor:
        """`rowptr` with empty rows up to a number of rows, cached for the last one."""
        missing = num_rows + 1 - self.rowptr.shape[0]
        if not missing:
            return self.rowptr
        if self._padded is None or self._padded.shape[0] != num_rows + 1:
            last = self.rowptr[-1:].expand(missing)
            self._padded = made_plainly(lambda: torch.cat((self.rowptr, last)), self.col)
        return self._padded

    def entries_of(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The first entry of each of some rows in a pattern of these, and their entries here."""
        ends = self.rowptr.long()
        sizes = ends.diff()[rows]
        rowptr = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
        first = (ends[rows] - rowptr[:-1]).repeat_interleave(sizes)
        return rowptr, torch.arange(first.numel(), device=first.device) + first

    def starts(self, row: int) -> int:
        """The index of the first entry of a row; `rowptr` is copied from a GPU once."""
        return int(self._host_rowptr[row])

    def row_blocks(self, size: int) -> list[Range]:
        """Ranges of whole rows that cover all rows, with about `size` entries each."""
        if size not in self._row_blocks:
            ends = self._host_rowptr
            steps = np.arange(size, ends[-1], size)
            cuts = np.unique(np.searchsorted(ends, steps, side="right") - 1)
            inner = [int(cut) for cut in cuts if 0 < cut < self.shape[0]]
            self._row_blocks[size] = list(itertools.pairwise([0, *inner, self.shape[0]]))
        return self._row_blocks[size]

    @cached_property
    def _host_rowptr(self) -> NDArray[np.int64]:
        return self.rowptr.cpu().numpy()

    @property
    def row(self) -> Tensor:
        """The row of each entry. Shape (E,)."""
        if self._row is None:
            if torch.compiler.is_compiling():
                return self._rows()
            self._row = made_plainly(self._rows, self.col)
        return self._row

    def _rows(self) -> Tensor:
        rows = torch.arange(self.shape[0], dtype=self.col.dtype, device=self.col.device)
        return rows.repeat_interleave(self.rowptr.diff(), output_size=self.col.numel())

    @property
    def turned(self) -> Pattern:
        """The pattern of the transpose."""
        if self._turned is None:
            if self._section_of is None:
                return self.transposed[0]
            whole, rows, cols, _ = self._section_of
            self._turned = made_plainly(lambda: whole.turned.section(cols, rows)[0], self.col)
        return self._turned

    @property
    def transposed(self) -> tuple[Pattern, Tensor]:
        """The pattern of the transpose, and the position of each of its entries in this one."""
        if self._transposed is None:
            if torch.compiler.is_compiling():
                return self._transpose()
            self._transposed = made_plainly(self._transpose, self.col)
        return self._transposed

    @property
    def runs(self) -> Pattern:
        """The pattern (M, E) of the sums over the entries of each row."""
        if self.of_runs:
            return self
        if torch.compiler.is_compiling():
            return self._make_runs()
        if self._runs is None:
            self._runs = made_plainly(self._make_runs, self.col)
        return self._runs

    def _make_runs(self) -> Pattern:
        entries = torch.arange(self.col.shape[0], device=self.col.device)
        pattern = Pattern(self.rowptr, entries, self.col.shape[0])
        pattern.of_runs = True
        pattern._row = self.row
        return pattern

    def interleaved(self, count: int) -> tuple[Pattern, Tensor]:
        """The pattern of several matrices of this pattern in one, with interleaved rows.

        Args:
            count: the number K of matrices.

        Returns:
            The pattern, (M K, N), and for each of its E K entries the place of its value among
            those of all matrices, of shape (E, K), flattened.
        """
        if torch.compiler.is_compiling():  # in another order than the ones that are kept
            return self._interleave(count)
        if count not in self._interleaved:
            self._interleaved[count] = made_plainly(lambda: self._interleave(count), self.col)
        return self._interleaved[count]

    def _interleave(self, count: int) -> tuple[Pattern, Tensor]:
        shape = (self.shape[0] * count, self.shape[1])
        each = torch.arange(count, device=self.col.device)
        row, col = self.row.long(), self.col.long()
        if torch.compiler.is_compiling():
            rows = (row.unsqueeze(1) * count + each).flatten()
            return Pattern.from_places(rows, (col.unsqueeze(1) + 0 * each).flatten(), shape)
        # Nothing is sorted: the entries of a row are followed by its further copies.
        ends = self.rowptr.long()
        size = ends.diff()
        starts = ends[:-1].unsqueeze(1) * count + each * size.unsqueeze(1)
        rowptr = torch.cat([starts.flatten(), ends[-1:] * count])
        row = row.repeat_interleave(count)
        start, size = ends[row], size[row]
        within = torch.arange(row.shape[0], device=row.device) - start * count
        k, entry = within // size, start + within % size
        pattern = Pattern(rowptr, col[entry], shape[1])
        pattern._copies_of = (self, count)
        return pattern, (entry * count + k).to(pattern.col.dtype)

    def _transpose_copies(self, base: Pattern, count: int) -> tuple[Pattern, Tensor]:
        """The transpose of an interleaved pattern, from that of one matrix."""
        turned, order = base.transposed
        each = torch.arange(count, device=self.col.device)
        cols = turned.col.long().unsqueeze(1) * count + each
        pattern = Pattern(turned.rowptr.long() * count, cols.flatten(), base.shape[0] * count)
        entry = order.long().repeat_interleave(count)
        ends, row = base.rowptr.long(), base.row.long()[entry]
        start, stop = ends[row], ends[row + 1]
        place = start * count + each.repeat(order.shape[0]) * (stop - start) + entry - start
        return pattern, place.to(self.col.dtype)

    def _transpose(self) -> tuple[Pattern, Tensor]:
        if self._section_of is not None:  # the whole is sorted once, for all its sections
            whole, _, cols, first = self._section_of
            pattern, order = whole.transposed
            start = pattern.starts(cols[0])
            return self.turned, order[start : start + self.col.numel()] - first
        if torch.compiler.is_compiling():
            return Pattern.from_places(self.col, self.row, self.shape[::-1])
        if self._copies_of is not None:
            return self._transpose_copies(*self._copies_of)
        each = torch.arange(self.shape[1], dtype=self.col.dtype, device=self.col.device)
        # Sums over runs of rows are sorted as they are; a GPU is not waited for to find out.
        if self.of_runs or (self.col.device.type == "cpu" and torch.equal(self.col, each)):
            ends = torch.arange(self.shape[1] + 1, device=self.col.device)
            return Pattern(ends, self.row, self.shape[0]), each
        return Pattern.from_places(self.col, self.row.long(), self.shape[::-1])


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
