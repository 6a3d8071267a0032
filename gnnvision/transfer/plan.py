"""The settings of fine-tuning: strategy, recipes and number of augmented views."""

from __future__ import annotations

from dataclasses import dataclass, field

from gnnvision.training import Recipe
from gnnvision.training.recipes import FINE_RECIPE, HEAD_RECIPE
from gnnvision.transfer.strategy import Strategy, num_trained

__all__ = ["FINE_RECIPE", "HEAD_RECIPE", "Plan"]


@dataclass(frozen=True)
class Plan:
    """How to fine-tune a backbone.

    The head is trained first, on features that are computed once. Fine-tuning of further blocks
    starts from that head.

    Args:
        strategy: the blocks to fine-tune: "head", "last", "part" or "whole".
        head: the recipe of the head.
        fine: the recipe of the fine-tuned blocks and the head afterwards.
        views: precomputed augmented versions of each training item, for the head.
        fine_views: precomputed augmented versions for fine-tuning the blocks after frozen ones.
            If the whole network is trained, each epoch has new augmentations.
        gradual: unfreeze gradually: fine-tune with "last", then "part", then "whole" up to
            `strategy`, and divide the epochs among them.
        update_norms: whether trained batch norms update their running statistics; otherwise
            these are fixed, see `freeze_norm_statistics`.
    """

    strategy: Strategy = "head"
    head: Recipe = field(default=HEAD_RECIPE)
    fine: Recipe = field(default=FINE_RECIPE)
    views: int = 0
    fine_views: int = 2
    gradual: bool = False
    update_norms: bool = False

    def stages(self, num_blocks: int) -> list[int]:
        """How many blocks are frozen in each fine-tuning stage; empty for "head"."""
        order: list[Strategy] = ["last", "part", "whole"]
        if num_trained(num_blocks, self.strategy) == 0:
            return []
        end = order.index(self.strategy)
        names = order[: end + 1] if self.gradual else order[end : end + 1]
        return list(dict.fromkeys(num_blocks - num_trained(num_blocks, name) for name in names))
