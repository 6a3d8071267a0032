"""From the name or the place of a set of images to its task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from gnnvision.data.card import Card, read_card
from gnnvision.data.errors import DataNotFound
from gnnvision.data.file_names import printable
from gnnvision.data.images.arrays import ImageArrays
from gnnvision.data.images.card_check import check_against_card
from gnnvision.data.images.cifar import read_cifar
from gnnvision.data.images.decode import DecodeOptions
from gnnvision.data.images.digits import read_digits
from gnnvision.data.images.folder import folder_card, read_folder
from gnnvision.data.images.idx import read_idx_set
from gnnvision.data.images.resize import resize_arrays
from gnnvision.data.images.splits import check_classes, image_split
from gnnvision.data.images.statistics import channel_statistics
from gnnvision.data.images.task import ImageTask
from gnnvision.data.options import LoadOptions
from gnnvision.data.root import data_root, datasets_folder
from gnnvision.data.sources import open_source

__all__ = [
    "load_cifar",
    "load_cifar_jpeg",
    "load_digits_task",
    "load_folder",
    "load_idx",
    "load_photographs",
]

_SPLITS = ("public", "full", "random")


def load_idx(card: Card, options: LoadOptions, requested: str) -> ImageTask:
    """MNIST or Fashion-MNIST from its idx files."""
    arrays = read_idx_set(card, options.root, download=options.download)
    return _named(arrays, card, options, requested)


def load_digits_task(card: Card, options: LoadOptions, requested: str) -> ImageTask:
    """The digits of scikit-learn."""
    return _named(read_digits(card), card, options, requested)


def load_cifar(card: Card, options: LoadOptions, requested: str) -> ImageTask:
    """CIFAR-10 from its original files, or else from the JPEG tree where that is at hand.

    The task says which: its name is "cifar10" or "cifar10-jpeg".
    """
    try:
        arrays = read_cifar(card, options.root, download=False)
    except DataNotFound:
        jpeg = read_card(datasets_folder() / "cards" / "cifar10-jpeg.toml")
        if _archive(jpeg, options).is_file():
            return load_cifar_jpeg(jpeg, options, requested)
        arrays = read_cifar(card, options.root, download=options.download)
    return _named(arrays, card, options, requested)


def load_cifar_jpeg(card: Card, options: LoadOptions, requested: str) -> ImageTask:
    """CIFAR-10 from an archive of JPEG files, one folder a part and class."""
    archive = _archive(card, options)
    if not archive.is_file():
        raise DataNotFound(
            f"The archive of {card.name!r} is not in {archive.parent}; nobody publishes it.",
            [archive.name],
            archive.parent,
        )
    height, width = card.facts["size"]
    decode = DecodeOptions((height, width), card.facts["channels"], options.max_pixels)
    arrays = read_folder(archive, decode, _policy(options), options.quarantine)
    if arrays.class_names != card.class_names:
        raise ValueError(
            f"{archive} must hold the classes {', '.join(card.class_names)}, got "
            f"{', '.join(arrays.class_names)}. Load it by its path if it is another dataset."
        )
    return _named(arrays, card, options, requested)


def load_folder(path: Path, options: LoadOptions, requested: str) -> ImageTask:
    """A folder or an archive of images, one folder a class; its name is the task's."""
    if options.split not in _SPLITS:
        raise ValueError(
            f"'split' must be 'public', 'full' or 'random' for images, got {options.split!r}. "
            "Choose one."
        )
    decode = DecodeOptions(options.size, options.num_channels, options.max_pixels)
    arrays = read_folder(path, decode, _policy(options), options.quarantine)
    return _task(arrays, folder_card(open_source(path), arrays), options, requested)


def load_photographs(card: Card, options: LoadOptions, requested: str) -> ImageTask:
    """A set that has a card but is a folder of files in the data root."""
    place = data_root(options.root) / card.folder
    if not place.is_dir():
        raise DataNotFound(
            f"The photographs of {card.name!r} are not in {place.parent}; the card says where "
            "they come from.",
            [f"{card.folder}/train", f"{card.folder}/test"],
            place.parent,
        )
    task = load_folder(place, options, requested)
    described = replace(card, splits=task.card.splits, facts=task.card.facts)
    return replace(task, name=card.name, card=described)


def _policy(options: LoadOptions) -> Literal["raise", "skip", "quarantine"]:
    """What to do with files that cannot be read."""
    policy = options.on_invalid or "raise"
    if policy == "keep" or policy == "molecules":
        raise ValueError(
            "'on_invalid' must be 'raise', 'skip' or 'quarantine' for images, got "
            f"{policy!r}. Choose one."
        )
    return policy


def _archive(card: Card, options: LoadOptions) -> Path:
    """Where the one file of a card would be."""
    return data_root(options.root) / card.folder / card.files[0].path


def _named(arrays: ImageArrays, card: Card, options: LoadOptions, requested: str) -> ImageTask:
    card = check_against_card(card, arrays)
    return _task(
        resize_arrays(arrays, options.size, options.num_channels), card, options, requested
    )


def _task(arrays: ImageArrays, card: Card, options: LoadOptions, requested: str) -> ImageTask:
    rule = card.split_rule(options.split)
    split = image_split(arrays.y, arrays.part, rule, options.split, options.seed)
    if arrays.scan is not None:  # files of people; those of a published set are as they are
        check_classes(arrays.y, split, arrays.class_names)
    images = torch.from_numpy(arrays.images).permute(0, 3, 1, 2)
    mean, std = channel_statistics(images, split.train)
    return ImageTask(
        name=card.name,
        requested=printable(requested),
        kind="classification",
        in_channels=images.shape[1],
        num_outputs=len(arrays.class_names),
        class_names=arrays.class_names,
        split=split,
        card=card,
        data_hash=arrays.hash,
        seed=options.seed,
        images=images,
        y=torch.from_numpy(arrays.y),
        mean=mean,
        std=std,
        augment=options.augment,
        item_names=arrays.names,
        scan=arrays.scan,
    )
