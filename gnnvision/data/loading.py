"""One call from the name of a data set to a task."""

from __future__ import annotations

import difflib
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal

import torch

from gnnvision.data.arrays import NodeArrays
from gnnvision.data.card import Card, read_card
from gnnvision.data.embedded import read_embedded, read_karate
from gnnvision.data.errors import DataNotFound
from gnnvision.data.files import decode_cached, locate, read_verified
from gnnvision.data.images.augment import Augment
from gnnvision.data.images.image_file import MAX_PIXELS
from gnnvision.data.images.load import (
    load_cifar,
    load_cifar_jpeg,
    load_digits_task,
    load_folder,
    load_idx,
    load_photographs,
)
from gnnvision.data.molecules.bioactivity import load_bioactivity
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.molecules.load import load_csv, load_molecules
from gnnvision.data.options import LoadOptions, check_options
from gnnvision.data.paths import expand_user, refuse_special
from gnnvision.data.planetoid import decode_planetoid
from gnnvision.data.root import Root, data_root, datasets_folder
from gnnvision.data.split import Split
from gnnvision.data.task import NodeTask, Task
from gnnvision.data.tu_load import load_tu
from gnnvision.domains import Graph

__all__ = ["dataset_names", "describe", "load", "load_auto"]


OTHER_TABLES = (
    *(".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers", ".parquet", ".feather", ".json"),
    *(".jsonl", ".sdf", ".pkl", ".csv.zip", ".tsv.zip", ".txt.zip", ".smi.zip", ".csv.bz2"),
    *(".csv.xz", ".tsv.xz", ".csv.zst"),
)

Reader = Callable[[Card, LoadOptions, str], Task]


def _planetoid(card: Card, options: LoadOptions, requested: str) -> Task:
    folder = locate(card, options.root, download=options.download)
    arrays = decode_cached(card, read_verified(card, folder), decode_planetoid)
    return _node_task(arrays, card, options, requested)


def _karate(card: Card, options: LoadOptions, requested: str) -> Task:
    return _node_task(read_karate(card), card, options, requested)


def _stdlib(card: Card, options: LoadOptions, requested: str) -> Task:
    return _node_task(read_embedded(card), card, options, requested)


_READERS: dict[str, Reader] = {
    "cora": _planetoid,
    "citeseer": _planetoid,
    "pubmed": _planetoid,
    "karate": _karate,
    "stdlib": _stdlib,
    "cifar10": load_cifar,
    "cifar10-jpeg": load_cifar_jpeg,
    "fashion_mnist": load_idx,
    "mnist": load_idx,
    "digits": load_digits_task,
    "cats_dogs": load_photographs,
    "esol": load_molecules,
    "tox21": load_molecules,
    "hiv": load_molecules,
    "freesolv": load_molecules,
    "lipophilicity": load_molecules,
    "bbbp": load_molecules,
    "sider": load_molecules,
    "clintox": load_molecules,
    "bioactivity": load_bioactivity,
    "mutag": load_tu,
    "proteins": load_tu,
    "nci1": load_tu,
}
# What stands in for a set of its kind; molecules are graphs too.
_EMBEDDED = {
    "node": "stdlib",
    "image": "digits",
    "molecule": "bioactivity",
    "graph": "bioactivity",
}


def dataset_names() -> tuple[str, ...]:
    """The names that `load` takes."""
    return tuple(_READERS)


def describe(name: str) -> Card:
    """The card of a data set: origin, license, citation, checksums, published results.

    Raises:
        ValueError: There is no data set of this name.
    """
    return read_card(datasets_folder() / "cards" / f"{_canonical(name)}.toml")


