"""The options of `load` and `load_auto`, and which kinds of data each applies to."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Literal

from gnnvision.data.images.augment import Augment
from gnnvision.data.images.image_file import MAX_PIXELS
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.root import Root
from gnnvision.errors import invalid, wrong_dtype, wrong_type

__all__ = ["APPLIES_TO", "LoadOptions", "check_options"]

_ALL_KINDS = ("node", "image", "molecule", "graph")
_KIND_TITLES = {
    "node": "node tasks",
    "image": "images",
    "molecule": "molecules",
    "graph": "graph datasets",
}
# Every option must be listed; setting one that does not apply to the kind of data is an error.
APPLIES_TO: dict[str, tuple[str, ...]] = {
    "root": _ALL_KINDS,
    "split": _ALL_KINDS,
    "seed": _ALL_KINDS,
    "download": _ALL_KINDS,
    "on_invalid": _ALL_KINDS,
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
    """The options of `load`; see there.

    Raises:
        TypeError: An option has the wrong type.
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


def check_options(options: LoadOptions, kind: str, own_table: bool = False) -> None:
    """Raise ValueError if an option is set that does not apply to this kind of data.

    Args:
        options: The options of `load`.
        kind: The kind of data: "node", "image", "molecule" or "graph".
        own_table: Whether the data are a table of molecules given by its path.
    """
    for option in fields(options):
        value = getattr(options, option.name)
        default = Featurizer() if option.name == "featurizer" and value else option.default
        if value == default or kind in APPLIES_TO.get(option.name, _ALL_KINDS):
            continue
        kinds = " and ".join(_KIND_TITLES[each] for each in APPLIES_TO[option.name])
        condition = f"be left out for {_KIND_TITLES[kind]}"
        got = repr(value) if len(repr(value)) <= 60 else type(value).__name__
        raise invalid(option.name, condition, got, f"It applies only to {kinds}.")
    folded = options.split == "kfold" or (kind == "graph" and options.split == "public")
    if options.folds != 10 and not folded:
        condition = f"be left out for split={options.split!r}"
        raise invalid("folds", condition, options.folds, "Use split='kfold'.")
    by_column = options.split == "column" or (own_table and options.split == "public")
    if options.split_column is not None and not by_column:
        condition = f"be left out for split={options.split!r}"
        raise invalid("split_column", condition, repr(options.split_column), "Use split='column'.")
