"""What is known of the items of a task: their split and their label, as text."""

from __future__ import annotations

from typing import Any

from gnnvision.data import Split, Task
from gnnvision.data.arrays import UNLABELED
from gnnvision.data.split import SPLIT_NAMES

__all__ = ["known_label", "split_of"]


def split_of(split: Split) -> dict[int, str]:
    """The name of the split of each item that is in one."""
    return {int(row): name for name in SPLIT_NAMES for row in getattr(split, name)}


def known_label(task: Task, row: int) -> str:
    """The label or the targets of an item as text; "" if they are missing."""
    y: Any = getattr(task, "y")[row]  # noqa: B009 - of the tasks that have one
    if task.kind == "classification":
        label = int(y)
        return "" if label == UNLABELED else str(task.class_names[label])
    values = y.reshape(-1).tolist()
    cells = ["" if value != value else f"{value:g}" for value in values]
    return "; ".join(cells) if any(cells) else ""
