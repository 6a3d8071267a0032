"""Loading a dataset by its name or path as a task."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal

import torch

from gnnvision.data.arrays import NodeArrays
from gnnvision.data.card import Card, read_card
from gnnvision.data.errors import DataNotFound
from gnnvision.data.files import decode_cached, locate, read_verified
from gnnvision.data.graphs.embedded import read_embedded, read_karate
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.data.graphs.planetoid import decode_planetoid
from gnnvision.data.graphs.tu_load import load_tu
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
from gnnvision.data.root import Root, data_root, datasets_folder
from gnnvision.data.split import Split
from gnnvision.data.task import Task
from gnnvision.domains import Graph
from gnnvision.errors import invalid, nearest, one_of

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
# The embedded dataset that replaces an unavailable one of each kind.
_EMBEDDED = {
    "node": "stdlib",
    "image": "digits",
    "molecule": "bioactivity",
    "graph": "bioactivity",
}


def dataset_names() -> tuple[str, ...]:
    """The names of the built-in datasets, for `load`."""
    return tuple(_READERS)


def describe(name: str) -> Card:
    """The card of a dataset: source, license, citation, checksums, published results.

    Raises:
        ValueError: There is no dataset of this name.
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
    """Load a dataset by its name, or your own data by their path.

    Molecules are read from a table: `*.csv`, `*.tsv`, `*.txt` or `*.smi`, optionally with `.gz`.
    Images are read from a folder, or a tar, tar.gz or zip archive, with one folder for each
    class: `<class>/*`, or `train/<class>/*`, `test/<class>/*` and optionally `val/<class>/*`.

    Args:
        name: One of `dataset_names()`; case, `-` and `_` do not matter. "auto" means
            `load_auto()`, "auto:pubmed" means `load_auto("pubmed")`. Or a path: a string with a
            path separator, or a name that exists in the working folder or the data root.
        root: The data root; None for `$GNNVISION_DATA`, the checkout or the user's cache.
        split: "public" (the published split) or "random" (depends on `seed`). For images also
            "full": the published test split, and all other images for training. For molecules
            also "stratified", "scaffold" (as MoleculeNet), "scaffold_balanced" (as Chemprop),
            "column" and "kfold". For graph datasets also "stratified" and "kfold"; their
            "public" is "kfold".
        seed: The seed of a random split; `task.with_seed(seed)` gives the split of another seed.
        download: Whether missing files may be downloaded.
        normalize_features: For citation graphs: divide the features of each node by their sum.
        dense: For citation graphs: dense features instead of a sparse COO tensor.
        image_size: For images: the side, or (height, width), in pixels. The shorter side is
            resized and the center cropped. None keeps the size; if sizes differ, it means 64,
            or less if most images are smaller.
        channels: For images: 1 (grayscale), 3 (color), or "auto" for 1 if all are grayscale.
        augment: For images: random augmentation of the training split.
        on_invalid: For image files that cannot be read: "raise" an error, "skip" them, or
            "quarantine": skip them and list them in `quarantine.csv`. For tables: "raise" an
            error for invalid SMILES or targets; "skip" or "keep" such rows, which keep their
            row numbers but are in no split; "molecules" skips invalid SMILES and raises an
            error for invalid targets. None means "raise", for published tables "skip".
        quarantine: The folder for `quarantine.csv`; None for the dataset's folder in the cache.
        max_pixels: For images: a file with more pixels counts as invalid and is not decoded.
        smiles: For tables: the column with the SMILES.
        targets: For tables: the columns to predict.
        kind: For tables: the kind of target; "auto" infers it, with an error if ambiguous.
        missing: For tables: further words for a missing target, in addition to "", "NA",
            "#N/A", "nan" and others. `*` matches any characters, so "<*" matches all upper limits.
        split_column: For tables: the column with "train", "val" or "test".
        folds: For split="kfold": the number of folds.
        descriptors: For molecules: also compute `graph_attr`, descriptors of the whole molecule.
        featurizer: For molecules: the atom and bond features; None for `Featurizer()`.

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
    # The task is new, so no other reference sees it change.
    object.__setattr__(task, "origin", _origin(name, task, options))
    return task


def _origin(name: str | os.PathLike[str], task: Task, options: LoadOptions) -> dict[str, Any]:
    """The arguments with which `load` loads this task again, from any working folder."""
    plain = os.fspath(name)
    place = expand_user(plain, "name")
    if isinstance(name, os.PathLike) or _separated(plain) or task.name not in _READERS:
        found = place if place.exists() else data_root(options.root) / place
        named = str(found.absolute())
    else:
        named = task.name
    values = ((field, getattr(options, field.name)) for field in fields(options))
    changed = {field.name: value for field, value in values if value != field.default}
    changed.pop("augment", None)  # the task itself has it
    if options.root is not None:
        changed["root"] = str(data_root(options.root).absolute())
    return {"name": named, **changed}


def load_auto(
    preferred: str = "cora",
    fallback: str | None = None,
    **options: Any,  # noqa: ANN401 - LoadOptions has their types
) -> Task:
    """The preferred dataset or, if it is unavailable, an embedded one with a prominent warning.

    The `name` of the task is the dataset that was loaded; `requested` is "auto". A damaged file
    is an error, not a reason to use the fallback.

    Args:
        preferred: The dataset to load if it is on disk or can be downloaded.
        fallback: The embedded dataset to use otherwise; None for the default of the same kind.
        **options: The options of `load`.

    Raises:
        TypeError: An option is unknown.

    Warns:
        UserWarning: The fallback is used. The text lists the missing files and their folder.
    """
    return _load_auto(preferred, fallback, LoadOptions(**options), stacklevel=3)


def _load_auto(
    preferred: str, fallback: str | None, options: LoadOptions, stacklevel: int
) -> Task:
    wanted = describe(preferred)
    instead = describe(fallback or _EMBEDDED[wanted.kind])
    try:
        return replace(_load(wanted.name, options), requested="auto", preferred=wanted.name)
    except DataNotFound as error:
        warnings.warn(
            f"\n{'!' * 72}\nTHIS IS NOT {wanted.title}: running on {instead.title!r} "
            f"(embedded) instead.\nResults are not comparable with those on "
            f"{wanted.title}.\n{error}\n{'!' * 72}",
            UserWarning,
            stacklevel=stacklevel,
        )
        return replace(
            _load(instead.name, options),
            requested="auto",
            preferred=wanted.name,
            reason=str(error).partition("\n")[0],
        )


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
    if card.splits:  # a folder or a table has splits that depend on its content
        card.split_rule(options.split)
    check_options(options, card.kind)
    return _READERS[card.name](card, options, plain)


def _from_path(path: Path, options: LoadOptions, requested: str) -> Task:
    refuse_special(path, "name")
    name = path.name.lower()
    table = name.removesuffix(".gz").endswith((".csv", ".tsv", ".txt", ".smi"))
    if name.endswith(OTHER_TABLES) and not path.is_dir():
        condition = "be a text table (.csv, .tsv, .txt, .smi, or one of these with .gz)"
        advice = "Export it as 'CSV UTF-8', or unpack it."
        raise invalid("name", condition, repr(str(path)), advice)
    check_options(options, "molecule" if table else "image", own_table=table)
    return (load_csv if table else load_folder)(path, options, requested)


def _separated(name: str) -> bool:
    return any(mark in name for mark in (os.sep, os.altsep) if mark)


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "").replace("_", "")


_KNOWN = {_plain(name): name for name in _READERS}


def _canonical(name: str) -> str:
    """The name of the dataset, spelled as in `_READERS`."""
    advice = (
        None if nearest(name, _READERS) else "Choose one of them, or the path of your own data."
    )
    return _KNOWN.get(_plain(name)) or one_of("name", name, _READERS, advice)


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
    return task.with_seed(options.seed)  # draws the split if it is random
