"""The options that loading has for every kind of data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gnnvision.data.root import Root

if TYPE_CHECKING:
    from gnnvision.data.task import Task

__all__ = ["LoadOptions"]


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """The options of every loader; each room of the data adds its own.

    Args:
        root: The data root; None for $GNNVISION_DATA, or the `datasets` folder of a checkout, or
            the user's cache folder.
        split: "public" (the published split) or "random" (depends on `seed`).
        seed: The seed of a random split; `task.with_seed(seed)` gives the split of another seed.
        download: Whether missing files may be downloaded.
    """

    root: Root = None
    split: str = "public"
    seed: int = 0
    download: bool = True

    def finish(self, task: Task) -> Task:
        """The task that loading returns, from the one that was read."""
        return task
