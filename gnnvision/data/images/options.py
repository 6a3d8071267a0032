"""The options of loading images."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from gnnvision.data.images.augment import Augment
from gnnvision.data.images.image_file import MAX_PIXELS
from gnnvision.data.options import LoadOptions
from gnnvision.errors import invalid, one_of, wrong_dtype, wrong_type

__all__ = ["ImageOptions"]


@dataclass(frozen=True, kw_only=True)
class ImageOptions(LoadOptions):
    """The options of `gnnvision.data.images.load`, besides those of every loader.

    Args:
        split: Also "full": the published test split, and all other images for training.
        image_size: The side, or (height, width), in pixels. The shorter side is resized and the
            center cropped. None keeps the size; if sizes differ, it means 64, or less if most
            images are smaller.
        channels: 1 (grayscale), 3 (color), or "auto" for 1 if all are grayscale.
        augment: Random augmentation of the training split.
        on_invalid: For files that cannot be read: "raise" an error, "skip" them, or
            "quarantine": skip them and list them in `quarantine.csv`. None means "raise".
        quarantine: The folder for `quarantine.csv`; None for the dataset's folder in the cache.
        max_pixels: A file with more pixels counts as invalid and is not decoded.

    Raises:
        TypeError: An option has the wrong type.
        ValueError: An option is out of its range.
    """

    image_size: int | tuple[int, int] | None = None
    channels: Literal["auto", 1, 3] = "auto"
    augment: Augment | None = None
    on_invalid: Literal["raise", "skip", "quarantine"] | None = None
    quarantine: str | os.PathLike[str] | None = None
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.channels not in ("auto", 1, 3):
            condition = "be 'auto', 1 (grayscale) or 3 (color)"
            raise invalid("channels", condition, repr(self.channels))
        if self.augment is not None and not isinstance(self.augment, Augment):
            advice = "Pass for example Augment(crop=4, flip='random')."
            raise wrong_type("augment", "be an Augment or None", self.augment, advice)
        sides = (1,) if self.size is None else self.size
        if len(sides) > 2 or any(not isinstance(s, int) or isinstance(s, bool) for s in sides):
            condition, advice = "be an integer or (height, width)", "Pass for example 64."
            raise wrong_dtype("image_size", condition, repr(self.image_size), advice)
        if min(sides) < 1:
            raise invalid("image_size", "be at least 1", repr(self.image_size), "Use pixels.")
        one_of("on_invalid", self.policy, ("raise", "skip", "quarantine"))

    @property
    def size(self) -> tuple[int, int] | None:
        """`image_size` as (height, width); None if it is not set."""
        if self.image_size is None or isinstance(self.image_size, (tuple, list)):
            return None if self.image_size is None else (*self.image_size,)
        return (self.image_size, self.image_size)

    @property
    def num_channels(self) -> int | None:
        """`channels` as an integer; None for "auto"."""
        return None if self.channels == "auto" else self.channels

    @property
    def policy(self) -> Literal["raise", "skip", "quarantine"]:
        """`on_invalid`, with its default."""
        return self.on_invalid or "raise"
