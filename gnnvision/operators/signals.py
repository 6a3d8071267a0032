"""Images as node features, and sparse signals as operators."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from gnnvision.domains import Grid
from gnnvision.domains.device import count
from gnnvision.domains.modes import is_batched
from gnnvision.errors import invalid
from gnnvision.operators.pattern import Pattern
from gnnvision.operators.sparse import Sparse

__all__ = [
    "dense",
    "is_sparse",
    "nodes_from_pixels",
    "pixels_from_nodes",
    "signal_operator",
    "with_values",
]


def nodes_from_pixels(x: Tensor) -> Tensor:
    """Images as node features of a batch of pixel graphs: (B, C, H, W) -> (B H W, C).

    Args:
        x: the images. Shape (B, C, H, W), or (B, C, *size) on another grid.

    Example:
        >>> nodes_from_pixels(torch.zeros(2, 3, 4, 5)).shape
        torch.Size([40, 3])
    """
    return x.flatten(2).transpose(1, 2).flatten(0, 1)


def pixels_from_nodes(x: Tensor, grid: Grid) -> Tensor:
    """The inverse of `nodes_from_pixels`: (B H W, C) -> (B, C, H, W).

    Args:
        x: the features of the nodes. Shape (B H W, C).
        grid: the grid of one image.
    """
    pictures = x.reshape(-1, grid.num_sites, x.shape[1])  # (B, H W, C)
    return pictures.transpose(1, 2).reshape(len(pictures), x.shape[1], *grid.shape)


def is_sparse(x: Tensor) -> bool:
    """Whether a signal is a sparse tensor."""
    return x.layout in (torch.sparse_coo, torch.sparse_csr)


def dense(x: Tensor) -> Tensor:
    """The signal as a dense tensor; itself if it is dense."""
    return x.to_dense() if is_sparse(x) else x


_patterns: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
_batched: WeakTensorKeyDictionary = WeakTensorKeyDictionary()  # the values of stand-ins


def signal_operator(x: Tensor) -> Sparse:
    """A sparse signal X as an operator, so that X W is a sparse product.

    The pattern is sorted once for each tensor and cached as long as the tensor exists.

    Args:
        x: torch.sparse_coo (coalesced or not) or torch.sparse_csr, without gradients.
            Shape (N, C).

    Raises:
        ValueError: if `x` requires gradients.
    """
    if x.requires_grad:
        condition, got = "not require gradients if it is sparse", "a sparse tensor that does"
        advice = "Use x.to_dense().requires_grad_() for gradients of the features."
        raise invalid("x", condition, got, advice)
    if x.layout is torch.sparse_coo and not x.is_coalesced():
        x = x.coalesce()
    value = _batched.get(x)
    if value is None:
        value = x._values() if x.layout is torch.sparse_coo else x.values()
    return Sparse(_known_pattern(x), value)


def with_values(x: Tensor, value: Tensor) -> Tensor:
    """A sparse signal with the pattern of `x` and other values.

    torch has no sparse tensors with values that `torch.func.vmap` batches: the tensor that stands
    for one stores NaN, and only `signal_operator` finds the values.
    """
    batched, value = (value, _missing(x)) if is_batched(value) else (None, value)
    if x.layout is torch.sparse_coo:
        out = torch.sparse_coo_tensor(
            x._indices(), value, x.shape, is_coalesced=x.is_coalesced(), check_invariants=False
        )
    else:
        out = torch.sparse_csr_tensor(
            x.crow_indices(), x.col_indices(), value, x.shape, check_invariants=False
        )
    pattern = _known_pattern(x)
    _patterns[out] = (pattern, _version(out))
    if batched is not None:
        _batched[out] = batched
    return out


def _missing(x: Tensor) -> Tensor:
    """NaN in place of the stored values."""
    return torch.full_like(x._values() if x.layout is torch.sparse_coo else x.values(), math.nan)


def _known_pattern(x: Tensor) -> Pattern:
    known = _patterns.get(x)
    if known is None or known[1] != _version(x):
        known = (_pattern(x), _version(x))
        _patterns[x] = known
    pattern: Pattern = known[0]
    return pattern


def _version(x: Tensor) -> int:
    """How often the places were edited in place."""
    places = x._indices() if x.layout is torch.sparse_coo else x.col_indices()
    return 0 if places.is_inference() else places._version


def _pattern(x: Tensor) -> Pattern:
    if x.layout is torch.sparse_csr:
        return Pattern(x.crow_indices(), x.col_indices(), x.shape[1])
    row, col = x._indices()
    rowptr = row.new_zeros(x.shape[0] + 1)
    torch.cumsum(count(row, x.shape[0]), 0, out=rowptr[1:])
    return Pattern(rowptr, col, x.shape[1])
