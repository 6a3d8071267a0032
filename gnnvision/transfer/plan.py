"""What fine-tuning does: which blocks, by which recipes, on how many views."""

from __future__ import annotations

from dataclasses import dataclass, field

from gnnvision.training import Recipe
from gnnvision.training.recipes import FINE_RECIPE, HEAD_RECIPE
from gnnvision.transfer.strategy import Strategy, num_trained

__all__ = ["FINE_RECIPE", "HEAD_RECIPE", "Plan"]


@dataclass(frozen=True)
class Plan:
    """How a backbone is fitted to a task.

    The head is trained first, on features that are computed once; what else the strategy trains
    goes on from that head.

    Args:
        strategy: "head", "last", "part" or "whole".
        head: how the head is trained.
        fine: how the blocks and the head are trained after it.
        views: augmented versions of each training item for the head, computed beforehand.
        fine_views: the same for the blocks behind a frozen part; the whole network sees fresh
            ones in every epoch.
        gradual: whether the strategies before this one come first, each for its share of the
            epochs: "last", then "part", then "whole".
        update_norms: whether the batch norms that are trained follow the statistics of the new
            items; otherwise they keep those of the weights, see `hold_statistics`.
    """

    strategy: Strategy = "head"
    head: Recipe = field(default=HEAD_RECIPE)
    fine: Recipe = field(default=FINE_RECIPE)
    views: int = 0
    fine_views: int = 2
    gradual: bool = False
    update_norms: bool = False

    def stages(self, num_blocks: int) -> list[int]:
        """Behind how many blocks each stage of fine-tuning begins; none for "head" alone."""
        order: list[Strategy] = ["last", "part", "whole"]
        if num_trained(num_blocks, self.strategy) == 0:
            return []
        end = order.index(self.strategy)
        names = order[: end + 1] if self.gradual else order[end : end + 1]
        return list(dict.fromkeys(num_blocks - num_trained(num_blocks, name) for name in names))
