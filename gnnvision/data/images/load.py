"""Loading of image datasets by name or path as tasks."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from gnnvision._extras import require_extra
from gnnvision.data.card import Card, read_card
from gnnvision.data.doors import Door
from gnnvision.data.errors import DataNotFound
from gnnvision.data.file_names import printable
from gnnvision.data.images.arrays import ImageArrays
from gnnvision.data.images.card_check import check_against_card
from gnnvision.data.images.cifar import read_cifar
from gnnvision.data.images.decode import DecodeOptions
from gnnvision.data.images.digits import read_digits
from gnnvision.data.images.folder import folder_card, read_folder
from gnnvision.data.images.idx import read_idx_set
from gnnvision.data.images.labels import is_image_table, is_text_table, load_labels
from gnnvision.data.images.options import ImageOptions
from gnnvision.data.images.resize import resize_arrays
from gnnvision.data.images.splits import check_classes, image_split, redraw
from gnnvision.data.images.statistics import channel_statistics
from gnnvision.data.images.task import ImageTask
from gnnvision.data.root import data_root, datasets_folder
from gnnvision.data.sources import open_source
from gnnvision.errors import invalid, one_of

__all__ = ["load"]

_SPLITS = ("public", "full", "random")


def _idx(card: Card, options: ImageOptions, requested: str) -> ImageTask:
    """Load MNIST or Fashion-MNIST from the idx files."""
    arrays = read_idx_set(card, options.root, download=options.download)
    return _published_task(arrays, card, options, requested)


def _digits_task(card: Card, options: ImageOptions, requested: str) -> ImageTask:
    """Load the digits of scikit-learn."""
    return _published_task(read_digits(card), card, options, requested)


def _cifar(card: Card, options: ImageOptions, requested: str) -> ImageTask:
    """Load CIFAR-10 from the original files, or else from the archive of JPEG files.

    The name of the task is "cifar10" or "cifar10-jpeg" accordingly.
    """
    try:
        arrays = read_cifar(card, options.root, download=False)
    except DataNotFound:
        jpeg = read_card(datasets_folder() / "cards" / "cifar10-jpeg.toml")
        if _archive(jpeg, options).is_file():
            return _cifar_jpeg(jpeg, options, requested)
        arrays = read_cifar(card, options.root, download=options.download)
    return _published_task(arrays, card, options, requested)


def _cifar_jpeg(card: Card, options: ImageOptions, requested: str) -> ImageTask:
    """Load CIFAR-10 from an archive of JPEG files, with a folder for each split and class."""
    require_extra("images", "Reading image files", "PIL")
    archive = _archive(card, options)
    if not archive.is_file():
        raise DataNotFound(
            f"The archive of {card.name!r}, which is not published, is not in {archive.parent}.",
            [archive.name],
            archive.parent,
        )
    height, width = card.facts["size"]
    decode = DecodeOptions((height, width), card.facts["channels"], options.max_pixels)
    arrays = read_folder(archive, decode, options.policy, options.quarantine)
    if arrays.class_names != card.class_names:
        raise ValueError(
            f"{archive} must have the classes {', '.join(card.class_names)}, got "
            f"{', '.join(arrays.class_names)}. Load it by its path if it is another dataset."
        )
    return _published_task(arrays, card, options, requested)


def _folder(path: Path, options: ImageOptions, requested: str) -> ImageTask:
    """Load a folder or an archive of images, with one folder for each class."""
    require_extra("images", "Reading image files", "PIL")
    if is_text_table(path) and path.is_file():
        return load_labels(path, options, requested)
    for name in ("image", "targets", "kind", "missing", "split_column", "folder"):
        if getattr(options, name) != load.defaults[name]:
            got = repr(getattr(options, name))
            raise invalid(name, "be left out for a folder", got, "It applies to a table of files.")
    one_of("split", options.split, _SPLITS)
    decode = DecodeOptions(options.size, options.num_channels, options.max_pixels)
    arrays = read_folder(path, decode, options.policy, options.quarantine)
    return _task(arrays, folder_card(open_source(path), arrays), options, requested)


def _photographs(card: Card, options: ImageOptions, requested: str) -> ImageTask:
    """Load a dataset with a card that is a folder of image files in the data root."""
    require_extra("images", "Reading image files", "PIL")
    place = data_root(options.root) / card.folder
    if not place.is_dir():
        raise DataNotFound(
            f"The images of {card.name!r} were not found in {place.parent}. The card has their "
            "source.",
            [f"{card.folder}/train", f"{card.folder}/test"],
            place.parent,
        )
    task = _folder(place, options, requested)
    described = replace(card, splits=task.card.splits, facts=task.card.facts)
    return replace(task, name=card.name, card=described)


def _archive(card: Card, options: ImageOptions) -> Path:
    """The path of the single file of a card."""
    return data_root(options.root) / card.folder / card.files[0].path


def _published_task(
    arrays: ImageArrays, card: Card, options: ImageOptions, requested: str
) -> ImageTask:
    card = check_against_card(card, arrays)
    return _task(
        resize_arrays(arrays, options.size, options.num_channels), card, options, requested
    )


def _task(arrays: ImageArrays, card: Card, options: ImageOptions, requested: str) -> ImageTask:
    rule = card.split_rule(options.split)
    split = image_split(arrays.y, arrays.split, rule, options.split, options.seed)
    # Those of a published dataset are known.
    names = () if arrays.scan is None else arrays.class_names
    if names:
        check_classes(arrays.y, split, names)
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
        splitter=partial(redraw, arrays.y, rule, names) if split.name == "random" else None,
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


load = Door(
    "images",
    ImageOptions,
    {
        "cifar10": _cifar,
        "cifar10-jpeg": _cifar_jpeg,
        "fashion_mnist": _idx,
        "mnist": _idx,
        "digits": _digits_task,
        "cats_dogs": _photographs,
    },
    ((is_image_table, load_labels),),
    _folder,
)
