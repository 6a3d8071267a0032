"""`load`: the one name for all kinds of data. It finds out the kind, and calls its loader."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from typing import Any

from gnnvision._torchrun import rank_0_first
from gnnvision.data import graphs, images, molecules
from gnnvision.data.card import Card
from gnnvision.data.doors import Door, canonical, describe_named, is_path
from gnnvision.data.errors import DataNotFound
from gnnvision.data.task import Task
from gnnvision.errors import invalid

__all__ = ["dataset_names", "describe", "is_molecules", "load", "load_auto"]

# In the order in which they look at a path; the last one explains what is possible.
_DOORS: tuple[Door[Any], ...] = (graphs.load, images.load, molecules.load)
# The embedded dataset that replaces an unavailable one of each kind.
_EMBEDDED = {
    "node": "stdlib",
    "image": "digits",
    "molecule": "bioactivity",
    "graph": "bioactivity",
}


def dataset_names() -> tuple[str, ...]:
    """The names of the datasets that `load` knows, those registered by you included."""
    return tuple(name for door in _DOORS for name in door.names())


def describe(name: str) -> Card:
    """The card of a dataset: source, license, citation, checksums, published results.

    Args:
        name: of a dataset.

    Raises:
        ValueError: There is no dataset of this name.
    """
    known = canonical(name, dataset_names())
    return describe_named(known, any(known in door.registered for door in _DOORS))


def load(
    name: str | os.PathLike[str],
    **options: Any,  # noqa: ANN401 - the loader of the kind has the types
) -> Task:
    """Load a dataset by its name, or your own data by their path.

    The kind of data decides which loader is called: `gnnvision.data.graphs.load`,
    `gnnvision.data.images.load` or `gnnvision.data.molecules.load`. Each has its own options;
    those of another kind are refused. A named dataset is loaded as itself or not at all;
    "auto" and "auto:NAME" fall back to an embedded dataset, with a prominent warning.

    Args:
        name: The name of a dataset, "auto", "auto:NAME", or a path: a folder or an archive of
            images, a table of SMILES, a folder or a file with a graph.
        **options: The options of the loader.

    Raises:
        DataNotFound: The files were not found and could not be downloaded. The message lists
            the files and their folder.
        FileNotFoundError: The path does not exist.
        ChecksumError: A file is damaged or differs from the one that the card describes.
        TypeError: An option has the wrong type.
        ValueError: The name, an option or the content of a file is invalid.

    Example:
        >>> task = load("karate")
        >>> task.in_channels, task.num_classes, task.split.sizes
        (34, 2, {'train': 8, 'val': 8, 'test': 18})
        >>> load("digits").grid
        Grid((8, 8))
    """
    plain = os.fspath(name).strip()
    kind, _, preferred = plain.partition(":")
    with rank_0_first():
        if not isinstance(name, os.PathLike) and kind.lower() == "auto":
            return _load_auto(preferred or "cora", None, options, stacklevel=3)
        door = _door_of(name, options)
        return door(name, **_options_of(door, options))


def load_auto(
    preferred: str = "cora",
    fallback: str | None = None,
    **options: Any,  # noqa: ANN401 - the loader of the kind has the types
) -> Task:
    """The preferred dataset or, if it is unavailable, an embedded one with a prominent warning.

    The `name` of the task is the dataset that was loaded; `requested` is "auto". A damaged file
    is an error, not a reason to use the fallback.

    Args:
        preferred: The dataset to load if it is on disk or can be downloaded.
        fallback: The embedded dataset to use otherwise; None for the default of the same kind.
        **options: The options of the loader.

    Raises:
        TypeError: An option is unknown.

    Warns:
        UserWarning: The fallback is used. The text lists the missing files and their folder.
    """
    return _load_auto(preferred, fallback, options, stacklevel=3)


def _load_auto(
    preferred: str, fallback: str | None, options: dict[str, Any], stacklevel: int
) -> Task:
    wanted = describe(preferred)
    instead = describe(fallback or _EMBEDDED[wanted.kind])
    try:
        return replace(_load_named(wanted.name, options), requested="auto", preferred=wanted.name)
    except DataNotFound as error:
        warnings.warn(
            f"\n{'!' * 72}\nTHIS IS NOT {wanted.title}: running on {instead.title!r} "
            f"(embedded) instead.\nResults are not comparable with those on "
            f"{wanted.title}.\n{error}\n{'!' * 72}",
            UserWarning,
            stacklevel=stacklevel,
        )
        return replace(
            _load_named(instead.name, options),
            requested="auto",
            preferred=wanted.name,
            reason=str(error).partition("\n")[0],
        )


def _load_named(name: str, options: dict[str, Any]) -> Task:
    door = next(door for door in _DOORS if name in door.readers)
    return door(name, **_options_of(door, options))


def is_molecules(name: str | os.PathLike[str], options: dict[str, Any]) -> bool:
    """Whether `load` reads these data as molecules; False where it has none of the name.

    Args:
        name: As for `load`.
        options: The options of `load` that are given.
    """
    try:
        return _door_of(name, options) is molecules.load
    except ValueError:
        return False


def _door_of(name: str | os.PathLike[str], options: dict[str, Any]) -> Door[Any]:
    """The loader of a name or path: by its name, by its format, or by an option."""
    place = is_path(name, dataset_names(), options.get("root"))
    if place is None:
        known = canonical(os.fspath(name), dataset_names())
        return next(door for door in _DOORS if known in door.readers)
    if options.get("edges") is not None:  # the file is a table of nodes
        return graphs.load
    if options.get("image") is not None:  # the column with the files
        return images.load
    for door in _DOORS:
        if any(fits(place) for fits, _ in door.formats):
            return door
    named = [
        door
        for door in _DOORS
        if any(key in door.defaults and door.defaults[key] != v for key, v in options.items())
    ]
    return named[0] if len(named) == 1 and place.is_file() else _DOORS[1]


def _options_of(door: Door[Any], options: dict[str, Any]) -> dict[str, Any]:
    """The options without those of other kinds, which must have their default values.

    Raises:
        ValueError: An option of another kind has a value.
    """
    kept = {}
    for name, value in options.items():
        others = [other for other in _DOORS if name in other.defaults and other is not door]
        if name in door.defaults or not others:
            kept[name] = value  # an unknown one is refused by the loader
        elif not any(value == other.defaults[name] for other in others):
            got = repr(value) if len(repr(value)) <= 60 else type(value).__name__
            kinds = " and ".join(other.kind for other in others)
            condition = f"be left out for {door.kind}"
            advice = f"It applies only to {kinds}."
            if others == [graphs.load] and door is molecules.load:  # a table, read as molecules
                advice += " For a table of nodes, name that of the edges with edges= (--edges)."
            raise invalid(name, condition, got, advice)
    return kept
