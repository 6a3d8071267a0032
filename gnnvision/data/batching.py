"""Batches of the items of an epoch, their shares, and checks that all kinds of tasks have."""

from __future__ import annotations

import torch
from torch import Tensor

from gnnvision.data.split import SPLIT_NAMES
from gnnvision.errors import at_least, invalid, one_of, wrong_type

__all__ = [
    "ALONE",
    "Share",
    "check_batches",
    "check_tensors",
    "own_part",
    "refuse_share",
    "split_into_batches",
]

Share = tuple[int, int]  # the number of a process, from 0, and how many share each batch
ALONE: Share = (0, 1)


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


def split_into_batches(index: Tensor, size: int, processes: int = 1) -> list[Tensor]:
    """Consecutive pieces of indices, of `size` for each process; see `own_part`.

    A last piece joins the one before it if it has a single index, or too few for all processes.

    Raises:
        ValueError: There are fewer indices than processes.
    """
    if len(index) < processes > 1:
        condition = f"have a training item for each of the {processes} processes"
        raise invalid("split", condition, len(index), "Start fewer processes.")
    batches = list(index.split(size * processes))
    if len(batches) > 1 and len(batches[-1]) < max(processes, 2):
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


def refuse_share(share: Share) -> None:
    """Raise ValueError if several processes are to share a graph that is a single batch."""
    if share[1] > 1:
        advice = "Train other seeds in each process (parallel='seeds'), or start one process."
        raise invalid("share", "be (0, 1) for a graph that is one batch", share, advice)


def own_part(count: int, share: Share) -> slice:
    """The items of a batch that a process takes: as many as each other, but for one.

    Example:
        >>> own_part(9, (0, 2)), own_part(9, (1, 2))
        (slice(0, 5, None), slice(5, 9, None))
    """
    rank, processes = share
    least, rest = divmod(count, processes)
    start = rank * least + min(rank, rest)
    return slice(start, start + least + (rank < rest))
