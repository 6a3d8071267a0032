"""Which options of `load` act on which kind of data: the others are refused, not ignored."""

from __future__ import annotations

from dataclasses import fields

from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.options import LoadOptions

__all__ = ["ACTS_ON", "check_options"]

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
