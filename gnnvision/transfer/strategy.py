"""How much of a backbone to train: the four strategies of fine-tuning, and which of them fits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from gnnvision.transfer.backbone import Backbone
from gnnvision.transfer.freeze import freeze, unfreeze

__all__ = ["Choice", "Strategy", "apply_strategy", "choose_strategy", "num_trained"]

Strategy = Literal["whole", "part", "last", "head"]

# Of the blocks before the head, counted from the head.
SHARES: dict[Strategy, float] = {"whole": 1.0, "part": 0.5, "last": 0.25, "head": 0.0}
# ImageNet, on which most backbones were trained, has about 1,300 pictures of each class.
LARGE_PER_OUTPUT = 1000
SIMILAR = 0.5


@dataclass(frozen=True)
class Choice:
    """A strategy and why.

    Args:
        strategy: which.
        reason: a sentence.
    """

    strategy: Strategy
    reason: str

    def __str__(self) -> str:
        return f"strategy {self.strategy!r}: {self.reason}"


def num_trained(num_blocks: int, strategy: Strategy) -> int:
    """How many of the blocks before the head a strategy trains.

    "whole": all; "part": the later half; "last": the last quarter; "head": none. At least one
    where it trains any.

    Raises:
        ValueError: if there is no such strategy.

    Example:
        >>> [num_trained(19, name) for name in ("whole", "part", "last", "head")]
        [19, 10, 5, 0]
    """
    if strategy not in get_args(Strategy):
        raise ValueError(
            f"'strategy' must be one of {', '.join(get_args(Strategy))}, got {strategy!r}. "
            "Choose one."
        )
    share = SHARES[strategy]
    return max(1, round(share * num_blocks + 1e-9)) if share else 0


def apply_strategy(backbone: Backbone, strategy: Strategy) -> list[str]:
    """Freeze what a strategy leaves as it is, and let the rest be learned.

    Args:
        backbone: to change.
        strategy: "whole": everything is trained; "part": the later half of the blocks and the
            head; "last": the last quarter and the head; "head": the head alone.

    Returns:
        The names of the blocks that are trained.

    Raises:
        ValueError: if there is no such strategy.
    """
    parts = backbone.blocks
    cut = len(parts) - num_trained(len(parts), strategy)
    for block in parts[cut:]:
        unfreeze(*block.modules)
    for block in parts[:cut]:
        freeze(*block.modules)
    unfreeze(*backbone.head)
    return [block.name for block in parts[cut:]]


def choose_strategy(num_items: int, num_outputs: int, similarity: float, how: str) -> Choice:
    """The strategy of the table of the lectures.

    | data | similarity | strategy |
    | --- | --- | --- |
    | large | low | "whole" |
    | large | high | "last" |
    | small | low | "part" |
    | small | high | "head" |

    Args:
        num_items: that train.
        num_outputs: classes or targets; the data is large from 1,000 items for each.
        similarity: to what the backbone was trained on, high from 0.5; see
            `gnnvision.transfer.similarity`.
        how: how that was measured, in words.

    Raises:
        ValueError: if the similarity is NaN.
    """
    if math.isnan(similarity):
        raise ValueError(
            f"'strategy' must be named where the similarity is undefined, got 'auto' ({how}). "
            "Choose whole, part, last or head."
        )
    large, similar = num_items >= LARGE_PER_OUTPUT * num_outputs, similarity >= SIMILAR
    table: dict[tuple[bool, bool], Strategy] = {
        (True, False): "whole",
        (True, True): "last",
        (False, False): "part",
        (False, True): "head",
    }
    size = f"{num_items:,} training items for {num_outputs} outputs are " + (
        "many" if large else f"few (many from {LARGE_PER_OUTPUT:,} each)"
    )
    like = "similar to" if similar else "unlike"
    reason = f"{size}, and {like} what the backbone was trained on ({how})."
    return Choice(table[large, similar], reason)
