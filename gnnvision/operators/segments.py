"""Sums, means, maxima and softmax over segments of rows, for readout, pooling and attention."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from gnnvision.domains.device import segment_index
from gnnvision.domains.modes import is_transformed
from gnnvision.errors import invalid
from gnnvision.operators.pattern import Pattern
from gnnvision.operators.product import sparse_product

__all__ = ["Reduction", "segment_reduce", "segment_softmax", "segment_top"]

Reduction = Literal["mean", "sum", "max"]


def segment_reduce(x: Tensor, offsets: Tensor, reduce: Reduction) -> Tensor:
    """Reduce each segment of rows of `x` to one row; an empty segment gives zeros.

    Args:
        x: shape (N, C).
        offsets: the first row of each of the G segments, then N. Shape (G + 1,).
        reduce: "mean", "sum" or "max".

    Returns:
        Shape (G, C).

    Raises:
        ValueError: if `reduce` is unknown.
    """
    lengths = offsets.diff()
    match reduce:
        case "max":
            # Zeros for empty runs, of which the maximum is -inf; no gradient comes from them.
            if not torch.compiler.is_compiling() and x.shape[0] == 0:
                return x.new_zeros(lengths.numel(), x.shape[1])
            if is_transformed():
                index = segment_index(offsets, x.shape[0]).unsqueeze(1).expand_as(x)
                empty = x.new_zeros(lengths.numel(), x.shape[1])
                return empty.scatter_reduce(0, index, x, "amax", include_self=False)
            top = torch.segment_reduce(x, "max", lengths=lengths, axis=0, unsafe=True)
            return torch.where((lengths > 0).unsqueeze(1), top, 0)
        case "sum" | "mean":
            rows = torch.arange(x.shape[0], device=x.device)
            pattern = Pattern(offsets, rows, x.shape[0])
            pattern.of_runs = True
            weight = x.new_ones(x.shape[0])
            share = 1 / lengths.clamp(min=1).to(x.dtype)
            if torch.compiler.is_compiling():
                pattern._row = segment_index(offsets, x.shape[0])
                weight = share[pattern._row] if reduce == "mean" else weight
            elif reduce == "mean":
                weight = share.repeat_interleave(lengths, output_size=x.shape[0])
            return sparse_product(pattern, weight, x)
        case _:
            condition = "be one of 'mean', 'sum', 'max'"
            raise invalid("reduce", condition, repr(reduce), "Choose one of them.")


def segment_softmax(score: Tensor, pattern: Pattern) -> Tensor:
    """Softmax over the entries of each row of `pattern`: (E, H) -> (E, H).

    Args:
        score: a score of each entry, for each head. Shape (E, H).
        pattern: the rows and columns of the entries.
    """
    row = pattern.row
    weight = (score - segment_top(score.detach(), pattern).index_select(0, row)).exp()
    total = sparse_product(pattern.runs, torch.ones_like(score[:, 0]), weight)
    return weight / total.index_select(0, row)


def segment_top(score: Tensor, pattern: Pattern) -> Tensor:
    """The maxima over the entries of each row, -inf without entries: (E, H) -> (M, H)."""
    if is_transformed() or score.device.type != "cpu" or not score.shape[0]:
        index = pattern.row.long().unsqueeze(1).expand_as(score)
        top = score.new_full((pattern.shape[0], score.shape[1]), -torch.inf)
        return top.scatter_reduce(0, index, score, "amax")
    lengths = pattern.rowptr.diff().long()
    return torch.segment_reduce(score, "max", lengths=lengths, unsafe=True)
