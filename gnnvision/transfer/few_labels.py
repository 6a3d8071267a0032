"""Restrict a task to few training labels, to measure how much a backbone helps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from gnnvision.data import GraphTask, Split
from gnnvision.data.split import permutation
from gnnvision.errors import in_range

__all__ = ["with_few_labels"]


def with_few_labels(task: GraphTask, labels: int) -> GraphTask:
    """The task with a random subset of its training split for each seed, and no validation split.

    The test split of each seed is unchanged. All other items are unused, since with so few labels
    there would be no validation split either.

    Args:
        task: on graphs or molecules.
        labels: number of training items.

    Raises:
        ValueError: if the training split is smaller.
    """
    most = len(task.split.train)
    in_range("labels", labels, 1, most, advice=f"The training split has {most} items.")
    split = partial(_few, task.split, task.splitter, labels)
    return replace(task, split=split(task.seed), splitter=split)


def _few(split: Split, splitter: Callable[[int], Split] | None, labels: int, seed: int) -> Split:
    whole = split if splitter is None else splitter(seed)
    chosen = whole.train[permutation(len(whole.train), seed)[:labels]]
    return Split(f"{labels} labels", chosen, [], whole.test)
