"""A task of which only few items may train, to see what a backbone is worth then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from gnnvision.data import GraphTask, Split
from gnnvision.data.split import permutation

__all__ = ["with_few"]


def with_few(task: GraphTask, labels: int) -> GraphTask:
    """The task with so many training items, drawn anew for each seed, and no validation part.

    The test part of each seed stays what it is; what is left over of the other parts is not
    used, as one who has few labels does not have it either.

    Args:
        task: of graphs or molecules.
        labels: how many items train.

    Raises:
        ValueError: if its training part has not so many.
    """
    most = len(task.split.train)
    if not 1 <= labels <= most:
        raise ValueError(
            f"'labels' must be from 1 to the size of the training part, {most}, got {labels}. "
            "Ask for fewer."
        )
    split = partial(_few, task.split, task.splitter, labels)
    return replace(task, split=split(task.seed), splitter=split)


def _few(split: Split, splitter: Callable[[int], Split] | None, labels: int, seed: int) -> Split:
    whole = split if splitter is None else splitter(seed)
    chosen = whole.train[permutation(len(whole.train), seed)[:labels]]
    return Split(f"{labels} labels", chosen, [], whole.test)