def load(
    name: str | os.PathLike[str],
    *,
    root: Root = None,
    split: str = "public",
    seed: int = 0,
    download: bool = True,
    normalize_features: bool = True,
    dense: bool = False,
    image_size: int | tuple[int, int] | None = None,
    channels: Literal["auto", 1, 3] = "auto",
    augment: Augment | None = None,
    on_invalid: Literal["raise", "skip", "quarantine", "keep", "molecules"] | None = None,
    quarantine: str | os.PathLike[str] | None = None,
    max_pixels: int = MAX_PIXELS,
    smiles: str | None = None,
    targets: str | Sequence[str] = (),
    kind: Literal["auto", "regression", "multilabel", "classification"] = "auto",
    missing: Sequence[str] = (),
    split_column: str | None = None,
    folds: int = 10,
    descriptors: bool = False,
    featurizer: Featurizer | None = None,
) -> Task:
    """Load a data set by name or by path: that one, or an error.

    Molecules are read from a table, `*.csv`, `*.tsv`, `*.txt` or `*.smi`, perhaps with `.gz`.
    Pictures are read from a folder, or a tar, tar.gz or zip archive, with one folder for each
    class: `train/<class>/*` and `test/<class>/*`, perhaps `val/<class>/*`, or just `<class>/*`.

    Args:
        name: One of `dataset_names()`, in any case, with `-` and `_` as you like; "auto"
            stands for `load_auto()`, "auto:pubmed" for `load_auto("pubmed")`. Or a path: one
            with a separator in it, or one that exists here or below the data root.
        root: The data root; None for `$GNNVISION_DATA`, the checkout or the user's cache.
        split: "public", the published one; "random", drawn for `seed`; of pictures also
            "full", in which all but the published test part trains and nothing validates; of
            molecules also "stratified", "scaffold" (MoleculeNet's), "scaffold_balanced"
            (Chemprop's), "column" and "kfold"; of sets of graphs also "stratified" and
            "kfold", which is their "public".
        seed: The seed of a random split; `task.with_seed(options.seed)` draws another one.
        download: Whether missing files may be fetched.
        normalize_features: Of citation graphs: divide the features of each node by their sum.
        dense: Likewise: give dense features instead of a sparse COO tensor.
        image_size: Of pictures: their side, or height and width, in pixels: the shorter side
            is resized and the middle taken. None for their own size; where sizes differ,
            64, or less if most are smaller.
        channels: Of pictures: 1 for gray, 3 for color, "auto" for gray if all are gray.
        augment: Of pictures: how the training part is varied.
        on_invalid: Of picture files that cannot be read: "raise" an error, "skip" them, or
            "quarantine" them: skip them and list them in `quarantine.csv`. Of rows that are no
            molecules: "raise", or "skip" or "keep" them: they keep their numbers and are in no
            part of the split; "molecules" skips those and raises where a target is not
            understood. None is "raise", for a published table of molecules "skip".
        quarantine: The folder of that list; None for the data set's folder in the cache.
        max_pixels: Of picture files: one with more is not decoded and cannot be used.
        smiles: Of a table of molecules: the column that holds them.
        targets: Likewise: the columns to predict.
        kind: Likewise: what they are; "auto" finds out, and refuses what is doubtful.
        missing: Likewise: more words that mean that a target is not known, beside "", "NA",
            "#N/A" and the like; a `*` stands for any characters, so "<*" is every upper limit.
        split_column: Likewise: the column that says train, val or test.
        folds: Of split="kfold": how many.
        descriptors: Of molecules: also give `graph_attr`, numbers that describe the whole.
        featurizer: Of molecules: how they become numbers; None for `Featurizer()`.

    Raises:
        DataNotFound: The files are not on disk and could not be downloaded. The message says
            which files go where.
        FileNotFoundError: There is nothing at the path.
        ChecksumError: A file is damaged or another one than the card describes.
        TypeError: An option is of the wrong kind.
        ValueError: The name, an option or the content of a file is not valid.

    Example:
        >>> task = load("karate")
        >>> task.in_channels, task.num_classes, task.split.sizes
        (34, 2, {'train': 8, 'val': 8, 'test': 18})
        >>> load("digits").grid
        Grid(size=(8, 8))
    """
    options = LoadOptions(
        root=root,
        split=split,
        seed=seed,
        download=download,
        normalize_features=normalize_features,
        dense=dense,
        image_size=image_size,
        channels=channels,
        augment=augment,
        on_invalid=on_invalid,
        quarantine=quarantine,
        max_pixels=max_pixels,
        smiles=smiles,
        targets=(targets,) if isinstance(targets, str) else tuple(targets),
        kind=kind,
        missing=(missing,) if isinstance(missing, str) else tuple(missing),
        split_column=split_column,
        folds=folds,
        descriptors=descriptors,
        featurizer=featurizer,
    )
    task = _load(name, options)
    # A new task, which nobody else has seen.
    object.__setattr__(task, "origin", _origin(name, task, options))
    return task


def _origin(name: str | os.PathLike[str], task: Task, options: LoadOptions) -> dict[str, Any]:
    """What to give `load` to load this task again, from any folder."""
    plain = os.fspath(name)
    place = expand_user(plain, "name")
    if isinstance(name, os.PathLike) or _separated(plain) or task.name not in _READERS:
        found = place if place.exists() else data_root(options.root) / place
        named = str(found.absolute())
    else:
        named = task.name
    held = {f.name: getattr(options, f.name) for f in fields(options)}
    usual = {f.name: f.default for f in fields(options)}
    given = {key: value for key, value in held.items() if value != usual[key]}
    given.pop("augment", None)  # which the task itself has
    if options.root is not None:
        given["root"] = str(data_root(options.root).absolute())
    return {"name": named, **given}


