"""The idx files of MNIST and its likes: a header of sizes, then bytes.

References:
    LeCun, Cortes, Burges: The MNIST database of handwritten digits, "file format".
"""

from __future__ import annotations

import gzip
import struct
import zlib
from io import BytesIO
from math import prod

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.card import Card
from gnnvision.data.files import locate_any, read_verified
from gnnvision.data.images.arrays import ImageArrays
from gnnvision.data.root import Root

__all__ = ["parse_idx", "read_idx_set"]

_MAX_BYTES = 1 << 30
_UNSIGNED_BYTES = 0x08


def read_idx_set(card: Card, root: Root, *, download: bool) -> ImageArrays:
    """The pictures of a card's four idx files, packed with gzip as published, or unpacked.

    Packed files are compared with the card's checksums.

    Raises:
        DataNotFound: They are neither there nor to be had.
        ChecksumError: A packed file is not the published one.
        ValueError: A file is cut short or of another form, or a label is out of range.
    """
    packed = [file.path for file in card.files]
    plain = [name.removesuffix(".gz") for name in packed]
    folder, names = locate_any(card, root, (plain, packed), download=download)
    if names == packed:
        content = {
            name.removesuffix(".gz"): _unpacked(name, data)
            for name, data in read_verified(card, folder).items()
        }
    else:
        content = {name: (folder / name).read_bytes() for name in plain}
    images, labels, parts = [], [], []
    for number, prefix in ((0, "train"), (2, "t10k")):
        pictures, y = f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"
        images.append(parse_idx(content[pictures], pictures, 3))
        labels.append(parse_idx(content[y], y, 1))
        if len(images[-1]) != len(labels[-1]):
            raise ValueError(
                f"{pictures} and {y} must hold as many items, got {len(images[-1])} and "
                f"{len(labels[-1])}. Fetch both again."
            )
        parts.append(np.full(len(labels[-1]), number, dtype=np.uint8))
        _check_labels(labels[-1], y, len(card.class_names))
    if images[0].shape[1:] != images[1].shape[1:]:
        raise ValueError(
            f"The training and test pictures of {card.name!r} must have one size, got "
            f"{images[0].shape[1:]} and {images[1].shape[1:]}. Fetch the files again."
        )
    return ImageArrays(
        images=np.concatenate(images)[:, :, :, None],
        y=np.concatenate(labels).astype(np.int64),
        part=np.concatenate(parts),
        class_names=card.class_names,
    )


def parse_idx(data: bytes, name: str, ndim: int) -> NDArray[np.uint8]:
    """The array of bytes in an idx file.

    Args:
        data: Its content.
        name: Its name, for messages.
        ndim: How many dimensions it must have.

    Raises:
        ValueError: It is of another form, or cut short.
    """
    head = 4 + 4 * ndim
    if len(data) < head or data[:4] != bytes((0, 0, _UNSIGNED_BYTES, ndim)):
        raise ValueError(
            f"{name} must be an idx file of bytes in {ndim} dimensions, got one that begins with "
            f"{data[:4]!r}. Fetch it again."
        )
    shape = struct.unpack(f">{ndim}I", data[4:head])
    if len(data) != head + prod(shape):
        raise ValueError(
            f"{name} must hold {head + prod(shape)} bytes for its shape {shape}, got {len(data)}. "
            "It is cut short or damaged; fetch it again."
        )
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)


def _unpacked(name: str, data: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) as file:
            content = file.read(_MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{name} is damaged ({error}). Fetch it again.") from error
    if len(content) > _MAX_BYTES:
        raise ValueError(f"{name} must unpack to {_MAX_BYTES} bytes at most. Do not trust it.")
    return content


def _check_labels(labels: NDArray[np.uint8], name: str, num_classes: int) -> None:
    if len(labels) and labels.max() >= num_classes:
        raise ValueError(
            f"{name} must hold labels from 0 to {num_classes - 1}, got {labels.max()}. Fetch it "
            "again."
        )
