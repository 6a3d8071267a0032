"""How a data set is to be loaded: the options of `load` and `load_auto`, checked once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from gnnvision.data.images.augment import Augment
from gnnvision.data.images.picture import MAX_PIXELS
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.root import Root

__all__ = ["LoadOptions"]


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """What `load` takes besides the name; see there.

    Raises:
        TypeError: An option is of the wrong kind.
        ValueError: An option is out of its range.
    """

    root: Root = None
    split: str = "public"
    seed: int = 0
    download: bool = True
    normalize_features: bool = True
    dense: bool = False
    image_size: int | tuple[int, int] | None = None
    channels: Literal["auto", 1, 3] = "auto"
    augment: Augment | None = None
    on_invalid: Literal["raise", "skip", "quarantine", "keep", "molecules"] | None = None
    smiles: str | None = None
    targets: tuple[str, ...] = ()
    kind: Literal["auto", "regression", "multilabel", "classification"] = "auto"
    missing: tuple[str, ...] = ()
    split_column: str | None = None
    folds: int = 10
    descriptors: bool = False
    featurizer: Featurizer | None = None
    quarantine: str | os.PathLike[str] | None = None
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.channels not in ("auto", 1, 3):
            raise ValueError(
                f"'channels' must be 'auto', 1 for gray or 3 for color, got {self.channels!r}. "
                "Choose one."
            )
        if self.augment is not None and not isinstance(self.augment, Augment):
            raise TypeError(
                f"'augment' must be an Augment or None, got {type(self.augment).__name__}. "
                "Give for example Augment(crop=4, flip='random')."
            )
        sides = (1,) if self.size is None else self.size
        if len(sides) > 2 or any(not isinstance(s, int) or isinstance(s, bool) for s in sides):
            raise TypeError(
                f"'image_size' must be a whole number or (height, width), got "
                f"{self.image_size!r}. Give for example 64."
            )
        if min(sides) < 1:
            raise ValueError(
                f"'image_size' must be at least 1, got {self.image_size!r}. Give pixels."
            )

    @property
    def size(self) -> tuple[int, int] | None:
        """`image_size` as height and width."""
        if self.image_size is None or isinstance(self.image_size, (tuple, list)):
            return None if self.image_size is None else (*self.image_size,)
        return (self.image_size, self.image_size)

    @property
    def num_channels(self) -> int | None:
        """`channels` as a number, None for "auto"."""
        return None if self.channels == "auto" else self.channels
