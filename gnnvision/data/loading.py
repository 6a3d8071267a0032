"""One call from the name of a data set to a task."""

from __future__ import annotations

import difflib
import os
import warnings
from collections.abc import Callable
from dataclasses import replace

import torch

from gnnvision.data.arrays import NodeArrays
from gnnvision.data.card import Card, read_card
from gnnvision.data.embedded import read_embedded, read_karate
from gnnvision.data.errors import DataNotFound
from gnnvision.data.files import decoded, locate, read_verified
from gnnvision.data.planetoid import decode_planetoid
from gnnvision.data.root import datasets_folder
from gnnvision.data.split import Split
from gnnvision.data.task import NodeTask, Task
from gnnvision.domains import Graph

__all__ = ["dataset_names", "describe", "load", "load_auto"]

Root = str | os.PathLike[str] | None


def _planetoid(card: Card, root: Root, download: bool) -> NodeArrays:
    folder = locate(card, root, download=download)
    return decoded(card, read_verified(card, folder), decode_planetoid)


_READERS: dict[str, Callable[[Card, Root, bool], NodeArrays]] = {
    "cora": _planetoid,
    "citeseer": _planetoid,
    "pubmed": _planetoid,
    "karate": lambda card, root, download: read_karate(card),
    "stdlib": lambda card, root, download: read_embedded(card),
}


def dataset_names() -> tuple[str, ...]:
    """The names that `load` takes."""
    return tuple(_READERS)


def describe(name: str) -> Card:
    """The card of a data set: origin, licence, citation, checksums, published results.

    Raises:
        ValueError: There is no data set of this name.
    """
    return read_card(datasets_folder() / "cards" / f"{_canonical(name)}.toml")


def load(
    name: str,
    *,
    root: Root = None,
    split: str = "public",
    seed: int = 0,
    download: bool = True,
    normalize_features: bool = True,
    dense: bool = False,
) -> Task:
    """Load a data set by name: that one, or an error.

    Args:
        name: "cora", "citeseer", "pubmed", "karate" or "stdlib", in any case, with `-` and `_`
            as you like; "auto" stands for `load_auto()`, "auto:pubmed" for
            `load_auto("pubmed")`.
        root: The data root; None for `$GNNVISION_DATA`, the checkout or the user's cache.
        split: "public", the published one, or "random", drawn for `seed`.
        seed: The seed of a random split; `task.with_seed(seed)` draws another one.
        download: Whether missing files may be fetched.
        normalize_features: Divide the features of each node by their sum.
        dense: Give dense features instead of a sparse COO tensor.

    Raises:
        DataNotFound: The files are not on disk and could not be downloaded. The message says
            which files go where.
        ChecksumError: A file is damaged or another one than the card describes.
        ValueError: The name, the split or the content of a file is not valid.

    Example:
        >>> task = load("karate")
        >>> task.in_channels, task.num_classes, task.split.sizes
        (34, 2, {'train': 8, 'val': 8, 'test': 18})
    """
    if name.strip().lower().split(":")[0] == "auto":
        preferred = name.split(":", 1)[1] if ":" in name else "cora"
        return load_auto(
            preferred,
            root=root,
            split=split,
            seed=seed,
            download=download,
            normalize_features=normalize_features,
            dense=dense,
        )
    found = describe(name)
    found.split_rule(split)
    arrays = _READERS[found.name](found, root, download)
    return _node_task(arrays, found, name, split, seed, normalize_features, dense)


def load_auto(
    preferred: str = "cora",
    fallback: str = "stdlib",
    *,
    root: Root = None,
    split: str = "public",
    seed: int = 0,
    download: bool = True,
    normalize_features: bool = True,
    dense: bool = False,
) -> Task:
    """The preferred data set where it can be had, else an embedded one, said loudly.

    The task's `name` is what was really loaded, its `requested` is "auto". A file that is
    there but damaged is an error, not a reason to take the other data set.

    Args:
        preferred: The data set to try first.
        fallback: The embedded one to take otherwise.
        root: As in `load`, as are all that follow.
        split: See `load`.
        seed: See `load`.
        download: See `load`.
        normalize_features: See `load`.
        dense: See `load`.

    Warns:
        UserWarning: The fallback was taken. The text says which files would go where.
    """

    def get(name: str) -> Task:
        task = load(
            name,
            root=root,
            split=split,
            seed=seed,
            download=download,
            normalize_features=normalize_features,
            dense=dense,
        )
        return replace(task, requested="auto")

    try:
        return get(preferred)
    except DataNotFound as error:
        wanted, instead = describe(preferred), describe(fallback)
        warnings.warn(
            f"\n{'!' * 72}\nTHIS IS NOT {wanted.title}: running on {instead.title!r} "
            f"(embedded) instead.\nIts results must not be compared with those of "
            f"{wanted.title}.\n{error}\n{'!' * 72}",
            UserWarning,
            stacklevel=2,
        )
        return get(fallback)


def _canonical(name: str) -> str:
    """The registered name that `name` means."""
    plain = name.strip().lower().replace("-", "").replace("_", "")
    if plain not in _READERS:
        near = difflib.get_close_matches(plain, _READERS, n=1, cutoff=0.5)
        advice = f"Did you mean {near[0]!r}?" if near else "Choose one."
        known = ", ".join(repr(known) for known in _READERS)
        raise ValueError(f"'name' must be one of {known}, got {name!r}. {advice}")
    return plain


def _node_task(
    arrays: NodeArrays,
    card: Card,
    requested: str,
    split: str,
    seed: int,
    normalize_features: bool,
    dense: bool,
) -> NodeTask:
    if normalize_features:
        arrays = arrays.normalized()
    names = arrays.class_names.tolist() or card.class_names
    task = NodeTask(
        name=card.name,
        requested=requested,
        kind="classification",
        in_channels=arrays.num_features,
        num_outputs=len(names),
        class_names=tuple(names),
        split=Split(split, arrays.train, arrays.val, arrays.test),
        card=card,
        data_hash=arrays.hash(),
        x=arrays.features(dense),
        graph=Graph(
            torch.from_numpy(arrays.edge_index),
            arrays.num_nodes,
            node_names=tuple(arrays.node_names.tolist()) or None,
        ),
        y=torch.from_numpy(arrays.y),
    )
    return task.with_seed(seed)  # draws the split where it is random
