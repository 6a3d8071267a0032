"""The original files of CIFAR-10, read with the restricted unpickler.

References:
    Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009,
    https://www.cs.toronto.edu/~kriz/cifar.html, "dataset layout".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.archives import TarSource
from gnnvision.data.card import Card
from gnnvision.data.errors import UnsafePickleError, invalid_file
from gnnvision.data.files import locate_any, read_verified
from gnnvision.data.images.arrays import ImageArrays
from gnnvision.data.images.cache import cache_path, load_or_create
from gnnvision.data.root import Root
from gnnvision.data.safe_pickle import safe_loads

__all__ = ["decode_batch", "read_cifar"]

_FOLDER = "cifar-10-batches-py"
_TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
_TEST = ("test_batch",)
_SHAPE = (3, 32, 32)


def read_cifar(card: Card, root: Root, *, download: bool) -> ImageArrays:
    """Read CIFAR-10 from its unpacked folder, or from the archive.

    The archive is verified against the checksum of the card.

    Raises:
        DataNotFound: The files were not found and could not be downloaded.
        ChecksumError: The archive differs from the published one.
        UnsafePickleError: A file uses more than plain arrays. Nothing was executed.
        ValueError: A file is damaged or has another form, or a label is out of range.
    """
    names = (*_TRAIN, *_TEST)
    unpacked = [f"{_FOLDER}/{name}" for name in names]
    archive = [file.path for file in card.files]
    folder, found = locate_any(card, root, (unpacked, archive), download=download)
    if found == unpacked:
        raw = {name: (folder / _FOLDER / name).read_bytes() for name in names}
        digest = hashlib.sha256()
        for name in names:
            digest.update(hashlib.sha256(raw[name]).digest())
        place = cache_path("cifar", card.class_names, digest.hexdigest())
        return load_or_create(place, lambda: _arrays(raw, card))
    content = read_verified(card, folder)[archive[0]]
    place = cache_path("cifar archive", card.class_names, hashlib.sha256(content).hexdigest())
    return load_or_create(place, lambda: _arrays(_from_archive(folder / archive[0], names), card))


def _from_archive(path: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    source = TarSource(path)
    wanted = [m for m in source.members() if m.path.rsplit("/", 1)[-1] in names]
    raw = {member.path.rsplit("/", 1)[-1]: data for member, data in source.read(wanted)}
    missing = sorted(set(names) - set(raw))
    if missing:
        raise ValueError(f"{path} must contain {missing[0]!r}. Download it again.")
    return raw


def _arrays(raw: Mapping[str, bytes], card: Card) -> ImageArrays:
    images, labels, splits, files = [], [], [], []
    for number, names in ((0, _TRAIN), (2, _TEST)):
        for name in names:
            pixels, y, filenames = decode_batch(raw[name], name, len(card.class_names))
            images.append(pixels)
            labels.append(y)
            splits.append(np.full(len(y), number, dtype=np.uint8))
            files += filenames
    return ImageArrays(
        images=np.concatenate(images),
        y=np.concatenate(labels),
        split=np.concatenate(splits),
        class_names=card.class_names,
        names=tuple(files),
    )


def decode_batch(
    data: bytes, name: str, num_classes: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[str]]:
    """Decode one batch file: images uint8 (N, 32, 32, 3), labels int64 (N,), file names.

    Raises:
        UnsafePickleError: The file uses more than plain arrays. Nothing was executed.
        ValueError: The file is damaged or has another form, or a label is out of range.
    """
    try:
        content = safe_loads(data)
    except UnsafePickleError as error:
        raise UnsafePickleError(f"{name}: {error}") from error
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    # The keys of a Python 2 pickle are text or bytes.
    fields: dict[str, Any] = {
        key.decode() if isinstance(key, bytes) else str(key): value
        for key, value in (content.items() if isinstance(content, dict) else ())
    }
    pixels, labels = fields.get("data"), fields.get("labels")
    size = int(np.prod(_SHAPE))
    if not (
        isinstance(pixels, np.ndarray)
        and pixels.dtype == np.uint8
        and pixels.ndim == 2
        and pixels.shape[1] == size
        and isinstance(labels, list)
        and all(type(label) is int for label in labels)
        and len(labels) == len(pixels)
    ):
        condition = f"have 'data', uint8 of shape (N, {size}), and N 'labels'"
        raise invalid_file(name, condition, sorted(fields)[:5])
    y = np.array(labels, dtype=np.int64)
    if len(y) and not 0 <= y.min() <= y.max() < num_classes:
        wrong = y.min() if y.min() < 0 else y.max()
        raise invalid_file(name, f"have labels from 0 to {num_classes - 1}", wrong)
    filenames = fields.get("filenames", [])
    if not isinstance(filenames, list) or len(filenames) != len(y):
        filenames = [f"{name}/{number}" for number in range(len(y))]
    names = [n.decode("latin1") if isinstance(n, bytes) else str(n) for n in filenames]
    images = pixels.reshape(-1, *_SHAPE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), y, names
