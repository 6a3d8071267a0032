"""How a data set is to be loaded: the options of `load` and `load_auto`, checked once."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Literal

from gnnvision.data.images.augment import Augment
from gnnvision.data.images.image_file import MAX_PIXELS
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.root import Root

__all__ = ["ACTS_ON", "LoadOptions", "check_options"]

_ALL = ("node", "image", "molecule", "graph")
_WORDS = {
    "node": "nodes of a graph",
    "image": "images",
    "molecule": "molecules",
    "graph": "sets of graphs",
}
# A new option must be entered here. What there is nothing of in a set (files that cannot be read,
# files to download) is not ignored there: its option has nothing to decide.
ACTS_ON: dict[str, tuple[str, ...]] = {
    "root": _ALL,
    "split": _ALL,
    "seed": _ALL,
    "download": _ALL,
    "on_invalid": _ALL,
    "normalize_features": ("node",),
    "dense": ("node",),
    "image_size": ("image",),
    "channels": ("image",),
    "augment": ("image",),
    "quarantine": ("image",),
    "max_pixels": ("image",),
    "smiles": ("molecule",),
    "targets": ("molecule",),
    "kind": ("molecule",),
    "missing": ("molecule",),
    "split_column": ("molecule",),
    "descriptors": ("molecule",),
    "featurizer": ("molecule",),
    "folds": ("molecule", "graph"),
}


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


def check_options(options: LoadOptions, kind: str, of_a_table: bool = False) -> None:
    """Every option that is not the usual one acts on this kind of data.

    Args:
        options: of `load`.
        kind: what an item is: "node", "image", "molecule" or "graph".
        of_a_table: whether these are molecules of a table of one's own.

    Raises:
        ValueError: If one does not.
    """
    for option in fields(options):
        value = getattr(options, option.name)
        usual = Featurizer() if option.name == "featurizer" and value else option.default
        if value == usual or kind in ACTS_ON.get(option.name, _ALL):
            continue
        meant = " and ".join(_WORDS[each] for each in ACTS_ON[option.name])
        raise ValueError(
            f"'{option.name}' must be left out for {_WORDS[kind]}, got {value!r}. It is for "
            f"{meant}: leave it out."
        )
    folded = options.split == "kfold" or (kind == "graph" and options.split == "public")
    if options.folds != 10 and not folded:
        raise ValueError(
            f"'folds' must be left out for split={options.split!r}, got {options.folds}. Use "
            "split='kfold'."
        )
    by_column = options.split == "column" or (of_a_table and options.split == "public")
    if options.split_column is not None and not by_column:
        raise ValueError(
            f"'split_column' must be left out for split={options.split!r}, got "
            f"{options.split_column!r}. Use split='column'."
        )
