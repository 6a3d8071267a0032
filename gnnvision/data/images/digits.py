"""The 8x8 digits of scikit-learn, which are included in this package."""

from __future__ import annotations

import numpy as np

from gnnvision.data.card import Card
from gnnvision.data.files import read_verified
from gnnvision.data.images.arrays import ImageArrays
from gnnvision.data.npz import unpack_arrays
from gnnvision.data.root import datasets_folder

__all__ = ["read_digits"]

_LEVELS = 16


def read_digits(card: Card) -> ImageArrays:
    """1,797 handwritten digits, with their 17 gray levels scaled to 0 to 255.

    Raises:
        ChecksumError: The file differs from the one that the card describes.
    """
    (content,) = read_verified(card, datasets_folder() / "embedded").values()
    held = unpack_arrays(content)
    pixels = np.rint(held["levels"] * (255 / _LEVELS)).astype(np.uint8)
    return ImageArrays(
        images=pixels[:, :, :, None],
        y=held["y"].astype(np.int64),
        split=np.zeros(len(pixels), dtype=np.uint8),
        class_names=card.class_names,
    )
