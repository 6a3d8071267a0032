"""The idx files of MNIST and Fashion-MNIST: a header of sizes, then bytes.

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
from gnnvision.data.errors import invalid_file
from gnnvision.data.files import locate_any, read_verified
from gnnvision.data.images.arrays import ImageArrays
from gnnvision.data.root import Root

__all__ = ["parse_idx", "read_idx_set"]

_MAX_BYTES = 1 << 30
_UNSIGNED_BYTES = 0x08


def read_idx_set(card: Card, root: Root, *, download: bool) -> ImageArrays:
    """Read the images and labels of a card's four idx files, gzipped or unpacked.

    Gzipped files are verified against the checksums of the card.

    Raises:
        DataNotFound: The files were not found and could not be downloaded.
        ChecksumError: A gzipped file differs from the published one.
        ValueError: A file is truncated or has another form, or a label is out of range.
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
    images, labels, splits = [], [], []
    for number, prefix in ((0, "train"), (2, "t10k")):
        images_file, labels_file = f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"
        images.append(parse_idx(content[images_file], images_file, 3))
        labels.append(parse_idx(content[labels_file], labels_file, 1))
        if len(images[-1]) != len(labels[-1]):
            both, got = (
                f"{images_file} and {labels_file}",
                f"{len(images[-1])} and {len(labels[-1])}",
            )
            raise invalid_file(both, "have the same length", got, "Download both again.")
        splits.append(np.full(len(labels[-1]), number, dtype=np.uint8))
        _check_labels(labels[-1], labels_file, len(card.class_names))
    if images[0].shape[1:] != images[1].shape[1:]:
        both = f"The training and test images of {card.name!r}"
        got = f"{images[0].shape[1:]} and {images[1].shape[1:]}"
        raise invalid_file(both, "have the same size", got, "Download the files again.")
    return ImageArrays(
        images=np.concatenate(images)[:, :, :, None],
        y=np.concatenate(labels).astype(np.int64),
        split=np.concatenate(splits),
        class_names=card.class_names,
    )


def parse_idx(data: bytes, name: str, ndim: int) -> NDArray[np.uint8]:
    """The array in an idx file of bytes.

    Args:
        data: The content of the file.
        name: The name of the file, for messages.
        ndim: The expected number of dimensions.

    Raises:
        ValueError: The file has another form or is truncated.
    """
    head = 4 + 4 * ndim
    if len(data) < head or data[:4] != bytes((0, 0, _UNSIGNED_BYTES, ndim)):
        condition = f"be an idx file of bytes with {ndim} dimensions"
        raise invalid_file(name, condition, f"a file that begins with {data[:4]!r}")
    shape = struct.unpack(f">{ndim}I", data[4:head])
    if len(data) != head + prod(shape):
        condition = f"have {head + prod(shape)} bytes for its shape {shape}"
        advice = "It is truncated or damaged; download it again."
        raise invalid_file(name, condition, len(data), advice)
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)


def _unpacked(name: str, data: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) as file:
            content = file.read(_MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{name} is damaged ({error}). Download it again.") from error
    if len(content) > _MAX_BYTES:
        raise ValueError(f"{name} must unpack to at most {_MAX_BYTES} bytes. Do not trust it.")
    return content


def _check_labels(labels: NDArray[np.uint8], name: str, num_classes: int) -> None:
    if len(labels) and labels.max() >= num_classes:
        raise invalid_file(name, f"have labels from 0 to {num_classes - 1}", labels.max())
