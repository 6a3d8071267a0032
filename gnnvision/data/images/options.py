"""The options of loading images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gnnvision.data.images.augment import Augment
from gnnvision.data.images.image_file import MAX_PIXELS
from gnnvision.data.options import LoadOptions
from gnnvision.data.paths import expand_user
from gnnvision.errors import invalid, one_of, wrong_dtype, wrong_type

__all__ = ["ImageOptions"]


@dataclass(frozen=True, kw_only=True)
class ImageOptions(LoadOptions):
    """The options of `gnnvision.data.images.load`, besides those of every loader.

    Args:
        split: Also "full": the published test split, and all other images for training; for a
            table "column": the split that a column has, which is the default if there is one.
        image_size: The side, or (height, width), in pixels. The shorter side is resized and the
            center cropped. None keeps the size; if sizes differ, it means 64, or less if most
            images are smaller.
        channels: 1 (grayscale), 3 (color), or "auto" for 1 if all are grayscale.
        augment: Random augmentation of the training split.
        on_invalid: For files that cannot be read: "raise" an error, "skip" them, or
            "quarantine": skip them and list them in `quarantine.csv`. None means "raise".
        quarantine: The folder for `quarantine.csv`; None for the dataset's folder in the cache.
        max_pixels: A file with more pixels counts as invalid and is not decoded.
        image: For a table: the column with the image files; by default found by its values.
        targets: For a table: the columns to predict; by default the other column, or all others
            if they are numbers.
        kind: For a table: "classification", "multilabel" or "regression"; "auto" infers it.
        missing: For a table: words that mean a missing target, besides "", "NA", "NaN" and so on.
        split_column: For a table: the column with train, val or test for each row.
        folder: For a table: the folder or archive that has the files; by default the folder of
            the table.

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
    image: str | None = None
    targets: str | Sequence[str] = ()
    kind: Literal["auto", "regression", "multilabel", "classification"] = "auto"
    missing: str | Sequence[str] = ()
    split_column: str | None = None
    folder: str | os.PathLike[str] | None = None

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
        one_of("kind", self.kind, ("auto", "regression", "multilabel", "classification"))
        for name in ("targets", "missing"):
            value = getattr(self, name)
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))
        if self.folder is not None:  # from any working folder
            folder = expand_user(os.fspath(self.folder), "folder").absolute()
            object.__setattr__(self, "folder", str(folder))

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
