"""The positions of the entries of a sparse matrix, sorted by row, and what follows from them."""

from __future__ import annotations

import itertools
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.domains.device import count
from gnnvision.domains.modes import made_plainly

__all__ = ["Pattern", "Range"]

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
