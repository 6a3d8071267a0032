"""How the items of an epoch are shared out among its batches."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["without_single"]


def without_single(index: Tensor, size: int) -> list[Tensor]:
    """Pieces of `size`, the last one smaller; one of a single item joins the one before."""
    pieces = list(index.split(size))
    if len(pieces) > 1 and len(pieces[-1]) == 1:
        pieces[-2:] = [torch.cat(pieces[-2:])]
    return pieces
