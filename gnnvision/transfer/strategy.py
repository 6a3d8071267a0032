"""The four fine-tuning strategies (how much of a backbone to train), and how to choose one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from gnnvision.errors import invalid, one_of
from gnnvision.transfer.backbone import Backbone
from gnnvision.transfer.freeze import freeze, unfreeze

__all__ = ["Choice", "Strategy", "apply_strategy", "choose_strategy", "num_trained"]

# Which blocks of a backbone are trained: all, the later half, the last quarter, or only the head.
Strategy = Literal["whole", "part", "last", "head"]

# The share of the blocks before the head that is trained, counted from the head.
SHARES: dict[Strategy, float] = {"whole": 1.0, "part": 0.5, "last": 0.25, "head": 0.0}
# ImageNet, on which most backbones were trained, has about 1,300 images per class.
LARGE_PER_OUTPUT = 1000
SIMILAR = 0.5


@dataclass(frozen=True)
class Choice:
    """A strategy and the reason for choosing it.

    Args:
        strategy: the strategy.
        reason: as a sentence.
    """

    strategy: Strategy
    reason: str

    def __str__(self) -> str:
        return f"strategy {self.strategy!r}: {self.reason}"


def num_trained(num_blocks: int, strategy: Strategy) -> int:
    """The number of blocks before the head that a strategy trains.

    "whole": all; "part": the later half; "last": the last quarter; "head": none. At least one,
    except for "head".

    Raises:
        ValueError: if there is no such strategy.

    Example:
        >>> [num_trained(19, name) for name in ("whole", "part", "last", "head")]
        [19, 10, 5, 0]
    """
    share = SHARES[one_of("strategy", strategy, get_args(Strategy))]
    return max(1, round(share * num_blocks + 1e-9)) if share else 0


def apply_strategy(backbone: Backbone, strategy: Strategy) -> list[str]:
    """Freeze the blocks that a strategy does not train and unfreeze the others.

    Args:
        backbone: modified in place.
        strategy: "whole": everything is trained; "part": the later half of the blocks and the
            head; "last": the last quarter and the head; "head": only the head.

    Returns:
        The names of the trained blocks.

    Raises:
        ValueError: if there is no such strategy.
    """
    blocks = backbone.blocks
    cut = len(blocks) - num_trained(len(blocks), strategy)
    for block in blocks[cut:]:
        unfreeze(*block.modules)
    for block in blocks[:cut]:
        freeze(*block.modules)
    unfreeze(*backbone.head)
    return [block.name for block in blocks[cut:]]


def choose_strategy(num_items: int, num_outputs: int, similarity: float, how: str) -> Choice:
    """Choose a strategy by dataset size and similarity, by the table of the lectures.

    | data | similarity | strategy |
    | --- | --- | --- |
    | large | low | "whole" |
    | large | high | "last" |
    | small | low | "part" |
    | small | high | "head" |

    Args:
        num_items: number of training items.
        num_outputs: classes or targets; a dataset is large from 1,000 items per output.
        similarity: to the backbone's training data, high from 0.5; see
            `gnnvision.transfer.similarity`.
        how: how it was measured, as text.

    Raises:
        ValueError: if the similarity is NaN.
    """
    if math.isnan(similarity):
        condition = "be given explicitly if the similarity is undefined"
        advice = "Choose whole, part, last or head."
        raise invalid("strategy", condition, f"'auto' ({how})", advice)
    limit = LARGE_PER_OUTPUT * num_outputs
    large, similar = num_items >= limit, similarity >= SIMILAR
    table: dict[tuple[bool, bool], Strategy] = {
        (True, False): "whole",
        (True, True): "last",
        (False, False): "part",
        (False, True): "head",
    }
    reason = (
        f"the dataset is {'large' if large else 'small'} ({num_items:,} training items; large "
        f"from {limit:,}) and {'similar to' if similar else 'unlike'} the backbone's training "
        f"data ({how})."
    )
    return Choice(table[large, similar], reason)
