"""How the items of an epoch are shared out among its batches."""

from __future__ import annotations

import torch
from torch import Tensor

from gnnvision.data.split import SPLIT_NAMES

__all__ = ["check_batches", "check_tensors", "split_into_batches"]


def check_tensors(**held: object) -> None:
    """What a task holds are tensors.

    Raises:
        TypeError: If one is not.
    """
    for name, value in held.items():
        if not isinstance(value, Tensor):
            raise TypeError(
                f"'{name}' must be a tensor, got {type(value).__name__}. Give "
                f"torch.as_tensor({name})."
            )


def check_batches(part: str, batch_size: int | None, items: str) -> None:
    """There is such a part, and a batch has at least one item.

    Args:
        part: of the split.
        batch_size: None for the task's own choice.
        items: what a batch holds, for the error.

    Raises:
        ValueError: If not.
    """
    if part not in SPLIT_NAMES:
        raise ValueError(
            f"'part' must be one of 'train', 'val', 'test', got {part!r}. Choose one."
        )
    if batch_size is not None and batch_size < 1:
        raise ValueError(
            f"'batch_size' must be at least 1, got {batch_size}. Give a count of {items}."
        )


def split_into_batches(index: Tensor, size: int) -> list[Tensor]:
    """Pieces of `size`, the last one smaller; one of a single item joins the one before."""
    pieces = list(index.split(size))
    if len(pieces) > 1 and len(pieces[-1]) == 1:
        pieces[-2:] = [torch.cat(pieces[-2:])]
    return pieces
