"""Batches of the items of an epoch, and checks that all kinds of tasks share."""

from __future__ import annotations

import torch
from torch import Tensor

from gnnvision.data.split import SPLIT_NAMES
from gnnvision.errors import at_least, one_of, wrong_type

__all__ = ["check_batches", "check_tensors", "split_into_batches"]


def check_tensors(**values: object) -> None:
    """Raise TypeError unless all values are tensors."""
    for name, value in values.items():
        if not isinstance(value, Tensor):
            raise wrong_type(name, "be a tensor", value, f"Pass torch.as_tensor({name}).")


def check_batches(split: str, batch_size: int | None, items: str) -> None:
    """Raise ValueError unless the split exists and the batch size is positive or None.

    Args:
        split: "train", "val" or "test".
        batch_size: Items in a batch; None for the task's default.
        items: The plural noun for the items of a batch, for the message.
    """
    one_of("split", split, SPLIT_NAMES)
    if batch_size is not None:
        at_least("batch_size", batch_size, 1, f"Pass a number of {items}.")


def split_into_batches(index: Tensor, size: int) -> list[Tensor]:
    """Consecutive pieces of `size` indices; a last piece of one joins the piece before it."""
    batches = list(index.split(size))
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches
