"""The 8x8 digits that scikit-learn carries: images without a download."""

from __future__ import annotations

import numpy as np

from gnnvision.data.card import Card
from gnnvision.data.images.arrays import ImageArrays

__all__ = ["read_digits"]

_LEVELS = 16


def read_digits(card: Card) -> ImageArrays:
    """1,797 handwritten digits, their 17 gray levels spread from 0 to 255."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / _LEVELS)).astype(np.uint8)
    return ImageArrays(
        images=pixels[:, :, :, None],
        y=digits.target.astype(np.int64),
        part=np.zeros(len(pixels), dtype=np.uint8),
        class_names=card.class_names,
    )