def load_auto(
    preferred: str = "cora",
    fallback: str | None = None,
    **options: Any,  # noqa: ANN401 - LoadOptions knows the kind of each
) -> Task:
    """The preferred data set where it can be had, else an embedded one, said loudly.

    The task's `name` is what was really loaded, its `requested` is "auto". A file that is
    there but damaged is an error, not a reason to take the other data set.

    Args:
        preferred: The data set to try first.
        fallback: The embedded one to take otherwise; None for the one of its kind.
        **options: As in `load`.

    Raises:
        TypeError: There is no such option.

    Warns:
        UserWarning: The fallback was taken. The text says which files would go where.
    """
    return _load_auto(preferred, fallback, LoadOptions(**options), stacklevel=3)


def _load_auto(
    preferred: str, fallback: str | None, options: LoadOptions, stacklevel: int
) -> Task:
    wanted = describe(preferred)
    instead = describe(fallback or _EMBEDDED[wanted.kind])
    try:
        return replace(_load(wanted.name, options), requested="auto")
    except DataNotFound as error:
        warnings.warn(
            f"\n{'!' * 72}\nTHIS IS NOT {wanted.title}: running on {instead.title!r} "
            f"(embedded) instead.\nIts results must not be compared with those of "
            f"{wanted.title}.\n{error}\n{'!' * 72}",
            UserWarning,
            stacklevel=stacklevel,
        )
        return replace(_load(instead.name, options), requested="auto")


def _load(name: str | os.PathLike[str], options: LoadOptions) -> Task:
    """Load by name or path, with checked options."""
    plain = os.fspath(name).strip()
    if isinstance(name, os.PathLike) or _separated(plain):
        return _from_path(expand_user(os.fspath(name), "name"), options, os.fspath(name))
    kind, _, preferred = plain.partition(":")
    if kind.lower() == "auto":
        return _load_auto(preferred or "cora", None, options, stacklevel=4)
    if _plain(plain) not in _KNOWN and plain:
        for place in (Path(plain), data_root(options.root) / plain):
            if place.exists():
                return _from_path(place, options, plain)
    card = describe(plain)
    if card.splits:  # those of a folder or a table follow from what is in it
        card.split_rule(options.split)
    check_options(options, card.kind)
    return _READERS[card.name](card, options, plain)


def _from_path(path: Path, options: LoadOptions, requested: str) -> Task:
    refuse_special(path, "name")
    name = path.name.lower()
    table = name.removesuffix(".gz").endswith((".csv", ".tsv", ".txt", ".smi"))
    if name.endswith(OTHER_TABLES) and not path.is_dir():
        raise ValueError(
            f"'name' must be a table as text (.csv, .tsv, .txt, .smi, or one with .gz), got "
            f"{str(path)!r}. Save it as 'CSV UTF-8' where it was made, or unpack it."
        )
    check_options(options, "molecule" if table else "image", of_a_table=table)
    return (load_csv if table else load_folder)(path, options, requested)


def _separated(name: str) -> bool:
    return any(mark in name for mark in (os.sep, os.altsep) if mark)


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "").replace("_", "")


_KNOWN = {_plain(name): name for name in _READERS}


def _canonical(name: str) -> str:
    """The registered name that `name` means."""
    plain = _plain(name)
    if plain not in _KNOWN:
        near = difflib.get_close_matches(plain, _KNOWN, n=1, cutoff=0.5)
        advice = f"Did you mean {_KNOWN[near[0]]!r}?" if near else "Choose one."
        known = ", ".join(repr(known) for known in _READERS)
        raise ValueError(f"'name' must be one of {known}, got {name!r}. {advice}")
    return _KNOWN[plain]


def _node_task(arrays: NodeArrays, card: Card, options: LoadOptions, requested: str) -> NodeTask:
    if options.normalize_features:
        arrays = arrays.normalized()
    names = arrays.class_names.tolist() or card.class_names
    task = NodeTask(
        name=card.name,
        requested=requested,
        kind="classification",
        in_channels=arrays.num_features,
        num_outputs=len(names),
        class_names=tuple(names),
        split=Split(options.split, arrays.train, arrays.val, arrays.test),
        card=card,
        data_hash=arrays.hash(),
        x=arrays.features(options.dense),
        graph=Graph(
            torch.from_numpy(arrays.edge_index),
            arrays.num_nodes,
            node_names=tuple(arrays.node_names.tolist()) or None,
        ),
        y=torch.from_numpy(arrays.y),
    )
    return task.with_seed(options.seed)  # draws the split where it is random
